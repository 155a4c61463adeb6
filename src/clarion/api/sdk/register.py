"""Registration: the one call that the application's key allows."""

from typing import Any

import msgspec
from msgspec import Struct, convert

from clarion.api.exchange import Response
from clarion.api.sdk.call import Call, json_answer
from clarion.api.sdk.profile import read_profile, read_subscription
from clarion.base.errors import Invalid
from clarion.devices.model import Registration


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
    scheme = await call.services.callers.scheme(call.app.id)
    keys, findings = read_subscription(call.app.platform, wire.token, wire.keys)
    fields, wrong = read_profile(scheme, wire.profile, "/profile")
    if findings or wrong:
        raise Invalid(findings + wrong)
    wanted = Registration(udid=wire.udid, secret=wire.secret, token=wire.token, keys=keys, fields=fields)
    made = await call.services.devices.register(call.app, wanted)
    return json_answer(_Registered(made.udid, made.secret, made.created))
