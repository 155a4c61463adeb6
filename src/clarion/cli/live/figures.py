"""What the live view shows: differences between looks, a window of a few seconds wide.

Sends and queues come from the database, gateways from the metrics page of the installation on this machine.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

WINDOW = 10.0
"""Seconds over which rates and quantiles are taken."""

Sample = tuple[str, frozenset[tuple[str, str]]]
Page = dict[Sample, float]

_PATIENCE = 4.0


def fetch(url: str, token: str) -> Page:
    """The samples of a metrics page by name and labels. Raises OSError with the reason when there is none."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE)
    try:
        connection.request("GET", parts.path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise OSError(text.strip() or f"HTTP {answer.status}")
    except HTTPException as error:
        raise OSError(f"no sound answer: {error!r}") from None
    finally:
        connection.close()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Lane(Struct, frozen=True):
    """One kind of gateway: hand-overs a second, latency quantiles (s, None without any), streams, pauses, and verdicts
    a second that mean sending again."""

    kind: str
    rate: float
    p50: float | None
    p99: float | None
    streams: int
    allowed: int
    paused: int
    pause: float
    again: float


class Gateways:
    """Gateway figures over the last looks. Times are of a clock that only runs forward."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Page]] = deque()

    def add(self, now: float, page: Page) -> None:
        """A further look."""
        self._looks.append((now, page))
        while len(self._looks) > 2 and now - self._looks[1][0] >= WINDOW:
            self._looks.popleft()

    def lanes(self) -> list[Lane]:
        """By kind of gateway, those that were ever used."""
        if not self._looks:
            return []
        (began, old), (ended, new) = self._looks[0], self._looks[-1]
        seconds = max(ended - began, 0.001)
        kinds = sorted({dict(labels)["gateway"] for name, labels in new if name == "clarion_gateway_handed_over_total"})
        found = []
        for kind in kinds:
            buckets = _buckets(old, new, kind)
            found.append(
                Lane(
                    kind=kind,
                    rate=_increase(old, new, "clarion_gateway_handed_over_total", kind) / seconds,
                    p50=quantile(buckets, 0.5),
                    p99=quantile(buckets, 0.99),
                    streams=round(_total(new, "clarion_gateway_streams", kind, state="open")),
                    allowed=round(_total(new, "clarion_gateway_streams", kind, state="allowed")),
                    paused=round(_total(new, "clarion_gateways_paused", kind)),
                    pause=_most(new, "clarion_gateway_pause_seconds", kind),
                    again=_increase(old, new, "clarion_gateway_again_total", kind) / seconds,
                )
            )
        return found

    def value(self, name: str) -> float | None:
        """The latest value of a metric without labels."""
        return self._looks[-1][1].get((name, frozenset())) if self._looks else None


class Speed:
    """How fast a figure grows, over the last looks."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def add(self, now: float, number: int) -> None:
        """A further look."""
        self._looks.append((now, number))
        while len(self._looks) > 2 and now - self._looks[1][0] >= WINDOW:
            self._looks.popleft()

    @property
    def rate(self) -> float | None:
        """A second; None before the second look."""
        if len(self._looks) < 2:
            return None
        (began, old), (ended, new) = self._looks[0], self._looks[-1]
        return max(0, new - old) / max(ended - began, 0.001)


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """The quantile of a histogram given cumulatively by upper bound, linear within its bucket; None when it is empty.

    Beyond the last bound that bound is given, as Prometheus does.
    """
    bounds = sorted(buckets)
    if not bounds or buckets[bounds[-1]] <= 0:
        return None
    counts = [buckets[bound] for bound in bounds]
    wanted = share * counts[-1]
    place = bisect_left(counts, wanted)
    if bounds[place] == float("inf"):
        return bounds[place - 1] if place else None
    lower, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    inside = counts[place] - below
    return lower + (bounds[place] - lower) * ((wanted - below) / inside if inside else 1.0)


def _buckets(old: Page, new: Page, kind: str) -> dict[float, float]:
    found: dict[float, float] = {}
    for (name, labels), value in new.items():
        if name == "clarion_gateway_seconds_bucket" and ("gateway", kind) in labels:
            bound = float(dict(labels)["le"])
            found[bound] = found.get(bound, 0.0) + _grown(old, (name, labels), value)
    return found


def _increase(old: Page, new: Page, name: str, kind: str) -> float:
    return sum(_grown(old, key, value) for key, value in new.items() if key[0] == name and ("gateway", kind) in key[1])


def _grown(old: Page, key: Sample, value: float) -> float:
    """A process that began again counts from zero."""
    before = old.get(key, 0.0)
    return value - before if value >= before else value


def _total(page: Page, name: str, kind: str, **labels: str) -> float:
    wanted = {("gateway", kind), *labels.items()}
    return sum(value for (found, given), value in page.items() if found == name and wanted <= given)


def _most(page: Page, name: str, kind: str) -> float:
    return max(
        (value for (found, given), value in page.items() if found == name and ("gateway", kind) in given), default=0
    )
