"""Exports of reactions: history that reports show, exact to the device, and written once."""

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from psycopg import sql

from clarion.apps.model import Platform
from clarion.base import clock
from clarion.base.errors import Invalid
from clarion.content import service as content
from clarion.content.model import MessageState
from clarion.db.pool import Database
from clarion.db.sql import Conn, execute, tuples
from clarion.devices.model import device_id
from clarion.migration import reactions
from clarion.migration.model import Choices, History
from clarion.results import service as results
from clarion.results.model import Period, Subject
from clarion.results.store import chunks as ledger
from clarion.results.store import pressing as pressing_store
from clarion.sending import past
from clarion.sending import service as sending
from clarion.sending import store as sends
from clarion.sending.model import PastSend, SendState
from tests.migration.conftest import Move, moved

HEADER = "user_id;device_id;message_id;campaign_id;bounce;reaction"
TODAY = clock.now().date()
LATELY = TODAY - timedelta(days=10)
EVER = Period()


def name(day: date) -> str:
    return f"exportMessagesReactions_417_{day:%Y%m%d}.csv"


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def with_devices(move: Move, number: int) -> None:
    """Devices d0, d1 and so on are there."""
    file = move.file("base.csv", "UDID;token", *(f"d{n};t{n}" for n in range(number)))
    await move.bring(file)
    file.unlink()
    move.noted.clear()


async def message_of(move: Move, number: str) -> int:
    async with move.database.connection() as conn:
        found = await content.message_of_external_id(conn, move.app.id, f"accengage-{number}")
    assert found is not None
    return found


async def reports(move: Move, subject: Subject) -> tuple[list[tuple[str, datetime, bool]], list[tuple[str, datetime]]]:
    """Targets and clicks as /v1 lists them."""
    async with move.database.connection() as conn:
        app_id = move.app.id
        targets = await results.targets(conn, app_id, subject, EVER, [], limit=10_000, offset=0)
        clicks = await results.clicks(conn, app_id, subject, EVER, [], limit=10_000, offset=0)
    assert all(click.action_id is None for click in clicks)
    return [(each.udid, each.at, each.bounced) for each in targets], [(each.udid, each.at) for each in clicks]


@pytest.mark.parametrize("platform", list(Platform))
async def test_history_shows_in_reports_and_figures(database: Database, tmp_path: Path, platform: Platform) -> None:
    """v1 rules 33, 79, 82 and 84."""
    move = await moved(database, tmp_path, platform)
    await with_devices(move, 4)
    move.file(name(LATELY), HEADER, "1;d0;7;3;0;1", "2;d1;7;3;1;0", "3;d2;7;3;0;0", "4;d3;8;3;0;2", "5;d0;9;;0;0")
    [report] = (await move.bring()).files
    assert (report.read, report.created, report.unchanged, report.rejected) == (5, 5, 0, 0)
    assert report.history == History(
        day=LATELY,
        messages=3,
        created=3,
        campaigns=1,
        on_record=0,
        audience=5,
        delivered=4,
        bounced=1,
        clicks=3,
        strangers=0,
    )
    seven, eight = await message_of(move, "7"), await message_of(move, "8")
    moment = at(LATELY)
    order = sorted(["d0", "d1", "d2"], key=lambda udid: device_id(move.app.id, udid))
    targets, clicks = await reports(move, Subject(message_id=seven))
    assert targets == [(udid, moment, udid == "d1") for udid in order]
    assert clicks == [("d0", moment)]
    assert (await reports(move, Subject(message_id=eight)))[1] == [("d3", moment)] * 2
    async with database.connection() as conn:
        found = await content.get_message(conn, move.app.id, seven)
        assert found.state is MessageState.SENT
        campaign = found.draft.campaign_id
        assert campaign is not None
        assert (await content.get_campaign(conn, move.app.id, campaign)).draft.external_id == "accengage-3"
        assert (await content.get_message(conn, move.app.id, await message_of(move, "9"))).draft.campaign_id is None
        [day] = await results.stats(conn, move.app.id, None, None, limit=9, offset=0)
    assert (day.day, day.push_sent, day.push_clicks, day.bounces, day.push_displays) == (LATELY, 5, 3, 1, 0)
    targets, clicks = await reports(move, Subject(campaign_id=campaign))
    assert (len(targets), len(clicks)) == (4, 3)


async def test_the_books_of_a_past_send_add_up(move: Move) -> None:
    """audience = the sum of outcomes, in the send as in its chunks, over several chunks."""
    number = 4_500
    lines = [f"{n};d{n};7;3;{int(n % 10 == 0)};{int(n % 4 == 0)}" for n in range(number)]
    move.file(name(LATELY), HEADER, *lines)
    await move.bring()
    async with move.database.connection() as conn:
        [send] = await sends.latest(conn, move.app.id, 9)
        totals = await sends.totals(conn, move.app.id, send.id)
        in_chunks, planned = await ledger.sums(conn, move.app.id, send.id)
        progress = await sending.progress(conn, move.app.id, send.id)
        chunk = await ledger.load_chunk(conn, move.app.id, send.id, 0)
    assert (send.state, send.audience, send.chunks, send.chunks_open) == (SendState.CLOSED, number, 3, 0)
    assert (send.created_at, send.closed_at) == (at(LATELY), at(LATELY))
    assert totals == in_chunks
    assert totals.total == planned == number
    assert (totals.delivered, totals.refused) == (number - number // 10, number // 10)
    assert progress.pending == 0
    assert progress.reasons == {"dead: bounce": number // 10}
    assert chunk is not None
    assert chunk.device_ids == sorted(chunk.device_ids)
    assert len(chunk.outcomes) == len(chunk.device_ids) == 2_000


async def test_what_was_sent_lately_presses(move: Move) -> None:
    """Marketing pressure counts what the other system delivered, not what bounced there."""
    move.file(name(TODAY), HEADER, "1;d0;7;3;0;1", "1;d1;7;3;1;0")
    await move.bring()
    day = 86_400
    async with move.database.connection() as conn:
        pressing = await sends.pressing(conn, move.app.id, 0, day)
        bounds = {"low": -(2**63), "high": 2**63 - 1, "seconds": day, "times": 1}
        pressed = await pressing_store.pressed(conn, move.app.id, pressing, **bounds)
    assert pressed == [device_id(move.app.id, "d0")]


async def test_the_same_file_twice_changes_nothing(move: Move) -> None:
    await with_devices(move, 2)
    move.file(name(LATELY), HEADER, "1;d0;7;3;0;1", "2;d1;7;3;1;1", "2;d1;8;4;0;0")
    await move.bring()
    before = await move.everything()
    [report] = (await move.bring()).files
    assert (report.read, report.created, report.unchanged) == (3, 0, 3)
    assert report.history is not None
    assert (report.history.messages, report.history.on_record, report.history.audience) == (0, 2, 0)
    assert await move.everything() == before


async def test_an_import_that_was_broken_off_goes_on_where_it_was(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message is a transaction of its own."""
    whole = [f"1;d{n};{message};3;0;1" for n in range(3) for message in ("7", "8", "9")]
    move.file(name(LATELY), HEADER, *whole)
    record = past.record
    calls = itertools.count(1)

    async def dies(conn: Conn, app_id: int, send: PastSend, targets: sql.Composable, clicks: sql.Composable) -> int:
        if next(calls) == 2:
            raise ConnectionError
        return await record(conn, app_id, send, targets, clicks)

    monkeypatch.setattr(past, "record", dies)
    with pytest.raises(ConnectionError):
        await move.bring()
    monkeypatch.undo()
    [report] = (await move.bring()).files
    assert (report.created, report.unchanged) == (6, 3)
    async with move.database.connection() as conn:
        [day] = await results.stats(conn, move.app.id, None, None, limit=9, offset=0)
    assert (day.push_sent, day.push_clicks) == (9, 9)


async def test_a_message_of_several_days_is_one_message_with_several_sends(move: Move) -> None:
    """An automatic push of the vendor went out day by day."""
    days = [TODAY - timedelta(days=ago) for ago in (12, 11, 10)]
    for day in days:
        move.file(name(day), HEADER, f"1;d{day};7;3;0;1", f"1;x{day};7;3;0;0")
    brought = await move.bring()
    made = [each.history.created for each in brought.files if each.history]
    assert made == [1, 0, 0]
    targets, clicks = await reports(move, Subject(message_id=await message_of(move, "7")))
    assert [moment for _, moment, _ in targets] == sorted([at(day) for day in days] * 2)
    assert [moment for _, moment in clicks] == [at(day) for day in days]


async def test_lines_that_repeat_a_device_are_one_target(move: Move) -> None:
    move.file(name(LATELY), HEADER, "1;d0;7;3;0;1", "1;d0;7;3;1;0", "1;d0;7;3;0;0")
    [report] = (await move.bring()).files
    assert (report.read, report.created, report.unchanged) == (3, 1, 2)
    assert report.history is not None
    assert (report.history.audience, report.history.bounced, report.history.clicks) == (1, 1, 1)


async def test_devices_that_are_gone_stay_targets_and_are_counted(move: Move) -> None:
    """The vendor purged them, or their export comes later: then they are named."""
    move.file(name(LATELY), HEADER, "1;gone;7;3;1;0", "1;late;7;3;0;1")
    [report] = (await move.bring()).files
    assert report.history is not None
    assert report.history.strangers == 2
    message = Subject(message_id=await message_of(move, "7"))
    assert {udid for udid, _, _ in (await reports(move, message))[0]} == {""}
    (move.folder / name(LATELY)).unlink()
    move.file("base.csv", "UDID;token", "late;t")
    await move.bring()
    targets, clicks = await reports(move, message)
    assert {udid for udid, _, _ in targets} == {"", "late"}
    assert [udid for udid, _ in clicks] == ["late"]


async def test_old_history_keeps_its_figures_and_clicks_when_its_targets_are_dropped(move: Move) -> None:
    """v1 rule 82: targets are listed for three months; loading the file again still adds nothing."""
    day = TODAY - timedelta(days=200)
    move.file(name(day), HEADER, "1;d0;7;3;0;1", "1;d1;7;3;1;0")
    await move.bring()
    targets, clicks = await reports(move, Subject(message_id=await message_of(move, "7")))
    assert targets == []
    assert [moment for _, moment in clicks] == [at(day)]
    assert await results.drop_old(move.database) == 1
    before = await move.everything()
    await move.bring()
    assert await move.everything() == before
    async with move.database.connection() as conn:
        [found] = await results.stats(conn, move.app.id, None, None, limit=9, offset=0)
    assert (found.day, found.push_sent, found.push_clicks, found.bounces) == (day, 2, 1, 1)


async def test_figures_add_to_those_of_the_day(move: Move) -> None:
    """Both systems may have sent on the same day."""
    async with move.database.transaction() as conn:
        query = "INSERT INTO clarion.stat_day (app_id, day, push_sent, opens) VALUES (%s, %s, 10, 4)"
        await execute(conn, query, (move.app.id, LATELY))
    move.file(name(LATELY), HEADER, "1;d0;7;3;0;1")
    await move.bring()
    async with move.database.connection() as conn:
        [day] = await results.stats(conn, move.app.id, None, None, limit=9, offset=0)
    assert (day.push_sent, day.push_clicks, day.opens) == (11, 1, 4)


async def test_what_does_not_fit_is_rejected_with_its_reason(move: Move) -> None:
    lines = [
        "1;d0;7;3;0;1",
        "1;;7;3;0;1",
        "1;d0;;3;0;1",
        "1;d0;a b;3;0;1",
        "1;d0;7;c d;0;1",
        "1;d0;7;3;maybe;1",
        "1;d0;7;3;0;100",
        "1;d0;7;3;0",
        "1;d1;7;3;Y;no",
    ]
    move.file(name(LATELY), HEADER, *lines)
    [report] = (await move.bring()).files
    assert (report.read, report.created, report.rejected) == (9, 2, 7)
    wrong = ["UDID", "message_id", "message_id", "campaign_id", "bounce"]
    assert [reason.line for reason in report.reasons] == [3, 4, 5, 6, 7]
    assert all(word in reason.reason for word, reason in zip(wrong, report.reasons, strict=True))
    assert report.history is not None
    assert (report.history.delivered, report.history.bounced, report.history.clicks) == (1, 1, 1)


async def test_a_message_in_several_campaigns_is_put_into_the_first(move: Move) -> None:
    move.file(name(LATELY), HEADER, "1;d0;7;3;0;1", "1;d1;7;4;0;0", "1;d2;7;;0;0")
    brought = await move.bring()
    assert any("several campaigns" in remark for remark in brought.remarks)
    async with move.database.connection() as conn:
        names = await tuples(conn, "SELECT external_id FROM clarion.campaign WHERE app_id = %s", (move.app.id,))
    assert names == [("accengage-3",)]


async def test_a_dry_run_tells_the_same_and_writes_nothing(move: Move) -> None:
    await with_devices(move, 1)
    move.file(name(LATELY - timedelta(days=1)), HEADER, "1;d0;7;3;0;1")
    await move.bring()
    for file in move.folder.iterdir():
        file.unlink()
    move.file(name(LATELY), HEADER, "1;d0;7;3;0;1", "1;d1;8;3;1;0", "1;d1;9;5;0;0", "1;d1;10;5;0;1", "1;d1;10;5;0;x")
    before, noted = await move.everything(), list(move.noted)
    [told] = (await move.bring(dry_run=True)).files
    assert (await move.everything(), move.noted) == (before, noted)
    [done] = (await move.bring()).files
    assert told.history == done.history
    assert (told.read, told.created, told.unchanged, told.rejected) == (5, 4, 0, 1)
    assert (done.read, done.created, done.unchanged, done.rejected) == (5, 4, 0, 1)
    assert done.history is not None
    assert (done.history.messages, done.history.created, done.history.campaigns) == (4, 3, 1)


async def test_the_date_is_that_of_the_file_name_or_of_the_caller(move: Move) -> None:
    file = move.file("reactions.csv", HEADER, "1;d0;7;3;0;1")
    for choices, day in ((Choices(), "--date"), (Choices(day=TODAY + timedelta(days=1)), "future")):
        with pytest.raises(Invalid, match=day):
            await move.bring(file, choices=choices)
    dated = move.file(name(LATELY), HEADER, "1;d0;8;3;0;1")
    brought = await move.bring(file, dated, choices=Choices(day=TODAY))
    assert [each.history.day for each in brought.files if each.history] == [TODAY, TODAY]


async def test_histories_of_two_applications_do_not_meet(move: Move, database: Database, tmp_path: Path) -> None:
    """The same numbers of messages and campaigns, each in its own application (v1 rule 27)."""
    other = await moved(database, tmp_path, Platform.ANDROID)
    move.file(name(LATELY), HEADER, "1;d0;7;3;0;1")
    await move.bring()
    [report] = (await other.bring()).files
    assert report.created == 1
    assert report.history is not None
    assert (report.history.created, report.history.campaigns) == (1, 1)
    numbers = await message_of(move, "7"), await message_of(other, "7")
    assert numbers[0] != numbers[1]
    assert len((await reports(move, Subject(message_id=numbers[0])))[0]) == 1
    assert (await reports(other, Subject(message_id=numbers[0])))[0] == []


async def test_a_file_with_too_many_message_ids_is_refused(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactions, "MOST_MESSAGES", 3)
    move.file(name(LATELY), HEADER, *(f"1;d0;{n};3;0;1" for n in range(1, 6)))
    with pytest.raises(Invalid, match="different message ids"):
        await move.bring()
    async with move.database.connection() as conn:
        assert await tuples(conn, "SELECT id FROM clarion.message WHERE app_id = %s", (move.app.id,)) == []
