"""The process that measures Clarion's Web Push gateway, on uvloop, with as many notifications in flight as it has room
for. `--keys` says when the encryption material is made:

- `send`: with each notification, in the sending process;
- `ahead`: before the notifications are sent, by the helper process; both parts are counted apart;
- `beside`: announced in chunks ahead of their notifications, as a sender does, while others are sent.

Prints one line of JSON: requests answered with 201, CPU seconds of this process for sending (`at_send`), of this
process and its helper for preparing (`ahead`), seconds of the clock. A helper's start (interpreter, modules) is not
counted, nor is this process's.
"""

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.gateways.webpush import workshop
from clarion.gateways.webpush.client import WebPushGateway
from clarion.gateways.webpush.credentials import decode64, parse

CHUNK = 2_000


class Run:
    """Sends notifications through the gateway; `answered` counts those that were taken."""

    def __init__(self, gateway: WebPushGateway) -> None:
        self.answered = 0
        self._gateway = gateway

    async def send(self, notifications: Sequence[Notification]) -> None:
        """Send all, keeping the gateway full, and wait for their verdicts."""
        self._next, self._left, self._notifications = 0, len(notifications), notifications
        self._ended = asyncio.get_running_loop().create_future()
        for _ in range(min(self._gateway.room, len(notifications))):
            self._one()
        await self._ended

    def _one(self) -> None:
        self._gateway.send(self._notifications[self._next], self._done)
        self._next += 1

    def _done(self, verdict: Verdict) -> None:
        self.answered += verdict.fate is Fate.DELIVERED
        self._left -= 1
        if self._next < len(self._notifications):
            self._one()
        elif not self._left:
            self._ended.set_result(None)


class Meter:
    """CPU seconds of this process and its helpers since now."""

    def __init__(self) -> None:
        self._own = own()
        self._helpers = helpers()

    def own(self) -> float:
        """This process's."""
        return own() - self._own

    def of_helpers(self) -> float:
        """Those of its helpers, which must run still."""
        return helpers() - self._helpers


def own() -> float:
    """CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def helpers() -> float:
    """CPU seconds of the helpers that run."""
    paths = [Path(f"/proc/{pid}/schedstat") for pid in workshop.of_loop().pids]
    return sum(int(path.read_text().split()[0]) for path in paths) / 1e9


async def until_made() -> None:
    """Wait until everything announced is ready."""
    while workshop.of_loop().stock.open:  # noqa: ASYNC110 - the stock tells nobody, and a bench may look
        await asyncio.sleep(0.02)


async def warm(gateway: WebPushGateway) -> None:
    """Start the helper, with keys that are none."""
    gateway.prepare((number.to_bytes(65, "big"), bytes(16)) for number in range(workshop.WORTH))
    await until_made()


async def measure(options: argparse.Namespace, work: dict[str, Any]) -> dict[str, float]:
    """The whole run, connection set-up included."""
    given = notifications(work, options.requests)
    chunks = [given[at : at + CHUNK] for at in range(0, len(given), CHUNK)]
    gateway = WebPushGateway(parse(work["vapid"]), ca_file=options.ca)
    run = Run(gateway)
    if options.keys != "send":
        await warm(gateway)
    meter = Meter()
    preparing = 0.0
    begun = time.monotonic()
    if options.keys == "beside":
        gateway.prepare(keys(chunks[0]))
    for number, chunk in enumerate(chunks):
        if options.keys == "ahead":
            before = own()
            gateway.prepare(keys(chunk))
            await until_made()
            preparing += own() - before
        if options.keys == "beside" and number + 1 < len(chunks):
            gateway.prepare(keys(chunks[number + 1]))
        await run.send(chunk)
    seconds = time.monotonic() - begun
    by_helpers = meter.of_helpers()
    await gateway.aclose()
    return {
        "answered": run.answered,
        "at_send": meter.own() - preparing,
        "ahead": preparing + by_helpers,
        "seconds": seconds,
    }


def keys(chunk: Sequence[Notification]) -> list[tuple[bytes, bytes]]:
    """The keys of their subscriptions."""
    return [notification.keys for notification in chunk if notification.keys]


def notifications(work: dict[str, Any], count: int) -> list[Notification]:
    """As many notifications, to each subscription in turn."""
    payload, expires_at = work["payload"].encode(), int(time.time()) + work["ttl"]
    made = []
    for number, subscription in enumerate(work["subscriptions"]):
        p256dh, auth = (decode64(subscription["keys"][name]) for name in ("p256dh", "auth"))
        assert p256dh is not None
        assert auth is not None
        made.append(
            Notification(subscription["endpoint"], payload, number.to_bytes(16, "big"), expires_at, keys=(p256dh, auth))
        )
    return [made[number % len(made)] for number in range(count)]


def main() -> None:
    """Parse the options, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--keys", choices=("send", "ahead", "beside"), required=True)
    options = parser.parse_args()
    work = json.loads(Path(options.work).read_text())
    print(json.dumps(uvloop.run(measure(options, work))))


if __name__ == "__main__":
    main()
