"""Slots are shared: priority first, then the owner and the line that have the fewest."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from clarion.base import clock
from clarion.db.pool import Database
from clarion.queue import Line, hold, put_many, release, store
from clarion.queue.lines import Waiting, choose, overdrawn


def waiting(owner: int, strand: int, priority: int = 100) -> Waiting:
    return Waiting("send", priority, owner, strand, -1.0)


lines = st.builds(Line, st.integers(1, 3), st.integers(1, 3))


@given(
    due=st.lists(st.builds(waiting, st.integers(0, 3), st.integers(1, 3), st.sampled_from([20, 100])), max_size=8),
    running=st.lists(lines, max_size=8),
    free=st.integers(0, 8),
    share=st.integers(1, 4),
)
def test_no_owner_gets_more_than_its_share_and_no_slot_is_left_that_somebody_may_have(
    due: list[Waiting], running: list[Line], free: int, share: int
) -> None:
    chosen = choose(due, running, free, share)
    assert sum(jobs for _, jobs in chosen) <= free
    after = Counter(line.owner for line in running)
    for line, jobs in chosen:
        assert after[line.owner] < share or not line.owner
        after[line.owner] += jobs
    if sum(jobs for _, jobs in chosen) < free:
        assert all(line.owner and after[line.owner] >= share for line in due)


def test_owners_take_turns_and_so_do_the_lines_of_each() -> None:
    due = [waiting(1, 1), waiting(1, 2), waiting(2, 3)]
    chosen = {(line.owner, line.strand): jobs for line, jobs in choose(due, [], 8, 4)}
    assert chosen == {(1, 1): 2, (1, 2): 2, (2, 3): 4}
    [(line, jobs)] = choose(due, [Line(1, 1)] * 3 + [Line(2, 3)] * 4, 1, 4)
    assert (line.strand, jobs) == (2, 1)


def test_a_line_that_has_all_of_its_owners_slots_gives_one_to_another() -> None:
    running = [Line(1, 1)] * 4
    assert overdrawn([waiting(1, 2)], running, 4, full=False) == Line(1, 1)
    assert overdrawn([waiting(1, 1)], running, 4, full=False) is None
    assert overdrawn([waiting(1, 2)], [Line(1, 1), Line(1, 2)], 2, full=False) is None
    assert overdrawn([waiting(2, 9)], running, 4, full=True) == Line(1, 1)


async def test_a_line_that_is_held_back_is_not_claimed_before_the_hold_ends(database: Database) -> None:
    async with database.transaction() as conn:
        for strand in (1, 2):
            await put_many(conn, "a", [{}, {}], queue="send", line=Line(7, strand))
        await hold(conn, Line(7, 1), clock.now() + timedelta(minutes=5))
    async with database.connection() as conn:
        claimed = await store.claim(conn, ["send"], 10, 30.0)
        assert [columns[9] for columns in claimed] == [2, 2]
        due = await store.next_due(conn, ["send"])
        assert due is not None
        assert 0 < due < 31
    async with database.transaction() as conn:
        await release(conn, Line(7, 1), ("send",))
    async with database.connection() as conn:
        assert len(await store.claim(conn, ["send"], 10, 30.0)) == 2
