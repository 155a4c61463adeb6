"""The figures as a table, as JSON and as the section of the documentation."""

import json
import os
import platform
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench import peers
from bench.webpush.clients import Sample
from bench.webpush.sink import nginx_program

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "bench" / "results" / "webpush.json"
DOCUMENT = _ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- webpush: begin -->", "<!-- webpush: end -->"

Samples = dict[str, list[Sample]]
Cost = Callable[[Sample], float]


def whole(sample: Sample) -> float:
    """CPU seconds of everything."""
    return sample.sending + sample.preparing


def sending(sample: Sample) -> float:
    """CPU seconds of sending alone."""
    return sample.sending


ROWS: tuple[tuple[str, str, Cost], ...] = (
    ("clarion, keys made at send", "clarion, keys at send", whole),
    ("clarion, keys made ahead: at send", "clarion, keys ahead", sending),
    ("clarion, keys made ahead: preparation included", "clarion, keys ahead", whole),
    ("clarion, keys made beside: in the sender", "clarion, keys beside", sending),
    ("clarion, keys made beside: helper included", "clarion, keys beside", whole),
    ("web-push (Node)", "web-push", whole),
    ("pywebpush", "pywebpush", whole),
)
"""(name, client, what of its CPU)."""


def cpu(runs: list[Sample], cost: Cost, requests: int) -> list[float]:
    """Microseconds of CPU per notification, run by run."""
    return [cost(run) / requests * 1e6 for run in runs]


def table(samples: Samples, requests: int) -> str:
    """A markdown table: CPU per notification, median and spread, and how many times that the peers take."""
    lines = [
        "| Client | CPU µs a notification (min..max) | web-push takes | pywebpush takes | notifications/s |",
        "|---|---|---|---|---|",
    ]
    others = [median(cpu(samples[name], whole, requests)) for name in ("web-push", "pywebpush")]
    for name, client, cost in ROWS:
        costs = cpu(samples[client], cost, requests)
        pace = median(requests / run.seconds for run in samples[client])
        times = " | ".join(f"{other / median(costs):.1f} x" for other in others)
        lines.append(
            f"| {name} | **{median(costs):.0f}** ({min(costs):.0f}..{max(costs):.0f}) | {times} | {pace:,.0f} |"
        )
    return "\n".join(lines)


def environment() -> dict[str, str]:
    """The machine and the versions that the figures belong to."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    nginx = subprocess.run([nginx_program() or "nginx", "-v"], capture_output=True, text=True, check=True).stderr
    package = json.loads((peers.NODE_MODULES / "web-push" / "package.json").read_text())
    code = "from importlib.metadata import version as v; print(v('pywebpush'), v('aiohttp'))"
    of_python = subprocess.run([peers.PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "cryptography": version("cryptography"),
        "uvloop": version("uvloop"),
        "ngh2": version("ngh2"),
        "node": node,
        "web-push": package["version"],
        "pywebpush": of_python[0],
        "aiohttp": of_python[1],
        "nginx": nginx.strip().removeprefix("nginx version: nginx/"),
    }


def write(samples: Samples, requests: int, subscriptions: int) -> None:
    """JSON for machines, and the section between the marks of the document."""
    figures = {
        name: {
            "cpu_us": [round(each, 2) for each in cpu(samples[client], cost, requests)],
            "median_cpu_us": round(median(cpu(samples[client], cost, requests)), 2),
            "notifications_per_second": [round(requests / run.seconds) for run in samples[client]],
        }
        for name, client, cost in ROWS
    }
    facts = environment()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    document = {"requests": requests, "subscriptions": subscriptions, "environment": facts, "clients": figures}
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    rounds = len(next(iter(samples.values())))
    about = ", ".join(f"{name} {value}" for name, value in facts.items())
    section = (
        f"{_BEGIN}\n{table(samples, requests)}\n\n{rounds} interleaved rounds of {requests:,} notifications to"
        f" {subscriptions:,} subscriptions. {about}. Raw figures: `bench/results/webpush.json`.\n{_END}"
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
