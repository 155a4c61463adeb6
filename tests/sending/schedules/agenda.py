"""Schedules of one application on a clock that the test moves, run by the runner that runs them in production."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from clarion.base import clock
from clarion.content.model import MessageState
from clarion.db.sql import execute, rows
from clarion.sending.schedules import service as schedules
from clarion.sending.schedules import store
from clarion.sending.schedules.model import Exclusion, Recurrence, Schedule, ScheduleDraft
from clarion.sending.schedules.runner import run_due
from tests.sending.journey import Journey
from tests.sending.scripted import Mortal


class Sent(Struct, frozen=True):
    """One send that was begun, and what it says of itself."""

    id: int
    message_id: int
    reason: str | None
    created_at: datetime


class Agenda:
    """What a test does with schedules. Sends have the empty audience of an application without devices, or its real
    one when the test adds some."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.app_id = journey.app.id

    async def move_to(self, text: str | datetime) -> None:
        """Move the clock of the database and of this process."""
        instant = datetime.fromisoformat(text) if isinstance(text, str) else text
        clock.shift(timedelta(0))
        shift = instant - clock.now()
        clock.shift(shift)
        async with self.journey.database.transaction() as conn:
            await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (shift,))

    async def schedule(
        self, first: str, often: Recurrence = Recurrence.DAILY, *exclusions: Exclusion, message: int = 0, **more: Any
    ) -> int:
        """The message, a new one unless given, scheduled at this date."""
        message = message or await self.journey.message()
        draft = ScheduleDraft(datetime.fromisoformat(first), often, **more)
        async with self.journey.database.transaction() as conn:
            await schedules.create(conn, self.app_id, message, draft)
            for exclusion in exclusions:
                await schedules.exclude(conn, self.app_id, message, exclusion)
        return message

    async def of(self, message: int) -> Schedule:
        async with self.journey.database.connection() as conn:
            return await schedules.get(conn, self.app_id, message)

    async def next_run(self, message: int) -> str | None:
        found = (await self.of(message)).next_run
        return None if found is None else found.isoformat()

    async def state(self, message: int) -> MessageState:
        return await self.journey.message_state(message)

    async def run(self, runners: int = 1) -> int:
        """Deal with everything that is due, with several runners at once; how many occurrences were dealt with."""
        done = 0
        while found := sum(await asyncio.gather(*(run_due(self.journey.database) for _ in range(runners)))):
            done += found
        return done

    async def deliver(self) -> None:
        """Plan and deliver what was begun."""
        sender = self.journey.sender()
        assert await Mortal(self.journey.database, sender.handlers()).live()
        await sender.aclose()

    async def run_at(self, text: str | datetime) -> int:
        """Move the clock, run, deliver."""
        await self.move_to(text)
        done = await self.run()
        await self.deliver()
        return done

    async def sends(self, message: int = 0) -> list[Sent]:
        async with self.journey.database.connection() as conn:
            return await rows(
                conn,
                """
                SELECT id, message_id, reason, created_at FROM clarion.send
                WHERE app_id = %s AND message_id = coalesce(nullif(%s, 0), message_id) ORDER BY id
                """,
                (self.app_id, message),
                of=Sent,
            )

    async def due_in(self) -> float | None:
        async with self.journey.database.connection() as conn:
            return await store.due_in(conn)
