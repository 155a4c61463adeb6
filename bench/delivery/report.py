"""The figures as tables, as JSON and as the section of the documentation."""

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench import peers
from bench.delivery.clients import CLIENTS
from bench.delivery.sink import nginx_program
from bench.delivery.work import Sample

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "bench" / "results" / "delivery.json"
DOCUMENT = _ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- transport: begin -->", "<!-- transport: end -->"
_GATEWAYS = ("APNs", "FCM")
_NODE_PEERS = ("@parse/node-apn", "apns2", "firebase-admin")

Samples = dict[str, list[Sample]]


def cpu(sample: Sample) -> float:
    """Microseconds of CPU per request."""
    return (sample.user + sample.system) / sample.answered * 1e6


def tables(samples: Samples) -> str:
    """A markdown table for each gateway: CPU per request and what it is in times of our own gateway's.

    Ratios are taken within a round, whose runs met the same machine, and their median and spread given.
    """
    return "\n\n".join(_table(gateway, samples) for gateway in _GATEWAYS)


def _table(gateway: str, samples: Samples) -> str:
    lines = [
        f"| {gateway} client | CPU µs a request (min..max) | user | system | times ours (min..max) | requests/s |",
        "|---|---|---|---|---|---|",
    ]
    for client in CLIENTS:
        if client.gateway == gateway:
            runs = samples[client.name]
            costs, ratios = [cpu(run) for run in runs], times_ours(client.name, samples)
            user = median(run.user / run.answered * 1e6 for run in runs)
            system = median(run.system / run.answered * 1e6 for run in runs)
            pace = median(run.answered / run.seconds for run in runs)
            lines.append(
                f"| {client.name} | **{median(costs):.1f}** ({min(costs):.1f}..{max(costs):.1f}) | {user:.1f} |"
                f" {system:.1f} | {median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f}) | {pace:,.0f} |"
            )
    return "\n".join(lines)


def times_ours(name: str, samples: Samples) -> list[float]:
    """What a client cost in each round, in times of what our gateway of its kind cost in that round."""
    gateway = next(client.gateway for client in CLIENTS if client.name == name)
    ours = next(client.name for client in CLIENTS if client.gateway == gateway and client.ours)
    return [cpu(run) / cpu(own) for run, own in zip(samples[name], samples[ours], strict=True)]


def environment() -> dict[str, str]:
    """The machine and the versions that the figures belong to."""
    h2load = subprocess.run(["h2load", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    nginx = subprocess.run([nginx_program() or "nginx", "-v"], capture_output=True, text=True, check=True).stderr
    packages = {name: json.loads((peers.NODE_MODULES / name / "package.json").read_text()) for name in _NODE_PEERS}
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "uvloop": version("uvloop"),
        "ngh2": version("ngh2"),
        "node": node,
        **{name: package["version"] for name, package in packages.items()},
        **_python_peers(),
        "h2load": h2load.removeprefix("h2load nghttp2/"),
        "nginx": nginx.strip().removeprefix("nginx version: nginx/"),
    }


def _python_peers() -> dict[str, str]:
    program = (
        "from importlib.metadata import version as v; print(v('aioapns'), v('firebase-admin'), v('pyjwt'), v('h2'))"
    )
    told = subprocess.run([str(peers.PYTHON), "-c", program], capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(("aioapns", "firebase-admin (Python)", "pyjwt", "h2"), told, strict=True))


def write(samples: Samples, requests: int, streams: int) -> None:
    """JSON for machines, and the section between the marks of the document."""
    figures = {
        client.name: {
            "gateway": client.gateway,
            "requests": samples[client.name][0].answered,
            "cpu_us": [round(cpu(run), 2) for run in samples[client.name]],
            "median_cpu_us": round(median(cpu(run) for run in samples[client.name]), 2),
            "times_ours": [round(ratio, 2) for ratio in times_ours(client.name, samples)],
            "median_times_ours": round(median(times_ours(client.name, samples)), 2),
            "user_us": [round(run.user / run.answered * 1e6, 2) for run in samples[client.name]],
            "system_us": [round(run.system / run.answered * 1e6, 2) for run in samples[client.name]],
            "requests_per_second": [round(run.answered / run.seconds) for run in samples[client.name]],
        }
        for client in CLIENTS
    }
    facts = environment()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    document = {"requests": requests, "streams": streams, "environment": facts, "clients": figures}
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    rounds = len(samples[CLIENTS[0].name])
    about = ", ".join(f"{name} {value}" for name, value in facts.items())
    amounts = f"{rounds} interleaved rounds of {requests:,} requests (fewer of the slow clients), {streams} in flight"
    section = f"{_BEGIN}\n{tables(samples)}\n\n{amounts}. {about}. Raw figures: `bench/results/delivery.json`.\n{_END}"
    text = DOCUMENT.read_text()
    head, _, rest = text.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    DOCUMENT.write_text(head + section + tail)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
