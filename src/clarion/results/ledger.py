"""Arithmetic on the outcome bytes of a chunk: counting, settling, and finding targets by their place.

Pure functions; the bytes come from and go to `results.store`.
"""

from collections.abc import Sequence

from clarion.results.model import OPEN, SUPPRESSED, TARGETED, Counts, Outcome

_TARGETED_ONLY = bytes(1 if code in TARGETED else 0 for code in range(256))


def counts_of(outcomes: bytes | bytearray) -> Counts:
    """The final outcomes by kind; open ones are in none of the figures."""
    count = outcomes.count
    return Counts(
        delivered=count(Outcome.DELIVERED),
        refused=count(Outcome.REFUSED) + count(Outcome.REFUSED_DEAD),
        suppressed=sum(count(outcome) for outcome in SUPPRESSED),
        expired=count(Outcome.EXPIRED),
        cancelled=count(Outcome.CANCELLED),
        unknown=count(Outcome.UNKNOWN),
    )


def targets_of(outcomes: bytes | bytearray) -> int:
    """How many devices of the chunk are targets (v1 rule 82)."""
    return sum(outcomes.count(outcome) for outcome in TARGETED)


def open_places(outcomes: bytes | bytearray) -> list[int]:
    """The places whose outcome is still open, in order."""
    return [place for place, outcome in enumerate(outcomes) if outcome in OPEN]


def forget_intents(outcomes: bytearray) -> int:
    """After a restart nobody knows what became of an intent: each turns UNKNOWN. How many there were."""
    found = outcomes.count(Outcome.INTENT)
    outcomes[:] = outcomes.replace(bytes((Outcome.INTENT,)), bytes((Outcome.UNKNOWN,)))
    return found


def targets_between(device_ids: Sequence[int], outcomes: bytes, skip: int, take: int) -> list[tuple[int, Outcome]]:
    """Targets of the chunk by ascending device id: leave out `skip` of them, give at most `take`."""
    marks = outcomes.translate(_TARGETED_ONLY)
    found: list[tuple[int, Outcome]] = []
    place = -1
    while len(found) < take:
        place = marks.find(1, place + 1)
        if place < 0:
            break
        if skip:
            skip -= 1
            continue
        found.append((device_ids[place], Outcome(outcomes[place])))
    return found
