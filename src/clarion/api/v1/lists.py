"""Static lists on the v1 wire: making them, who is on them, changes that are queued (v1 rules 72 to 78).

The users of a change may be very many: they are validated one by one by the form they take, off the event loop, so
that every wrong one is named with its index and other requests are not kept waiting.
"""

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.contract.pointer import label
from clarion.api.contract.validate import Validator
from clarion.api.exchange import Response
from clarion.api.v1.call import Call, empty_answer, json_answer
from clarion.api.v1.errors import respell, spelled
from clarion.api.v1.pages import answer_page
from clarion.apps import service as apps
from clarion.apps.model import Scheme
from clarion.audience.lists import service as lists
from clarion.audience.lists.entries import EntryReader, batches
from clarion.audience.lists.model import Batch, Entry, Member, StaticList
from clarion.base.errors import Finding, Invalid
from clarion.db import retry
from clarion.db.sql import Conn

_NAMES = {"id": "listId", "external_id": "externalId"}
_OPTIONS = ("expireAt", "data")
_MOST_FINDINGS = 100


class _Body(Struct, rename="camel"):
    name: str
    list_id: int | None = None
    external_id: str | None = None


class _List(Struct, rename="camel"):
    id: int
    name: str
    list_id: int
    external_id: str | UnsetType


class _Created(Struct, rename="camel"):
    id: int
    list_id: int
    external_id: str | UnsetType


class _Member(Struct, rename="camel"):
    device_id: str
    expire_at: datetime | UnsetType
    data: dict[str, str] | UnsetType


async def list_static_lists(call: Call) -> Response:
    """Lists by ascending number."""
    async with call.services.db.connection() as conn:
        return await answer_page(call, partial(lists.list_lists, conn, call.app.id), _write_list)


async def create_static_list(call: Call) -> Response:
    """Create a list, under a number and external id of the caller's own if wanted (rule 73)."""
    wire = convert(call.body, _Body)

    async def work(conn: Conn) -> StaticList:
        return await lists.create_list(conn, call.app.id, wire.name, wire.external_id, wire.list_id)

    with spelled(_NAMES):
        made = await retry.transact(call.services.db, work)
    return json_answer(_Created(made.id, made.id, _given(made.external_id)))


async def get_static_list(call: Call) -> Response:
    """Members of a list, in no particular but lasting order; nobody when there is no such list (rule 75)."""
    async with call.services.db.connection() as conn:
        return await answer_page(call, partial(lists.members_of, conn, call.app.id, call.path["listId"]), _write_member)


async def upsert_list_users(call: Call) -> Response:
    """Queue devices to be put on a list (rules 72, 74, 76)."""
    return await _queue(call, remove=False)


async def remove_list_users(call: Call) -> Response:
    """Queue devices to be taken off a list (rules 72, 74)."""
    return await _queue(call, remove=True)


async def _queue(call: Call, *, remove: bool) -> Response:
    list_id: int = call.path["listId"]
    async with call.services.db.connection() as conn:
        await lists.get_list(conn, call.app.id, list_id)
        scheme = await apps.load_scheme(conn, call.app.id)
    users = await asyncio.to_thread(_read_users, call, scheme)

    async def work(conn: Conn) -> None:
        await lists.queue_changes(conn, call.app.id, list_id, users, remove=remove)

    await retry.transact(call.services.db, work)
    return empty_answer()


def _read_users(call: Call, scheme: Scheme) -> list[Batch]:
    """The users of a body. Raises Invalid with what is wrong with them, the first hundred of either label."""
    judge = _Judge(call, scheme)
    entries: list[Entry] = []
    about_form: list[Finding] = []
    about_data: list[Finding] = []
    for index, user in enumerate(call.body["users"]):
        read = judge.read(index, user)
        if isinstance(read, Entry):
            entries.append(read)
            continue
        for finding in read:
            found = about_data if finding.code == "unknown_list_field" else about_form
            if len(found) < _MOST_FINDINGS:
                found.append(finding)
        if len(about_form) == _MOST_FINDINGS:
            break
    if about_form or about_data:
        raise Invalid(about_form + about_data)
    return batches(call.app.id, entries)


class _Judge:
    """Reads users one by one: first their form by the contract, then what they say."""

    def __init__(self, call: Call, scheme: Scheme) -> None:
        self._reader = EntryReader(scheme)
        self._by_id = call.contract.schemas.schema("ListDeviceById")
        self._by_field = call.contract.schemas.schema("ListDeviceByField")

    def read(self, index: int, user: Any) -> Entry | list[Finding]:
        """The entry that the user at `index` stands for, or all that is wrong with them."""
        form = self._form(user)
        if not form.is_valid(user):
            # A NUL anywhere in the body was found before, with the body as a whole.
            return [_placed(finding, index) for finding in form.check_value(user, unusual=False)]
        fields = {name: value for name, value in user.items() if name not in _OPTIONS}
        read = self._reader.read(fields, user.get("expireAt"), user.get("data"))
        if isinstance(read, Entry):
            return read
        return [respell(Finding(f"/users/{index}{f.pointer}", f.code, f.message), {}) for f in read]

    def _form(self, user: Any) -> Validator:
        return self._by_id if isinstance(user, dict) and "deviceId" in user else self._by_field


def _placed(finding: Finding, index: int) -> Finding:
    """A finding of the contract about one user as one about the body."""
    below = tuple(part.replace("~1", "/").replace("~0", "~") for part in finding.pointer.split("/")[1:])
    own, place = f"`{label(below)}`", f"`{label(('users', index, *below))}`"
    return Finding(f"/users/{index}{finding.pointer}", finding.code, finding.message.replace(own, place, 1))


def _write_list(found: StaticList) -> _List:
    return _List(found.id, found.name, found.id, _given(found.external_id))


def _write_member(member: Member) -> _Member:
    return _Member(
        device_id=member.udid,
        expire_at=UNSET if member.expires_at is None else member.expires_at,
        data=dict(member.data) if member.data else UNSET,
    )


def _given(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text
