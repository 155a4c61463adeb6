"""One line of the table: what was done to the sends of a run, and how their accounts came out."""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tests.faults.account import Account


class Row(Struct, frozen=True):
    """The figures of one run. `did` says what was done to it and what else was counted; `doubles` may reach `allowed`;
    `faults` is empty when everything is exact. A run that could not be made has `not_run` and nothing else."""

    name: str
    sends: int = 0
    audience: int = 0
    counts: dict[str, int] = {}
    lost: int = 0
    doubles: int = 0
    allowed: int = 0
    did: str = ""
    faults: Sequence[str] = ()
    seconds: float = 0.0
    not_run: str = ""

    @classmethod
    def of(
        cls, name: str, accounts: Sequence[Account], *, did: str, allowed: int = 0, faults: Iterable[str] = ()
    ) -> "Row":
        """The sum of the accounts of a run. More doubles than `allowed` are a fault."""
        counts: Counter[str] = Counter()
        for account in accounts:
            counts.update(account.counts)
        doubles = sum(account.gateway.doubles for account in accounts)
        found = [*faults, *(fault for account in accounts for fault in account.faults())]
        if doubles > allowed:
            found.append(f"{doubles} doubles, {allowed} allowed")
        return cls(
            name=name,
            sends=len(accounts),
            audience=sum(account.audience for account in accounts),
            counts=dict(counts),
            lost=sum(account.lost for account in accounts),
            doubles=doubles,
            allowed=allowed,
            did=did,
            faults=found,
        )
