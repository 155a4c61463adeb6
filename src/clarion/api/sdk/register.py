"""Registration: the one call that the application's key allows."""

from typing import Any

import msgspec
from msgspec import Struct, convert

from clarion.api.exchange import Response
from clarion.api.sdk.call import Call, json_answer
from clarion.api.sdk.profile import read_profile, read_subscription
from clarion.apps import service as apps
from clarion.base.errors import Invalid
from clarion.db.retry import transact
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.devices.model import Registered, Registration


class _Registration(Struct):
    udid: str | None = None
    secret: str | None = None
    token: str | None = None
    keys: dict[str, str] | None = None
    profile: dict[str, Any] = msgspec.field(default_factory=dict)


class _Registered(Struct):
    udid: str
    secret: str
    created: bool


async def register_device(call: Call) -> Response:
    """Give a device its identity (v1 rule 70, `devices.service.register`)."""
    wire = convert(call.body, _Registration)
    async with call.services.db.connection() as conn:
        scheme = await apps.load_scheme(conn, call.app.id)
    keys, findings = read_subscription(call.app.platform, wire.token, wire.keys)
    fields, wrong = read_profile(scheme, wire.profile, "/profile")
    if findings or wrong:
        raise Invalid(findings + wrong)
    wanted = Registration(udid=wire.udid, secret=wire.secret, token=wire.token, keys=keys, fields=fields)

    async def work(conn: Conn) -> Registered:
        return await devices.register(conn, call.app, wanted)

    made = await transact(call.services.db, work)
    return json_answer(_Registered(made.udid, made.secret, made.created))
