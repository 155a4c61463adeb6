"""What an application declares for messages, triggers and devices to name (v1 rules 39, 91, 92)."""

from typing import Any

import pytest

from clarion.apps import declarations
from clarion.apps import service as apps
from clarion.apps.details import check_details
from clarion.apps.model import Declaration, DeclarationKind, Platform
from clarion.apps.templates import BUILT_IN
from clarion.base.errors import Conflict, Invalid, NotFound
from clarion.base.sealing import Sealer
from clarion.db.pool import Database


@pytest.mark.parametrize("kind", list(DeclarationKind))
async def test_declarations_belong_to_their_application_and_kind(
    database: Database, sealer: Sealer, kind: DeclarationKind
) -> None:
    value = "fr" if kind is DeclarationKind.LANGUAGE else "1005"
    async with database.transaction() as conn:
        one, _ = await apps.create_app(conn, sealer, "one", Platform.IOS, "One")
        two, _ = await apps.create_app(conn, sealer, "two", Platform.IOS, "Two")
        await declarations.declare(conn, one.id, kind, value)
        again = await declarations.declare(conn, one.id, kind, value, "Basket", {"note": 1})

        assert again == Declaration(kind, value, "Basket", {"note": 1})
        assert await declarations.listed(conn, one.id, kind) == [again]
        assert again in await declarations.known(conn, one.id, kind)
        assert await declarations.find(conn, one.id, kind, [value, "1006", "\x00"]) == {value: again}
        assert await declarations.find(conn, two.id, kind, [value]) == {}
        others = [other for other in DeclarationKind if other is not kind]
        assert [await declarations.listed(conn, one.id, other) for other in others] == [[]] * len(others)

        await declarations.withdraw(conn, one.id, kind, value)
        for gone in (value, "\x00"):
            with pytest.raises(NotFound):
                await declarations.withdraw(conn, one.id, kind, gone)


async def test_v1_rule_39_the_templates_of_every_application_are_found_without_being_declared(
    database: Database, sealer: Sealer
) -> None:
    kind = DeclarationKind.BUTTON_TEMPLATE
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, "one", Platform.IOS, "One")
        found = await declarations.find(conn, app.id, kind, ["yes_no_category", "no_such_category"])
        assert found == {"yes_no_category": BUILT_IN["yes_no_category"]}
        assert await declarations.listed(conn, app.id, kind) == []
        assert [each.value for each in await declarations.known(conn, app.id, kind)] == sorted(BUILT_IN)
        assert await declarations.find(conn, app.id, DeclarationKind.COLLAPSE_KEY, ["yes_no_category"]) == {}
        with pytest.raises(Conflict, match="every application"):
            await declarations.withdraw(conn, app.id, kind, "yes_no_category")

        own = await declarations.declare(conn, app.id, kind, "yes_no_category", "Oui ou non")
        assert await declarations.find(conn, app.id, kind, ["yes_no_category"]) == {"yes_no_category": own}
        assert len(await declarations.known(conn, app.id, kind)) == len(BUILT_IN)
        await declarations.withdraw(conn, app.id, kind, "yes_no_category")
        assert await declarations.find(conn, app.id, kind, ["yes_no_category"]) == found


def test_what_is_built_in_could_have_been_declared() -> None:
    for name, template in BUILT_IN.items():
        assert (template.value, template.kind, template.built_in) == (name, DeclarationKind.BUTTON_TEMPLATE, True)
        assert check_details(template.kind, template.details) == []
        assert [button["id"] for button in template.details["buttons"]] == ["1", "2"][
            : len(template.details["buttons"])
        ]
    assert {"show_share_category", "offer_share_category", "man_woman_category"} == {
        name for name, template in BUILT_IN.items() if template.details["buttons"][-1]["opensApp"]
    } - {"acc_carousel_category"}


@pytest.mark.parametrize("value", ["", "\x00", "a\nb", "x" * 201])
async def test_a_declared_value_is_short_and_printable(database: Database, value: str) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid):
            await declarations.declare(conn, 1, DeclarationKind.VIEW, value)


@pytest.mark.parametrize("value", ["basket", "-1", "2147483648", "1.5", "01001", "１"])
async def test_v1_rule_92_an_event_is_declared_by_its_code(database: Database, value: str) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid, match="code"):
            await declarations.declare(conn, 1, DeclarationKind.EVENT, value)


@pytest.mark.parametrize("value", ["f", "français", "fr_", "fr CA", "1005", "fr-" + "x" * 9])
async def test_a_language_is_declared_by_its_tag(database: Database, value: str) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid, match="tag"):
            await declarations.declare(conn, 1, DeclarationKind.LANGUAGE, value)


@pytest.mark.parametrize("details", [{"t": "\ud800"}, {"t": "\x00"}, {"t": "x" * 20_000}])
async def test_details_that_cannot_be_stored_are_refused(database: Database, details: dict[str, Any]) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid, match="Details"):
            await declarations.declare(conn, 1, DeclarationKind.VIEW, "home", details=details)
