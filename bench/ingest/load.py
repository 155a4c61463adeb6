"""The client of every run, in a process of its own: connections that are kept, each with one request in flight.

    python -m bench.ingest.load WORK

`WORK` is a file that holds a `Work` in MessagePack. What came of it is printed as a `Load` in JSON. Requests are bytes
made beforehand and answers are looked at no closer than needed, so that the client takes little of the cores it shares
with the server.
"""

import asyncio
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import uvloop
from msgspec import Struct


class Work(Struct):
    """Where to send what: for each connection its requests, in order. The first `warm_up` of each are not counted."""

    host: str
    port: int
    requests: list[list[bytes]]
    warm_up: int = 0


class Load(Struct):
    """Seconds that the counted requests took in all, the milliseconds of each, and the answers by status."""

    seconds: float
    took: list[float]
    statuses: dict[int, int]


class _Connection(asyncio.Protocol):
    """Sends its requests one after the other, each when the one before was answered."""

    def __init__(self, requests: list[bytes], done: asyncio.Future[None]) -> None:
        self._requests = iter(requests)
        self._done = done
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._sent_at = 0.0
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it
        self._send()

    def data_received(self, data: bytes) -> None:
        self._rest += data
        head, found, body = self._rest.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self.took.append((time.perf_counter() - self._sent_at) * 1e3)
        self.statuses[int(head[9:12])] += 1
        self._rest = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("The server closed a connection."))

    def _send(self) -> None:
        assert self._transport is not None
        following = next(self._requests, None)
        if following is not None:
            self._sent_at = time.perf_counter()
            self._transport.write(following)
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()


def _length(head: bytes) -> int:
    """Bytes of the body that belongs to a head. Without a length there is none (204)."""
    low = head.lower()
    at = low.find(b"\r\ncontent-length:")
    return 0 if at < 0 else int(low[at + 17 :].split(b"\r\n", 1)[0])


async def _all(work: Work, requests: list[list[bytes]]) -> Load:
    loop = asyncio.get_running_loop()
    connections: list[_Connection] = []
    ends: list[asyncio.Future[None]] = []

    def make(each: list[bytes]) -> _Connection:
        end: asyncio.Future[None] = loop.create_future()
        ends.append(end)
        connections.append(_Connection(each, end))
        return connections[-1]

    started = time.perf_counter()
    await asyncio.gather(*(loop.create_connection(partial(make, each), work.host, work.port) for each in requests))
    await asyncio.gather(*ends)
    seconds = time.perf_counter() - started
    statuses = sum((each.statuses for each in connections), Counter())
    return Load(seconds, [took for each in connections for took in each.took], dict(statuses))


async def _run(work: Work) -> Load:
    if work.warm_up:
        await _all(work, [each[: work.warm_up] for each in work.requests])
    return await _all(work, [each[work.warm_up :] for each in work.requests])


def main() -> None:
    """Read the work, do it, print the figures."""
    work = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Work)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(work))))


if __name__ == "__main__":
    main()
