"""What another system sent and who reacted: a file with one line for each device and message becomes closed sends.

A file says nothing of a message but its number, and no date but that of its name. So every message of it becomes a
push message of state sent, known by external id, with one closed send at the first instant of that day (UTC): devices
that bounced are refused with a dead token, all others delivered; reactions are clicks. A message that has a send of
that instant is on record and left as it is, whatever the file says, so that loading a file again changes nothing.

Lines go through a temporary table; memory grows with the number of messages, not of lines.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from msgspec import Struct

from clarion.apps.model import App
from clarion.base.errors import Finding, Invalid
from clarion.content import service as content
from clarion.content.model import CampaignDraft, Content, MessageDraft, MessageState
from clarion.content.store import campaigns
from clarion.db import retry
from clarion.db.pool import Database, connect
from clarion.db.sql import Conn
from clarion.devices.csv_file import Broken, CsvFile, Piece
from clarion.devices.model import TransferProgress, device_id
from clarion.devices.transfer import Rejects, Report
from clarion.devices.values import parse_udid
from clarion.migration import store
from clarion.migration.model import History
from clarion.sending import past
from clarion.sending.model import PastSend
from clarion.tracking import service as tracking

PREFIX = "accengage-"
"""How external ids of messages and campaigns that were brought over begin; the vendor's number follows."""

MOST_MESSAGES = 100_000
MOST_CLICKS = 99

_SOURCE = "accengage"
_COLUMNS = {
    "deviceid": "device",
    "udid": "device",
    "messageid": "message",
    "campaignid": "campaign",
    "bounce": "bounce",
    "bounces": "bounce",
    "reaction": "reaction",
    "reactions": "reaction",
}
_NEEDED = {"device": "device_id", "message": "message_id", "bounce": "bounce", "reaction": "reaction"}
_ID = re.compile(r"[0-9A-Za-z._:-]{1,64}")
_NONE = ("", "0", "-", "null", "NULL")
_NO = {"", "n", "no", "false", "-"}
_YES = {"y", "yes", "true"}


class Account(Struct, frozen=True):
    """What became of the lines of a file: `created` are new history, `unchanged` repeated or on record."""

    read: int
    created: int
    unchanged: int
    rejected: int
    history: History
    remarks: list[str]


def is_reactions(header: Sequence[str]) -> bool:
    """Whether a file with this header is one of reactions."""
    found = _places(header)
    return {"device", "message"} <= set(found) and bool({"bounce", "reaction"} & set(found))


def check_header(header: Sequence[str]) -> None:
    """Raises Invalid for a header that lacks what is needed."""
    found = _places(header)
    missing = [name for part, name in _NEEDED.items() if part not in found]
    if missing:
        message = f"The header does not name {', '.join(missing)}. It names: {', '.join(header)[:200]}."
        raise Invalid([Finding("", "missing_column", message)])


def check_day(day: date | None, today: date) -> date:
    """The day of a file. Raises Invalid when nobody tells it, or it has not begun."""
    if day is None:
        message = "The file name ends with no date. Say when its messages were sent: --date YYYY-MM-DD."
        raise Invalid([Finding("", "no_date", message)])
    if not date(2000, 1, 1) <= day <= today:
        message = f"{day} lies in the future or too far back. Say when the messages were sent: --date YYYY-MM-DD."
        raise Invalid([Finding("", "wrong_date", message)])
    return day


async def load(
    db: Database, app: App, file: Path, day: date, *, rejects: Path, progress: Report, dry_run: bool
) -> Account:
    """Write the history of a file of reactions; `dry_run` only tells what is not on record yet.

    Every message is a transaction of its own. Raises Invalid for a file or header that cannot be read, and for one with
    more than 100,000 messages.
    """
    at = datetime.combine(day, time(), UTC)
    source = await asyncio.to_thread(CsvFile, file)
    conn = await connect(db.conninfo, application_name="clarion import")
    refusals = Rejects(rejects)
    try:
        check_header(source.header)
        reader = _Reader(app.id, source.header)
        await store.create(conn)
        read = await _stage(conn, source, reader, refusals, progress)
        found = await store.staged(conn)
        strangers = await store.strangers(conn, app.id)
        if not dry_run:
            await tracking.prepare_week(db, at)
        account = _Sum(day)
        for done, staged in enumerate(found, 1):
            message = reader.messages[staged.message]
            new = await (_look_up if dry_run else _record)(conn, app, message, staged, at)
            account.add(staged, new)
            progress(TransferProgress(read * (len(found) + done) // (2 * len(found)), 0, refusals.count, read))
    finally:
        source.close()
        refusals.close()
        await conn.close()
    unchanged = read - account.created - refusals.count
    remarks = reader.remarks()
    return Account(read, account.created, unchanged, refusals.count, account.history(strangers), remarks)


async def _stage(conn: Conn, source: CsvFile, reader: "_Reader", refusals: Rejects, progress: Report) -> int:
    """Bring the lines into the temporary table; how many there are. They are half of the work."""
    total = await asyncio.to_thread(lambda: sum(len(piece) + len(piece.broken) for piece in source.pieces()))
    read = 0
    blocks = reader.blocks(source)
    ready = await asyncio.to_thread(next, blocks, None)
    while ready is not None:
        ahead = asyncio.create_task(asyncio.to_thread(next, blocks, None))
        try:
            await store.fill(conn, ready.text)
        finally:
            following = await ahead
        refusals.add(ready.refused)
        read += ready.lines
        progress(TransferProgress(read // 2, 0, refusals.count, total))
        ready = following
    return read


class _Message(Struct):
    """A message as the lines of a file name it; `campaigns` are theirs, in the order of their first lines."""

    number: str
    campaigns: dict[str, None] = {}


class _New(Struct, frozen=True):
    """What of a message was not on record beside its send: itself, the campaign of this number, its clicks."""

    message: bool
    campaign: str | None
    clicks: int


async def _record(conn: Conn, app: App, message: _Message, staged: store.Staged, at: datetime) -> _New | None:
    """Write the send of a message, and what of the message itself is missing; None when the send is on record."""

    async def work(conn: Conn) -> _New | None:
        await store.take_turn(conn, app.id)
        found = await content.message_of_external_id(conn, app.id, PREFIX + message.number)
        if found is not None and await past.is_recorded(conn, app.id, found, at):
            return None
        message_id, campaign = (found, None) if found is not None else await _make(conn, app, message)
        send = PastSend(await content.get_message(conn, app.id, message_id), at, staged.devices, _SOURCE)
        number = staged.message
        clicked = await past.record(conn, app.id, send, store.targets(number), store.clicks(number))
        return _New(found is None, campaign, clicked)

    return await retry.repeat(conn, work)


async def _look_up(conn: Conn, app: App, message: _Message, staged: store.Staged, at: datetime) -> _New | None:
    """What `_record` would do."""
    found = await content.message_of_external_id(conn, app.id, PREFIX + message.number)
    if found is not None:
        return None if await past.is_recorded(conn, app.id, found, at) else _New(False, None, staged.clicks)
    number = next(iter(message.campaigns), None)
    known = number is None or await campaigns.of_external_id(conn, app.id, PREFIX + number) is not None
    return _New(True, None if known else number, staged.clicks)


async def _make(conn: Conn, app: App, message: _Message) -> tuple[int, str | None]:
    """Make a message, and its campaign where that is missing: the id of the one, the vendor's number of the other."""
    number = next(iter(message.campaigns), None)
    campaign_id, made = None, None
    if number is not None:
        campaign_id = await campaigns.of_external_id(conn, app.id, PREFIX + number)
        if campaign_id is None:
            draft = CampaignDraft(f"Accengage {number}", PREFIX + number)
            campaign_id, made = await content.create_campaign(conn, app.id, draft), number
    message_id = await content.create_message(conn, app, _draft(message, campaign_id))
    await content.set_state(conn, app.id, message_id, MessageState.SENT)
    return message_id, made


def _draft(message: _Message, campaign_id: int | None) -> MessageDraft:
    text = f"Message {message.number} of Accengage, whose export does not hold its text."
    return MessageDraft(
        name=f"Accengage {message.number}",
        contents=(Content(text),),
        external_id=PREFIX + message.number,
        campaign_id=campaign_id,
    )


class _Sum:
    """Adds up what messages of a file brought."""

    def __init__(self, day: date) -> None:
        self.created = 0
        self._day = day
        self._messages = self._made = self._on_record = 0
        self._audience = self._bounced = self._clicks = 0
        self._campaigns: set[str] = set()

    def add(self, staged: store.Staged, new: _New | None) -> None:
        """Take a message into account; `new` is None when it was on record."""
        if new is None:
            self._on_record += 1
            return
        self.created += staged.devices
        self._messages += 1
        self._made += new.message
        self._campaigns |= {new.campaign} if new.campaign else set()
        self._audience += staged.devices
        self._bounced += staged.bounced
        self._clicks += new.clicks

    def history(self, strangers: int) -> History:
        """The sums so far."""
        return History(
            day=self._day,
            messages=self._messages,
            created=self._made,
            campaigns=len(self._campaigns),
            on_record=self._on_record,
            audience=self._audience,
            delivered=self._audience - self._bounced,
            bounced=self._bounced,
            clicks=self._clicks,
            strangers=strangers,
        )


class _Block(Struct, frozen=True):
    """A piece of a file: its sound lines for COPY, those that were refused, and how many lines it had."""

    text: str
    refused: Sequence[Broken]
    lines: int


class _Reader:
    """Reads lines of reactions. Messages get numbers of this file's own, in the order of `messages`."""

    def __init__(self, app_id: int, header: Sequence[str]) -> None:
        places = _places(header)
        self.messages: list[_Message] = []
        self._app_id = app_id
        self._width = len(header)
        self._device, self._message = places["device"], places["message"]
        self._bounce, self._reaction = places["bounce"], places["reaction"]
        self._campaign = places.get("campaign")
        self._numbers: dict[str, int] = {}
        self._counts = _Counts()

    def blocks(self, source: CsvFile) -> Iterator[_Block]:
        """The file piece by piece."""
        for piece in source.pieces():
            yield self._block(piece)

    def remarks(self) -> list[str]:
        """What is odd about the file as a whole."""
        several = [message.number for message in self.messages if len(message.campaigns) > 1]
        if not several:
            return []
        shown = ", ".join(several[:5]) + (" and others" if len(several) > 5 else "")
        return [f"Messages that stand in several campaigns are put into the first of them: {shown}."]

    def _block(self, piece: Piece) -> _Block:
        lines: list[str] = []
        refused = list(piece.broken)
        for place, fields in enumerate(piece.fields):
            try:
                lines.append(self._line(fields))
            except ValueError as error:
                refused.append(Broken(piece.lines[place], str(error), piece.originals[place]))
        return _Block("".join(lines), refused, len(piece) + len(piece.broken))

    def _line(self, fields: Sequence[str]) -> str:
        """The line for COPY. Raises ValueError with a sentence."""
        if len(fields) != self._width:
            raise ValueError(f"The line has {len(fields)} values where the header has {self._width} names.")
        device = device_id(self._app_id, parse_udid(fields[self._device]))
        bounces, clicks = self._counts[fields[self._bounce]], self._counts[fields[self._reaction]]
        if bounces is None or clicks is None:
            wrong = "bounce" if bounces is None else "reaction"
            raise ValueError(f"`{wrong}` must be Y, N, or a number from 0 to {MOST_CLICKS}.")
        message = self._number_of(fields)
        return f"{message}\t{device}\t{'t' if bounces else 'f'}\t{clicks}\n"

    def _number_of(self, fields: Sequence[str]) -> int:
        campaign = "" if self._campaign is None else fields[self._campaign].strip()
        if campaign in _NONE:
            campaign = ""
        elif not _ID.fullmatch(campaign):
            raise ValueError("`campaign_id` must be up to 64 letters, digits, dots, colons, dashes or underscores.")
        text = fields[self._message]
        number = self._numbers.get(text)
        if number is None:
            number = self._add(text)
        if campaign:
            self.messages[number].campaigns.setdefault(campaign)
        return number

    def _add(self, text: str) -> int:
        if not _ID.fullmatch(text) or text in _NONE:
            raise ValueError("`message_id` must be 1 to 64 letters, digits, dots, colons, dashes or underscores.")
        if len(self.messages) >= MOST_MESSAGES:
            message = (
                f"The file has more than {MOST_MESSAGES:,} different message ids. Look whether the header names the"
                " right columns, or split the file."
            )
            raise Invalid([Finding("", "too_many_messages", message)])
        self._numbers[text] = len(self.messages)
        self.messages.append(_Message(text, {}))
        return self._numbers[text]


class _Counts(dict[str, int | None]):
    """How often something happened, by the text that says so; None for a text that does not."""

    def __missing__(self, text: str) -> int | None:
        plain = text.strip().lower()
        found: int | None = None
        if plain in _NO:
            found = 0
        elif plain in _YES:
            found = 1
        elif plain.isascii() and plain.isdecimal() and len(plain) < 6 and int(plain) <= MOST_CLICKS:
            found = int(plain)
        if len(self) < 1000:
            self[text] = found
        return found


def _places(header: Sequence[str]) -> Mapping[str, int]:
    """Where in a line the parts of a reaction stand; of several columns of one part the first."""
    found: dict[str, int] = {}
    for place, name in enumerate(header):
        part = _COLUMNS.get(re.sub(r"[\s_-]", "", name.lower()))
        if part is not None:
            found.setdefault(part, place)
    return found
