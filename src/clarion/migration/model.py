"""What files of another system hold, what a caller decides about them, and the account of bringing them over."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from clarion.apps.model import ColumnKind


class FileKind(StrEnum):
    """What an export file holds."""

    DEVICES = "devices"
    LIST = "list"
    REACTIONS = "reactions"


class Export(Struct, frozen=True):
    """One export file. `app` and `day` are what its name says: the application's number there, and its date."""

    path: Path
    kind: FileKind
    header: Sequence[str]
    app: str | None = None
    day: date | None = None


class ColumnChoice(Struct, frozen=True):
    """What a column that has to be made shall be, as the caller has it."""

    kind: ColumnKind
    indexed: bool = False


class Choices(Struct, frozen=True):
    """What the caller decides.

    `columns` are to be made as said, by lower-case name; with `create_columns` all others that are missing are made as
    proposed. `skip` are names of a header to be left out, `renames` other names for names of a header, all in lower
    case. `list_name` names the list of the one list file: a number, `ext:` and an external id, or a name. `day` is the
    date of reactions whose file name tells none. Rejected lines go to the folder `rejects`, else beside their file.
    """

    create_columns: bool = False
    columns: Mapping[str, ColumnChoice] = {}
    skip: frozenset[str] = frozenset()
    renames: Mapping[str, str] = {}
    list_name: str | None = None
    day: date | None = None
    rejects: Path | None = None


class Proposal(Struct, frozen=True, rename="camel"):
    """A column that the application does not have. `filled` counts its values in the files, of which `examples` are
    the first; `chosen` says that the caller decided its kind, `problem` why no column can have this name."""

    name: str
    kind: ColumnKind
    indexed: bool
    filled: int
    examples: Sequence[str] = ()
    chosen: bool = False
    problem: str | None = None


class Refusal(Struct, frozen=True):
    """A line that was rejected, and why."""

    line: int
    reason: str


class ListTaken(Struct, frozen=True, rename="camel"):
    """The static list of a file; `id` is None for one that a dry run would make with a generated number."""

    id: int | None
    name: str
    external_id: str | None
    created: bool


class History(Struct, frozen=True, rename="camel"):
    """What a file of reactions holds that was not on record: messages (`created` of them and of their campaigns are
    new here), the sum of their audiences and its two parts, clicks. `on_record` messages were left as they are;
    `strangers` are devices of the file that the application does not have."""

    day: date
    messages: int
    created: int
    campaigns: int
    on_record: int
    audience: int
    delivered: int
    bounced: int
    clicks: int
    strangers: int


class FileReport(Struct, frozen=True, rename="camel"):
    """The account of one file: every line read is in exactly one of the five figures.

    Devices: new, known. Lists: `updated` lines name a device, `unknown` ones none. Reactions: `created` lines are new
    history, `unchanged` ones are repeated or on record. `left_out` are columns that were passed over. The first
    `reasons` of rejections are shown; `rejects` is the file of all of them, None when there is none or in a dry run.
    """

    file: str
    kind: FileKind
    read: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    unknown: int = 0
    rejected: int = 0
    rejects: str | None = None
    reasons: Sequence[Refusal] = ()
    left_out: Sequence[str] = ()
    taken: ListTaken | None = None
    history: History | None = None


class Brought(Struct, frozen=True, rename="camel"):
    """The account of bringing a company over, or of a rehearsal. `ignored` are files of which nobody can tell what they
    hold; `remarks` are sentences worth reading."""

    dry_run: bool
    files: Sequence[FileReport]
    columns: Sequence[Proposal]
    ignored: Sequence[str]
    remarks: Sequence[str]


class TokensReport(Struct, frozen=True, rename="camel"):
    """The account of a file of tokens: every line read is in exactly one of the four figures. `empty` lines have no
    token."""

    dry_run: bool
    read: int
    created: int
    updated: int
    empty: int
    rejected: int
    rejects: str | None
    reasons: Sequence[Refusal] = ()
