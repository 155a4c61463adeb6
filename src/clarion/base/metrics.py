"""What a process counts about itself, and how the counts of several processes become one Prometheus page.

Every process has one registry, to which rooms add their counters and collectors when they are imported. `snapshot`
is what a process hands to whoever is scraped for it; `exposition` merges such snapshots, each under the name of its
process, so that a process that died and began again at zero is an ordinary reset of its own counters.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REGISTRY = CollectorRegistry()
"""The counters of this process."""

ProcessCollector(registry=REGISTRY)


class Family(Struct, frozen=True, array_like=True):
    """One metric with its samples: (name as shown, labels, value). `kind` is a Prometheus type."""

    name: str
    kind: str
    help: str
    samples: list[tuple[str, dict[str, str], float]]


_decoder = msgspec.msgpack.Decoder(list[Family])


def collected(registry: CollectorRegistry = REGISTRY) -> list[Family]:
    """What a registry counts at this moment."""
    return [
        Family(metric.name, metric.type, metric.documentation, _samples(metric))
        for metric in registry.collect()
        if metric.samples
    ]


def snapshot() -> bytes:
    """What this process counts at this moment, to be read with `read`."""
    return msgspec.msgpack.encode(collected())


def read(raw: bytes) -> list[Family]:
    """The families of a snapshot. Raises `msgspec.MsgspecError` when it is none."""
    return _decoder.decode(raw)


def gauge(name: str, help: str, *samples: tuple[Mapping[str, str], float]) -> Family:
    """A gauge by its labels."""
    return Family(name, "gauge", help, [(name, dict(labels), float(value)) for labels, value in samples])


def counter(name: str, help: str, *samples: tuple[Mapping[str, str], float]) -> Family:
    """A counter by its labels; `name` without `_total`."""
    return Family(name, "counter", help, [(f"{name}_total", dict(labels), float(value)) for labels, value in samples])


def histogram(
    name: str,
    help: str,
    bounds: Sequence[float],
    *samples: tuple[Mapping[str, str], Sequence[int], float],
) -> Family:
    """A histogram by its labels: how many fell into each bucket (the last one has no bound), and their sum."""
    shown: list[tuple[str, dict[str, str], float]] = []
    for labels, buckets, total in samples:
        below = 0
        for bound, number in zip([*map(str, bounds), "+Inf"], buckets, strict=True):
            below += number
            shown.append((f"{name}_bucket", {**labels, "le": bound}, float(below)))
        shown += [(f"{name}_count", dict(labels), float(below)), (f"{name}_sum", dict(labels), total)]
    return Family(name, "histogram", help, shown)


class Families(Collector):
    """A collector out of a function that gives families: what is computed when it is asked for."""

    def __init__(self, source: Callable[[], Iterable[Family]]) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """As the registry asks."""
        for family in self._source():
            yield _metric(family)

    def describe(self) -> Iterable[Metric]:
        """The names are not told in advance: nothing is computed when the collector is registered."""
        return ()


def exposition(own: Iterable[Family], processes: Mapping[str, Iterable[Family]]) -> bytes:
    """One page in the Prometheus text format: `own` as it is, and what processes count, labelled with their name."""
    merged: dict[str, Family] = {family.name: family for family in own}
    for process, families in processes.items():
        for family in families:
            labelled = [(name, {"process": process, **labels}, value) for name, labels, value in family.samples]
            known = merged.get(family.name)
            samples = labelled if known is None else [*known.samples, *labelled]
            merged[family.name] = Family(family.name, family.kind, family.help, samples)
    return generate_latest(_Page(merged.values()))


class _Page:
    """What `generate_latest` wants of a registry."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return map(_metric, self._families)


def _metric(family: Family) -> Metric:
    metric = Metric(family.name, family.help, family.kind)
    for name, labels, value in family.samples:
        metric.add_sample(name, labels, value)
    return metric


def _samples(metric: Metric) -> list[tuple[str, dict[str, str], float]]:
    """Without the instants at which counters came to be: they say nothing that the start of the process does not."""
    return [(each.name, each.labels, each.value) for each in metric.samples if not each.name.endswith("_created")]
