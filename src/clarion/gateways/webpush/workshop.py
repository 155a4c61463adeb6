"""Makes one-shot encryption material ahead of its messages, in helper processes.

Encryption is most of what a Web Push notification costs, and it holds the interpreter's lock. A helper does it on
another core, niced, while the sender waits for its database and its network, or sends. Helpers start when enough is
wanted and end when nothing was for a while. Without them, or when they are behind, the sender makes its own.

All gateways of an event loop share one workshop: `of_loop`.
"""

import asyncio
import socket
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from weakref import WeakKeyDictionary

from clarion.base.telemetry import get_logger
from clarion.gateways.webpush.encryption import AUTH, MATERIAL, POINT
from clarion.gateways.webpush.helper import COUNT, NONE
from clarion.gateways.webpush.stock import Keys, KeyStock

log = get_logger(__name__)

HELPERS = 1
"""Processes of one workshop."""
WORTH = 200
"""Subscriptions that must be wanted before helpers are started: fewer are made sooner than a process begins."""
IDLE = 60.0
"""Seconds without work after which the helpers end; what is ready is forgotten with them."""

_BATCH = 32
_BATCHES = 3
"""Batches that a helper has at most: so many that it need not wait for the next, so few that a sender which comes to
them soon loses little."""
_READ = 1 << 16
_REST = 60.0
"""Seconds without helpers after one of them failed."""
_LAST = 2.0
"""Seconds that a helper has to end by itself."""


class Workshop:
    """A stock and the processes that fill it."""

    def __init__(self, helpers: int = HELPERS) -> None:
        self.stock = KeyStock(self._look)
        self.users = 0
        self._wanted_helpers = helpers
        self._helpers: list[_Helper] = []
        self._starting: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._rests_until = 0.0
        self._idle: asyncio.TimerHandle | None = None

    @property
    def pids(self) -> list[int]:
        """The helper processes that run."""
        return [helper.pid for helper in self._helpers]

    def announce(self, subscriptions: Iterable[Keys]) -> None:
        """Messages to these subscriptions will follow soon, in this order. Never blocks."""
        loop = asyncio.get_running_loop()
        sound = (keys for keys in subscriptions if len(keys[0]) == POINT and len(keys[1]) == AUTH)
        self.stock.want(sound, loop.time())
        if self._helpers:
            self._hand_out()
        elif self.stock.wanted >= WORTH and self._starting is None and loop.time() >= self._rests_until:
            self._starting = loop.create_task(self._start())

    async def aclose(self) -> None:
        """End the helpers and forget what is ready."""
        if self._starting is not None:
            # Not cancelled: a process that has begun by then would be left to itself.
            await asyncio.wait([self._starting])
        self._dismiss()
        if self._ending:
            await asyncio.wait(set(self._ending))

    async def _start(self) -> None:
        try:
            for _ in range(self._wanted_helpers):
                self._helpers.append(await _Helper.start(self))
        except OSError as error:
            log.warning("webpush_helper_not_started", error=str(error))
            self._rest()
        finally:
            self._starting = None
        self._hand_out()

    def _hand_out(self) -> None:
        for _ in range(_BATCHES):
            for helper in tuple(self._helpers):
                if helper.batches < _BATCHES and (batch := self.stock.order(_BATCH)):
                    helper.order(batch)
        self._mind_the_time()

    def _look(self) -> None:
        """The sender is short of material, and may be in the middle of a long turn of the event loop."""
        for helper in tuple(self._helpers):
            helper.collect()

    def _mind_the_time(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE, self._dismiss) if self._helpers else None

    def _dismiss(self) -> None:
        """Let the helpers end, without waiting for them."""
        helpers, self._helpers = self._helpers, []
        self.stock.clear()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        for helper in helpers:
            self._end(helper)

    def _end(self, helper: "_Helper") -> None:
        task = asyncio.get_running_loop().create_task(helper.aclose())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _rest(self) -> None:
        self._rests_until = asyncio.get_running_loop().time() + _REST

    # For helpers

    def made(self, batch: list[Keys], material: list[bytes]) -> None:
        """A batch is back."""
        self.stock.deliver(batch, material, asyncio.get_running_loop().time())
        self._hand_out()

    def lost(self, helper: "_Helper", batches: Iterable[list[Keys]]) -> None:
        """A helper ended by itself, with these batches in hand."""
        for batch in batches:
            self.stock.fail(batch)
        if helper in self._helpers:
            self._helpers.remove(helper)
            log.warning("webpush_helper_ended", pid=helper.pid)
            self._rest()
            self._end(helper)


class _Helper:
    """One process and the batches it works on, over a socket of its own."""

    def __init__(self, workshop: Workshop, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        self._workshop = workshop
        self._process = process
        self._socket = ours
        self._batches: deque[list[Keys]] = deque()
        self._data = bytearray()
        self._over = False
        asyncio.get_running_loop().add_reader(ours.fileno(), self.collect)

    @classmethod
    async def start(cls, workshop: Workshop) -> "_Helper":
        """Raises OSError when no process can be started."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        command = (sys.executable, "-m", "clarion.gateways.webpush.helper")
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=theirs.fileno(), stdout=theirs.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(workshop, process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def batches(self) -> int:
        return len(self._batches)

    def order(self, batch: list[Keys]) -> None:
        """Hand a batch over. What is under way is far less than a socket holds, so this never has to wait."""
        self._batches.append(batch)
        frame = len(batch).to_bytes(COUNT, "big") + b"".join(p256dh + auth for p256dh, auth in batch)
        try:
            whole = self._socket.send(frame) == len(frame)
        except OSError:
            whole = False
        if not whole:
            self._lose()

    def collect(self) -> None:
        """Take in what is there, without waiting."""
        if self._over:
            return
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._data += data
        while self._batches and len(self._data) >= (size := MATERIAL * len(self._batches[0])):
            pieces = [bytes(self._data[at : at + MATERIAL]) for at in range(0, size, MATERIAL)]
            del self._data[:size]
            self._workshop.made(self._batches.popleft(), [b"" if piece == NONE else piece for piece in pieces])
        if not data or (self._data and not self._batches):
            self._lose()

    def _lose(self) -> None:
        """It ended by itself, or says what nobody asked."""
        if not self._over:
            self._leave()
            with suppress(ProcessLookupError):
                self._process.kill()
            self._workshop.lost(self, self._batches)

    def _leave(self) -> None:
        self._over = True
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    async def aclose(self) -> None:
        """Close its input and wait; a process that does not end is killed."""
        if not self._over:
            self._leave()
        try:
            async with asyncio.timeout(_LAST):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


_WORKSHOPS: WeakKeyDictionary[asyncio.AbstractEventLoop, Workshop] = WeakKeyDictionary()


def of_loop() -> Workshop:
    """The workshop of the running event loop, made when first asked for."""
    loop = asyncio.get_running_loop()
    workshop = _WORKSHOPS.get(loop)
    if workshop is None:
        workshop = _WORKSHOPS[loop] = Workshop()
    return workshop
