"""A batcher serves a lone caller at once and many together, in order; nobody pays for another's fault or departure."""

import asyncio
from collections.abc import Sequence

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.base.errors import Unavailable
from clarion.db.batching import Batcher, Busy
from tests.support import until


class Work:
    """Doubles numbers, keeps what it was asked, and waits at its gate. Numbers in `bad` fail a batch."""

    def __init__(self, *, most: int = 100, in_hand: int = 1000, bad: Sequence[int] = ()) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self._bad = set(bad)
        self.batcher: Batcher[str, int, int] = Batcher(
            self._run, most=most, in_hand=in_hand, weigh=lambda number: max(1, number // 1000)
        )

    async def _run(self, key: str, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append((key, list(numbers)))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if wrong := self._bad.intersection(numbers):
            raise ValueError(min(wrong))
        return [number * 2 for number in numbers]

    def submit(self, *numbers: int, key: str = "a") -> list[asyncio.Task[int]]:
        return [asyncio.create_task(self.batcher.submit(key, number)) for number in numbers]

    async def begun(self, number: int = 1) -> None:
        """Until so many batches have begun."""

        async def reached() -> bool:
            return len(self.batches) >= number

        await until(reached)


async def settle() -> None:
    """Let everything that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_lone_item_is_done_at_once_and_alone() -> None:
    work = Work()
    assert await work.batcher.submit("a", 1) == 2
    assert await work.batcher.submit("a", 2) == 4
    assert work.batches == [("a", [1]), ("a", [2])]


async def test_items_that_come_at_the_same_time_share_a_batch() -> None:
    work = Work()
    assert await asyncio.gather(*work.submit(3, 1, 2)) == [6, 2, 4]
    assert work.batches == [("a", [3, 1, 2])]


async def test_items_that_come_while_a_batch_runs_make_the_next_one() -> None:
    work = Work()
    work.gate.clear()
    tasks = work.submit(1)
    await work.begun()
    tasks += work.submit(5, 4)
    await settle()
    assert work.batches == [("a", [1])]
    work.gate.set()
    assert await asyncio.gather(*tasks) == [2, 10, 8]
    assert work.batches == [("a", [1]), ("a", [5, 4])]


async def test_keys_do_not_wait_for_each_other() -> None:
    work = Work()
    work.gate.clear()
    tasks = work.submit(1) + work.submit(2, key="b")
    await work.begun(2)
    assert work.batches == [("a", [1]), ("b", [2])]
    work.gate.set()
    assert await asyncio.gather(*tasks) == [2, 4]


async def test_a_batch_has_its_bound_by_weight() -> None:
    work = Work(most=4)
    await asyncio.gather(*work.submit(1, 2, 3, 4, 5, 2000, 3000, 9000, 6))
    assert [numbers for _, numbers in work.batches] == [[1, 2, 3, 4], [5, 2000], [3000], [9000], [6]]


async def test_the_fault_of_one_item_is_its_own() -> None:
    work = Work(bad=(4, 7))
    results = await asyncio.gather(*work.submit(*range(10)), return_exceptions=True)
    assert [each if isinstance(each, int) else str(each) for each in results] == [
        *(0, 2, 4, 6),
        *("4", 10, 12),
        *("7", 16, 18),
    ]


@pytest.mark.parametrize("failure", [Unavailable("gone"), psycopg.OperationalError("gone")])
async def test_what_ails_the_database_fails_the_batch_without_another_try(failure: Exception) -> None:
    work = Work()
    work.failure = failure
    results = await asyncio.gather(*work.submit(1, 2, 3), return_exceptions=True)
    assert results == [failure] * 3
    assert len(work.batches) == 1
    work.failure = None
    assert await work.batcher.submit("a", 1) == 2


async def test_too_much_is_refused_at_once_and_taken_again_later() -> None:
    work = Work(in_hand=3)
    work.gate.clear()
    tasks = work.submit(1)
    await work.begun()
    tasks += work.submit(2, key="b") + work.submit(3)
    await settle()
    for key in ("a", "b", "c"):
        with pytest.raises(Busy):
            await work.batcher.submit(key, 4)
    work.gate.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6]
    assert await work.batcher.submit("a", 4) == 8


async def test_an_item_over_the_bound_is_done_when_nothing_else_is() -> None:
    work = Work(in_hand=3)
    assert await work.batcher.submit("a", 9000) == 18000


async def test_who_leaves_before_the_batch_is_left_out() -> None:
    work = Work(in_hand=3)
    work.gate.clear()
    running = work.submit(1)
    await work.begun()
    gone, waiting = work.submit(5, 6)
    await settle()
    gone.cancel()
    await settle()
    work.gate.set()
    assert list(await asyncio.gather(*running, waiting)) == [2, 12]
    assert gone.cancelled()
    assert work.batches == [("a", [1]), ("a", [6])]
    assert await asyncio.gather(*work.submit(1, 2, 3)) == [2, 4, 6], "nothing is held back for who left"


async def test_who_leaves_a_batch_under_way_changes_nothing_for_the_others() -> None:
    work = Work(in_hand=3)
    work.gate.clear()
    leaver, stayer = work.submit(2, 3)
    await work.begun()
    leaver.cancel()
    work.gate.set()
    assert await stayer == 6
    assert work.batches == [("a", [2, 3])]
    assert await asyncio.gather(*work.submit(1, 2, 3)) == [2, 4, 6]


async def test_when_all_have_left_nothing_is_done() -> None:
    work = Work()
    work.gate.clear()
    running = work.submit(1)
    await work.begun()
    gone = work.submit(5, 6)
    await settle()
    for task in gone:
        task.cancel()
    await settle()
    work.gate.set()
    await asyncio.gather(*running)
    assert await work.batcher.submit("a", 7) == 14
    assert work.batches == [("a", [1]), ("a", [7])]


@given(
    items=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 3)), max_size=60),
    bad=st.sets(st.integers(0, 30), max_size=4),
    most=st.integers(1, 10),
)
def test_every_item_gets_its_own_answer_and_keys_keep_their_order(
    items: list[tuple[str, int, int]], bad: set[int], most: int
) -> None:
    """Whatever comes when (each item waits some turns of the loop), fails and is bundled with what."""
    done: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    running: set[str] = set()

    async def run(key: str, numbers: Sequence[int]) -> Sequence[int]:
        assert key not in running, "one batch of a key at a time"
        assert 0 < len(numbers) <= most
        running.add(key)
        await asyncio.sleep(0)
        running.discard(key)
        if bad.intersection(numbers):
            raise ValueError("one of them is bad")
        done[key] += numbers
        return [number * 2 for number in numbers]

    async def one(batcher: Batcher[str, int, int], key: str, number: int, turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await batcher.submit(key, number)

    async def all_of_them() -> list[int | BaseException]:
        batcher: Batcher[str, int, int] = Batcher(run, most=most, in_hand=1000)
        return await asyncio.gather(*(one(batcher, *item) for item in items), return_exceptions=True)

    answers = asyncio.run(all_of_them())
    for (_, number, _), answer in zip(items, answers, strict=True):
        assert isinstance(answer, ValueError) if number in bad else answer == number * 2
    for key in done:
        arrived = [item for turns in range(4) for item in items if item[0] == key and item[2] == turns]
        assert done[key] == [number for _, number, _ in arrived if number not in bad]
