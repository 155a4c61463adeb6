"""Refusals of the v2 API as exceptions: status, code, findings (v2 section 6)."""

import msgspec
from msgspec import Struct

from clarion.base.errors import ClarionError
from clarion.client.transport import Answer

_SHOWN = 500


class Item(Struct, frozen=True):
    """One finding. `pointer` leads into the body that was sent (`#/name`), `parameter` and `header` name what else
    can be at fault; one of the three is set. `code` is stable, `detail` is for people (v2 rule 6.3)."""

    code: str
    detail: str
    pointer: str = ""
    parameter: str = ""
    header: str = ""

    @property
    def place(self) -> str:
        """What is at fault, in a word."""
        return self.pointer.removeprefix("#/").replace("/", ".") or self.parameter or self.header


class Problem(Struct, frozen=True, rename={"request_id": "requestId"}):
    """The body of a refusal (RFC 9457). `code` is stable and may be one that is newer than this client."""

    code: str = ""
    title: str = ""
    detail: str = ""
    request_id: str = ""
    errors: list[Item] = []


class _OAuthProblem(Struct, frozen=True):
    """The body of a refusal by the OAuth endpoints (RFC 6749 section 5.2)."""

    error: str
    error_description: str = ""


class ApiError(ClarionError):
    """A request was refused. `code` is "" when the answer is no problem document, as that of a proxy on the way."""

    def __init__(self, what: str, answer: Answer, problem: Problem) -> None:
        told = "; ".join(f"{item.place}: {item.detail}" for item in problem.errors) or problem.detail or problem.title
        shown = told or answer.body.decode(errors="replace")[:_SHOWN] or "no reason given"
        code = f" {problem.code}" if problem.code else ""
        super().__init__(f"{what} was refused with {answer.status}{code}: {shown}")
        self.status = answer.status
        self.headers = answer.headers
        self.code = problem.code
        self.detail = problem.detail
        self.errors = problem.errors
        self.request_id = problem.request_id or answer.headers.get("x-request-id", "")


class TokenError(ApiError):
    """No token was given, or the one given was refused, also a new one. `code` is that of RFC 6749, as
    `invalid_client` for a wrong secret or `invalid_scope` for a scope the client does not have."""


class ForbiddenError(ApiError):
    """The client's scopes or the state of its account forbid this."""


class NotFoundError(ApiError):
    """There is no such thing, or not for this client (v2 rule 2.3)."""


class ConflictError(ApiError):
    """The state of the thing refuses this: `duplicate_external_reference`, `resource_in_use`, and others."""


class ChangedError(ApiError):
    """The thing is not any more as its entity tag says; nothing was done (v2 rule 7.3). `etag` is the current one."""

    @property
    def etag(self) -> str:
        """The entity tag of what is there now."""
        return self.headers.get("etag", "")


class InvalidError(ApiError):
    """The body breaks rules; `errors` has every finding (v2 rule 6.3)."""


class RateLimitedError(ApiError):
    """Too often, and waiting would take longer than the client's patience. `retry_after` is in seconds."""

    @property
    def retry_after(self) -> int:
        """How long to stay away."""
        return retry_after(self.headers)


_KINDS: dict[int, type[ApiError]] = {
    401: TokenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: ChangedError,
    422: InvalidError,
    429: RateLimitedError,
}


def problem_of(answer: Answer) -> Problem:
    """The problem an answer tells; an empty one when it tells none."""
    try:
        return msgspec.json.decode(answer.body, type=Problem)
    except msgspec.MsgspecError:
        return Problem()


def refusal(what: str, answer: Answer) -> ApiError:
    """The exception for an answer."""
    return _KINDS.get(answer.status, ApiError)(what, answer, problem_of(answer))


def no_token(answer: Answer) -> ApiError:
    """The exception for an answer of the token endpoint."""
    try:
        told = msgspec.json.decode(answer.body, type=_OAuthProblem)
        problem = Problem(code=told.error, detail=told.error_description)
    except msgspec.MsgspecError:
        problem = problem_of(answer)
    kind = RateLimitedError if answer.status == 429 else TokenError
    return kind("An access token", answer, problem)


def retry_after(headers: dict[str, str]) -> int:
    """The whole seconds of Retry-After; 0 without it, or with a date, which this API does not send."""
    text = headers.get("retry-after", "").strip()
    return int(text) if text.isascii() and text.isdigit() else 0
