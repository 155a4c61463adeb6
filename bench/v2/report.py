"""The figures as a table, as JSON and as the section of the documentation."""

import json
import os
import platform
import subprocess
from pathlib import Path
from statistics import median

from msgspec.structs import asdict

from bench.ingest.report import Run
from bench.peers import PYTHON

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "bench" / "results" / "v2.json"
DOCUMENT = _ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- v2: begin -->", "<!-- v2: end -->"

SINGLES, LISTS, CREATIONS, UPDATES = "one account", "list of 25", "new account", "change of an account"
LOADS = (SINGLES, LISTS, CREATIONS, UPDATES)
_PEERS = ("fastapi", "sqlalchemy", "asyncpg", "pydantic", "uvicorn")

Runs = dict[str, list[Run]]


def plain(name: str) -> str:
    """The name of a load on the other side."""
    return f"{name}, FastAPI"


def table(runs: Runs) -> str:
    """Markdown: medians over the rounds, spread of the rate, and how many times the peer's rate ours is."""
    lines = [
        "| A request | requests/s (min..max) | times FastAPI (min..max) | p50 ms | p99 ms | server µs | database µs"
        " | processor time of FastAPI by ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for load in LOADS:
        for name in (load, plain(load)):
            each = runs[name]
            rates = [run.per_second for run in each]
            ratios = _ratios(runs, load)
            times = f"**{median(ratios):.1f}** ({min(ratios):.1f}..{max(ratios):.1f})" if name == load else ""
            spread = f"{median(rates):,.0f} ({min(rates):,.0f}..{max(rates):,.0f})"
            latencies = [f"{median(getattr(run, key) for run in each):,.1f}" for key in ("p50", "p99")]
            costs = [f"{median(getattr(run, key) for run in each):,.0f}" for key in ("server", "database")]
            share = f"**{median(_costs(runs, load)):.1f}**" if name == load else ""
            lines.append(f"| {name} | {spread} | {times} | {' | '.join([*latencies, *costs, share])} |")
    return "\n".join(lines)


def _ratios(runs: Runs, load: str) -> list[float]:
    """Our rate by the peer's, for each round."""
    return [ours.per_second / peer.per_second for ours, peer in zip(runs[load], runs[plain(load)], strict=True)]


def _costs(runs: Runs, load: str) -> list[float]:
    """The peer's processor time, database included, by ours, for each round."""
    pairs = zip(runs[load], runs[plain(load)], strict=True)
    return [(peer.server + peer.database) / (ours.server + ours.database) for ours, peer in pairs]


def write(runs: Runs, connections: int, accounts: int) -> None:
    """JSON for machines, and the section between the marks of the document."""
    facts = _environment()
    figures = {name: [asdict(run) for run in each] for name, each in runs.items()}
    document = {
        "settings": {"connections": connections, "accounts": accounts, "processes": 1},
        "environment": facts,
        "times_fastapi": {load: round(median(_ratios(runs, load)), 2) for load in LOADS},
        "processor_time_of_fastapi_by_ours": {load: round(median(_costs(runs, load)), 2) for load in LOADS},
        "runs": figures,
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    about = ", ".join(f"{name} {value}" for name, value in facts.items())
    section = (
        f"{_BEGIN}\n{table(runs)}\n\n{len(runs[SINGLES])} interleaved rounds, {connections} connections, {accounts:,}"
        f" accounts and those made meanwhile, one process each. {about}. Raw figures: `bench/results/v2.json`.\n{_END}"
    )
    head, _, rest = DOCUMENT.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    DOCUMENT.write_text(head + section + tail)


def _environment() -> dict[str, str]:
    """The machine and the versions that the figures belong to."""
    query = f"from importlib.metadata import version; print(*map(version, {_PEERS!r}))"
    found = subprocess.run([str(PYTHON), "-c", query], capture_output=True, text=True, check=True)
    return {
        "cores": str(os.cpu_count()),
        "load average": f"{os.getloadavg()[2]:.1f} (15 min, everything on the machine)",
        "python": platform.python_version(),
        **dict(zip(_PEERS, found.stdout.split(), strict=True)),
    }
