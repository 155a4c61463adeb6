"""The course of one push request: 1. the strict check, 2. dead tokens, 3. the lot the knobs draw, 4. the book,
5. the answer, at once or when the pace allows.

A broken request is refused whatever the knobs say, so that faults on purpose never hide a fault of the sender.
"""

import time
from typing import Protocol

from clarion.gateways.stub import lots, pacing
from clarion.gateways.stub.exchange import Delivery, Refused, Reply, Request, StrictGateway
from clarion.gateways.stub.keys import fraction
from clarion.gateways.stub.knobs import GatewayKnobs, Knobs
from clarion.gateways.stub.ledger import Tally

_GRACE = 0.5
_HELD = 100_000


class Wire(pacing.Wire, Protocol):
    """A connection as a course sees it."""

    def reset(self, stream_id: int, code: str) -> None:
        """Reset a stream with an error code of the knobs."""

    def trust(self, trusted: bool) -> None:
        """The connection's credentials were accepted or refused."""


class Course:
    """The course at one gateway."""

    def __init__(self, gateway: StrictGateway, tally: Tally, pacer: pacing.Pacer) -> None:
        self.gateway = gateway
        self.tally = tally
        self._pacer = pacer
        self._held: dict[bytes, tuple[float, float]] = {}
        self.turn(Knobs(), 0.0)

    def turn(self, knobs: Knobs, at: float) -> None:
        """Set the knobs in force from now on; `at` is epoch seconds. What a `Retry-After` asked for stays asked for."""
        own = knobs.of(self.gateway.kind)
        self._knobs: GatewayKnobs = own
        self._seed = knobs.seed
        self._lots = lots.Lots(own, self.gateway.too_many, knobs.seed)
        self._pace = pacing.Pace.of(own, knobs.seed, self._pacer.now())
        self._dead_since = float(own.dead_since) if own.dead_since is not None else at
        self._dead = frozenset(name.rpartition("/")[2].lower().encode() for name in own.dead_tokens)
        self._tells_trust = knobs.streams_until_trusted > 0

    def forget(self, tally: Tally) -> None:
        """Begin another book, in which nobody was asked to wait."""
        self.tally = tally
        self._held.clear()

    def take(self, wire: Wire, stream_id: int, request: Request) -> None:
        """Check, count and answer one request."""
        tally = self.tally
        tally.arrive(request.at)
        try:
            delivery = self.gateway.check(request)
            if self._tells_trust:
                wire.trust(True)
            lot = self._fate(delivery)
        except Refused as refusal:
            tally.refuse(request, refusal)
            reply = self._refusal(request, refusal)
            if self._tells_trust and reply.headers[0][1] == b"403":
                wire.trust(False)
            self._answer(wire, stream_id, reply)
            return
        if lot is None:
            tally.deliver(delivery)
            self._answer(wire, stream_id, self.gateway.accepted(delivery))
        elif lot == lots.STALL:
            tally.stalled += 1
        else:
            self._reset(wire, stream_id, delivery)

    def _fate(self, delivery: Delivery) -> str | None:
        """None, `STALL` or `RESET`. Raises Refused for a dead token and for a refusal by lot."""
        token = delivery.token
        if self._held:
            self._note_early(delivery)
        if self._dead and token.lower() in self._dead:
            raise Refused(self.gateway.dead, "The token is dead by the knob dead_tokens.", token)
        if self._knobs.dead_rate and fraction(self._seed, token) < self._knobs.dead_rate:
            raise Refused(self.gateway.dead, "The token is dead by the knob dead_rate.", token)
        lot = self._lots.draw()
        if lot in (None, lots.STALL, lots.RESET):
            return lot
        if self._knobs.retry_after:
            status = self.gateway.reasons[lot]
            if status == 429:
                self._hold_back(self.gateway.scope(delivery))
            elif status == 503:
                self._hold_back(_everybody(delivery))
        raise Refused(lot, f"{lot} by the knobs.", token)

    def _refusal(self, request: Request, refusal: Refused) -> Reply:
        reply = self.gateway.refused(request, refusal, self._dead_since)
        seconds = self._knobs.retry_after
        if seconds and reply.headers[0][1] in (b"429", b"503"):
            reply.headers.append((b"retry-after", b"%d" % seconds))
        return reply

    def _reset(self, wire: Wire, stream_id: int, delivery: Delivery) -> None:
        if self._knobs.reset_delivered:
            self.tally.deliver(delivery)
            self.tally.answers_lost += 1
        else:
            self.tally.reset += 1
        wire.reset(stream_id, self._knobs.reset_code)

    def _answer(self, wire: Wire, stream_id: int, reply: Reply) -> None:
        empty_end = self._knobs.empty_data_end
        if self._pace is None:
            wire.answer(stream_id, reply, empty_end=empty_end)
        else:
            self._pacer.hold(self._pace.due(self._pacer.now()), wire, stream_id, reply, empty_end)

    def _hold_back(self, scope: bytes) -> None:
        """From a little later (what is under way cannot be called back) until the time told, requests are early.

        One that asks again and again is told a later time every time, and has its grace once.
        """
        now = time.monotonic()
        if len(self._held) >= _HELD:
            self._held.clear()
        begin, end = self._held.get(scope, (0.0, 0.0))
        self._held[scope] = (begin if now < end else now + _GRACE, now + self._knobs.retry_after)

    def _note_early(self, delivery: Delivery) -> None:
        now = time.monotonic()
        for scope in (self.gateway.scope(delivery), _everybody(delivery)):
            begin, end = self._held.get(scope, (0.0, 0.0))
            if begin <= now < end:
                self.tally.early += 1
                return


def _everybody(delivery: Delivery) -> bytes:
    """The scope of a 503: all that goes to this origin."""
    return b"https://" + delivery.request.authority
