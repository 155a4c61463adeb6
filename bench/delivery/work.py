"""One run of one client in a process of its own, and the CPU it took.

CPU is user and system time of the whole process as the kernel accounts it when the process ends, less what it had used
before its work began (loading an interpreter and its modules, making the notifications), which the process itself
reports. Connection set-up, TLS included, counts.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from msgspec import Struct

from bench.delivery.sink import ACCESS_TOKEN
from clarion.base.authority import CA_FILE, private_pem

_ROOT = Path(__file__).parents[2]
PROVIDER_TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyM0RFRkcifQ." + "x" * 60 + "." + "y" * 86
"""As long as a provider token, for clients that do not sign one."""


class Work(Struct, frozen=True):
    """What every client does in a run."""

    folder: Path
    port: int
    requests: int
    streams: int

    @property
    def ca(self) -> Path:
        return self.folder / CA_FILE

    @property
    def body(self) -> Path:
        """The JSON body of every APNs notification, about 200 bytes."""
        return self.folder / "body.json"

    @property
    def data(self) -> Path:
        """The `data` map of every FCM message, about 200 bytes."""
        return self.folder / "data.json"

    @property
    def addresses(self) -> Path:
        """The URLs of all APNs requests, for clients that read them from a file."""
        return self.folder / "addresses.txt"

    @property
    def signing_key(self) -> Path:
        """An APNs signing key, PEM."""
        return self.folder / "apns.p8"

    def secret(self, kind: str) -> Path:
        """The credentials of one of Clarion's gateways."""
        return self.folder / f"{kind}.json"

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes other programs trust the sink, in the ways of Node, requests and httpx."""
        ca = str(self.ca)
        return {**os.environ, "NODE_EXTRA_CA_CERTS": ca, "REQUESTS_CA_BUNDLE": ca, "SSL_CERT_FILE": ca}

    def write_files(self) -> None:
        """Bodies, URLs, keys and credentials."""
        text = "Your table for two is ready: please come to the desk by the window within ten minutes. Enjoy your meal!"
        alert = {"title": "Welcome back", "body": text}
        self.body.write_text(json.dumps({"aps": {"alert": alert, "sound": "default", "badge": 1}}))
        self.data.write_text(json.dumps({"title": "Welcome back", "content": text, "sid": "7", "badge": "1"}))
        self.addresses.write_text(
            "".join(f"https://localhost:{self.port}/3/device/{number:064x}\n" for number in range(self.requests))
        )
        pem = private_pem(ec.generate_private_key(ec.SECP256R1())).decode()
        self.signing_key.write_text(pem)
        apns = {"private_key": pem, "key_id": "ABC123DEFG", "team_id": "DEF123GHIJ", "topic": "com.example.app"}
        self.secret("apns").write_text(json.dumps(apns))
        account = {
            "project_id": "clarion-bench",
            "client_email": "bench@clarion-bench.iam.gserviceaccount.com",
            "private_key": private_pem(rsa.generate_private_key(65537, 2048)).decode(),
            "token_uri": f"https://localhost:{self.port}/token",
        }
        self.secret("fcm").write_text(json.dumps(account))

    def arguments(self, *more: str) -> list[str]:
        """The options that all programs of `bench.delivery.programs` take."""
        chosen = ["--port", str(self.port), "--ca", str(self.ca), "--requests", str(self.requests)]
        return [*chosen, "--streams", str(self.streams), *more]

    @property
    def access_token(self) -> str:
        return ACCESS_TOKEN


class Sample(Struct, frozen=True):
    """One run: CPU seconds (user, system), wall-clock seconds, requests answered with success."""

    user: float
    system: float
    seconds: float
    answered: int


def run(
    work: Work, command: Sequence[str], read: Callable[[str], dict[str, float]] = lambda text: json.loads(text)
) -> Sample:
    """Run one client's program to its end; `read` finds the figures in what it prints."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=work.environment)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} failed with status {process.returncode}: {output[-500:]}")
    said = read(output)
    return Sample(
        user=usage.ru_utime - said.get("user_before", 0.0),
        system=usage.ru_stime - said.get("system_before", 0.0),
        seconds=said.get("seconds", time.monotonic() - begun),
        answered=int(said["answered"]),
    )
