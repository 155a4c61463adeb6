"""What a snapshot is: its files, how columns stand in them, and what the database knows of it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from clarion.apps.model import ColumnKind, Scheme

MOST_WORDS = 20_000
"""Different texts of a column that are kept; of a column with more, only whether it is set."""


class Form(StrEnum):
    """How a column stands in the files. Texts are numbers of words from 1 on, 0 when unset; dates microseconds since
    1970; of `presence` only whether it is 0."""

    WORDS = "words"
    PRESENCE = "presence"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    BOOLEAN = "boolean"


_FORMS = {
    ColumnKind.TEXT: Form.WORDS,
    ColumnKind.INTEGER: Form.INTEGER,
    ColumnKind.DECIMAL: Form.DECIMAL,
    ColumnKind.DATE: Form.DATE,
    ColumnKind.BOOLEAN: Form.BOOLEAN,
}


def layout(scheme: Scheme) -> dict[str, Form]:
    """The columns a snapshot takes, by their SQL name. The UDID, which every device has and SQL finds by its key, is
    left out; of a push token only whether there is one is of interest."""
    forms = {"id": Form.INTEGER}
    for column in scheme.columns:
        if column.sql != "udid":
            forms[column.sql] = Form.PRESENCE if column.sql == "token" else _FORMS[column.kind]
    return forms


class Base(Struct, frozen=True):
    """The devices as they were read piece by piece: file names within `folder`, and how many rows they hold."""

    folder: str
    files: tuple[str, ...]
    rows: int


class Order(Struct, frozen=True):
    """What the process that reads all devices is told: where they are, and where their files go."""

    conninfo: str
    app_id: int
    folder: str
    forms: dict[str, Form]


class Built(Struct, frozen=True):
    """A base with the words it was written with; a column that had too many has another form than was ordered."""

    base: Base
    forms: dict[str, Form]
    words: dict[str, list[str]]


class Snapshot(Struct, frozen=True):
    """One generation. A count over it is that of `base`, less that of `gone`, plus that of `fresh`.

    `gone` are the rows of the base whose device has changed since, `fresh` those devices as they are now; `changed` is
    how many rows both have. `words` are the texts by column, in the order of their numbers.
    """

    base: Base
    forms: dict[str, Form]
    words: dict[str, list[str]]
    changed: int = 0


class State(Struct, frozen=True):
    """What the database knows: about how many devices, its clock, and the row of the snapshot, if there is one."""

    devices: int
    now: datetime
    asked_at: datetime | None = None
    place: str | None = None
    epoch: str | None = None
    generation: str | None = None
    as_of: datetime | None = None

    @property
    def age(self) -> float:
        """Seconds since the snapshot was the truth; infinite when there is none."""
        return float("inf") if self.as_of is None else (self.now - self.as_of).total_seconds()
