"""One run of one client in a process of its own, and the CPU it took.

CPU is user and system time. For the clients of others it is that of the whole process as the kernel accounts it when
the process ends, less what it had used before its work began (loading an interpreter and its modules), which the
process itself reports. Clarion's client reports its CPU by itself, apart for sending and for preparing keys, its helper
process included. Connection set-up, TLS included, counts.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from bench import peers
from bench.webpush.sink import nginx_program
from clarion.base.authority import CA_FILE
from clarion.gateways.webpush.credentials import encode64, generate

_BENCH = Path(__file__).parents[1]

IN_FLIGHT = {"web-push": 20, "pywebpush": 100}
"""Requests in flight of the clients of others: of 20, 100 and 300 the number that cost each of them least."""


class Work(Struct, frozen=True):
    """What every client does in a run."""

    folder: Path
    port: int
    requests: int
    subscriptions: int

    @property
    def file(self) -> Path:
        """Subscriptions, payload, VAPID key and time to live, as JSON."""
        return self.folder / "work.json"

    @property
    def ca(self) -> Path:
        """The authority of the sink's certificate."""
        return self.folder / CA_FILE

    def write_file(self) -> None:
        """Subscriptions with keys of their own and endpoints as long as those of browsers; about 200 bytes of text."""
        text = "Your table for two is ready: please come to the desk by the window within ten minutes. Enjoy your meal!"
        work = {
            "subscriptions": [self._subscription() for _ in range(self.subscriptions)],
            "payload": json.dumps({"title": "Welcome back", "body": text, "icon": "/icon.png", "badge": 1}),
            "vapid": {**generate("mailto:push@example.com"), "allow_private": True},
            "ttl": 3600,
        }
        self.file.write_text(json.dumps(work))

    def _subscription(self) -> dict[str, object]:
        point = ec.generate_private_key(ec.SECP256R1()).public_key()
        p256dh = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": f"https://localhost:{self.port}/push/{secrets.token_urlsafe(114)}",
            "keys": {"p256dh": encode64(p256dh), "auth": encode64(secrets.token_bytes(16))},
        }


class Sample(Struct, frozen=True):
    """One run: CPU seconds for sending, and for preparing ahead (0 where that is not done apart), seconds of the clock,
    requests answered with 201."""

    sending: float
    preparing: float
    seconds: float
    answered: int


def missing() -> list[str]:
    """What has to be installed before the bench can run, each with the way to do it."""
    lacks = []
    if nginx_program() is None:
        lacks.append("nginx (Debian: apt install nginx-light)")
    return lacks + peers.missing(node=["web-push"], python=["pywebpush", "aiohttp"])


def run_clarion(keys: str, work: Work) -> Sample:
    """Clarion's gateway; `keys` says when the encryption's keys are made (see `gateway_client`)."""
    command = [sys.executable, "-m", "bench.webpush.gateway_client", "--work", str(work.file), "--ca", str(work.ca)]
    _, said = _run([*command, "--requests", str(work.requests), "--keys", keys])
    return Sample(said["at_send"], said["ahead"], said["seconds"], int(said["answered"]))


def run_web_push(work: Work) -> Sample:
    """web-push on Node's own HTTPS: HTTP/1.1 over kept connections, which is what it speaks."""
    command = ["node", str(_BENCH / "webpush" / "web_push.js"), str(work.file), str(work.ca)]
    return _of_others(*_run([*command, str(work.requests), str(IN_FLIGHT["web-push"])]))


def run_pywebpush(work: Work) -> Sample:
    """pywebpush on aiohttp: HTTP/1.1 over kept connections, which is what it speaks."""
    command = [str(peers.PYTHON), str(_BENCH / "webpush" / "pywebpush_client.py"), "--work", str(work.file)]
    command += ["--ca", str(work.ca), "--requests", str(work.requests)]
    return _of_others(*_run([*command, "--in-flight", str(IN_FLIGHT["pywebpush"])]))


CLIENTS: dict[str, Callable[[Work], Sample]] = {
    "clarion, keys at send": partial(run_clarion, "send"),
    "clarion, keys ahead": partial(run_clarion, "ahead"),
    "clarion, keys beside": partial(run_clarion, "beside"),
    "web-push": run_web_push,
    "pywebpush": run_pywebpush,
}


def _run(command: list[str]) -> tuple[float, dict[str, float]]:
    """CPU seconds of the whole process, and what it said."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_BENCH.parent)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed with status {process.returncode}: {output[-500:]}")
    said: dict[str, float] = json.loads(output)
    return usage.ru_utime + usage.ru_stime, said


def _of_others(cpu: float, said: dict[str, float]) -> Sample:
    return Sample(cpu - said["user_before"] - said["system_before"], 0.0, said["seconds"], int(said["answered"]))
