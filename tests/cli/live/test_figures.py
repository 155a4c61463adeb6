"""Rates and quantiles of the live view."""

import pytest

from clarion.cli.live.figures import Gateways, Page, Speed, quantile


def page(handed: float, fast: float, slow: float, process: str = "sender-1") -> Page:
    labels = {("gateway", "apns"), ("process", process)}

    def named(name: str, **more: str) -> tuple[str, frozenset[tuple[str, str]]]:
        return name, frozenset({*labels, *more.items()})

    return {
        named("clarion_gateway_handed_over_total"): handed,
        named("clarion_gateway_seconds_bucket", le="0.1"): fast,
        named("clarion_gateway_seconds_bucket", le="1.0"): fast + slow,
        named("clarion_gateway_seconds_bucket", le="+Inf"): fast + slow,
        named("clarion_gateway_streams", state="open"): 5,
        named("clarion_gateway_streams", state="allowed"): 10,
    }


def test_a_lane_shows_what_happened_between_two_looks_over_all_processes() -> None:
    gateways = Gateways()
    gateways.add(0.0, page(100, 50, 0) | page(0, 0, 0, "sender-2"))
    gateways.add(2.0, page(300, 140, 10) | page(100, 0, 0, "sender-2"))
    [lane] = gateways.lanes()
    assert (lane.kind, lane.rate, lane.streams, lane.allowed, lane.paused) == ("apns", 150.0, 10, 20, 0)
    assert lane.p50 == pytest.approx(0.1 * 50 / 90)
    assert lane.p99 == pytest.approx(0.1 + 0.9 * 0.9)


def test_a_process_that_began_again_counts_from_zero() -> None:
    gateways = Gateways()
    gateways.add(0.0, page(1000, 0, 0))
    gateways.add(1.0, page(40, 0, 0))
    [lane] = gateways.lanes()
    assert (lane.rate, lane.p50) == (40.0, None)


def test_old_looks_are_forgotten() -> None:
    speed = Speed()
    assert speed.rate is None
    for second in range(60):
        speed.add(float(second), 0 if second < 40 else 100 * (second - 39))
    assert speed.rate == 100.0


def test_quantiles_beyond_the_last_bound_are_that_bound() -> None:
    assert quantile({1.0: 0.0, float("inf"): 5.0}, 0.5) == 1.0
    assert quantile({1.0: 0.0, float("inf"): 0.0}, 0.5) is None
    assert quantile({}, 0.5) is None
