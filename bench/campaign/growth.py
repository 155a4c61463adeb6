"""How the cost of a broadcast grows with its size: a table, a picture, JSON, and a section of the documentation."""

import json
from collections.abc import Callable
from math import log10

from msgspec import Struct
from msgspec.structs import asdict

from bench.campaign import report
from bench.campaign.ours import Sample
from bench.delivery.report import environment

RESULTS = report.ROOT / "bench" / "results" / "campaign-growth.json"
PICTURE = report.ROOT / "docs" / "pictures" / "campaign-growth.svg"
_MIB = 1 << 20


class Point(Struct, frozen=True):
    """One broadcast to `devices` devices, and the size of the database after it."""

    devices: int
    sample: Sample
    database: int


class Measure(Struct, frozen=True):
    """What a curve of the picture shows: its title, and the figure of a point."""

    title: str
    of: Callable[[Point], float]


MEASURES = (
    Measure("seconds", lambda point: point.sample.seconds),
    Measure("CPU seconds, sender and PostgreSQL", lambda point: point.sample.sender + point.sample.postgres),
    Measure("memory of the sender, MiB at most", lambda point: point.sample.memory_most / _MIB),
    Measure("database, MiB", lambda point: point.database / _MIB),
)


def table(points: list[Point]) -> str:
    """A markdown table."""
    lines = [
        "| Devices | seconds | delivered/s | sender, CPU µs each | PostgreSQL, CPU µs each | sender's memory, MiB |"
        " database, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for point in points:
        sample = point.sample
        each = 1e6 / sample.delivered
        memory = f"{sample.memory_before / _MIB:.0f} to {sample.memory_most / _MIB:.0f}"
        lines.append(
            f"| {point.devices:,} | {sample.seconds:.1f} | {sample.delivered / sample.seconds:,.0f} | "
            f"{sample.sender * each:.1f} | {sample.postgres * each:.1f} | {memory} | {point.database / _MIB:,.0f} |"
        )
    return "\n".join(lines)


def write(points: list[Point]) -> None:
    """Keep the figures, draw the picture, put both into the documentation."""
    raw = [{"devices": p.devices, "database": p.database, **asdict(p.sample)} for p in points]
    RESULTS.write_text(json.dumps({"environment": environment(), "points": raw}, indent=2) + "\n")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(points))
    text = f"{table(points)}\n\n![How a broadcast grows](pictures/campaign-growth.svg)"
    report.replace_section("campaign-growth", text)


def picture(points: list[Point]) -> str:
    """An SVG of one small curve for each measure, both axes logarithmic."""
    width, height = 360, 220
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * width} {2 * height}" font-family="sans-serif" '
        'font-size="11"><rect width="100%" height="100%" fill="white"/>'
    ]
    for number, measure in enumerate(MEASURES):
        x, y = number % 2 * width, number // 2 * height
        parts.append(f'<g transform="translate({x} {y})">{_curve(points, measure, width, height)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _curve(points: list[Point], measure: Measure, width: int, height: int) -> str:
    left, right, top, bottom = 40, width - 30, 40, height - 35
    figures = [max(measure.of(point), 0.01) for point in points]
    low_x, high_x = log10(points[0].devices), log10(points[-1].devices)
    low_y, high_y = log10(min(figures)), log10(max(figures))
    places = [
        (
            left + (right - left) * (log10(point.devices) - low_x) / ((high_x - low_x) or 1),
            bottom - (bottom - top) * (log10(figure) - low_y) / max(high_y - low_y, 1.0),
        )
        for point, figure in zip(points, figures, strict=True)
    ]
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
    marks = [
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="#2457a6"/>'
        f'<text x="{x:.0f}" y="{y - 8:.0f}" text-anchor="middle">{figure:,.3g}</text>'
        f'<text x="{x:.0f}" y="{height - 15}" text-anchor="middle">{point.devices:,}</text>'
        for (x, y), point, figure in zip(places, points, figures, strict=True)
    ]
    title = f'<text x="{left - 25}" y="18" font-weight="bold">{measure.title}</text>'
    axis = f'<path d="M{left} {bottom + 6}H{right}" stroke="#999"/>'
    return f'{title}{axis}<polyline points="{line}" fill="none" stroke="#2457a6" stroke-width="2"/>{"".join(marks)}'
