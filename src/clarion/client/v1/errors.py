"""Refusals of the v1 API as exceptions: status, labels, messages (v1 rules 19 to 25)."""

import msgspec
from msgspec import Struct

from clarion.base.errors import ClarionError

_SHOWN = 500


class Refusal(Struct, frozen=True):
    """One error of an answer. The pair of status and label is stable, the message is for people (v1 rule 21)."""

    label: str
    message: str


class _Envelope(Struct, frozen=True):
    errors: list[Refusal]


class ApiError(ClarionError):
    """A request was refused. `errors` is empty when the answer has no such envelope: then `message` shows its body."""

    def __init__(self, what: str, status: int, errors: list[Refusal], shown: str) -> None:
        super().__init__(f"{what} was refused with {status}: {shown}")
        self.status = status
        self.errors = errors

    @property
    def labels(self) -> list[str]:
        """The labels, in order."""
        return [error.label for error in self.errors]

    @property
    def messages(self) -> list[str]:
        """The messages, in order."""
        return [error.message for error in self.errors]


class TokenError(ApiError):
    """The access token was refused, also after a new one was fetched (v1 rule 16)."""


class ForbiddenError(ApiError):
    """No right to this application (v1 rule 18)."""


class NotFoundError(ApiError):
    """What the path or the body names does not exist in this application (v1 rule 27)."""


def errors_of(body: bytes) -> list[Refusal]:
    """The errors an answer tells; none when it is no envelope, as that of a proxy on the way."""
    try:
        return msgspec.json.decode(body, type=_Envelope).errors
    except msgspec.MsgspecError:
        return []


def refusal(what: str, status: int, body: bytes) -> ApiError:
    """The exception for an answer."""
    errors = errors_of(body)
    labels = {error.label for error in errors}
    kind = ApiError
    if "API_ERR_TOKEN" in labels:
        kind = TokenError
    elif "API_ERR_FORBIDDEN" in labels:
        kind = ForbiddenError
    elif status == 404:
        kind = NotFoundError
    told = "; ".join(f"{error.label}: {error.message}" for error in errors)
    return kind(what, status, errors, told or body.decode(errors="replace")[:_SHOWN] or "no reason given")
