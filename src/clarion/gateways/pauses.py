"""Pauses that push services ask for by a time (`Retry-After`), and that hold for every process of an account.

Gateways know nothing of other processes. They are given `Pauses` as they are given the source of their permits: they
tell it what they were asked for, and are told what others were.
"""

import random
from typing import Protocol

SPREAD = 0.5
"""Seconds within which processes come back after a pause, so that not all do at the same moment."""

_SAME = 0.25
"""Seconds by which a pause must end later than the one in force to be a new one."""


class Waiter(Protocol):
    """Who waits when somebody of its name was told to: the lane of an application, or one push service of the Web."""

    name: str

    def wait_along(self, no: int, seconds: float) -> None:
        """A pause is in force for so many seconds more; `no` tells one from the next."""


class Pauses(Protocol):
    """What the processes of an installation tell each other of pauses."""

    def add(self, waiter: Waiter) -> None:
        """From now on this one is told of pauses."""

    def remove(self, waiter: Waiter) -> None:
        """It is of no interest any longer."""

    async def refresh(self, waiter: Waiter) -> None:
        """Tell one that has just come of the pause in force, if there is any. Raises Unavailable while it cannot be
        known."""

    def tell(self, name: str, seconds: float) -> None:
        """Everybody of this name was asked to wait: let all processes know. Never blocks."""


class AskedPause:
    """Until when to hand nothing over, as the account was asked. Times are those of the event loop."""

    def __init__(self) -> None:
        self.until = 0.0
        self._deadline = 0.0
        self._known = 0

    def asked(self, deadline: float) -> bool:
        """Hand nothing over before `deadline`; whether that is news."""
        if deadline <= self._deadline + _SAME:
            self._deadline = max(self._deadline, deadline)
            self.until = max(self.until, deadline)
            return False
        self._deadline = deadline
        self.until = max(self.until, deadline + SPREAD * random.random())  # noqa: S311 - jitter
        return True

    def along(self, no: int, deadline: float) -> bool:
        """As `asked`, of what another process was told. Each pause is taken once, by its number, so that a clock that
        is set back cannot lengthen it."""
        if no == self._known:
            return False
        self._known = no
        return self.asked(deadline)
