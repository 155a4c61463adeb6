"""Applications and their gateways. Credentials go in and never come out."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.admin.call import Call, created, json_answer
from clarion.api.admin.errors import placed
from clarion.api.admin.pages import answer_page
from clarion.api.exchange import Response
from clarion.apps import service as apps
from clarion.apps.model import GATEWAY_OF, App, GatewayStatus, Platform
from clarion.base.errors import ConfigurationError, Finding, Invalid
from clarion.db.retry import transact
from clarion.db.sql import Conn

_NAMES = {"click_address": "clickAddress"}


class _App(Struct, rename="camel"):
    partner_id: str
    name: str
    platform: Platform
    click_address: str | None


class _Draft(Struct, rename="camel"):
    partner_id: str
    platform: Platform
    name: str
    click_address: str | None = None


class _Update(Struct, rename="camel"):
    name: str
    click_address: str | None = None


class _Created(Struct, rename="camel"):
    app: _App
    private_key: str


class _Gateway(Struct, rename="camel"):
    kind: str
    configured: bool
    endpoint: str | UnsetType | None = UNSET
    own_authority: bool | UnsetType = UNSET
    revision: int | UnsetType = UNSET
    updated_at: datetime | UnsetType = UNSET


async def list_apps(call: Call) -> Response:
    """The applications of the caller, by partner id."""
    person_id = None if call.person.manages_everything else call.person.id
    async with call.services.db.connection() as conn:

        async def read(after: str | None, limit: int) -> Sequence[App]:
            return await apps.page_of_apps(conn, person_id=person_id, after=after, limit=limit)

        return await answer_page(call, str, read, lambda app: app.partner_id, _written)


async def create_app(call: Call) -> Response:
    """A new application; its private key is in this answer and nowhere else."""
    wire = convert(call.body, _Draft)

    async def work(conn: Conn) -> _Created:
        app, key = await apps.create_app(conn, call.services.sealer, wire.partner_id, wire.platform, wire.name)
        if wire.click_address is not None:
            app = await apps.update_app(conn, app, wire.name, wire.click_address)
        return _Created(_written(app), key)

    with placed(names=_NAMES):
        made = await transact(call.services.db, work)
    return created(call, made, made.app.partner_id)


async def get_app(call: Call) -> Response:
    """One application."""
    return json_answer(_written(call.app))


async def update_app(call: Call) -> Response:
    """Another name and click address."""
    wire = convert(call.body, _Update)

    async def work(conn: Conn) -> App:
        return await apps.update_app(conn, call.app, wire.name, wire.click_address)

    with placed(names=_NAMES):
        return json_answer(_written(await transact(call.services.db, work)))


async def get_gateway(call: Call) -> Response:
    """Whether credentials are stored, and for which address."""
    async with call.services.db.connection() as conn:
        return json_answer(_gateway(call.app, await apps.gateway_status(conn, call.app.id)))


async def set_gateway(call: Call) -> Response:
    """Check and seal credentials for the true service of the platform."""
    credentials: dict[str, Any] = call.body["credentials"]

    async def work(conn: Conn) -> GatewayStatus | None:
        await apps.set_gateway(conn, call.services.sealer, call.app, json.dumps(credentials).encode())
        return await apps.gateway_status(conn, call.app.id)

    try:
        return json_answer(_gateway(call.app, await transact(call.services.db, work)))
    except ConfigurationError as error:
        raise Invalid([Finding("/credentials", "credentials", str(error))]) from None


def _written(app: App) -> _App:
    return _App(app.partner_id, app.name, app.platform, app.click_address)


def _gateway(app: App, status: GatewayStatus | None) -> _Gateway:
    if status is None:
        return _Gateway(GATEWAY_OF[app.platform], configured=False)
    return _Gateway(
        kind=status.kind,
        configured=True,
        endpoint=status.endpoint,
        own_authority=status.authority,
        revision=status.revision,
        updated_at=status.updated_at,
    )
