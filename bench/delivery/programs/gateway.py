"""The process that measures Clarion's gateways: notifications made before, a fixed number in flight, on uvloop.

Prints one line of JSON: notifications delivered, the CPU seconds spent before, and the seconds of the run.
"""

import argparse
import asyncio
import json
import resource
import time
from pathlib import Path

import uvloop

from clarion.gateways.registry import open_gateway
from clarion.gateways.seam import Fate, Gateway, Notification, Verdict


class Run:
    """`notifications`, `streams` of them in flight at any time, as a sender keeps them."""

    def __init__(self, gateway: Gateway, notifications: list[Notification]) -> None:
        self.delivered = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gateway = gateway
        self._left = len(notifications)
        self._next = iter(notifications)

    def send(self) -> None:
        """One notification more, if there is one."""
        notification = next(self._next, None)
        if notification is not None:
            self._gateway.send(notification, self._done)

    def _done(self, verdict: Verdict) -> None:
        if verdict.fate is Fate.DELIVERED:
            self.delivered += 1
        self._left -= 1
        if self._left:
            self.send()
        else:
            self.ended.set_result(None)


def notifications(kind: str, payload: bytes, count: int) -> list[Notification]:
    """One per device, of one send: the same payload, an expiry in an hour, each with an id of its own."""
    expires_at = int(time.time()) + 3600
    token = "{:064x}" if kind == "apns" else "cRegistration-{:010d}:APA91b" + "x" * 110
    return [
        Notification(token.format(number), payload, number.to_bytes(16, "big"), expires_at) for number in range(count)
    ]


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """The whole run, connection set-up and (FCM) obtaining the access token included."""
    secret, payload = Path(options.secret).read_bytes(), Path(options.body).read_bytes()  # noqa: ASYNC240 - before
    waiting = notifications(options.kind, payload, options.requests)
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.monotonic()
    gateway = open_gateway(options.kind, secret, f"https://localhost:{options.port}", options.ca)
    run = Run(gateway, waiting)
    for _ in range(min(options.streams, options.requests)):
        run.send()
    await run.ended
    seconds = time.monotonic() - begun
    await gateway.aclose()
    return {
        "answered": run.delivered,
        "user_before": before.ru_utime,
        "system_before": before.ru_stime,
        "seconds": seconds,
    }


def main() -> None:
    """Parse the options, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["apns", "fcm"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--body", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    print(json.dumps(uvloop.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
