"""The bookkeeping of a chunk: whatever a gateway answers, every device is somewhere, once."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.results import ledger
from clarion.results.model import Chunk, Outcome
from clarion.sending.backoff import MOST, asked, backoff
from clarion.sending.chunk_run import ChunkRun

DELIVERED = Verdict(Fate.DELIVERED)
RETRY = Verdict(Fate.RETRY, "InternalServerError", scope=Scope.CONNECTION)


def run_of(size: int, *, at_most_once: bool = False, outcomes: bytes | None = None) -> ChunkRun:
    chunk = Chunk(0, list(range(100, 100 + size)), outcomes or bytes(size), None, None, {})
    return ChunkRun(chunk, at_most_once=at_most_once)


def hand_over(run: ChunkRun) -> int:
    place = run.ready.popleft()
    run.in_flight += 1
    return place


fates = st.sampled_from(list(Fate))


@given(st.booleans(), st.lists(fates, min_size=1, max_size=80))
def test_every_device_is_waiting_under_way_or_settled(at_most_once: bool, script: list[Fate]) -> None:
    size = 12
    run = run_of(size, at_most_once=at_most_once)
    run.due(range(size))
    now = 0.0
    for fate in script:
        now += 100.0
        run.wake(now)
        run.intend(5) if not run.ready else None
        if run.ready:
            run.answered(hand_over(run), Verdict(fate, "why"), "token", now, 1e6)
        waiting = len(run.ready) + len(run.pending) + len(run.delayed) + run.in_flight
        assert waiting + ledger.counts_of(run.outcomes).total == size
    run.expire()
    assert run.finished
    assert ledger.counts_of(run.outcomes).total == size
    assert ledger.open_places(run.outcomes) == []


@given(st.lists(st.sampled_from([Fate.RETRY, Fate.UNKNOWN]), max_size=10))
def test_at_least_once_goes_on_until_there_is_an_answer(script: list[Fate]) -> None:
    """An answer that was lost is no outcome: the same device is due again."""
    run, now = run_of(1), 0.0
    run.due([0])
    for fate in script:
        run.answered(hand_over(run), Verdict(fate, "lost"), "token", now, 1e6)
        assert run.outcomes[0] == Outcome.PENDING
        now += 120.0
        run.wake(now)
    run.answered(hand_over(run), DELIVERED, "token", now, 1e6)
    assert run.outcomes[0] == Outcome.DELIVERED
    assert run.finished


def test_at_most_once_a_lost_answer_is_unknown_for_good() -> None:
    run = run_of(1, at_most_once=True)
    run.due([0])
    run.intend(1)
    run.answered(hand_over(run), Verdict(Fate.UNKNOWN, "connection lost"), "token", 0.0, 1e6)
    assert run.outcomes[0] == Outcome.UNKNOWN
    assert run.reasons == {"connection lost": 1}


def test_at_most_once_what_was_certainly_not_delivered_needs_a_new_intent() -> None:
    run = run_of(1, at_most_once=True)
    run.due([0])
    run.intend(1)
    assert run.outcomes[0] == Outcome.INTENT
    run.answered(hand_over(run), RETRY, "token", 0.0, 1e6)
    assert run.outcomes[0] == Outcome.PENDING
    run.wake(120.0)
    assert list(run.pending) == [0]
    assert not run.ready


def test_intents_that_were_not_handed_over_are_taken_back() -> None:
    run = run_of(3, at_most_once=True)
    run.due(range(3))
    run.intend(2)
    handed = hand_over(run)
    run.withdraw()
    assert run.outcomes[handed] == Outcome.INTENT
    assert list(run.pending) == [1, 2]
    assert list(run.outcomes[1:]) == [Outcome.PENDING, Outcome.PENDING]


def test_intents_of_an_earlier_run_are_unknown() -> None:
    run = run_of(3, at_most_once=True, outcomes=bytes((Outcome.INTENT, Outcome.PENDING, Outcome.DELIVERED)))
    assert list(run.outcomes) == [Outcome.UNKNOWN, Outcome.PENDING, Outcome.DELIVERED]
    assert run.unrecorded == 1


def test_a_device_waits_as_long_as_the_gateway_asks() -> None:
    run = run_of(1)
    run.due([0])
    run.answered(hand_over(run), Verdict(Fate.RETRY, "TooManyRequests", 30.0, Scope.DEVICE), "token", 0.0, 1e6)
    run.wake(29.9)
    assert not run.ready
    run.wake(33.1)
    assert list(run.ready) == [0]


def test_a_wait_beyond_the_time_to_live_expires_the_device_at_once() -> None:
    run = run_of(1)
    run.due([0])
    run.answered(hand_over(run), Verdict(Fate.RETRY, "TooManyRequests", 30.0, Scope.DEVICE), "token", 0.0, 20.0)
    assert run.outcomes[0] == Outcome.EXPIRED
    assert run.reasons == {"expired: TooManyRequests": 1}
    assert run.finished


def test_a_dead_token_is_reported_with_its_date() -> None:
    since = datetime(2031, 3, 2, tzinfo=UTC)
    run = run_of(1)
    run.due([0])
    run.answered(hand_over(run), Verdict(Fate.DEAD_TOKEN, "Unregistered", dead_since=since), "abc", 0.0, 1e6)
    assert run.outcomes[0] == Outcome.REFUSED_DEAD
    assert [(dead.device_id, dead.token, dead.since) for dead in run.dead] == [(100, "abc", since)]
    assert run.reasons == {"dead: Unregistered": 1}


def test_reasons_are_bounded_and_their_sum_is_kept() -> None:
    run = run_of(300)
    for place in range(300):
        run.due([place])
        run.answered(hand_over(run), Verdict(Fate.REFUSED, f"reason {place} " + "x" * 500), "token", 0.0, 1e6)
    assert sum(run.reasons.values()) == 300
    assert len(run.reasons) <= 22
    assert max(map(len, run.reasons)) <= 120


@given(st.integers(1, 1000), st.floats(0.0, 86_400.0))
def test_backing_off_is_bounded_and_a_delay_asked_for_is_kept(times: int, seconds: float) -> None:
    assert 0 < backoff(times) <= MOST
    assert seconds <= asked(seconds) <= seconds + 5.0
