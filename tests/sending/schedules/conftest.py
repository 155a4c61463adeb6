"""Fixtures of the tests of schedules."""

import pytest

from tests.sending.journey import Journey
from tests.sending.schedules.agenda import Agenda


@pytest.fixture
async def agenda(unconnected: Journey) -> Agenda:
    """An iOS application without gateway and devices, on Monday 3 March 2031, at noon in UTC."""
    agenda = Agenda(unconnected)
    await agenda.move_to("2031-03-03T12:00:00+00:00")
    return agenda
