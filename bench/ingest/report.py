"""The figures as a table, as JSON and as the section of the documentation."""

import json
import os
import platform
import subprocess
from pathlib import Path
from statistics import median

from msgspec import Struct
from msgspec.structs import asdict

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "bench" / "results" / "ingest.json"
DOCUMENT = _ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- ingest: begin -->", "<!-- ingest: end -->"

UPDATES, PARSE_UPDATES = "profile update", "profile update, parse-server"
CREATIONS, PARSE_CREATIONS = "new device", "new device, parse-server"
TENS, SINGLES = "10 reports", "1 report"
_PEERS = {UPDATES: PARSE_UPDATES, CREATIONS: PARSE_CREATIONS}
_REPORTS = {TENS: 10, SINGLES: 1}


class Run(Struct, frozen=True):
    """One load of one round: requests a second, milliseconds until the answer, microseconds of processor a request of
    the server and of PostgreSQL."""

    per_second: float
    p50: float
    p99: float
    server: float
    database: float

    @classmethod
    def of(cls, seconds: float, took: list[float], server: float, database: float) -> "Run":
        """From what was counted."""
        ranks = sorted(took)
        return cls(len(ranks) / seconds, median(ranks), ranks[int(len(ranks) * 0.99)], server, database)


Runs = dict[str, list[Run]]


def table(runs: Runs) -> str:
    """Markdown: medians over the rounds, spread of the rate, and how many times the peer's rate ours is."""
    lines = [
        "| A request | requests/s (min..max) | times peer | reports/s | p50 ms | p99 ms | server µs | database µs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in (UPDATES, PARSE_UPDATES, CREATIONS, PARSE_CREATIONS, TENS, SINGLES):
        each = runs[name]
        rates = [run.per_second for run in each]
        times = f"**{_times(runs, name):.1f}**" if name in _PEERS else ""
        reports = f"**{median(rates) * _REPORTS[name]:,.0f}**" if name in _REPORTS else ""
        spread = f"{median(rates):,.0f} ({min(rates):,.0f}..{max(rates):,.0f})"
        figures = [f"{median(getattr(run, key) for run in each):,.0f}" for key in ("p50", "p99", "server", "database")]
        lines.append(f"| {name} | {spread} | {times} | {reports} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _times(runs: Runs, name: str) -> float:
    """Median over the rounds of our rate by the peer's in the same round."""
    pairs = zip(runs[name], runs[_PEERS[name]], strict=True)
    return median(ours.per_second / peer.per_second for ours, peer in pairs)


def write(runs: Runs, connections: int, devices: int, workers: int) -> None:
    """JSON for machines, and the section between the marks of the document."""
    facts = _environment()
    settings = {"connections": connections, "devices": devices, "workers": workers}
    figures = {name: [asdict(run) for run in each] for name, each in runs.items()}
    times = {name: round(_times(runs, name), 2) for name in _PEERS}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    document = {"settings": settings, "environment": facts, "times_parse_server": times, "runs": figures}
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    about = ", ".join(f"{name} {value}" for name, value in facts.items())
    section = (
        f"{_BEGIN}\n{table(runs)}\n\n{len(runs[UPDATES])} interleaved rounds, {connections} connections,"
        f" {devices:,} devices, {workers} api process{'es' if workers > 1 else ''}. {about}."
        f" Raw figures: `bench/results/ingest.json`.\n{_END}"
    )
    text = DOCUMENT.read_text()
    head, _, rest = text.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    DOCUMENT.write_text(head + section + tail)


def _environment() -> dict[str, str]:
    """The machine and the versions that the figures belong to."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    package = json.loads((_ROOT / "bench/node_modules/parse-server/package.json").read_text())
    return {
        "cores": str(os.cpu_count()),
        "load average": f"{os.getloadavg()[2]:.1f} (15 min, everything on the machine)",
        "python": platform.python_version(),
        "node": node,
        "parse-server": package["version"],
    }
