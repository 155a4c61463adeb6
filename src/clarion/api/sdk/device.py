"""The profile of the device that calls, its push token, and what it should know of the installation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.exchange import Response
from clarion.api.sdk.call import Call, empty_answer, json_answer
from clarion.api.sdk.profile import ALLOWED, read_profile, read_subscription
from clarion.api.sdk.reports import BATCH
from clarion.apps.model import Column
from clarion.base import clock
from clarion.base.errors import Invalid
from clarion.devices.model import TOKEN, DeviceRecord, Value, WebKeys


class _PushToken(Struct, rename="camel"):
    token: str | None
    keys: dict[str, str] | None = None
    notifications_allowed: bool | UnsetType = UNSET


class _Config(Struct, rename="camel"):
    server_time: datetime
    report_interval: int
    batch_size: int
    body_limit: int


async def update_device(call: Call) -> Response:
    """Write the fields that are given; null unsets one."""
    profile: dict[str, Any] = call.body
    scheme = await call.services.callers.scheme(call.app.id)
    fields, findings = read_profile(scheme, profile)
    if findings:
        raise Invalid(findings)
    if fields:
        await _write(call, fields)
    return empty_answer()


async def set_push_token(call: Call) -> Response:
    """Set or remove the token; another device that held it is left without (v1 rule 70)."""
    wire = convert(call.body, _PushToken)
    keys, findings = read_subscription(call.app.platform, wire.token, wire.keys)
    if findings:
        raise Invalid(findings)
    fields: dict[Column, Value] = {TOKEN: wire.token}
    if wire.notifications_allowed is not UNSET:
        fields[ALLOWED] = wire.notifications_allowed
    await _write(call, fields, keys)
    return empty_answer()


async def get_config(call: Call) -> Response:
    """How this installation wants to be called."""
    settings = call.services.settings
    return json_answer(_Config(clock.now(), settings.report_interval, BATCH, settings.body_limit))


async def _write(call: Call, fields: Mapping[Column, Value], keys: WebKeys | None = None) -> None:
    await call.services.devices.upsert(call.app, DeviceRecord(call.device.udid, fields, keys))
