"""The errors that capabilities raise.

Each says what is wrong, where, and what to do. They carry no HTTP status and no wire label: every surface
(v1, v2, sdk, command line) phrases them in its own envelope.
"""

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One thing wrong with an input.

    `pointer` is an RFC 6901 JSON Pointer into the body or document that was given ("" is the whole of it),
    `code` a short stable snake_case word, `message` the sentence for people.
    """

    pointer: str
    code: str
    message: str


class ClarionError(Exception):
    """Base of every error a person may see: `message` tells what and where, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotFound(ClarionError):
    """The thing addressed does not exist, or not for this owner."""


class Conflict(ClarionError):
    """The request is sound but the present state of the thing refuses it; `code` names the state."""

    def __init__(self, message: str, hint: str = "", *, code: str = "conflict") -> None:
        super().__init__(message, hint)
        self.code = code


class Forbidden(ClarionError):
    """The caller is known and has no right to this."""


class Unavailable(ClarionError):
    """A thing needed outside (database, gateway, disk) does not answer at present."""


class ConfigurationError(ClarionError):
    """A setting, credential or environment of the installation is wrong."""


class Invalid(ClarionError):
    """Input that breaks rules; all findings at once."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(f.message for f in findings))
        self.findings = findings


def external_id_taken(external_id: str | None) -> Finding:
    """The finding about an external id that another object of the kind has, at `/external_id` (v1 rule 44)."""
    return Finding("/external_id", "external_id_taken", f"{external_id!r} is the external id of another object")
