"""The rules of campaigns and messages below the wire (v1 rules 35, 38, 44, 63, 81)."""

import asyncio

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base.errors import Conflict, Invalid, NotFound
from clarion.base.sealing import Sealer
from clarion.content import service
from clarion.content.model import (
    Action,
    ActionKind,
    Button,
    CampaignDraft,
    Content,
    Guarantee,
    MessageDraft,
    MessageState,
)
from clarion.db.pool import Database

HELLO = MessageDraft(name="Hello", contents=(Content(text="Hello"),))


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    """An Android application."""
    async with database.transaction() as conn:
        return (await apps.create_app(conn, sealer, "demo", Platform.ANDROID, "Demo"))[0]


async def test_a_message_is_stored_with_everything_that_was_given(database: Database, app: App) -> None:
    button = Button(id="1", action="webview", url="https://shop.example", params={"a": "b"})
    draft = MessageDraft(
        name="Order",
        contents=(Content(text="Hi", language="en", buttons=(button,), click_params={"x": "y"}), Content(text="Salut")),
        external_id="order",
        use_pressure=False,
        guarantee=Guarantee.AT_MOST_ONCE,
        time_to_live=60,
    )
    async with database.transaction() as conn:
        created = await service.create_message(conn, app, draft)
        found = await service.get_message(conn, app.id, created)
    assert (found.id, found.revision, found.state, found.draft) == (created, 1, MessageState.DRAFT, draft)


async def test_every_update_is_a_revision_and_leaves_the_state(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        created = await service.create_message(conn, app, HELLO)
        await service.set_state(conn, app.id, created, MessageState.SENT)
        await service.update_message(conn, app, created, HELLO)
        found = await service.lock_message(conn, app.id, created)
    assert (found.revision, found.state) == (2, MessageState.SENT)


async def test_v1_rule_63_nothing_happens_to_a_message_being_sent(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        created = await service.create_message(conn, app, HELLO)
        await service.set_state(conn, app.id, created, MessageState.SENDING)
        with pytest.raises(Conflict) as update:
            await service.update_message(conn, app, created, HELLO)
        with pytest.raises(Conflict) as delete:
            await service.delete_message(conn, app.id, created)
    assert update.value.code == delete.value.code == "sending"


async def test_findings_come_all_at_once(database: Database, app: App) -> None:
    buttons = (Button(id="1", action="browser"), Button(id="1"))
    draft = MessageDraft(
        name="x",
        contents=(Content(text="x", badge="x", sound="custom", collapse_key="k"), Content(buttons=buttons)),
        campaign_id=7,
        lists=(8,),
        test_segments=(9,),
    )
    async with database.transaction() as conn:
        with pytest.raises(Invalid) as raised:
            await service.create_message(conn, app, draft)
    assert sorted((finding.pointer, finding.code) for finding in raised.value.findings) == [
        ("/campaign_id", "unknown_campaign"),
        ("/contents/0/badge", "wrong_badge"),
        ("/contents/0/collapse_key", "unknown_collapse_key"),
        ("/contents/0/sound_name", "missing_sound_name"),
        ("/contents/1/buttons/0/url", "missing_url"),
        ("/contents/1/buttons/1/id", "same_button"),
        ("/contents/1/language", "two_fallbacks"),
        ("/contents/1/text", "empty_text"),
        ("/lists/0", "unknown_list"),
        ("/test_segments/0", "unknown_segment"),
    ]


async def test_v1_rule_44_two_writers_of_one_external_id_at_once(database: Database, app: App) -> None:
    """The second waits for the first and is told; nothing breaks."""
    draft = MessageDraft(name="x", contents=(Content(text="x"),), external_id="same")

    async def create() -> int:
        async with database.transaction() as conn:
            return await service.create_message(conn, app, draft)

    outcomes = await asyncio.gather(*(create() for _ in range(4)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Invalid)]
    assert len(refused) == 3
    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    assert {finding.code for error in refused for finding in error.findings} == {"external_id_taken"}


async def test_v1_rule_44_two_updates_to_one_external_id_at_once(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        ids = [await service.create_campaign(conn, app.id, CampaignDraft(name)) for name in ("a", "b")]

    async def rename(campaign_id: int) -> None:
        async with database.transaction() as conn:
            await service.update_campaign(conn, app.id, campaign_id, CampaignDraft("x", external_id="same"))

    outcomes = await asyncio.gather(*map(rename, ids), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Invalid", "NoneType"]


async def test_v1_rule_35_no_message_keeps_a_campaign_deleted_meanwhile(database: Database, app: App) -> None:
    """A message that is being written with a campaign holds it: the delete waits, and then finds the message."""
    async with database.transaction() as conn:
        campaign = await service.create_campaign(conn, app.id, CampaignDraft("Spring"))
    async with database.transaction() as writer:
        draft = MessageDraft(name="x", contents=(Content(text="x"),), campaign_id=campaign)
        message = await service.create_message(writer, app, draft)

        async def delete() -> None:
            async with database.transaction() as conn:
                await service.delete_campaign(conn, app.id, campaign)

        deleting = asyncio.create_task(delete())
        done, _ = await asyncio.wait([deleting], timeout=0.05)
        assert not done
    await deleting
    async with database.connection() as conn:
        assert (await service.get_message(conn, app.id, message)).draft.campaign_id is None
        with pytest.raises(NotFound):
            await service.get_campaign(conn, app.id, campaign)


async def test_messages_of_a_campaign_and_where_things_are(database: Database, sealer: Sealer, app: App) -> None:
    async with database.transaction() as conn:
        other, _ = await apps.create_app(conn, sealer, "other", Platform.IOS, "Other")
        campaign = await service.create_campaign(conn, app.id, CampaignDraft("Spring"))
        draft = MessageDraft(name="x", contents=(Content(text="x"),), campaign_id=campaign)
        ids = [await service.create_message(conn, app, draft) for _ in range(3)]
        await service.create_message(conn, app, HELLO)
        assert await service.messages_of_campaign(conn, app.id, campaign) == ids
        assert await service.campaign_is_elsewhere(conn, other.id, campaign)
        assert not await service.campaign_is_elsewhere(conn, app.id, campaign)
        assert await service.message_is_elsewhere(conn, other.id, ids[0])
        assert not await service.message_is_elsewhere(conn, app.id, ids[0])


async def test_a_message_is_found_by_its_external_id(database: Database, app: App) -> None:
    draft = MessageDraft(name="x", contents=(Content(text="x"),), external_id="Order")
    async with database.transaction() as conn:
        created = await service.create_message(conn, app, draft)
        assert await service.message_of_external_id(conn, app.id, "Order") == created
        assert await service.message_of_external_id(conn, app.id, "order") is None


async def test_v1_rule_81_actions_keep_their_ids_when_an_update_takes_them_away(database: Database, app: App) -> None:
    def draft(*buttons: str, rich: str | None = None) -> MessageDraft:
        content = Content(text="x", rich_url=rich, buttons=tuple(Button(id=button) for button in buttons))
        return MessageDraft(name="x", contents=(content,))

    async with database.transaction() as conn:
        created = await service.create_message(conn, app, draft("1", "2", rich="https://shop.example"))
        before = await service.actions(conn, app.id, created)
        assert {(action.kind, action.button) for action in before} == {
            (ActionKind.RICH, ""),
            (ActionKind.BUTTON, "1"),
            (ActionKind.BUTTON, "2"),
        }
        await service.update_message(conn, app, created, draft("2", "3"))
        after = await service.actions(conn, app.id, created)
        assert after[:3] == before
        assert [(action.kind, action.button) for action in after[3:]] == [(ActionKind.BUTTON, "3")]
        await service.delete_message(conn, app.id, created)
        assert await service.actions(conn, app.id, created) == list[Action]()
