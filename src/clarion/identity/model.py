"""Who may call: people, the role each has, and the holder of a token as one look-up finds them."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Role(StrEnum):
    """What a person may do: administrators everything, operators their applications, viewers read theirs."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    VIEWER = "viewer"


class Person(Struct, frozen=True):
    """One user of the dashboard. The e-mail address is unique without regard to case."""

    id: int
    email: str
    role: Role

    @property
    def manages_everything(self) -> bool:
        """Whether every application is open to this person without a grant."""
        return self.role is Role.ADMINISTRATOR

    @property
    def may_write(self) -> bool:
        """Whether this person may change anything at all."""
        return self.role is not Role.VIEWER


class PersonRecord(Person, frozen=True, kw_only=True):
    """A person with what only administrators ask for; `disabled_at` is set while they are shut out."""

    created_at: datetime
    disabled_at: datetime | None = None


class KeyHolder(Struct, frozen=True):
    """A person with the sealed API key that verifies their signatures."""

    person: Person
    sealed_key: bytes


class TokenHolder(Struct, frozen=True):
    """What a v1 token leads to: the person, the sealed API key, and the instant at which the token ends."""

    holder: KeyHolder
    expires_at: datetime


class AuditEntry(Struct, frozen=True):
    """One write, as the audit trail keeps it, by a person or by an API client. `target` is the path or name acted on,
    never a secret or a body.

    `status` is that of the answer; commands, which leave a line when they succeed, have 0.
    """

    surface: str
    operation: str
    target: str
    status: int
    person_id: int | None = None
    app_id: int | None = None
    client_id: str | None = None


class AuditLine(AuditEntry, frozen=True, kw_only=True):
    """A line of the audit trail as it is read; `email` is that of the person."""

    id: int
    at: datetime
    email: str | None = None


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Which lines of the audit trail are read: those to which everything given applies; both instants are included."""

    person_id: int | None = None
    app_id: int | None = None
    surface: str | None = None
    operation: str | None = None
    since: datetime | None = None
    until: datetime | None = None
