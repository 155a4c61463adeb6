"""How many notifications a gateway has under way over all its push services, and waiting for there to be fewer.

Those at services that have gone silent are left aside.
"""

import asyncio


class Room:
    """Room for `most` notifications. `taken` is counted up by whoever takes room; `give_back` returns it."""

    def __init__(self, most: int) -> None:
        self.taken = 0
        self._most = most
        self._closed = False
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def free(self) -> int:
        """Never below 0; 0 when closed."""
        return 0 if self._closed else max(0, self._most - self.taken)

    def give_back(self, number: int = 1) -> None:
        """So many notifications fewer are under way, or hold room."""
        self.taken -= number
        if self._waiters and self.free:
            self._wake()

    async def wait(self) -> None:
        """Return when some is free, or when it is closed."""
        while not self.free and not self._closed:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def close(self) -> None:
        """Nothing is free any more; nobody waits any longer."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
