"""A channel: any number of requests to one origin over a few HTTP/2 connections.

Submitting only queues. Once per turn of the event loop, and after every batch of answers, `pump` deals queued requests
to the connections' free streams and has each connection write all it has in one piece. Time-outs of all requests hang
on one timer. What is certainly not processed goes again by itself, a bounded number of times.
"""

import asyncio
import ssl
from collections import deque
from math import inf
from time import monotonic

from clarion.base.errors import ConfigurationError
from clarion.base.telemetry import get_logger
from clarion.http.addresses import Resolve, resolve_any
from clarion.http.h2.call import Call
from clarion.http.h2.connection import Connection
from clarion.http.h2.model import Answer, Completion, Failure, Headers, Processed, Tuning
from clarion.http.h2.opener import Opener, Origin

log = get_logger(__name__)

_CLOSING = "The channel is closed."
_LAST_BYTES = 1.0
"""Seconds that `aclose` leaves each connection for an orderly end."""


class Channel:
    """One origin, up to `connections` HTTP/2 connections, opened when needed and reopened with backoff.

    `origin` is like `https://api.push.apple.com:443`; `http://` speaks HTTP/2 without TLS (prior knowledge) and takes
    no `tls`. `timeout` (seconds) covers a request from `submit` to its last byte, waiting in the queue included. Use
    a channel from one event loop only. `resolve` chooses the addresses of every connection attempt, as for origins
    that strangers name (`clarion.http.addresses.resolve_public`); without it the machine's resolver does. Raises
    ConfigurationError for an origin that is none.
    """

    def __init__(
        self,
        origin: str,
        *,
        tls: ssl.SSLContext | None,
        connections: int = 2,
        timeout: float = 30.0,
        tuning: Tuning | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._origin = Origin.parse(origin)
        if self._origin.secure and tls is None:
            raise ConfigurationError(f"The origin {origin} needs a TLS context.", "Pass tls=client_tls().")
        self._tuning = tuning or Tuning()
        self._wanted = connections
        self._timeout = timeout
        self._queue: deque[Call] = deque()
        self._connections: list[Connection] = []
        self._leaving: set[Connection] = set()
        self._opener = Opener(
            self._origin,
            tls,
            self._tuning,
            connect=self._connect,
            needed=self._short,
            adopt=self._adopted,
            resolve=resolve or resolve_any,
        )
        self._waiters: list[asyncio.Future[None]] = []
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf
        self._next_check = 0.0
        self._closing = False
        self._closed = False
        self._drained: asyncio.Event = asyncio.Event()
        self._gone: asyncio.Event = asyncio.Event()

    # For callers

    def submit(self, headers: Headers, body: bytes, done: Completion, *, timeout: float | None = None) -> None:
        """Queue a request; never blocks. `done` is called exactly once, later, from the event loop.

        After `aclose` has begun the result is a Failure (Processed.NO).
        """
        seconds = self._timeout if timeout is None else timeout
        deadline = monotonic() + seconds
        call = Call(headers, body, done, seconds, deadline)
        if self._closing:
            asyncio.get_running_loop().call_soon(call.finish, Failure(Processed.NO, _CLOSING))
            return
        self._queue.append(call)
        if deadline < self._due:
            self._arm(deadline)
        if not self._scheduled:
            self._schedule()

    async def request(self, headers: Headers, body: bytes = b"", *, timeout: float | None = None) -> Answer | Failure:
        """Submit and wait for the result, which is returned, never raised."""
        result: asyncio.Future[Answer | Failure] = asyncio.get_running_loop().create_future()

        def done(outcome: Answer | Failure) -> None:
            if not result.done():
                result.set_result(outcome)

        self.submit(headers, body, done, timeout=timeout)
        return await result

    def recall(self, reason: str) -> None:
        """End what waits for a stream (Processed.NO, for this reason); what is on one goes on."""
        calls = tuple(self._queue)
        self._queue.clear()
        for call in calls:
            call.finish(Failure(Processed.NO, reason))

    @property
    def room(self) -> int:
        """How many further submits would find a stream at once.

        Without a connection this is a guess of one stream each, so that callers can start, and so that an origin that
        is away is noticed by a few requests failing rather than by silence.
        """
        if self._closing:
            return 0
        free = -len(self._queue)
        usable = False
        for connection in self._connections:
            if connection.usable:
                usable = True
                free += connection.room
        if not usable:
            free += self._wanted
        return max(0, free)

    @property
    def streams(self) -> tuple[int, int]:
        """(streams in use, streams that the peer allows) over the connections that are open."""
        used = [connection.busy for connection in self._connections]
        return sum(used), sum(used) + sum(connection.room for connection in self._connections)

    async def wait_room(self) -> None:
        """Return when `room` is above 0, or when the channel closes. Begins to connect if nothing is open."""
        if not self._closing and not any(connection.usable for connection in self._connections):
            self._opener.start()
        while not self._closing and self.room == 0:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    async def aclose(self, drain: float = 5.0) -> None:
        """Refuse new requests, let those at hand finish for up to `drain` seconds, then end the rest and close.

        What is still queued then ends as Processed.NO, what is under way as Processed.UNKNOWN.
        """
        if self._closing:
            await self._gone.wait()
            return
        self._closing = True
        self._wake()
        self.pump()
        try:
            async with asyncio.timeout(drain):
                await self._drained.wait()
        except TimeoutError:
            log.warning("channel_not_drained", origin=self._origin.name, seconds=drain, queued=len(self._queue))
        finally:
            self._closed = True
            await self._opener.stop()
            await self._end_all()
            self._gone.set()

    # For connections (the seam `Keeper`)

    def reading(self) -> None:
        self._scheduled = True

    def pump(self) -> None:
        self._scheduled = False
        queue = self._queue
        if queue:
            self._deal(queue)
        for connection in tuple(self._connections):
            connection.flush()
        if queue:
            if self._short():
                self._opener.start()
        elif self._closing and not any(connection.busy for connection in self._connections):
            self._drained.set()
        if self._waiters and self.room > 0:
            self._wake()

    def again(self, call: Call, reason: str) -> None:
        call.attempts += 1
        if self._closed or call.attempts >= self._tuning.attempts:
            call.finish(Failure(Processed.NO, f"Not processed in {call.attempts} attempts: {reason}."))
            return
        self._queue.appendleft(call)
        if not self._scheduled:
            self._schedule()

    def proven(self) -> None:
        self._opener.proven()

    def lost(self, connection: Connection, reason: str) -> None:
        if not connection.closed.done():
            self._leaving.add(connection)
            connection.closed.add_done_callback(lambda _: self._leaving.discard(connection))
        if connection in self._connections:
            self._connections.remove(connection)
            if not connection.answered and not self._closed:
                self._opener.failed(reason)
            if not self._scheduled:
                self._schedule()

    # For the opener

    def _connect(self) -> Connection:
        return Connection(self, self._origin.name, self._tuning, secure=self._origin.secure)

    def _short(self) -> bool:
        """Is a further connection of use?"""
        usable = sum(connection.usable for connection in self._connections)
        return bool(self._queue) and usable < self._wanted and not self._closed

    def _adopted(self, connection: Connection) -> None:
        if not connection.usable:
            self._opener.failed(f"the peer closed the connection at once: {connection.goodbye}")
            connection.close()
            return
        self._connections.append(connection)
        self._arm(min(self._due, monotonic() + self._beat))
        self.pump()

    # Inside

    def _deal(self, queue: deque[Call]) -> None:
        """Give the queue out so that every connection carries as many requests as the others, as far as it may."""
        if len(self._connections) == 1:
            self._connections[0].take(queue, len(queue))
            return
        takers = [connection for connection in self._connections if connection.room]
        while queue and takers:
            takers.sort(key=_load, reverse=True)
            for number, connection in enumerate(takers):
                # The busiest comes first: what it has above the common level is not given to it again.
                rest = takers[number:]
                level = -(-(len(queue) + sum(map(_load, rest))) // len(rest))
                connection.take(queue, max(0, min(len(queue), level - connection.busy)))
            takers = [connection for connection in takers if connection.room]

    def _schedule(self) -> None:
        self._scheduled = True
        asyncio.get_running_loop().call_soon(self.pump)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def _beat(self) -> float:
        """How often connections are looked at while there are any."""
        return min(self._tuning.busy_ping, self._tuning.idle_ping, self._tuning.ping_patience) / 2

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - monotonic()), self._sweep)

    def _sweep(self) -> None:
        """End what is late, look after the connections, and set the timer for what comes next."""
        now = monotonic()
        self._timer, self._due = None, inf
        earliest = self._expire_queued(now)
        for connection in tuple(self._connections):
            earliest = min(earliest, connection.expire(now))
        if now >= self._next_check:
            self._next_check = now + self._beat
            for connection in tuple(self._connections):
                connection.check(now)
        if self._connections:
            earliest = min(earliest, self._next_check)
        if earliest < self._due:
            # A sweep looks at every request, so a long one is followed by a longer pause.
            took = monotonic() - now
            self._arm(max(earliest, now + self._tuning.sweep, now + 20 * took))
        self.pump()

    def _expire_queued(self, now: float) -> float:
        earliest, late = inf, 0
        for call in self._queue:
            if call.deadline <= now:
                late += 1
            elif call.deadline < earliest:
                earliest = call.deadline
        if late:
            calls = tuple(self._queue)
            self._queue.clear()
            self._queue.extend(call for call in calls if call.deadline > now)
            for call in calls:
                if call.deadline <= now:
                    call.finish(Failure(Processed.NO, self._why_unsent(call)))
        return earliest

    def _why_unsent(self, call: Call) -> str:
        name = self._origin.name
        if any(connection.usable for connection in self._connections):
            return f"Not sent to {name} within {call.timeout:g} s: no stream became free."
        reason = self._opener.reason or "the connection is not open yet"
        return f"Not sent within {call.timeout:g} s, {name} cannot be reached: {reason}."

    async def _end_all(self) -> None:
        """Finish what is left and close every connection, waiting a moment for orderly ends."""
        if self._timer is not None:
            self._timer.cancel()
        calls = tuple(self._queue)
        self._queue.clear()
        for connection in tuple(self._connections):
            connection.close()
        for call in calls:
            call.finish(Failure(Processed.NO, _CLOSING))
        leaving = tuple(self._leaving)
        if leaving:
            await asyncio.wait([connection.closed for connection in leaving], timeout=_LAST_BYTES)
        for connection in tuple(self._leaving):
            connection.abort(_CLOSING)
        if self._leaving:
            await asyncio.wait([connection.closed for connection in self._leaving], timeout=_LAST_BYTES)


def _load(connection: Connection) -> int:
    return connection.busy
