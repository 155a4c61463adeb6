"""Devices that speak at the same time share transactions, and each gets what it would have got alone."""

import asyncio

import pytest

from clarion.apps.model import App, Scheme
from clarion.db.pool import Database
from clarion.devices import service
from clarion.devices.intake import Intake
from clarion.devices.model import TOKEN, DeviceRecord, Registration, device_id
from tests.devices.conftest import column


async def fields_of(database: Database, app: App, scheme: Scheme, udid: str) -> dict[str, object]:
    number = device_id(app.id, udid)
    async with database.connection() as conn:
        found = await service.columns_of(conn, app.id, [number], scheme.columns)
    return dict(found[number])


async def test_updates_of_one_device_go_in_the_order_they_came(database: Database, app: App, scheme: Scheme) -> None:
    language, model = column(scheme, "language"), column(scheme, "model")
    intake = Intake(database)
    records = [DeviceRecord("d", {language: f"l{n}"} if n % 3 else {model: f"m{n}"}) for n in range(50)]
    assert await asyncio.gather(*(intake.upsert(app, record) for record in records)) == [device_id(app.id, "d")] * 50
    found = await fields_of(database, app, scheme, "d")
    assert (found["language"], found["model"]) == ("l49", "m48")


async def test_a_value_that_the_database_refuses_costs_its_own_request_only(
    database: Database, app: App, scheme: Scheme
) -> None:
    language = column(scheme, "language")
    intake = Intake(database)
    values = ["fr", "e\x00n", "de"]
    answers = await asyncio.gather(
        *(intake.upsert(app, DeviceRecord(f"d{n}", {language: value})) for n, value in enumerate(values)),
        return_exceptions=True,
    )
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
    assert (await fields_of(database, app, scheme, "d0"))["language"] == "fr"
    assert (await fields_of(database, app, scheme, "d2"))["language"] == "de"


async def test_a_token_is_left_with_the_last_of_those_who_bring_it_at_once(
    database: Database, app: App, scheme: Scheme
) -> None:
    intake = Intake(database)
    await asyncio.gather(*(intake.upsert(app, DeviceRecord(f"d{n}", {TOKEN: "t"})) for n in range(5)))
    held = [(await fields_of(database, app, scheme, f"d{n}"))["token"] for n in range(5)]
    assert held == [None] * 4 + ["t"]


@pytest.mark.parametrize("intakes", [1, 3])
async def test_tokens_that_go_round_in_several_processes_end_with_one_holder_each(
    database: Database, app: App, scheme: Scheme, intakes: int
) -> None:
    several = [Intake(database) for _ in range(intakes)]
    work = [
        several[n % intakes].upsert(app, DeviceRecord(f"d{(n * 7) % 10}", {TOKEN: f"t{(n * 3) % 10}"}))
        for n in range(60)
    ]
    await asyncio.gather(*work)
    held = [(await fields_of(database, app, scheme, f"d{n}"))["token"] for n in range(10)]
    tokens = [token for token in held if token is not None]
    assert len(tokens) == len(set(tokens))


async def test_devices_that_register_at_once_with_one_token_are_one_device(database: Database, app: App) -> None:
    intakes = [Intake(database), Intake(database)]
    made = await asyncio.gather(*(intakes[n % 2].register(app, Registration(token="t")) for n in range(20)))
    assert len({each.udid for each in made}) == 1
    assert sum(each.created for each in made) == 1
