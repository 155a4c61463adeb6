"""Push messages on the v1 wire: the envelope around their language versions, and their actions (v1 rules 35 to 44)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert, field
from msgspec.structs import replace

from clarion.api.exchange import Response
from clarion.api.v1 import message_wire
from clarion.api.v1.audience_wire import MEMBERS, ListName, Segments, name_lists, read_lists
from clarion.api.v1.call import Call, empty_answer, id_answer, json_answer
from clarion.api.v1.errors import spelled
from clarion.api.v1.pages import answer_page
from clarion.apps.model import App
from clarion.base.errors import Finding, Invalid, NotFound
from clarion.content import kinds
from clarion.content import service as content
from clarion.content.model import Action, ActionKind, Content, Message, MessageDraft, MessageKind
from clarion.db import retry
from clarion.db.sql import Conn

_LONGEST_NAME = 255
_MOST_FINDINGS = 100
_TYPES = {ActionKind.RICH: "richpush", ActionKind.BUTTON: "button"}


class _Body(Struct, rename="camel"):
    messages: list[Any]
    name: str | None = None
    title: str | None = None
    external_id: str | None = None
    campaign_id: int | None = None
    use_pressure: bool = True
    segments: Segments = field(default_factory=Segments)
    lists: list[ListName] = []


class _Message(Struct, rename="camel"):
    id: int
    name: str
    external_id: str | UnsetType
    campaign_id: int | UnsetType
    use_pressure: bool
    segments: Segments
    lists: list[ListName]
    messages: list[Any]
    state: str


class _Action(Struct, rename="camel", omit_defaults=True):
    id: int
    type: str
    button_id: str | None = None
    action: str | None = None
    title: str | None = None
    url: str | None = None
    language: str | None = None


async def list_messages(call: Call) -> Response:
    """Messages by ascending id, filtered by external id and title (v1 rule 36)."""
    keep = content.MessageFilter(external_id=call.query.get("externalId"), title=call.query.get("title"))
    async with call.services.db.connection() as conn:

        async def read(limit: int, offset: int) -> list[_Message]:
            found = await content.list_messages(conn, call.app.id, keep, limit, offset)
            return await _write(conn, call.app, found)

        return await answer_page(call, read, lambda message: message)


async def create_message(call: Call) -> Response:
    """Create a message."""

    async def work(conn: Conn) -> int:
        return await content.create_message(conn, call.app, await _read(conn, call, None))

    with spelled(_names(call.app)):
        return id_answer(await retry.transact(call.services.db, work))


async def get_message(call: Call) -> Response:
    """One message."""
    async with call.services.db.connection() as conn:
        found = await content.get_message(conn, call.app.id, call.path["messageId"])
        return json_answer((await _write(conn, call.app, [found]))[0])


async def update_message(call: Call) -> Response:
    """Replace a message."""
    message_id: int = call.path["messageId"]

    async def work(conn: Conn) -> None:
        present = await content.lock_message(conn, call.app.id, message_id)
        await content.update_message(conn, call.app, message_id, await _read(conn, call, present))

    with spelled(_names(call.app)):
        await retry.transact(call.services.db, work)
    return id_answer(message_id)


async def delete_message(call: Call) -> Response:
    """Delete a message for good."""

    async def work(conn: Conn) -> None:
        await content.delete_message(conn, call.app.id, call.path["messageId"])

    await retry.transact(call.services.db, work)
    return empty_answer()


async def list_message_actions(call: Call) -> Response:
    """What can be pressed in a message, by language version; ids are the `actionId` of clicks (v1 rule 81).

    Of in-apps, alarms and inbox messages only ids and buttons are told."""
    async with call.services.db.connection() as conn:
        named = await kinds.subject_of(conn, call.app.id, call.path["messageId"])
        push = await content.get_any_message(conn, call.app.id, named.id) if named.kind is MessageKind.PUSH else None
        found = await content.actions(conn, call.app.id, named.id)
    if push is not None:
        entries = _push_actions(push, found)
    else:
        entries = [_Action(each.id, _TYPES[each.kind], button_id=each.button or None) for each in found]

    async def read(limit: int, offset: int) -> list[_Action]:
        return entries[offset : offset + limit]

    return await answer_page(call, read, lambda action: action)


def _push_actions(message: Message, found: Sequence[Action]) -> list[_Action]:
    """Raises NotFound when the message lost its actions while they were read, which only its deletion does."""
    ids = {(each.kind, each.button): each.id for each in found}
    if not content.actions_in(message.draft.contents) <= ids.keys():
        raise NotFound(f"Message {message.id} was deleted just now.")
    return _actions(message.draft.contents, ids)


async def _read(conn: Conn, call: Call, present: Message | None) -> MessageDraft:
    """The draft a valid body stands for; what v1 cannot say of a message stays as in `present`. Raises Invalid."""
    wire = convert(call.body, _Body)
    lists, findings = await read_lists(conn, call.app.id, wire.lists)
    name = wire.title if wire.name is None else wire.name
    if not name or len(name) > _LONGEST_NAME:
        findings.append(Finding("/title", "name", f"a name has 1 to {_LONGEST_NAME} characters"))
    draft = MessageDraft(
        name=name or "",
        contents=message_wire.read(call.app.platform, wire.messages),
        external_id=wire.external_id,
        campaign_id=wire.campaign_id,
        use_pressure=wire.use_pressure,
        test_segments=tuple(wire.segments.test_segments),
        campaign_segments=tuple(wire.segments.campaign_segments),
        lists=lists,
    )
    if present is not None:
        draft = replace(draft, guarantee=present.draft.guarantee, time_to_live=present.draft.time_to_live)
    if findings:
        raise Invalid(findings + await content.check_message(conn, call.app, draft, present.id if present else None))
    return draft


async def _write(conn: Conn, app: App, messages: Sequence[Message]) -> list[_Message]:
    names = await name_lists(conn, app.id, (list_id for message in messages for list_id in message.draft.lists))
    return [_write_one(app, names, message) for message in messages]


def _write_one(app: App, names: Mapping[int, ListName], message: Message) -> _Message:
    draft = message.draft
    return _Message(
        id=message.id,
        name=draft.name,
        external_id=UNSET if draft.external_id is None else draft.external_id,
        campaign_id=UNSET if draft.campaign_id is None else draft.campaign_id,
        use_pressure=draft.use_pressure,
        segments=Segments(list(draft.test_segments), list(draft.campaign_segments)),
        lists=[names[list_id] for list_id in draft.lists],
        messages=message_wire.write(app.platform, draft.contents),
        state=message.state.value,
    )


def _actions(contents: Sequence[Content], of: Mapping[tuple[ActionKind, str], int]) -> list[_Action]:
    entries = []
    for version in contents:
        make = partial(_Action, language=version.language)
        if version.rich_url:
            entries.append(make(of[ActionKind.RICH, ""], "richpush", action=version.rich_in, url=version.rich_url))
        entries += [
            make(
                of[ActionKind.BUTTON, button.id],
                "button",
                button_id=button.id,
                action=button.action,
                title=button.title,
                url=button.url,
            )
            for button in version.buttons
        ]
    return entries


def _names(app: App) -> dict[str, str]:
    """Where on the wire the members of a draft stand."""
    return {
        "external_id": "externalId",
        "campaign_id": "campaignId",
        **MEMBERS,
        "contents": "messages",
        **message_wire.places(app.platform),
    }
