"""Lines of work, and how the slots of a worker are shared among them.

A line is the jobs of one strand (a send) of one owner (an application). Priority comes first; within one, the owner
with the fewest jobs running gets the next slot, and within an owner the strand with the fewest. An owner may have
`share` jobs at most in a worker, so that a gateway that hangs cannot take every slot. Owner 0 is nobody: its jobs are
bounded by the slots alone.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct


class Line(Struct, frozen=True):
    """Whose work it is, and which line of theirs; 0 is nobody's."""

    owner: int = 0
    strand: int = 0


NOBODY = Line()


class Waiting(Struct, frozen=True):
    """A line with jobs of one priority in a queue; the earliest is due in so many seconds, negative when it is due."""

    queue: str
    priority: int
    owner: int
    strand: int
    due_in: float

    @property
    def line(self) -> Line:
        return Line(self.owner, self.strand)


class Occupancy:
    """The slots in use, by owner and by line. `share` is the most of one owner."""

    def __init__(self, running: Iterable[Line], share: int) -> None:
        self.of_line = Counter(running)
        self.of_owner: Counter[int] = Counter()
        for line, jobs in self.of_line.items():
            self.of_owner[line.owner] += jobs
        self._share = share

    def full(self, owner: int) -> bool:
        """Whether an owner may have no further slot."""
        return owner != 0 and self.of_owner[owner] >= self._share

    def take(self, line: Line) -> None:
        """One more slot of a line."""
        self.of_line[line] += 1
        self.of_owner[line.owner] += 1


def choose(waiting: Sequence[Waiting], running: Iterable[Line], free: int, share: int) -> list[tuple[Waiting, int]]:
    """From which lines how many of `free` slots are filled: fewest running first, by chance among equals."""
    slots = Occupancy(running, share)
    chosen: Counter[int] = Counter()
    order = list(range(len(waiting)))
    random.shuffle(order)
    for _ in range(free):
        best = min(
            (no for no in order if not slots.full(waiting[no].owner)),
            key=lambda no: (
                waiting[no].priority,
                slots.of_owner[waiting[no].owner] if waiting[no].owner else 0,
                slots.of_line[waiting[no].line] if waiting[no].owner else 0,
            ),
            default=None,
        )
        if best is None:
            break
        slots.take(waiting[best].line)
        chosen[best] += 1
    return [(waiting[no], jobs) for no, jobs in chosen.items()]


def overdrawn(waiting: Sequence[Waiting], running: Iterable[Line], share: int, *, full: bool) -> Line | None:
    """The line that should give a slot back to one of those `waiting` ones that cannot get any; None when all is fair.

    Of an owner whose share is used up, a strand gives way to another one that has at least two slots fewer. When the
    worker is `full`, so does an owner to another one.
    """
    slots = Occupancy(running, share)
    for each in waiting:
        if each.owner == 0:
            continue
        theirs = [line for line in slots.of_line if line.owner == each.owner]
        if full and not slots.full(each.owner):
            most = max(slots.of_owner, key=lambda owner: slots.of_owner[owner] if owner else 0, default=0)
            if most and slots.of_owner[most] >= slots.of_owner[each.owner] + 2:
                theirs = [line for line in slots.of_line if line.owner == most]
                return max(theirs, key=lambda line: slots.of_line[line])
        if theirs and (full or slots.full(each.owner)):
            largest = max(theirs, key=lambda line: slots.of_line[line])
            if slots.of_line[largest] >= slots.of_line[each.line] + 2:
                return largest
    return None
