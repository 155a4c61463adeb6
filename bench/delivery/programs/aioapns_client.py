"""aioapns at its `send_notification`, a fixed number in flight. Runs in the environment of `bench.peers`."""

import argparse
import asyncio
import json
import resource
import ssl
import time
from pathlib import Path

from aioapns import APNs, NotificationRequest, PushType  # type: ignore[import-not-found]
from aioapns.connection import APNsProductionClientProtocol  # type: ignore[import-not-found]


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """The whole run, connection set-up included; the notifications are made before."""
    message = json.loads(Path(options.body).read_bytes())  # noqa: ASYNC240 - before anything is measured
    key = Path(options.key).read_text()  # noqa: ASYNC240
    APNsProductionClientProtocol.APNS_SERVER = "localhost"
    APNsProductionClientProtocol.APNS_PORT = options.port
    waiting = iter(
        [
            NotificationRequest(f"{number:064x}", message, time_to_live=3600, priority=10, push_type=PushType.ALERT)
            for number in range(options.requests)
        ]
    )
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.monotonic()
    tls = ssl.create_default_context(cafile=options.ca)
    tls.set_alpn_protocols(["h2"])
    client = APNs(
        key=key,
        key_id="ABC123DEFG",
        team_id="DEF123GHIJ",
        topic="com.example.app",
        max_connections=1,
        ssl_context=tls,
    )
    answered = 0

    async def worker() -> None:
        nonlocal answered
        for request in waiting:
            result = await client.send_notification(request)
            answered += result.is_successful

    await asyncio.gather(*(worker() for _ in range(min(options.streams, options.requests))))
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
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--body", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    print(json.dumps(asyncio.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
