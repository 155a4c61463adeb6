"""The comparison as a table, as JSON and as a section of the documentation."""

import json
from pathlib import Path
from statistics import median

from msgspec.structs import asdict

from bench.campaign.ours import Sample
from bench.delivery.report import environment

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results" / "campaign.json"
DOCUMENT = ROOT / "docs" / "performance.md"

Samples = dict[str, list[Sample]]


def table(samples: Samples, devices: int) -> str:
    """A markdown table: what was delivered, its pace, CPU for each notification delivered; median and spread."""
    lines = [
        "| Server | delivered | delivered/s (min..max) | sender, CPU µs each (min..max) | PostgreSQL, CPU µs each |",
        "|---|---|---|---|---|",
    ]
    for name, runs in samples.items():
        paces = [run.delivered / run.seconds for run in runs]
        senders = [run.sender / run.delivered * 1e6 for run in runs]
        postgres = median(run.postgres / run.delivered * 1e6 for run in runs)
        share = median(run.delivered / devices for run in runs)
        lines.append(
            f"| {name} | {share:.0%} | **{median(paces):,.0f}** ({min(paces):,.0f}..{max(paces):,.0f}) | "
            f"**{median(senders):.1f}** ({min(senders):.1f}..{max(senders):.1f}) | {postgres:.1f} |"
        )
    return "\n".join(lines)


def write(samples: Samples, devices: int) -> None:
    """Keep the figures beside the code, and the table in the documentation."""
    raw = {name: [asdict(run) for run in runs] for name, runs in samples.items()}
    RESULTS.write_text(json.dumps({"devices": devices, "environment": environment(), "runs": raw}, indent=2) + "\n")
    rounds = min(len(runs) for runs in samples.values())
    note = (
        f"{rounds} interleaved rounds of {devices:,} devices; each figure is for a notification that was delivered. "
        "Raw figures: `bench/results/campaign.json`."
    )
    replace_section("campaign", f"{table(samples, devices)}\n\n{note}")


def replace_section(name: str, text: str) -> None:
    """Put `text` between the section's two marks in the documentation."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = DOCUMENT.read_text().partition(begin)
    _, _, after = rest.partition(end)
    DOCUMENT.write_text(f"{before}{begin}\n{text}\n{end}{after}")
