"""What an application declares for messages, triggers and devices to name (v1 rules 39, 91, 92)."""

import pytest

from clarion.apps import declarations
from clarion.apps import service as apps
from clarion.apps.model import Declaration, DeclarationKind, Platform
from clarion.base.errors import Invalid, NotFound
from clarion.base.sealing import Sealer
from clarion.db.pool import Database


@pytest.mark.parametrize("kind", list(DeclarationKind))
async def test_declarations_belong_to_their_application_and_kind(
    database: Database, sealer: Sealer, kind: DeclarationKind
) -> None:
    async with database.transaction() as conn:
        one, _ = await apps.create_app(conn, sealer, "one", Platform.IOS, "One")
        two, _ = await apps.create_app(conn, sealer, "two", Platform.IOS, "Two")
        await declarations.declare(conn, one.id, kind, "1005")
        again = await declarations.declare(conn, one.id, kind, "1005", "Basket", {"note": 1})

        assert again == Declaration(kind, "1005", "Basket", {"note": 1})
        assert await declarations.listed(conn, one.id, kind) == [again]
        assert await declarations.find(conn, one.id, kind, ["1005", "1006", "\x00"]) == {"1005": again}
        assert await declarations.find(conn, two.id, kind, ["1005"]) == {}
        others = [other for other in DeclarationKind if other is not kind]
        assert [await declarations.listed(conn, one.id, other) for other in others] == [[]] * len(others)

        await declarations.withdraw(conn, one.id, kind, "1005")
        for value in ("1005", "\x00"):
            with pytest.raises(NotFound):
                await declarations.withdraw(conn, one.id, kind, value)


@pytest.mark.parametrize("value", ["", "\x00", "a\nb", "x" * 201])
async def test_a_declared_value_is_short_and_printable(database: Database, value: str) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid):
            await declarations.declare(conn, 1, DeclarationKind.VIEW, value)


@pytest.mark.parametrize("value", ["basket", "-1", "2147483648", "1.5"])
async def test_v1_rule_92_an_event_is_declared_by_its_code(database: Database, value: str) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid, match="code"):
            await declarations.declare(conn, 1, DeclarationKind.EVENT, value)
