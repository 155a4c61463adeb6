"""Whom the targets of an instant message mean: found out one by one, for wrong ones are left out (v1 rule 50)."""

from collections.abc import Sequence

from msgspec import Struct

from clarion.apps.model import App, Platform, Scheme
from clarion.audience import predicate as predicates
from clarion.audience import service as audience
from clarion.audience.compile import Conjunction
from clarion.audience.lists.model import StaticList
from clarion.audience.model import All, Compare, InList, Predicate, Segment
from clarion.audience.targets import read_criteria
from clarion.base.errors import Finding, Invalid
from clarion.db.sql import Conn
from clarion.sending.instant.model import ByFields, ByList, BySegment, Target

OLDEST_WEB = "b3.1.0"
"""The first version of the web SDK that instant messages can reach (v1 rule 56)."""


class Understood(Struct, frozen=True):
    """The targets that mean somebody, in their order, and what is wrong with the others, at `/targets/<place>`.

    Whom they mean: `named` when devices are named by their fields, `parts` when by segment or static list. `lists` are
    the static lists among them.
    """

    targets: list[Target]
    named: list[Conjunction]
    parts: list[Predicate]
    lists: list[int]
    findings: list[Finding]


async def understand(conn: Conn, app: App, scheme: Scheme, targets: Sequence[Target]) -> Understood:
    """Find out whom the targets mean.

    Codes of findings: those of `audience.targets.read_criteria`; `unknown_segment`, `unknown_list`,
    `unreadable_segment`.
    """
    found = Understood([], [], [], [], [])
    known = await _Known.of(conn, app, scheme, targets)
    for target in targets:
        try:
            match target.whom:
                case ByFields(criteria):
                    found.named.append(known.devices(read_criteria(scheme, criteria)))
                case BySegment(segment_id):
                    found.parts.append(known.segment(segment_id))
                case ByList() as named:
                    list_id = known.list_id(named)
                    found.parts.append(known.reachable(InList(list_id)))
                    found.lists.append(list_id)
        except Invalid as error:
            at = f"/targets/{target.at}"
            found.findings.extend(Finding(at + each.pointer, each.code, each.message) for each in error.findings)
        else:
            found.targets.append(target)
    return found


class _Known:
    """What the application has of what targets name."""

    def __init__(self, app: App, scheme: Scheme, segments: Sequence[Segment], lists: Sequence[StaticList]) -> None:
        self._scheme = scheme
        self._segments = {segment.id: segment for segment in segments}
        self._lists = lists
        version = scheme.find("sw_version")
        self._reachable = (
            Compare(version, "from_version", OLDEST_WEB) if version and app.platform is Platform.WEB else None
        )

    @classmethod
    async def of(cls, conn: Conn, app: App, scheme: Scheme, targets: Sequence[Target]) -> "_Known":
        segment_ids = [target.whom.segment_id for target in targets if isinstance(target.whom, BySegment)]
        named = [target.whom for target in targets if isinstance(target.whom, ByList)]
        numbers = [each.list_id for each in named if each.list_id is not None]
        names = [each.external_id for each in named if each.external_id is not None]
        segments = await audience.segments(conn, app.id, segment_ids) if segment_ids else []
        lists = await audience.find_lists(conn, app.id, list_ids=numbers, external_ids=names) if named else []
        return cls(app, scheme, segments, lists)

    def devices(self, named: Conjunction) -> Conjunction:
        """Those of the devices named that an instant message can reach."""
        return named if self._reachable is None else (*named, self._reachable)

    def reachable(self, meant: Predicate) -> Predicate:
        """Those of the devices meant that an instant message can reach."""
        return meant if self._reachable is None else All((meant, self._reachable))

    def segment(self, segment_id: int) -> Predicate:
        """The devices of a segment. Raises Invalid."""
        segment = self._segments.get(segment_id)
        if segment is None:
            raise _wrong("unknown_segment", f"this application has no segment {segment_id}")
        try:
            return self.reachable(predicates.parse(segment.predicate, self._scheme))
        except Invalid as error:
            raise _wrong("unreadable_segment", f"segment {segment_id} cannot be read any more: {error}") from None

    def list_id(self, named: ByList) -> int:
        """The list that a target names. Raises Invalid."""
        for each in self._lists:
            if named.list_id in (None, each.id) and named.external_id in (None, each.external_id):
                return each.id
        raise _wrong("unknown_list", "this application has no such static list")


def _wrong(code: str, message: str) -> Invalid:
    return Invalid([Finding("", code, message)])
