"""firebase-admin for Python at its `send_each`, 500 messages in a call: HTTP/1.1 in threads.

Its other way, `send_each_async` over HTTP/2, costs more. Runs in the environment of `bench.peers`.
"""

import argparse
import json
import resource
import socket
import time
import warnings
from pathlib import Path
from typing import Any

import firebase_admin  # type: ignore[import-not-found]
from firebase_admin import credentials, messaging
from google.oauth2.credentials import Credentials  # type: ignore[import-not-found]


class GivenToken(credentials.Base):  # type: ignore[misc]
    """A credential that is an access token."""

    def __init__(self, token: str) -> None:
        self._credential = Credentials(token)

    def get_credential(self) -> Any:
        return self._credential


def lead_to_sink(port: int) -> None:
    """TCP connections to port 443 go to the sink, whatever the host. The name in its certificate is still checked."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, service: Any, *rest: Any, **named: Any) -> Any:
        return look_up("127.0.0.1", port, *rest, **named) if service == 443 else look_up(host, service, *rest, **named)

    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]


def send_all(messages: list[Any], size: int) -> int:
    """How many were taken."""
    answered = 0
    for first in range(0, len(messages), size):
        sent = messaging.send_each(messages[first : first + size])
        answered += sent.success_count
        if sent.failure_count:
            raise RuntimeError(next(each.exception for each in sent.responses if not each.success))
    return answered


def measure(options: argparse.Namespace) -> dict[str, float]:
    """The whole run, connection set-up included; the messages are made before."""
    data = json.loads(Path(options.body).read_bytes())
    lead_to_sink(options.port)
    android = messaging.AndroidConfig(priority="high", ttl=3600)
    tokens = (f"cRegistration-{number:010d}:APA91b{'x' * 110}" for number in range(options.requests))
    messages = [messaging.Message(token=token, android=android, data=data) for token in tokens]
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.monotonic()
    firebase_admin.initialize_app(GivenToken(options.token), {"projectId": "clarion-bench"})
    answered = send_all(messages, min(options.streams, 500))
    seconds = time.monotonic() - begun
    return {
        "answered": answered,
        "user_before": before.ru_utime,
        "system_before": before.ru_stime,
        "seconds": seconds,
    }


def main() -> None:
    """Parse the options, run, print."""
    warnings.simplefilter("ignore", DeprecationWarning)  # it asks for a new name of `token`
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--body", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
