"""The process that measures Clarion's bare channel: APNs-like requests, a fixed number in flight, on uvloop.

Prints one line of JSON: requests answered with 200, the CPU seconds its start-up took, and the seconds of the run.
"""

import argparse
import asyncio
import json
import resource
import time

import uvloop

from clarion.http.h2 import Answer, Channel, Failure, client_tls, never_indexed

_HEAD = (
    (b":method", b"POST"),
    (b":scheme", b"https"),
    (b":authority", b"localhost"),
)
_TOPIC = ((b"apns-topic", b"com.example.app"), (b"apns-push-type", b"alert"), (b"apns-priority", b"10"))
_EXPIRATION = (b"apns-expiration", b"1800000000")


class Run:
    """`requests` requests, `streams` of them in flight at any time."""

    def __init__(self, channel: Channel, body: bytes, token: bytes, requests: int) -> None:
        self.answered = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._channel = channel
        self._body = body
        self._tail = ((b"authorization", b"bearer " + token), *_TOPIC, _EXPIRATION)
        self._requests = requests
        self._sent = 0
        self._left = requests

    def send(self) -> None:
        """One request more, with a path and an identifier of its own."""
        number = self._sent
        self._sent = number + 1
        path = b"/3/device/%064x" % number
        apns_id = b"00000000-0000-4000-8000-%012x" % number
        self._channel.submit(
            (*_HEAD, (b":path", path), *self._tail, never_indexed((b"apns-id", apns_id))), self._body, self._done
        )

    def _done(self, result: Answer | Failure) -> None:
        if isinstance(result, Answer) and result.status == 200:
            self.answered += 1
        self._left -= 1
        if self._sent < self._requests:
            self.send()
        elif self._left == 0:
            self.ended.set_result(None)


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """The whole run, connection set-up included."""
    with open(options.body, "rb") as body_file:  # noqa: ASYNC230 - before anything is measured
        body = body_file.read()
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.monotonic()
    channel = Channel(f"https://localhost:{options.port}", tls=client_tls(ca_file=options.ca), connections=1)
    run = Run(channel, body, options.token.encode(), options.requests)
    for _ in range(min(options.streams, options.requests)):
        run.send()
    await run.ended
    seconds = time.monotonic() - begun
    await channel.aclose()
    return {
        "answered": run.answered,
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
