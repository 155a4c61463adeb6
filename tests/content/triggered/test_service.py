"""The rules of in-apps and alarms below the wire (v1 rules 35, 39, 90, 91, 98, 102)."""

import pytest

from clarion.apps.model import App, Declaration, DeclarationKind
from clarion.base.errors import Invalid, NotFound
from clarion.content import service as content
from clarion.content.model import CampaignDraft, Content
from clarion.content.triggered import service, store
from clarion.content.triggered.model import (
    AlarmDraft,
    AlarmSettings,
    Custom,
    GlobalCapping,
    InAppContent,
    InAppDraft,
    Landing,
    Popup,
    Programmation,
    ProgrammationKind,
    TriggeredKind,
)
from clarion.content.triggered.templates import check_details, missing
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn

INAPP = InAppDraft(name="Rate us", contents=(InAppContent(Popup("Rate us", "Please")),))
ALARM = AlarmDraft(
    name="Come back",
    contents=(Content(text="We miss you"),),
    settings=AlarmSettings(Programmation(ProgrammationKind.TIMER, duration=60)),
)


@pytest.mark.parametrize("draft", [INAPP, ALARM])
async def test_a_message_is_stored_and_its_revision_grows(
    database: Database, app: App, draft: InAppDraft | AlarmDraft
) -> None:
    async with database.transaction() as conn:
        created = await service.create(conn, app, draft)
        kind = TriggeredKind.INAPP if draft is INAPP else TriggeredKind.ALARM
        found = await service.lock(conn, app.id, kind, created)
        assert (found.id, found.revision, found.active, found.draft) == (created, 1, False, draft)
        assert found.kind is kind
        await service.update(conn, app, found, draft, active=True)
        assert await service.set_active(conn, app.id, kind, created, False)
        assert not await service.set_active(conn, app.id, kind, created, False)
        assert (await service.get(conn, app.id, kind, created)).revision == 3


async def test_v1_rule_27_of_another_application_everything_is_unknown(
    database: Database, app: App, other: App
) -> None:
    named = InAppDraft(name="x", external_id="x", contents=INAPP.contents)
    async with database.transaction() as conn:
        created = await service.create(conn, app, named)
        for wrong in (
            service.get(conn, other.id, TriggeredKind.INAPP, created),
            service.lock(conn, other.id, TriggeredKind.INAPP, created),
            service.set_active(conn, other.id, TriggeredKind.INAPP, created, True),
            service.id_of(conn, other.id, TriggeredKind.INAPP, "x"),
            service.get(conn, app.id, TriggeredKind.ALARM, created),
            service.id_of(conn, app.id, TriggeredKind.ALARM, "x"),
        ):
            with pytest.raises(NotFound):
                await wrong
        assert await service.listed(conn, other.id, TriggeredKind.INAPP, 10, 0) == []
        assert await service.id_of(conn, app.id, TriggeredKind.INAPP, "x") == created


async def test_v1_rule_44_an_external_id_taken_meanwhile_is_told_all_the_same(database: Database, app: App) -> None:
    """The look before the write does not see what is not committed yet; the write does."""
    named = InAppDraft(name="x", external_id="x", contents=INAPP.contents)

    async def work(conn: Conn) -> int:
        return await service.create(conn, app, named)

    async with database.connection() as conn, conn.transaction():
        await service.create(conn, app, named)
        async with database.connection() as second, second.transaction():
            assert await service.check(second, app, named) == []
    with pytest.raises(Invalid):
        await retry.transact(database, work)


async def test_v1_rule_35_deleting_a_campaign_leaves_its_messages(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        campaign = await content.create_campaign(conn, app.id, CampaignDraft("Spring"))
        draft = AlarmDraft(name="x", contents=ALARM.contents, settings=ALARM.settings, campaign_id=campaign)
        created = await service.create(conn, app, draft)
        await content.delete_campaign(conn, app.id, campaign)
        assert (await service.get(conn, app.id, TriggeredKind.ALARM, created)).draft.campaign_id is None


async def test_every_change_counts_in_the_revision_of_the_application(database: Database, app: App, other: App) -> None:
    async with database.transaction() as conn:
        assert await store.revision(conn, app.id) == 0
        created = await service.create(conn, app, INAPP)
        assert await store.revision(conn, app.id) == 1
        await service.set_active(conn, app.id, TriggeredKind.INAPP, created, True)
        await service.set_active(conn, app.id, TriggeredKind.INAPP, created, True)
        assert await store.revision(conn, app.id) == 2
        await service.update(conn, app, await service.lock(conn, app.id, TriggeredKind.INAPP, created), INAPP)
        assert await store.revision(conn, app.id) == 3
        assert await store.revision(conn, other.id) == 0


async def test_v1_rule_102_a_global_capping_by_application_and_kind(database: Database, app: App, other: App) -> None:
    async with database.transaction() as conn:
        assert await service.global_capping(conn, app.id) == {}
        await service.set_global_capping(conn, app.id, TriggeredKind.INAPP, 3, 3600)
        await service.set_global_capping(conn, app.id, TriggeredKind.ALARM, 1, 86_400)
        await service.set_global_capping(conn, app.id, TriggeredKind.INAPP, 2, 60)
        assert await service.global_capping(conn, app.id) == {
            TriggeredKind.INAPP: GlobalCapping(2, 60),
            TriggeredKind.ALARM: GlobalCapping(1, 86_400),
        }
        await service.set_global_capping(conn, app.id, TriggeredKind.INAPP, 0, 0)
        assert await service.global_capping(conn, app.id) == {TriggeredKind.ALARM: GlobalCapping(1, 86_400)}
        assert await service.global_capping(conn, other.id) == {}


@pytest.mark.parametrize(
    ("frequency", "duration", "wrong"),
    [(-1, 1, ["/frequency"]), (1, 0, ["/duration"]), (2**31, 2**31, ["/frequency", "/duration"])],
)
async def test_v1_rule_102_a_capping_has_a_frequency_and_a_duration(
    database: Database, app: App, frequency: int, duration: int, wrong: list[str]
) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid) as caught:
            await service.set_global_capping(conn, app.id, TriggeredKind.INAPP, frequency, duration)
    assert [finding.pointer for finding in caught.value.findings] == wrong


def test_v1_rule_91_details_of_a_template() -> None:
    assert check_details({}) == []
    assert check_details({"kind": "interstitial", "required": ["title", "outAnimation"]}) == []
    for wrong in ({"kind": "poster"}, {"required": "title"}, {"required": ["colour"]}):
        assert [finding.code for finding in check_details(wrong)] == ["template_details"]


def test_v1_rule_91_what_a_template_demands() -> None:
    demanding = Declaration(
        DeclarationKind.INAPP_TEMPLATE, "gold", "Gold", {"required": ["title", "autoclose", "action"]}
    )
    assert missing(demanding, Custom("gold")) == ["title", "autoclose", "action"]
    assert missing(demanding, Custom("gold", title="x", autoclose=0, action=Landing())) == []
    assert missing(demanding, Landing(template_value="gold")) == ["title"]
    unreadable = Declaration(DeclarationKind.INAPP_TEMPLATE, "gold", "Gold", {"required": 7})
    assert missing(unreadable, Custom("gold")) == []
