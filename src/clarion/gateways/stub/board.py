"""The stub without its network: its gateways, what it issued, its knobs and its books."""

import time
from pathlib import Path

from msgspec import Struct

from clarion.base import clock
from clarion.base.authority import Authority
from clarion.base.telemetry import get_logger
from clarion.gateways.stub import knobs
from clarion.gateways.stub.apns import Apns
from clarion.gateways.stub.course import Course
from clarion.gateways.stub.exchange import StrictGateway
from clarion.gateways.stub.fcm import Fcm
from clarion.gateways.stub.keys import Keys
from clarion.gateways.stub.ledger import Figures, Tally, Traffic
from clarion.gateways.stub.oauth import TokenEndpoint
from clarion.gateways.stub.pacing import Pacer
from clarion.gateways.stub.subscriptions import SubscriptionKeys
from clarion.gateways.stub.webpush import WebPush
from clarion.gateways.stub.wire import Wire

log = get_logger(__name__)


class Stats(Struct, frozen=True):
    """All figures; `uptime` in seconds since start or reset."""

    uptime: float
    apns: Figures
    fcm: Figures
    webpush: Figures
    connections: Traffic


class Board:
    """What all connections share. `ledger_limit` bounds the delivery ids remembered for each gateway."""

    def __init__(self, state_dir: Path, authority: Authority, pacer: Pacer, ledger_limit: int) -> None:
        self.keys = Keys(state_dir, authority)
        self.subscriptions = SubscriptionKeys(self.keys.seed)
        self.knobs = knobs.Knobs()
        self.traffic = Traffic()
        self.wires: set[Wire] = set()
        self._limit = ledger_limit
        self._oauth = TokenEndpoint(self.keys)
        self._apns = Apns(self.keys)
        gateways: tuple[StrictGateway, ...] = (
            self._apns,
            Fcm(self._oauth),
            WebPush(self.keys, self.subscriptions),
        )
        self.courses = {each.kind: Course(each, Tally(ledger_limit), pacer) for each in gateways}
        self._since = time.monotonic()

    def set_knobs(self, document: object) -> knobs.Knobs:
        """Replace all knobs by those of a JSON document (see `knobs`). Raises Invalid; nothing changes then."""
        reasons = {kind: course.gateway.reasons for kind, course in self.courses.items()}
        new = knobs.parse(document, reasons)
        limits_changed = (new.max_streams, new.streams_until_trusted) != (
            self.knobs.max_streams,
            self.knobs.streams_until_trusted,
        )
        self.knobs = new
        self._apns.token_spacing = new.apns.provider_token_seconds
        self._oauth.lifetime = new.fcm.access_token_seconds
        self._oauth.clock_ahead = new.fcm.oauth_clock_ahead_seconds
        at = clock.now().timestamp()
        for course in self.courses.values():
            course.turn(new, at)
        for wire in list(self.wires) if limits_changed else ():
            wire.set_streams(new.max_streams)
            wire.flush()
        log.info("stub_knobs_set", off=new == knobs.Knobs())
        return new

    def stats(self) -> Stats:
        """The figures as they stand."""
        self.traffic.open = len(self.wires)
        self.traffic.streams_open = sum(wire.streams for wire in self.wires)
        self.traffic.access_tokens = self._oauth.issued
        figures = {kind: course.tally.figures() for kind, course in self.courses.items()}
        return Stats(round(time.monotonic() - self._since, 3), connections=self.traffic, **figures)

    def reset(self, *, keep_knobs: bool = False) -> None:
        """Books at zero, ids forgotten, knobs off (or kept, begun anew). What was issued stays valid."""
        for course in self.courses.values():
            course.forget(Tally(self._limit))
        self.traffic = Traffic()
        self._oauth.issued = 0
        self._since = time.monotonic()
        if keep_knobs:
            at = clock.now().timestamp()
            for course in self.courses.values():
                course.turn(self.knobs, at)
        else:
            self.set_knobs({})
