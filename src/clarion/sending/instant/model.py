"""An instant message as it is asked for: its targets by kind, the texts it brings along, and what was accepted."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from clarion.apps.model import Scheme
from clarion.audience.targets import Criterion
from clarion.content.model import Content, Message
from clarion.content.render import NOTHING


class ByFields(Struct, frozen=True):
    """The devices whose fields meet all criteria (v1 rules 52 and 53)."""

    criteria: tuple[Criterion, ...]


class BySegment(Struct, frozen=True):
    """The devices of a segment."""

    segment_id: int


class ByList(Struct, frozen=True):
    """The members of a static list, named by its number, its external id, or both."""

    list_id: int | None = None
    external_id: str | None = None


class Target(Struct, frozen=True):
    """One target. `at` is its place in the call; `texts` are for the marks of its devices, by exact name."""

    at: int
    whom: ByFields | BySegment | ByList
    texts: Mapping[str, str] = NOTHING


class Ground(Struct, frozen=True):
    """What an instant message is made of: its parent, the application's columns, its id to be, its campaign."""

    parent: Message
    scheme: Scheme
    message_id: int
    campaign_id: int | None


class Instant(Struct, frozen=True):
    """What is to be said: the parent with the contents it gets in this call. `texts` are for the marks of all devices.

    The targets are all of one kind (v1 rule 51).
    """

    ground: Ground
    contents: tuple[Content, ...]
    targets: Sequence[Target]
    texts: Mapping[str, str] = NOTHING


class Accepted(Struct, frozen=True):
    """A call that was taken: the id of the message it made, and the places of the targets that were left out."""

    message_id: int
    send_id: int
    left_out: list[int]
