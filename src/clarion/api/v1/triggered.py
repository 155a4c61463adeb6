"""What in-apps and alarms have in common on the v1 wire: the envelope, the eight operations, both ways to address
one (v1 rules 90 to 98)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert, field

from clarion.api.exchange import Response
from clarion.api.v1 import triggers_wire
from clarion.api.v1.audience_wire import MEMBERS, ListName, Segments, name_lists, read_lists
from clarion.api.v1.call import Call, empty_answer, id_answer, json_answer
from clarion.api.v1.errors import spelled
from clarion.api.v1.pages import answer_page
from clarion.api.v1.triggers_wire import WireTriggers
from clarion.apps.model import App
from clarion.base.errors import Invalid
from clarion.content.triggered import service as triggered
from clarion.content.triggered.model import Draft, Triggered, TriggeredKind
from clarion.db import retry
from clarion.db.sql import Conn

PLACES = {
    **MEMBERS,
    **triggers_wire.PLACES,
    "external_id": "externalId",
    "campaign_id": "campaignId",
    "contents": "messages",
}
"""Where on the wire the members of any draft stand (for `errors.spelled`)."""


class Body(Struct, rename="camel", kw_only=True):
    """What a caller gives of a triggered message of any kind. `is_active` None: nothing was said of the switch."""

    name: str
    messages: list[Any]
    external_id: str | None = None
    campaign_id: int | None = None
    triggers: WireTriggers = field(default_factory=WireTriggers)
    segments: Segments = field(default_factory=Segments)
    lists: list[ListName] = []
    is_active: bool | None = None


class GivenSegments(Segments, rename="camel", omit_defaults=True):
    """Segments as the reference document answers them: nothing but what was given."""


class Shown(Struct, rename="camel", kw_only=True):
    """A triggered message of any kind as it is answered."""

    id: int
    name: str
    external_id: str | UnsetType
    campaign_id: int | UnsetType
    messages: list[Any]
    triggers: WireTriggers
    segments: GivenSegments
    lists: list[ListName] | UnsetType
    is_active: bool


class Form(Struct, frozen=True):
    """One of the two kinds on the wire.

    `read` makes a draft of a validated body and of the members that every draft has; `write` makes an answer of a
    message and of the members that every answer has. `id` is the path parameter, `places` says where members of the
    draft stand.
    """

    kind: TriggeredKind
    id: str
    read: Callable[[App, Any, dict[str, Any]], Draft]
    write: Callable[[App, Any, dict[str, Any]], Shown]
    places: Callable[[App], Mapping[str, str]]


async def list_all(call: Call, form: Form) -> Response:
    """Messages of the kind by ascending id."""
    async with call.services.db.connection() as conn:

        async def read(limit: int, offset: int) -> list[Shown]:
            return await _write(
                conn, call.app, form, await triggered.listed(conn, call.app.id, form.kind, limit, offset)
            )

        return await answer_page(call, read, lambda shown: shown)


async def create(call: Call, form: Form) -> Response:
    """Create a message, switched off unless the body says otherwise."""

    async def work(conn: Conn) -> int:
        draft, active = await _read(conn, call, form)
        return await triggered.create(conn, call.app, draft, active=active or False)

    with spelled(form.places(call.app), named_is_404=True):
        return id_answer(await retry.transact(call.services.db, work))


async def show(call: Call, form: Form) -> Response:
    """One message."""
    async with call.services.db.connection() as conn:
        found = await triggered.get(conn, call.app.id, form.kind, await _addressed(conn, call, form))
        return json_answer((await _write(conn, call.app, form, [found]))[0])


async def replace(call: Call, form: Form) -> Response:
    """Replace a message. Addressed by its external id, it keeps that unless the body gives another."""

    async def work(conn: Conn) -> int:
        message_id = await _addressed(conn, call, form)
        present = await triggered.lock(conn, call.app.id, form.kind, message_id)
        draft, active = await _read(conn, call, form, present)
        await triggered.update(conn, call.app, present, draft, active=active)
        return message_id

    with spelled(form.places(call.app), named_is_404=True):
        return id_answer(await retry.transact(call.services.db, work))


async def switch(call: Call, form: Form) -> Response:
    """Turn a message on or off: 200 when that changed it, 204 when it stood so (v1 rule 98)."""
    active: bool = call.body["isActive"]

    async def work(conn: Conn) -> bool:
        message_id = await _addressed(conn, call, form)
        return await triggered.set_active(conn, call.app.id, form.kind, message_id, active)

    return empty_answer(200 if await retry.transact(call.services.db, work) else 204)


async def _addressed(conn: Conn, call: Call, form: Form) -> int:
    """The id of the message of the path. Raises NotFound for an unknown external id."""
    message_id: int | None = call.path.get(form.id)
    if message_id is not None:
        return message_id
    return await triggered.id_of(conn, call.app.id, form.kind, call.path["externalId"])


async def _read(conn: Conn, call: Call, form: Form, present: Triggered | None = None) -> tuple[Draft, bool | None]:
    """The draft a valid body stands for, and what it says of the switch. Raises Invalid."""
    body = convert(call.body, Body)
    lists, findings = await read_lists(conn, call.app.id, body.lists)
    frame = {
        "name": body.name,
        "external_id": call.path.get("externalId") if body.external_id is None else body.external_id,
        "campaign_id": body.campaign_id,
        "test_segments": tuple(body.segments.test_segments),
        "campaign_segments": tuple(body.segments.campaign_segments),
        "lists": lists,
        "triggers": triggers_wire.read(body.triggers),
    }
    draft = form.read(call.app, call.body, frame)
    if findings:
        raise Invalid(findings + await triggered.check(conn, call.app, draft, present))
    return draft, body.is_active


async def _write(conn: Conn, app: App, form: Form, messages: Sequence[Triggered]) -> list[Shown]:
    names = await name_lists(conn, app.id, (list_id for message in messages for list_id in message.draft.lists))
    return [form.write(app, message.draft, _frame(message, names)) for message in messages]


def _frame(message: Triggered, names: Mapping[int, ListName]) -> dict[str, Any]:
    draft = message.draft
    return {
        "id": message.id,
        "name": draft.name,
        "external_id": UNSET if draft.external_id is None else draft.external_id,
        "campaign_id": UNSET if draft.campaign_id is None else draft.campaign_id,
        "triggers": triggers_wire.write(draft.triggers),
        "segments": GivenSegments(list(draft.test_segments), list(draft.campaign_segments)),
        "lists": [names[list_id] for list_id in draft.lists] or UNSET,
        "is_active": message.active,
    }
