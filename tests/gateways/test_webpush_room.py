"""Room is bounded, comes back one by one, and nobody waits for it for ever."""

import asyncio

from clarion.gateways.webpush.room import Room


async def test_room_that_is_given_back_wakes_who_waits() -> None:
    room = Room(2)
    room.taken = 3
    waiting = asyncio.create_task(room.wait())
    await asyncio.sleep(0)
    room.give_back()
    assert room.free == 0
    assert not waiting.done()
    room.give_back()
    assert room.free == 1
    async with asyncio.timeout(10):
        await waiting


async def test_closing_ends_all_waiting_and_leaves_no_room() -> None:
    room = Room(1)
    room.taken = 1
    waiting = [asyncio.create_task(room.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    room.close()
    async with asyncio.timeout(10):
        await asyncio.wait(waiting)
        await room.wait()
    room.give_back()
    assert room.free == 0
