"""A lane trusts its gateway with less after trouble; what a gateway has set aside is no part of that."""

import pytest

from clarion.gateways.seam import Fate, Verdict
from clarion.sending.flow.window import RESUMED
from clarion.sending.gateways_pool import Lane
from tests.sending.scripted import ScriptedGateway
from tests.support import until


class Parted(ScriptedGateway):
    """A gateway with so many notifications at push services that have gone silent."""

    def __init__(self, aside: int) -> None:
        super().__init__(lambda _notification: Verdict(Fate.DELIVERED), room=100)
        self.aside = aside


@pytest.mark.parametrize(("aside", "room"), [(0, 0), (3, 0), (20, RESUMED)])
async def test_what_hangs_at_a_silent_push_service_takes_no_part_of_a_small_window(aside: int, room: int) -> None:
    lane = Lane(Parted(aside), 1)
    lane.handed(20)
    assert lane.room == 100
    lane.wait_along(1, 0.0)

    async def resumed() -> bool:
        return lane.room < 100

    await until(resumed)
    assert lane.room == room
