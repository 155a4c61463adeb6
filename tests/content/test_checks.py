"""What is wrong with a draft, and that finding it out stays cheap whatever a caller sends (v1 rules 38, 41, 43)."""

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base.errors import Finding
from clarion.base.sealing import Sealer
from clarion.content.checks import LONGEST_BUTTON_ID, MOST_LANGUAGES, check_message
from clarion.content.model import Button, Content, MessageDraft
from clarion.content.render.fitness import MAX_SOURCE
from clarion.db.pool import Database

MANY = 20_000


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    """An Android application."""
    async with database.transaction() as conn:
        return (await apps.create_app(conn, sealer, "demo", Platform.ANDROID, "Demo"))[0]


async def check(database: Database, app: App, draft: MessageDraft) -> list[Finding]:
    async with database.transaction() as conn:
        return await check_message(conn, app, draft)


async def codes(database: Database, app: App, *contents: Content) -> list[tuple[str, str]]:
    return [(found.pointer, found.code) for found in await check(database, app, MessageDraft("x", contents))]


@pytest.mark.parametrize("name", ["", "é" * (LONGEST_BUTTON_ID + 1)])
async def test_v1_rule_41_the_id_of_a_button_is_what_a_click_can_carry(database: Database, app: App, name: str) -> None:
    version = Content("x", buttons=(Button("1"), Button(name)))
    assert await codes(database, app, version) == [("/contents/0/buttons/1/id", "button_id")]
    longest = Content("x", buttons=(Button("é" * LONGEST_BUTTON_ID),))
    assert await codes(database, app, longest) == []


async def test_v1_rule_38_a_message_has_a_bounded_number_of_languages(database: Database, app: App) -> None:
    versions = [Content("x", language=f"l{number}") for number in range(MOST_LANGUAGES + 1)]
    assert await codes(database, app, *versions[1:]) == []
    assert await codes(database, app, *versions) == [("/contents", "too_many")]


@pytest.mark.parametrize("text", ["${a}" * (MAX_SOURCE // 4), " ".join(f"${{v{n}}}" for n in range(MAX_SOURCE // 5))])
async def test_a_language_of_nothing_but_marks_is_bounded(database: Database, app: App, text: str) -> None:
    """Marks weigh nothing in the smallest payload, but each costs time for every device."""
    assert await codes(database, app, Content(text)) == [("/contents/0", "too_large")]


async def test_a_hundred_findings_of_a_kind_are_listed(database: Database, app: App) -> None:
    """Form is told even where data would fill the list (v1 rule 107)."""
    draft = MessageDraft(
        "x",
        (Content("x", badge="many"), *[Content() for _ in range(MOST_LANGUAGES - 1)]),
        test_segments=tuple(range(1, MANY)),
        campaign_segments=tuple(range(1, MANY)),
        lists=tuple(range(1, MANY)),
    )
    findings = await check(database, app, draft)
    found = [finding.code for finding in findings]
    assert found[:100] == ["wrong_badge", *["two_fallbacks", "empty_text"] * 49, "two_fallbacks"]
    assert found[100:] == ["unknown_segment"] * 200 + ["unknown_list"] * 100


async def test_reserved_names_without_end_are_a_bounded_list(database: Database, app: App) -> None:
    names = {f"gcm{number}": "" for number in range(2000)}
    found = await codes(database, app, Content("x", display_params=names), Content("x", "en", display_params=names))
    assert len(found) == 100
    assert {code for _, code in found} == {"reserved_name"}
