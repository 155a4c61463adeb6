"""Group commit: what arrives while a transaction runs waits for it and goes into the next one, together.

A `Batcher` runs one piece of work at a time for each key. Whoever comes while nothing runs is served at once, alone;
under load the batches grow by themselves, and what a transaction costs (its statements, its wait for the disk) is
shared by all who are in it. Nobody is answered before the transaction has committed.

What a batch does is the work's affair; so is running it in a transaction. The work must leave no trace when it fails,
as a transaction does, because parts of a failed batch are tried again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import psycopg

from clarion.base.errors import Unavailable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")


class Busy(Unavailable):
    """As much waits already as may wait: the caller comes again later."""

    def __init__(self) -> None:
        super().__init__("Too much waits to be done.", "Come again in a few seconds.")


class _Entry(Generic[T, R]):
    """One item and the answer it waits for."""

    __slots__ = ("answer", "item", "weight")

    def __init__(self, item: T, weight: int, answer: asyncio.Future[R]) -> None:
        self.item = item
        self.weight = weight
        self.answer = answer


class Batcher(Generic[K, T, R]):
    """Items of the same key are done together, in the order they came, one batch after the other.

    `run(key, items)` gives one result for each item, in order. `most` bounds the weight of a batch, `in_hand` that of
    all items not yet answered, whatever their key; an item heavier than either is let through alone. `weigh` tells the
    weight of an item, 1 by default.
    """

    def __init__(
        self,
        run: Callable[[K, Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most: int,
        in_hand: int,
        weigh: Callable[[T], int] = lambda _: 1,
    ) -> None:
        self._run = run
        self._most = most
        self._bound = in_hand
        self._weigh = weigh
        self._in_hand = 0
        self._queues: dict[K, deque[_Entry[T, R]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, key: K, item: T) -> R:
        """The result of this item, once its batch is done.

        Raises Busy when too much is in hand, else what `run` raises for this item. A caller that is cancelled leaves
        the others alone: its item is left out when its batch has not begun, and done all the same when it has.
        """
        weight = self._weigh(item)
        if self._in_hand and self._in_hand + weight > self._bound:
            raise Busy
        entry: _Entry[T, R] = _Entry(item, weight, asyncio.get_running_loop().create_future())
        self._in_hand += weight
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            task = asyncio.create_task(self._serve(key, queue))
            self._tasks.add(task)  # the loop itself holds tasks weakly
            task.add_done_callback(self._tasks.discard)
        queue.append(entry)
        return await entry.answer

    async def _serve(self, key: K, queue: deque[_Entry[T, R]]) -> None:
        """Do what waits for a key until nothing does."""
        batch: list[_Entry[T, R]] = []
        try:
            while queue:
                batch = self._take(queue)
                await self._do(key, batch)
                self._release(batch)
                batch = []
        finally:
            # Only a cancelled server, at the end of the process, leaves anything here.
            del self._queues[key]
            for entry in (*batch, *queue):
                entry.answer.cancel()
            self._release((*batch, *queue))

    def _take(self, queue: deque[_Entry[T, R]]) -> list[_Entry[T, R]]:
        batch = [queue.popleft()]
        weight = batch[0].weight
        while queue and weight + queue[0].weight <= self._most:
            weight += queue[0].weight
            batch.append(queue.popleft())
        return batch

    async def _do(self, key: K, batch: Sequence[_Entry[T, R]]) -> None:
        """Run a batch. One that fails by the fault of an item is halved, so that the others do not suffer with it."""
        wanted = [entry for entry in batch if not entry.answer.done()]
        if not wanted:
            return
        try:
            results = await self._run(key, [entry.item for entry in wanted])
        except Exception as error:
            if len(wanted) > 1 and _may_be_of_one(error):
                middle = len(wanted) // 2
                await self._do(key, wanted[:middle])
                await self._do(key, wanted[middle:])
                return
            for entry in wanted:
                if not entry.answer.done():
                    entry.answer.set_exception(error)
        else:
            for entry, result in zip(wanted, results, strict=True):
                if not entry.answer.done():
                    entry.answer.set_result(result)

    def _release(self, entries: Iterable[_Entry[T, R]]) -> None:
        self._in_hand -= sum(entry.weight for entry in entries)


def _may_be_of_one(error: Exception) -> bool:
    """Whether an error may come from one item; what ails the database ails all of them."""
    return not isinstance(error, Unavailable | psycopg.OperationalError)
