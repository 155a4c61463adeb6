"""One run of one client in a process of its own, and the CPU it took.

CPU is user and system time of the whole process as the kernel accounts it when the process ends, less what it had used
before its work began (loading an interpreter and its modules), which the process itself reports. Connection set-up,
TLS included, counts.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from bench import peers
from bench.transport.sink import nginx_program
from clarion.base.authority import CA_FILE

_BENCH = Path(__file__).parents[1]


class Work(Struct, frozen=True):
    """What every client does in a run."""

    folder: Path
    port: int
    requests: int
    streams: int
    token: str

    @property
    def body(self) -> Path:
        return self.folder / "body.json"

    @property
    def addresses(self) -> Path:
        """The URLs of all requests, for clients that read them from a file."""
        return self.folder / "addresses.txt"

    def write_files(self) -> None:
        """The body, about 200 bytes, and the URLs."""
        text = "Your table for two is ready: please come to the desk by the window within ten minutes. Enjoy your meal!"
        alert = {"title": "Welcome back", "body": text}
        self.body.write_text(json.dumps({"aps": {"alert": alert, "sound": "default", "badge": 1}}))
        self.addresses.write_text(
            "".join(f"https://localhost:{self.port}/3/device/{number:064x}\n" for number in range(self.requests))
        )


class Sample(Struct, frozen=True):
    """One run: CPU seconds (user, system), wall-clock seconds, requests answered with 200."""

    user: float
    system: float
    seconds: float
    answered: int


def missing() -> list[str]:
    """What has to be installed before the bench can run, each with the way to do it."""
    lacks = []
    if nginx_program() is None:
        lacks.append("nginx (Debian: apt install nginx-light)")
    if shutil.which("h2load") is None:
        lacks.append("h2load (Debian: apt install nghttp2-client)")
    return lacks + peers.missing(node=["@parse/node-apn"])


def run_channel(work: Work) -> Sample:
    """Clarion's bare channel."""
    command = [sys.executable, "-m", "bench.transport.channel_client", "--port", str(work.port)]
    command += ["--ca", str(work.folder / CA_FILE), "--body", str(work.body), "--token", work.token]
    command += ["--requests", str(work.requests), "--streams", str(work.streams)]
    return _measure(command)


def run_node_apn(work: Work) -> Sample:
    """@parse/node-apn on Node's own HTTP/2."""
    command = ["node", str(_BENCH / "transport" / "node_apn.js"), str(work.port)]
    command += [str(work.folder / CA_FILE), str(work.body), str(work.folder / "apns.p8")]
    return _measure([*command, str(work.requests), str(work.streams)])


def run_h2load(work: Work) -> Sample:
    """h2load, a load generator in C: the least a client can cost. It repeats one apns-id and keeps no answer."""
    command = ["h2load", "-n", str(work.requests), "-c", "1", "-m", str(work.streams), "-t", "1"]
    command += ["-d", str(work.body), "-i", str(work.addresses), "-H", f"authorization: bearer {work.token}"]
    for header in ("apns-topic: com.example.app", "apns-push-type: alert", "apns-priority: 10"):
        command += ["-H", header]
    command += ["-H", "apns-id: 123e4567-e89b-12d3-a456-426614174000"]
    return _measure(command, read=_read_h2load)


CLIENTS: dict[str, Callable[[Work], Sample]] = {
    "clarion channel": run_channel,
    "h2load": run_h2load,
    "@parse/node-apn": run_node_apn,
}


def _measure(command: list[str], read: Callable[[str], dict[str, float]] = json.loads) -> Sample:
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_BENCH.parent)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed with status {process.returncode}: {output[-500:]}")
    said = read(output)
    return Sample(
        user=usage.ru_utime - said.get("user_before", 0.0),
        system=usage.ru_stime - said.get("system_before", 0.0),
        seconds=said.get("seconds", time.monotonic() - begun),
        answered=int(said["answered"]),
    )


def _read_h2load(output: str) -> dict[str, float]:
    line = next(line for line in output.splitlines() if line.startswith("status codes:"))
    return {"answered": float(line.split()[2])}
