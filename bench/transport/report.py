"""The figures as a table, as JSON and as the section of the documentation."""

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.transport.clients import Sample
from bench.transport.sink import nginx_program

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "bench" / "results" / "transport.json"
DOCUMENT = _ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- transport: begin -->", "<!-- transport: end -->"
_OURS = "clarion channel"

Samples = dict[str, list[Sample]]


def cpu(sample: Sample, requests: int) -> float:
    """Microseconds of CPU per request."""
    return (sample.user + sample.system) / requests * 1e6


def table(samples: Samples, requests: int) -> str:
    """A markdown table: CPU per request, median and spread, and how many times the channel's that is."""
    lines = [
        "| Client | CPU µs a request (min..max) | user | system | times the channel | requests/s |",
        "|---|---|---|---|---|---|",
    ]
    ours = median(cpu(sample, requests) for sample in samples[_OURS])
    for name, runs in samples.items():
        costs = [cpu(run, requests) for run in runs]
        user = median(run.user / requests * 1e6 for run in runs)
        system = median(run.system / requests * 1e6 for run in runs)
        pace = median(requests / run.seconds for run in runs)
        lines.append(
            f"| {name} | **{median(costs):.1f}** ({min(costs):.1f}..{max(costs):.1f}) | {user:.1f} | {system:.1f}"
            f" | {median(costs) / ours:.2f} | {pace:,.0f} |"
        )
    return "\n".join(lines)


def environment() -> dict[str, str]:
    """The machine and the versions that the figures belong to."""
    h2load = subprocess.run(["h2load", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    nginx = subprocess.run([nginx_program() or "nginx", "-v"], capture_output=True, text=True, check=True).stderr
    package = json.loads((_ROOT / "bench/node_modules/@parse/node-apn/package.json").read_text())
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "uvloop": version("uvloop"),
        "ngh2": version("ngh2"),
        "node": node,
        "@parse/node-apn": package["version"],
        "h2load": h2load.removeprefix("h2load nghttp2/"),
        "nginx": nginx.strip().removeprefix("nginx version: nginx/"),
    }


def write(samples: Samples, requests: int, streams: int) -> None:
    """JSON for machines, and the section between the marks of the document."""
    ours = median(cpu(sample, requests) for sample in samples[_OURS])
    figures = {
        name: {
            "cpu_us": [round(cpu(run, requests), 2) for run in runs],
            "median_cpu_us": round(median(cpu(run, requests) for run in runs), 2),
            "times_channel": round(median(cpu(run, requests) for run in runs) / ours, 2),
            "user_us": [round(run.user / requests * 1e6, 2) for run in runs],
            "system_us": [round(run.system / requests * 1e6, 2) for run in runs],
            "requests_per_second": [round(requests / run.seconds) for run in runs],
        }
        for name, runs in samples.items()
    }
    facts = environment()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    document = {"requests": requests, "streams": streams, "environment": facts, "clients": figures}
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    rounds = len(samples[_OURS])
    about = ", ".join(f"{name} {value}" for name, value in facts.items())
    section = (
        f"{_BEGIN}\n{table(samples, requests)}\n\n{rounds} interleaved rounds of {requests:,} requests, {streams} in"
        f" flight on one connection. {about}. Raw figures: `bench/results/transport.json`.\n{_END}"
    )
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
