"""How the counters of several processes become one page."""

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from clarion.base import metrics


def samples(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_a_snapshot_is_read_as_it_was_written() -> None:
    found = metrics.read(metrics.snapshot())
    assert {"process_cpu_seconds", "process_resident_memory_bytes"} <= {family.name for family in found}
    assert not [name for family in found for name, _, _ in family.samples if name.endswith("_created")]


def test_processes_share_a_family_and_keep_their_names() -> None:
    """A family may stand on a page once only, or the page is refused as a whole."""
    registry = CollectorRegistry()
    counted = Counter("jobs", "Jobs done.", ["kind"], registry=registry)
    counted.labels('odd "kind"\n').inc(3)
    families = metrics.collected(registry)
    page = metrics.exposition([metrics.gauge("up", "Is up.", ({}, True))], {"a-1": families, "b-1": families})
    assert page.count(b"# TYPE jobs_total counter") == 1
    assert samples(page) == {
        ("up", ()): 1.0,
        ("jobs_total", (("kind", 'odd "kind"\n'), ("process", "a-1"))): 3.0,
        ("jobs_total", (("kind", 'odd "kind"\n'), ("process", "b-1"))): 3.0,
    }


def test_buckets_of_a_histogram_are_cumulative() -> None:
    page = metrics.exposition([metrics.histogram("t", "Time.", (0.1, 1.0), ({"g": "x"}, [2, 0, 3], 7.5))], {})
    assert samples(page) == {
        ("t_bucket", (("g", "x"), ("le", "0.1"))): 2.0,
        ("t_bucket", (("g", "x"), ("le", "1.0"))): 2.0,
        ("t_bucket", (("g", "x"), ("le", "+Inf"))): 5.0,
        ("t_count", (("g", "x"),)): 5.0,
        ("t_sum", (("g", "x"),)): 7.5,
    }
