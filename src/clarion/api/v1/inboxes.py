"""Inbox messages on the v1 wire (v1 rules 90 and 99 to 101)."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType, convert, field
from msgspec.structs import replace

from clarion.api.contract.instants import parse_instant
from clarion.api.exchange import Response
from clarion.api.v1.audience_wire import MEMBERS, ListName, Segments, read_lists
from clarion.api.v1.call import Call, empty_answer, id_answer
from clarion.api.v1.errors import Label, V1Error, spelled
from clarion.api.v1.message_wire import Scalar, read_params
from clarion.base.errors import Finding, Invalid
from clarion.content.inbox import service as inbox
from clarion.content.inbox.model import InboxButton, InboxContent, InboxContentKind, InboxDraft, StatusChange
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.sending import inbox as sending
from clarion.sending.schedules.recurrence import is_zone

_NAMES = {
    **MEMBERS,
    "external_id": "externalId",
    "campaign_id": "campaignId",
    "expires_at": "expirationDate",
    "contents": "messages",
    "body": "content/body",
    "target": "content/data",
    "buttons": "content/buttons",
    "data": "action/data",
}


class _Action(Struct):
    type: str
    data: str | None = None


class _Button(Struct, rename="camel"):
    title: str
    action: _Action
    id: str | int | None = None
    custom_params: dict[str, Scalar] | UnsetType = UNSET


class _Content(Struct, rename="camel"):
    type: InboxContentKind
    body: str | None = None
    data: str | None = None
    open_rich_push_in: str = "webview"
    buttons: list[_Button] = []


class _Version(Struct, rename="camel"):
    title: str
    content: _Content
    language: str | None = None
    sender: str | None = None
    category: str | None = None
    text: str | None = None
    icon: str | None = None
    custom_params: dict[str, Scalar] | UnsetType = UNSET


class _Body(Struct, rename="camel"):
    name: str
    messages: list[_Version]
    external_id: str | None = None
    campaign_id: int | None = None
    segments: Segments = field(default_factory=Segments)
    lists: list[ListName] = []
    sending_date: str | None = None
    timezone: str | None = None
    expiration_date: str | None = None


class _Status(Struct, rename="camel"):
    read_date: str | UnsetType | None = UNSET
    archived_date: str | UnsetType | None = UNSET


async def create_inbox(call: Call) -> Response:
    """Create an inbox message, which is given to its audience at its date."""

    async def work(conn: Conn) -> int:
        return await sending.create(conn, call.app, await _read(conn, call))

    with spelled(_NAMES, named_is_404=True):
        return id_answer(await retry.transact(call.services.db, work))


async def update_inbox(call: Call) -> Response:
    """Replace an inbox message before its date."""
    return await _update(call)


async def update_inbox_by_external_id(call: Call) -> Response:
    """As `update_inbox`; the message keeps the external id it was addressed by unless the body gives another."""
    return await _update(call)


async def set_inbox_status(call: Call) -> Response:
    """Set or clear what one device did with its copy."""
    return await _set_status(call)


async def set_inbox_status_by_external_id(call: Call) -> Response:
    """As `set_inbox_status`."""
    return await _set_status(call)


async def _update(call: Call) -> Response:
    async def work(conn: Conn) -> int:
        message_id = await _addressed(conn, call)
        inbox.refuse_sent(await inbox.lock(conn, call.app.id, message_id))
        await sending.update(conn, call.app, message_id, await _read(conn, call, message_id))
        return message_id

    with spelled(_NAMES, named_is_404=True):
        return id_answer(await retry.transact(call.services.db, work))


async def _set_status(call: Call) -> Response:
    udid: str = call.query["UDID"]
    if not udid:
        raise V1Error(400, Label.FORMAT, "Missing mandatory parameter `UDID`")
    status = convert(call.body, _Status)
    change = StatusChange(read_at=_date(status.read_date), archived_at=_date(status.archived_date))

    async def work(conn: Conn) -> None:
        await inbox.set_status(conn, call.app.id, await _addressed(conn, call), udid, change)

    await retry.transact(call.services.db, work)
    return empty_answer()


async def _addressed(conn: Conn, call: Call) -> int:
    """The message of the path, by its id or its external id. Raises NotFound for an unknown external id."""
    message_id: int | None = call.path.get("inboxId")
    if message_id is not None:
        return message_id
    return await inbox.of_external_id(conn, call.app.id, call.path["externalId"])


async def _read(conn: Conn, call: Call, message_id: int | None = None) -> InboxDraft:
    """The draft a valid body stands for. Raises Invalid with all that is wrong with it when the wire says more than a
    draft can."""
    wire = convert(call.body, _Body)
    lists, findings = await read_lists(conn, call.app.id, wire.lists)
    if wire.timezone is not None and not is_zone(wire.timezone):
        findings.append(Finding("/timezone", "unknown_zone", "this is no name of a time zone, such as Europe/Paris"))
    draft = InboxDraft(
        name=wire.name,
        contents=tuple(_content(version) for version in wire.messages),
        external_id=wire.external_id,
        campaign_id=wire.campaign_id,
        test_segments=tuple(wire.segments.test_segments),
        campaign_segments=tuple(wire.segments.campaign_segments),
        lists=lists,
        send_at=_instant(wire.sending_date),
        timezone=wire.timezone,
        expires_at=_instant(wire.expiration_date),
    )
    if draft.external_id is None and "externalId" in call.path:
        draft = replace(draft, external_id=call.path["externalId"])
    if findings:
        raise Invalid(findings + await inbox.check(conn, call.app, draft, message_id))
    return draft


def _content(version: _Version) -> InboxContent:
    content = version.content
    return InboxContent(
        title=version.title,
        kind=content.type,
        language=version.language or None,
        sender=version.sender,
        category=version.category,
        text=version.text,
        icon=version.icon,
        body=content.body,
        target=content.data,
        rich_in=content.open_rich_push_in,
        buttons=_buttons(content.buttons),
        params=read_params(version.custom_params),
    )


def _buttons(buttons: list[_Button]) -> tuple[InboxButton, ...]:
    """Buttons with an id each: those without get the first numbers that are free."""
    taken = {str(button.id) for button in buttons if button.id is not None}
    free = (str(number) for number in range(1, 2 * len(buttons) + 1) if str(number) not in taken)
    return tuple(
        InboxButton(
            id=next(free) if button.id is None else str(button.id),
            title=button.title,
            action=button.action.type,
            data=button.action.data,
            params=read_params(button.custom_params),
        )
        for button in buttons
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text, lenient=True)


def _date(text: str | UnsetType | None) -> datetime | UnsetType | None:
    return UNSET if text is UNSET else _instant(text)
