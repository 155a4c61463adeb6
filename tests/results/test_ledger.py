"""The ledger of outcomes: every device is counted in exactly one figure, and pages follow the order of ids."""

from hypothesis import given
from hypothesis import strategies as st

from clarion.results import ledger
from clarion.results.model import OPEN, SUPPRESSED, TARGETED, Outcome

outcomes = st.lists(st.sampled_from(list(Outcome)), max_size=60)


@given(outcomes)
def test_every_settled_device_is_in_exactly_one_figure(chosen: list[Outcome]) -> None:
    counts = ledger.counts_of(bytes(chosen))
    assert counts.total == sum(outcome not in OPEN for outcome in chosen)
    assert counts.suppressed == sum(outcome in SUPPRESSED for outcome in chosen)
    assert counts.refused == chosen.count(Outcome.REFUSED) + chosen.count(Outcome.REFUSED_DEAD)
    assert ledger.targets_of(bytes(chosen)) == sum(outcome in TARGETED for outcome in chosen)


@given(outcomes)
def test_open_places_are_those_without_final_outcome(chosen: list[Outcome]) -> None:
    assert ledger.open_places(bytes(chosen)) == [place for place, outcome in enumerate(chosen) if outcome in OPEN]


@given(outcomes)
def test_an_intent_nobody_remembers_is_unknown(chosen: list[Outcome]) -> None:
    after = bytearray(chosen)
    assert ledger.forget_intents(after) == chosen.count(Outcome.INTENT)
    assert list(after) == [Outcome.UNKNOWN if outcome is Outcome.INTENT else outcome for outcome in chosen]


@given(outcomes, st.integers(0, 70), st.integers(0, 70))
def test_a_page_of_targets_is_a_slice_of_all_targets(chosen: list[Outcome], skip: int, take: int) -> None:
    """v1 rules 79 and 82."""
    device_ids = [place * 10 for place in range(len(chosen))]
    everything = [(device, outcome) for device, outcome in zip(device_ids, chosen, strict=True) if outcome in TARGETED]
    assert ledger.targets_between(device_ids, bytes(chosen), skip, take) == everything[skip : skip + take]
