"""Marketing pressure as an application's settings: kept as given, refused when they cannot be meant."""

from datetime import UTC, time

import pytest

from clarion.apps import pressure
from clarion.apps import service as apps
from clarion.apps.model import App, Ceiling, Platform, PressureRules, QuietHours
from clarion.base.errors import Invalid
from clarion.base.sealing import Sealer
from clarion.db.pool import Database

EVENING = QuietHours(time(22), time(7, 30))


async def application(database: Database, sealer: Sealer, partner_id: str = "demo01") -> App:
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, partner_id, Platform.IOS, "Demo")
    return app


async def test_rules_belong_to_their_application_and_are_replaced_as_a_whole(
    database: Database, sealer: Sealer
) -> None:
    one, two = [await application(database, sealer, name) for name in ("one", "two")]
    rules = PressureRules(Ceiling(3, 86_400), (EVENING, QuietHours(time(0), time(0), (7,))), "Europe/Paris")
    async with database.transaction() as conn:
        assert await pressure.of(conn, one.id) == PressureRules()
        await pressure.set_rules(conn, one.id, rules)
        assert await pressure.of(conn, one.id) == rules
        assert (await pressure.of(conn, two.id)).none
        await pressure.set_rules(conn, one.id, PressureRules(quiet=(EVENING,)))
        assert await pressure.of(conn, one.id) == PressureRules(quiet=(EVENING,))
        await pressure.set_rules(conn, one.id, PressureRules())
        assert (await pressure.of(conn, one.id)).none


@pytest.mark.parametrize(
    ("rules", "pointers"),
    [
        (PressureRules(Ceiling(0, 60)), ["/ceiling/most"]),
        (PressureRules(Ceiling(1001, 59)), ["/ceiling/most", "/ceiling/seconds"]),
        (PressureRules(Ceiling(1, 90 * 86_400 + 1)), ["/ceiling/seconds"]),
        (PressureRules(quiet=(EVENING, QuietHours(time(1), time(2), ()))), ["/quiet/1/days"]),
        (PressureRules(quiet=(QuietHours(time(1), time(2), (0,)), QuietHours(time(1), time(2), (8,)))),
         ["/quiet/0/days", "/quiet/1/days"]),
        (PressureRules(quiet=(QuietHours(time(1), time(2), (1, 1)),)), ["/quiet/0/days"]),
        (PressureRules(quiet=(QuietHours(time(1, tzinfo=UTC), time(2)),)), ["/quiet/0"]),
        (PressureRules(quiet=(EVENING,) * 21), ["/quiet"]),
        (PressureRules(zone="Paris"), ["/zone"]),
        (PressureRules(zone="../UTC"), ["/zone"]),
        (PressureRules(zone="\x00"), ["/zone"]),
        (PressureRules(Ceiling(0, 60), (QuietHours(time(1), time(2), ()),), ""),
         ["/ceiling/most", "/quiet/0/days", "/zone"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_meant_is_refused_all_at_once_and_nothing_is_kept(
    database: Database, sealer: Sealer, rules: PressureRules, pointers: list[str]
) -> None:
    app = await application(database, sealer)
    async with database.transaction() as conn:
        with pytest.raises(Invalid) as refused:
            await pressure.set_rules(conn, app.id, rules)
        assert [finding.pointer for finding in refused.value.findings] == pointers
        assert (await pressure.of(conn, app.id)).none


@pytest.mark.parametrize("rules", [PressureRules(Ceiling(1, 60)), PressureRules(Ceiling(1000, 90 * 86_400))])
async def test_the_bounds_themselves_are_allowed(database: Database, sealer: Sealer, rules: PressureRules) -> None:
    app = await application(database, sealer)
    async with database.transaction() as conn:
        await pressure.set_rules(conn, app.id, rules)
        assert await pressure.of(conn, app.id) == rules
