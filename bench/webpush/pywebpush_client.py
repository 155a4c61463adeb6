"""The process that measures pywebpush, run by the interpreter of the peers (`bench/.venv`): `webpush_async` over one
aiohttp session. Prints one line of JSON like `gateway_client`."""

import argparse
import asyncio
import json
import resource
import ssl
import time
from typing import Any

import aiohttp
from py_vapid import Vapid  # type: ignore[import-not-found]
from pywebpush import webpush_async  # type: ignore[import-not-found]


async def measure(options: argparse.Namespace, work: dict[str, Any]) -> dict[str, float]:
    """The whole run, connection set-up included."""
    subscriptions, vapid = work["subscriptions"], Vapid.from_string(work["vapid"]["private_key"])
    numbers = iter(range(options.requests))
    answered = 0
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.monotonic()

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal answered
        for number in numbers:
            answer = await webpush_async(
                subscriptions[number % len(subscriptions)],
                work["payload"],
                vapid_private_key=vapid,
                vapid_claims={"sub": work["vapid"]["subject"]},
                ttl=work["ttl"],
                headers={"urgency": "high"},
                aiohttp_session=session,
            )
            answered += answer.status == 201

    tls = ssl.create_default_context(cafile=options.ca)
    connector = aiohttp.TCPConnector(ssl=tls, limit=options.in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(worker(session) for _ in range(options.in_flight)))
        seconds = time.monotonic() - begun
    return {
        "answered": answered,
        "user_before": before.ru_utime,
        "system_before": before.ru_stime,
        "seconds": seconds,
    }


def main() -> None:
    """Parse the options, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    options = parser.parse_args()
    with open(options.work) as file:
        work = json.load(file)
    print(json.dumps(asyncio.run(measure(options, work))))


if __name__ == "__main__":
    main()
