"""The cap of 600,000 requests in any minute that Google sets per project.

It is kept on our side, for all processes and all applications of a project together: they draw permits from one source
(`Source`), which grants no more than `RATE`. A gateway that is given no source counts for itself.
"""

from collections.abc import Callable

from clarion.gateways.allowance import Allowance, Bucket, Draw, Rate

PER_MINUTE = 600_000
RATE = Rate.within(PER_MINUTE, burst=PER_MINUTE * 0.05)

Source = Callable[[str, Rate], Draw]
"""From the name of an account (`account_name`) and its rate to where its permits come from."""


def account_name(project_id: str) -> str:
    """What a project is called where permits and pauses are shared."""
    return f"fcm:{project_id}"


def allowance(project_id: str, source: Source | None) -> Allowance:
    """The permits of a project."""
    return Allowance(Bucket(RATE).draw if source is None else source(account_name(project_id), RATE))
