"""A running installation with something of everything, for requests to hit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from clarion.apps import columns, declarations
from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, DeclarationKind, Platform
from clarion.assembly.database import opened, sealer
from clarion.audience import service as audience
from clarion.base.settings import Settings
from clarion.content import service as content
from clarion.content.model import CampaignDraft, Content, MessageDraft
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.identity import service as identity
from clarion.identity.model import Role
from tests.installation import Installation

CALLER = "CLARION_FUZZ_CALLER"
"""The variable that hands a `Caller` to the hooks."""
EMAIL = "fuzz@shop.example"
OBJECTS = 12
"""Campaigns, messages, segments and lists of each application: ids up to here are often met."""

_DECLARED = {
    DeclarationKind.COLLAPSE_KEY: ("spring",),
    DeclarationKind.BUTTON_TEMPLATE: ("offer",),
    DeclarationKind.INAPP_TEMPLATE: ("banner",),
    DeclarationKind.EVENT: ("0", "1005", "1010"),
    DeclarationKind.VIEW: ("checkout", "0", ""),
    DeclarationKind.STATE: ("weather", "0"),
}


class Caller(Struct):
    """Who the requests are signed for, and where they go."""

    root: str
    email: str
    api_key: str
    token: str
    partner_ids: list[str]


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Caller]:
    """The installation, up and filled; it is stopped afterwards."""
    installation = Installation(folder / "data", http=True)
    (folder / "data").mkdir()
    installation.start()
    try:
        caller = await _filled(installation.settings)
        await _up(installation.settings.http_port)
        yield caller
    finally:
        await installation.stop()


async def _filled(settings: Settings) -> Caller:
    async with opened(settings) as db, db.transaction() as conn:
        seal = await sealer(settings, conn)
        person, api_key = await identity.create_person(conn, seal, EMAIL, Role.OPERATOR)
        partner_ids = []
        for platform in Platform:
            app, _ = await apps.create_app(conn, seal, f"fuzz-{platform.value}", platform, platform.value)
            await apps.grant(conn, app.id, person.id)
            await _fill(conn, app)
            partner_ids.append(app.partner_id)
        token = await identity.issue_token(conn, person)
    return Caller(f"http://127.0.0.1:{settings.http_port}", EMAIL, api_key, token, partner_ids)


async def _fill(conn: Conn, app: App) -> None:
    await columns.add_column(conn, app, "clientId", ColumnKind.TEXT, indexed=True)
    for kind, declared in _DECLARED.items():
        for value in filter(None, declared):
            await declarations.declare(conn, app.id, kind, value)
    scheme = await apps.load_scheme(conn, app.id)
    for number in range(OBJECTS):
        await audience.create_segment(conn, app.id, scheme, f"Segment {number}", {"all": []})
        await audience.create_list(conn, app.id, f"List {number}", f"list-{number}", number + 1)
        await content.create_campaign(conn, app.id, CampaignDraft(f"Campaign {number}"))
        draft = MessageDraft(f"Message {number}", (Content(text="Hello", title="Hi"),), external_id=f"message-{number}")
        await content.create_message(conn, app, draft)
    records = [DeviceRecord(f"device-{number}", {TOKEN: f"token-{number}-{'x' * 20}"}) for number in range(OBJECTS)]
    await devices.upsert(conn, app, records)


async def _up(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                await writer.wait_closed()
                return
