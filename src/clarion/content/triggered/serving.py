"""Which in-apps and alarms a device gets: whom they are for is decided here, when they show is decided on the device.

All segments and lists that active messages name are asked of one device in one statement, which is compiled once and
kept while the messages of the application stay as they are.
"""

import time
from collections import OrderedDict

from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import App
from clarion.audience import predicate as predicates
from clarion.audience import service as audience
from clarion.audience.compile import Condition
from clarion.audience.model import InList, Predicate
from clarion.base import clock
from clarion.base.errors import Invalid
from clarion.base.telemetry import get_logger
from clarion.content.triggered import store
from clarion.content.triggered.model import Triggered, TriggeredKind
from clarion.db.sql import Conn

log = get_logger(__name__)

_MOST_APPS = 200


class Serving:
    """Serves the devices of all applications on one database; one per process, since it keeps what it compiled.

    A change of a message holds at once, a change of a segment after `oldest` seconds at the latest.
    """

    def __init__(self, *, oldest: float = 10.0) -> None:
        self._oldest = oldest
        self._plans: OrderedDict[int, _Plan] = OrderedDict()

    async def for_device(
        self, conn: Conn, app: App, device_id: int, kind: TriggeredKind | None = None
    ) -> list[Triggered]:
        """The messages, of one kind or of both, that are active, within their dates, and for this device.

        Those of higher `priority` come first, then by ascending id. A message without campaign segment and list is for
        every device; test segments do not count. A device that the application does not have gets nothing.
        """
        plan = await self._plan(conn, app.id)
        now = clock.now()
        running = [
            each for each in plan.offers if kind in (None, each.message.kind) and each.message.draft.triggers.runs(now)
        ]
        if not running:
            return []
        met = await audience.met(conn, app.id, plan.question, device_id)
        if met is None:
            return []
        return [each.message for each in running if not each.asked or any(met[number] for number in each.asked)]

    async def _plan(self, conn: Conn, app_id: int) -> "_Plan":
        revision = await store.revision(conn, app_id)
        plan = self._plans.get(app_id)
        if plan is None or plan.revision != revision or plan.read_at + self._oldest <= time.monotonic():
            plan = self._plans[app_id] = await _read(conn, app_id, revision)
        self._plans.move_to_end(app_id)
        if len(self._plans) > _MOST_APPS:
            self._plans.popitem(last=False)
        return plan


class _Offer(Struct, frozen=True):
    """A message, and the numbers of the predicates one of which a device must meet; none for everybody."""

    message: Triggered
    asked: tuple[int, ...]


class _Plan(Struct, frozen=True):
    """The active messages of an application, highest priority first, and what to ask of a device."""

    revision: int
    read_at: float
    offers: tuple[_Offer, ...]
    question: Condition


async def _read(conn: Conn, app_id: int, revision: int) -> _Plan:
    """The plan of an application. What is written after `revision` was read may be in it; it is read again then."""
    read_at = time.monotonic()
    messages = await store.active(conn, app_id)
    wanted = sorted({segment_id for message in messages for segment_id in message.draft.campaign_segments})
    segments = await _segments(conn, app_id, wanted) if wanted else {}
    numbers: dict[Predicate, int] = {}
    offers = []
    for message in sorted(messages, key=lambda each: (-each.draft.triggers.priority, each.id)):
        draft = message.draft
        asked: list[Predicate] = [segments[each] for each in draft.campaign_segments if each in segments]
        asked += [InList(list_id) for list_id in draft.lists]
        if asked or not draft.campaign_segments:
            offers.append(_Offer(message, tuple(numbers.setdefault(each, len(numbers)) for each in asked)))
    return _Plan(revision, read_at, tuple(offers), audience.memberships(app_id, list(numbers)))


async def _segments(conn: Conn, app_id: int, ids: list[int]) -> dict[int, Predicate]:
    """The predicates of the segments that exist and can be read; the others hold nobody."""
    scheme = await apps.load_scheme(conn, app_id)
    found: dict[int, Predicate] = {}
    for segment in await audience.segments(conn, app_id, ids):
        try:
            found[segment.id] = predicates.parse(segment.predicate, scheme)
        except Invalid as error:
            log.warning("segment_unreadable", app_id=app_id, segment_id=segment.id, reason=str(error))
    return found
