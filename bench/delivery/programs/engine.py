"""The process that measures the HTTP/2 engine (ngh2) on uvloop and TLS with next to nothing around it.

No queue, time-outs, errors, completions or answers: what is left is the floor for any client written in Python on
these parts. Prints one line of JSON like its neighbours.
"""

import argparse
import asyncio
import json
import resource
import time
from pathlib import Path
from typing import cast

import ngh2
import uvloop

from clarion.http.h2 import client_tls, never_indexed

_HEAD = ((b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"localhost"))
_TAIL = (
    (b"apns-topic", b"com.example.app"),
    (b"apns-push-type", b"alert"),
    (b"apns-priority", b"10"),
    (b"apns-expiration", b"1800000000"),
)


class Bare(asyncio.BufferedProtocol):
    """Sends `requests` requests, `streams` of them in flight, and counts the answers."""

    def __init__(self, token: bytes, body: bytes, requests: int, streams: int) -> None:
        self.answered = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tail = ((b"authorization", b"bearer " + token), *_TAIL)
        self._requests = iter(range(requests))
        self._left = requests
        self._body = body
        self._streams = streams
        self._session = ngh2.Connection(ngh2.Role.CLIENT, ngh2.Configuration(peer_max_concurrent_streams=streams))
        self._buffer = memoryview(bytearray(256 << 10))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._session.initiate_connection({ngh2.Setting.ENABLE_PUSH: 0, ngh2.Setting.INITIAL_WINDOW_SIZE: 1 << 20})
        self._session.set_local_window_size(16 << 20)
        self._send(self._streams)

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._session.receive_data(self._buffer[:nbytes])
        ended = 0
        for event in self._session.events():
            kind = type(event)
            if kind is ngh2.ResponseReceived:
                self.answered += 1
            elif kind is ngh2.StreamClosed:
                ended += 1
        self._left -= ended
        self._send(ended)
        if not self._left and not self.ended.done():
            self.ended.set_result(None)

    def _send(self, most: int) -> None:
        session, body = self._session, self._body
        for _, number in zip(range(most), self._requests, strict=False):
            path = (b":path", b"/3/device/%064x" % number)
            apns_id = never_indexed((b"apns-id", b"00000000-0000-4000-8000-%012x" % number))
            stream = session.send_request((*_HEAD, path, *self._tail, apns_id))
            session.send_data(stream, body, end_stream=True)
        self._transport.write(session.data_to_send())


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """The whole run, connection set-up included."""
    body = Path(options.body).read_bytes()  # noqa: ASYNC240 - before anything is measured
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.monotonic()
    transport, protocol = await asyncio.get_running_loop().create_connection(
        lambda: Bare(options.token.encode(), body, options.requests, options.streams),
        "localhost",
        options.port,
        ssl=client_tls(ca_file=options.ca),
    )
    await protocol.ended
    seconds = time.monotonic() - begun
    transport.close()
    return {
        "answered": protocol.answered,
        "user_before": before.ru_utime,
        "system_before": before.ru_stime,
        "seconds": seconds,
    }


def main() -> None:
    """Parse the options, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--body", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    print(json.dumps(uvloop.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
