"""How the supervisor learns what its processes count: a socket pair with each, a question and an answer.

Nothing is written anywhere until somebody asks. A process that was killed gives end of file at once, one that hangs
gives no answer in time; the number of a question comes back with its answer, so that a late answer to an earlier
question is not taken for this one's.
"""

import asyncio
import os
import socket
import struct

import msgspec

from clarion.assembly.handover import METRICS
from clarion.base import metrics
from clarion.base.metrics import Family
from clarion.base.telemetry import get_logger

log = get_logger(__name__)

_QUESTION = struct.Struct("!I")
_ANSWER = struct.Struct("!II")
PATIENCE = 2.0
"""Seconds after which a process that does not answer is shown as down."""


async def answer_from_environment() -> "asyncio.Task[None] | None":
    """In a process that has a supervisor: answer its questions until it is gone."""
    descriptor = os.environ.pop(METRICS, None)
    if not descriptor:
        return None
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=int(descriptor)))
    return asyncio.create_task(answer(reader, writer))


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each question with a snapshot of this process's counters, until the other side is gone."""
    try:
        while True:
            (number,) = _QUESTION.unpack(await reader.readexactly(_QUESTION.size))
            try:
                told = metrics.snapshot()
            except Exception:
                log.exception("metrics_failed")
                told = b"\x90"
            writer.write(_ANSWER.pack(number, len(told)) + told)
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError):
        return
    finally:
        writer.close()


class Probe:
    """The supervisor's end. `theirs` is passed on to the process that is started next."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._asked = 0
        self._waiting: dict[int, asyncio.Future[bytes]] = {}

    async def ask(self, patience: float = PATIENCE) -> list[Family] | None:
        """What the process counts; None when it is dead or does not answer within `patience` seconds."""
        self._asked += 1
        number = self._asked
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience):
                if self._writer is None:
                    reader, self._writer = await asyncio.open_connection(sock=self._ours)
                    self._listening = asyncio.create_task(self._listen(reader))
                elif self._listening is None or self._listening.done():
                    return None
                self._writer.write(_QUESTION.pack(number))
                return metrics.read(await answered)
        except (TimeoutError, OSError, msgspec.MsgspecError):
            return None
        finally:
            self._waiting.pop(number, None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                number, size = _ANSWER.unpack(await reader.readexactly(_ANSWER.size))
                raw = await reader.readexactly(size)
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(raw)
        except (asyncio.IncompleteReadError, OSError):
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("the process is gone"))

    def close(self) -> None:
        """The process is gone, or another one takes its place."""
        self.theirs.close()
        if self._writer is None:
            self._ours.close()
        else:
            self._writer.close()
        if self._listening is not None:
            self._listening.cancel()
