"""The clients, by the gateway they are for, and how a run of each is started."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from bench import peers
from bench.delivery.sink import nginx_program
from bench.delivery.work import PROVIDER_TOKEN, Sample, Work, run

_PROGRAMS = Path(__file__).parent / "programs"


class Client(Struct, frozen=True):
    """`ours` marks the one that ratios are taken of. `part`: slow ones do so many times fewer requests in a run."""

    gateway: str
    name: str
    measure: Callable[[Work], Sample]
    ours: bool = False
    part: int = 1


def missing() -> list[str]:
    """What has to be installed before the bench can run, each with the way to do it."""
    lacks = []
    if nginx_program() is None:
        lacks.append("nginx (Debian: apt install nginx-light)")
    if shutil.which("h2load") is None:
        lacks.append("h2load (Debian: apt install nghttp2-client)")
    node = ["@parse/node-apn", "apns2", "firebase-admin"]
    return lacks + peers.missing(node=node, python=["aioapns", "firebase_admin"])


def _own(program: str, *more: str) -> list[str]:
    return [sys.executable, "-m", f"bench.delivery.programs.{program}", *more]


def _node(program: str) -> list[str]:
    return ["node", str(_PROGRAMS / f"{program}.js")]


def _python(program: str) -> list[str]:
    return [str(peers.PYTHON), str(_PROGRAMS / f"{program}.py")]


def _engine(work: Work) -> Sample:
    """The HTTP/2 engine on uvloop with next to nothing around it: the floor for a client in Python."""
    return run(work, _own("engine", *work.arguments("--body", str(work.body), "--token", PROVIDER_TOKEN)))


def _channel(work: Work) -> Sample:
    """Clarion's bare channel with requests as the APNs gateway makes them."""
    return run(work, _own("channel", *work.arguments("--body", str(work.body), "--token", PROVIDER_TOKEN)))


def _apns_gateway(work: Work) -> Sample:
    """Clarion's APNs gateway, as senders use it."""
    more = work.arguments("--body", str(work.body), "--secret", str(work.secret("apns")))
    return run(work, _own("gateway", "apns", *more))


def _fcm_gateway(work: Work) -> Sample:
    """Clarion's FCM gateway, as senders use it, obtaining its access token included."""
    more = work.arguments("--body", str(work.data), "--secret", str(work.secret("fcm")))
    return run(work, _own("gateway", "fcm", *more))


def _of_apns(start: list[str]) -> Callable[[Work], Sample]:
    return lambda work: run(work, start + work.arguments("--body", str(work.body), "--key", str(work.signing_key)))


def _of_fcm(start: list[str]) -> Callable[[Work], Sample]:
    return lambda work: run(work, start + work.arguments("--body", str(work.data), "--token", work.access_token))


def _h2load(work: Work) -> Sample:
    """h2load, a load generator in C: the least a client can cost. It repeats one apns-id and keeps no answer."""
    command = ["h2load", "-n", str(work.requests), "-c", "1", "-m", str(work.streams), "-t", "1"]
    command += ["-d", str(work.body), "-i", str(work.addresses), "-H", f"authorization: bearer {PROVIDER_TOKEN}"]
    for header in ("apns-topic: com.example.app", "apns-push-type: alert", "apns-priority: 10"):
        command += ["-H", header]
    command += ["-H", "apns-expiration: 1800000000", "-H", "apns-id: 123e4567-e89b-12d3-a456-426614174000"]
    return run(work, command, read=_read_h2load)


def _read_h2load(output: str) -> dict[str, float]:
    line = next(line for line in output.splitlines() if line.startswith("status codes:"))
    return {"answered": float(line.split()[2])}


CLIENTS = (
    Client("APNs", "h2load", _h2load),
    Client("APNs", "ngh2 alone", _engine),
    Client("APNs", "clarion channel", _channel),
    Client("APNs", "clarion APNs gateway", _apns_gateway, ours=True),
    Client("APNs", "@parse/node-apn", _of_apns(_node("node_apn"))),
    Client("APNs", "apns2", _of_apns(_node("apns2")), part=4),
    Client("APNs", "aioapns", _of_apns(_python("aioapns_client")), part=4),
    Client("FCM", "clarion FCM gateway", _fcm_gateway, ours=True),
    Client("FCM", "firebase-admin (Node)", _of_fcm(_node("firebase_admin")), part=4),
    Client("FCM", "firebase-admin (Python)", _of_fcm(_python("firebase_client")), part=8),
)
