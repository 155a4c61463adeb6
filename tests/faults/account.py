"""The account of a send that has ended: its own figures, the ledger counted again byte by byte, the gateway's book."""

from collections import Counter
from collections.abc import Collection

from msgspec import Struct

from clarion.apps.model import App
from clarion.content.model import Guarantee
from clarion.db.pool import Database
from clarion.db.sql import tuples
from clarion.devices.model import device_id
from clarion.gateways.stub.ledger import Figures
from clarion.results.model import OPEN, Outcome

KINDS = ("delivered", "refused", "suppressed", "expired", "cancelled", "unknown")


class Account(Struct, frozen=True):
    """One send as it ended. `counts` are its own figures, `recounted` those of its outcome bytes; `places` are the
    bytes, `devices` the devices among them that are the application's own, each once; `open` have no outcome."""

    guarantee: Guarantee
    state: str
    expected: int
    audience: int
    counts: dict[str, int]
    recounted: dict[str, int]
    places: int
    devices: int
    open: int
    reasons: dict[str, int]
    gateway: Figures

    @property
    def lost(self) -> int:
        """Devices without an outcome, and devices called delivered that the gateway never saw."""
        missing = self.expected - (self.devices - self.open)
        return max(0, missing) + max(0, self.counts["delivered"] - self.gateway.distinct)

    def undelivered(self) -> list[str]:
        """For sends that must reach everybody: that this one did not, and why."""
        if self.counts["delivered"] == self.expected:
            return []
        return [f"{self.counts['delivered']} delivered of {self.expected}, {self.reasons}"]

    def faults(self) -> list[str]:
        """What is not exact about it.

        Every device has one outcome, the send's figures are those of the ledger and add up to the audience. What is
        called delivered was seen by the gateway, under one id for each device. What the gateway saw is delivered, at
        most once also unknown. At most once, nothing came twice.
        """
        found = []
        if self.state != "closed":
            found.append(f"ended {self.state}")
        if self.audience != self.expected:
            found.append(f"audience {self.audience}, devices {self.expected}")
        if not self.places == self.devices == self.expected:
            found.append(f"{self.places} places for {self.devices} devices of {self.expected}")
        if self.open:
            found.append(f"{self.open} open")
        if sum(self.counts.values()) != self.audience:
            found.append(f"sum {sum(self.counts.values())}, audience {self.audience}")
        if self.counts != self.recounted:
            found.append(f"figures {self.counts}, ledger {self.recounted}")
        delivered, unknown, seen = self.counts["delivered"], self.counts["unknown"], self.gateway.distinct
        if not delivered <= seen <= delivered + unknown:
            found.append(f"delivered {delivered}, unknown {unknown}, but {seen} distinct at the gateway")
        if self.gateway.unidentified or self.gateway.untracked:
            found.append(f"{self.gateway.unidentified} without an id, {self.gateway.untracked} not tracked")
        if self.guarantee is Guarantee.AT_LEAST_ONCE and unknown:
            found.append(f"{unknown} unknown, at least once")
        if self.guarantee is Guarantee.AT_MOST_ONCE and self.gateway.doubles:
            found.append(f"{self.gateway.doubles} doubles, at most once")
        return found


async def draw_up(db: Database, app: App, send_id: int, expected: Collection[int], gateway: Figures) -> Account:
    """The account of a send that has ended, to the application's `device-<n>` of the numbers `expected`."""
    async with db.connection() as conn:
        [(state, guarantee, audience, *sums)] = await tuples(
            conn,
            "SELECT state, guarantee, audience, delivered, refused, suppressed, expired, cancelled, unknown"
            " FROM clarion.send WHERE app_id = %s AND id = %s",
            (app.id, send_id),
        )
        chunks = await tuples(
            conn,
            "SELECT device_ids, outcomes, reasons FROM clarion.send_chunk WHERE app_id = %s AND send_id = %s",
            (app.id, send_id),
        )
    own = {device_id(app.id, f"device-{number}") for number in expected}
    recounted: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    found: set[int] = set()
    places = still_open = 0
    told: Counter[str] = Counter()
    for device_ids, outcomes, reasons in chunks:
        told.update(reasons)
        places += len(outcomes)
        found.update(device_ids)
        for outcome, number in Counter(outcomes).items():
            if outcome in OPEN:
                still_open += number
            else:
                recounted[Outcome(outcome).name.lower().split("_")[0]] += number
    return Account(
        guarantee=Guarantee(guarantee),
        state=state,
        expected=len(expected),
        audience=audience,
        counts=dict(zip(KINDS, sums, strict=True)),
        recounted=dict(recounted),
        places=places,
        devices=len(found & own),
        open=still_open,
        reasons=dict(told),
        gateway=gateway,
    )
