"""The stub gateways under clients nobody here wrote: curl and h2load.

    python -m bench.stub_check [--requests N] [--loop uvloop|asyncio]

Starts the stub as a process of its own, sends with both tools, and prints for each step what the tool says it sent
and was answered beside what the stub's ledger counted. Ends with status 1 when the two disagree. Needs curl (with
HTTP/2) and h2load on the PATH; it never installs them.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.gateways.stub import sender

_SERVE = """
import asyncio, pathlib, sys
import uvloop
from clarion.base import telemetry
from clarion.gateways.stub import serve_stub
telemetry.configure(json=True, level="warning")
run = uvloop.run if sys.argv[2] == "uvloop" else asyncio.run
run(serve_stub(pathlib.Path(sys.argv[1]), ready=lambda stub: print(stub.url, stub.ca_file, flush=True)))
"""
ALERT = b'{"aps":{"alert":{"title":"Good morning","body":"The park opens at ten."},"sound":"default"}}'


class Loaded(Struct):
    """What h2load reports: requests done per second, and answers by class of status."""

    rate: float
    ok: int
    client_errors: int
    server_errors: int
    failed: int


class Check:
    """The tools, aimed at one stub; `wrong` collects disagreements."""

    def __init__(self, url: str, ca_file: str, scratch: Path) -> None:
        self.url = url
        self._ca_file = ca_file
        self._scratch = scratch
        self.wrong: list[str] = []

    def curl(self, path: str, *more: str, body: bytes | None = None) -> tuple[int, bytes]:
        """(status, body) of one request; status 0 when there was no answer."""
        data = () if body is None else ("--data-binary", "@-")
        command = ["curl", "-s", "--cacert", self._ca_file, "-w", "\n%{http_code} %{http_version}", *data, *more]
        done = subprocess.run([*command, self.url + path], input=body, capture_output=True, check=False)
        answer, _, trailer = done.stdout.rpartition(b"\n")
        status, version = trailer.split()
        if int(status):
            self.expect("curl spoke HTTP version", version.decode(), "2")
        return int(status), answer

    def control(self, method: str, path: str, document: Any = None) -> Any:
        """One control request through curl."""
        body = None if document is None else json.dumps(document).encode()
        status, answer = self.curl(path, "-X", method, body=body)
        if status != 200:
            raise SystemExit(f"{method} {path} was answered {status}: {answer.decode()}")
        return json.loads(answer)

    def h2load(self, path: str, headers: Mapping[str, str], body: bytes, requests: int, *options: str) -> Loaded:
        """`requests` equal requests over 2 connections with 100 streams each, unless `options` say otherwise."""
        file = self._scratch / "body"
        file.write_bytes(body)
        fields = [f"-H{name}: {value}" for name, value in headers.items() if not name.startswith(":")]
        command = ["h2load", "-n", str(requests), "-c", "2", "-m", "100", "-d", str(file), *fields, *options]
        output = subprocess.run([*command, self.url + path], capture_output=True, check=True, text=True).stdout
        return Loaded(
            rate=float(_found(r"finished in .*, ([0-9.]+) req/s", output)),
            ok=int(_found(r"status codes: (\d+) 2xx", output)),
            client_errors=int(_found(r"(\d+) 4xx", output)),
            server_errors=int(_found(r"(\d+) 5xx", output)),
            failed=int(_found(r"(\d+) errored", output)),
        )

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Note a disagreement."""
        if found != wanted:
            self.wrong.append(f"{what}: {found!r}, expected {wanted!r}")

    def compare(self, step: str, kind: str, loaded: Loaded, *, delivered: int | None = None) -> None:
        """Print both sides of a load, and note where they differ; `delivered` when not all 2xx went to devices."""
        figures = self.control("GET", "/stub/stats")[kind]
        print(
            f"{step}: h2load {loaded.rate:,.0f} requests/s, {loaded.ok} 2xx, {loaded.client_errors} 4xx, "
            f"{loaded.server_errors} 5xx, {loaded.failed} errored | ledger {figures['delivered']} delivered, "
            f"{figures['distinct']} distinct, {figures['doubles']} doubles, refused {figures['refused']}"
        )
        self.expect(f"{step}: delivered", figures["delivered"], loaded.ok if delivered is None else delivered)
        self.expect(f"{step}: refused", figures["refused_total"], loaded.client_errors + loaded.server_errors)
        self.control("POST", "/stub/reset")


def main() -> None:
    """Run all steps."""
    parser = argparse.ArgumentParser(description="Check the stub gateways with curl and h2load.")
    parser.add_argument("--requests", type=int, default=50_000, help="requests of each load (default 50,000)")
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop", help="event loop of the stub")
    options = parser.parse_args()
    for tool in ("curl", "h2load"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is not on the PATH. Debian has it in the packages curl and nghttp2-client.")
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch), options.loop) as (url, ca_file):
        check = Check(url, ca_file, Path(scratch))
        singles(check)
        loads(check, options.requests)
    for line in check.wrong:
        print(f"DISAGREES {line}")
    sys.exit(1 if check.wrong else 0)


@contextmanager
def serving(scratch: Path, loop: str) -> Iterator[tuple[str, str]]:
    """(url, CA file) of a stub in a process of its own."""
    command = [sys.executable, "-c", _SERVE, str(scratch / "state"), loop]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        url, ca_file = process.stdout.readline().split()
        yield url, ca_file
    finally:
        process.terminate()
        process.wait()


def singles(check: Check) -> None:
    """One request of each kind with curl, sound and broken."""
    apns, fcm, webpush = (check.control("POST", "/stub/credentials", {"kind": k}) for k in ("apns", "fcm", "webpush"))
    alert = sender.apns_headers(apns)
    token = _access_token(check, fcm)
    subscription = check.control("POST", "/stub/subscriptions", {"count": 1})[0]
    push = sender.webpush_headers(webpush, subscription["endpoint"])
    sealed = sender.encrypt(b'{"title":"Hello"}', subscription["p256dh"], subscription["auth"])
    fcm_headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    message = b'{"message":{"token":"device:1","android":{"priority":"HIGH","ttl":"60s"}}}'
    cases = [
        ("APNs alert", alert, alert[":path"], ALERT, 200),
        ("APNs alert, topic of another app", {**alert, "apns-topic": "com.example"}, alert[":path"], ALERT, 400),
        ("APNs alert, without token", {**alert, "authorization": ""}, alert[":path"], ALERT, 403),
        ("FCM message", fcm_headers, f"/v1/projects/{fcm['project_id']}/messages:send", message, 200),
        ("FCM message, wrong project", fcm_headers, "/v1/projects/other/messages:send", message, 403),
        ("FCM message, unknown member", fcm_headers, f"/v1/projects/{fcm['project_id']}/messages:send", b"{}", 400),
        ("Web Push", push, push[":path"], sealed, 201),
        ("Web Push, body of another key", push, push[":path"], sealed[:-1] + b"\0", 400),
        ("Web Push, without TTL", {**push, "ttl": ""}, push[":path"], sealed, 400),
    ]
    for name, headers, path, body, wanted in cases:
        fields = [f"-H{field}: {value}" for field, value in headers.items() if not field.startswith(":")]
        status, answer = check.curl(path, *fields, body=body)
        print(f"curl, {name}: {status} {answer.decode()}")
        check.expect(f"curl, {name}", status, wanted)
    status, _ = check.curl("/stub", "--http1.1")
    print(f"curl, HTTP/1.1: {'no answer' if status == 0 else status}")
    check.expect("curl, HTTP/1.1", status, 0)
    stats = check.control("GET", "/stub/stats")
    counts = {kind: (stats[kind]["delivered"], stats[kind]["refused_total"]) for kind in ("apns", "fcm", "webpush")}
    print(f"ledger after curl: {counts} (delivered, refused)")
    check.expect("ledger after curl", counts, {"apns": (1, 2), "fcm": (1, 2), "webpush": (1, 2)})
    check.control("POST", "/stub/reset")


def loads(check: Check, requests: int) -> None:
    """Many requests with h2load."""
    apns, fcm, webpush = (check.control("POST", "/stub/credentials", {"kind": k}) for k in ("apns", "fcm", "webpush"))
    alert = sender.apns_headers(apns, apns_id=None)
    check.compare("APNs", "apns", check.h2load(alert[":path"], alert, ALERT, requests))
    named = sender.apns_headers(apns)
    check.compare("APNs, one apns-id", "apns", check.h2load(named[":path"], named, ALERT, requests // 5))
    check.control("PUT", "/stub/knobs", {"apns": {"refuse": {"ServiceUnavailable": 0.2, "BadDeviceToken": 0.1}}})
    check.compare("APNs, knob refuse", "apns", check.h2load(alert[":path"], alert, ALERT, requests // 5))
    check.control("PUT", "/stub/knobs", {"apns": {"latency_ms": 20, "jitter_ms": 10, "empty_data_end": True}})
    check.compare("APNs, latency, empty DATA", "apns", check.h2load(alert[":path"], alert, ALERT, requests // 5))
    check.control("PUT", "/stub/knobs", {"apns": {"throttle": 1000}})
    check.compare("APNs, throttle 1000/s", "apns", check.h2load(alert[":path"], alert, ALERT, 2000))
    check.control("PUT", "/stub/knobs", {"apns": {"reset_rate": 0.5, "reset_delivered": True}})
    lossy = check.h2load(alert[":path"], alert, ALERT, 1000)
    check.compare("APNs, answers lost", "apns", lossy, delivered=1000)
    check.control("PUT", "/stub/knobs", {"goaway_every": 250})
    check.compare("APNs, GOAWAY after 250", "apns", check.h2load(alert[":path"], alert, ALERT, 2000), delivered=500)
    headers = {"authorization": f"Bearer {_access_token(check, fcm)}", "content-type": "application/json"}
    path = f"/v1/projects/{fcm['project_id']}/messages:send"
    message = b'{"message":{"token":"device:1","data":{"title":"Hello"},"android":{"priority":"HIGH","ttl":"60s"}}}'
    check.compare("FCM", "fcm", check.h2load(path, headers, message, requests))
    subscription = check.control("POST", "/stub/subscriptions", {"count": 1})[0]
    push = sender.webpush_headers(webpush, subscription["endpoint"])
    sealed = sender.encrypt(b'{"clarion_delivery":"1"}', subscription["p256dh"], subscription["auth"])
    check.compare("Web Push", "webpush", check.h2load(push[":path"], push, sealed, requests // 2))


def _access_token(check: Check, account: Mapping[str, Any]) -> str:
    status, answer = check.curl("/oauth2/token", body=sender.token_form(sender.assertion(account)))
    check.expect("curl, token endpoint", status, 200)
    return str(json.loads(answer)["access_token"])


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"h2load printed nothing like {pattern!r}:\n{text}")
    return match.group(1)


if __name__ == "__main__":
    main()
