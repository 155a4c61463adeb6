"""What a handler of the device surface receives and gives back.

A `Call` is a request that passed every check of `surface.py`: the application or device that calls is known, the body
is valid against the contract.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from clarion.api.contract.engine import Contract
from clarion.api.exchange import Response
from clarion.api.sdk.callers import Callers
from clarion.apps.model import App
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.devices.intake import Intake as DeviceIntake
from clarion.devices.model import Proven
from clarion.results import service as results


class SdkSettings(Struct, frozen=True):
    """What the operator sets of the surface.

    `public_url` is the address devices know (None: scheme and host of the request). `report_interval` is in seconds,
    `body_limit` in bytes.
    """

    public_url: str = ""
    report_interval: int = 60
    body_limit: int = 256 * 1024


class Services:
    """What handlers work with. One serves a process, because those who come at the same time meet in it."""

    def __init__(self, db: Database, sealer: Sealer, settings: SdkSettings | None = None) -> None:
        self.settings = settings or SdkSettings()
        self.callers = Callers(db, sealer)
        self.devices = DeviceIntake(db)
        self.reports = results.intake(db)


class Call(Struct, frozen=True, kw_only=True):
    """One checked request. `caller` is None where the application itself calls: handlers read `device`. `unusual` as in
    `decode.Decoded`."""

    services: Services
    contract: Contract
    app: App
    caller: Proven | None = None
    body: Any = None
    unusual: bool = False

    @property
    def device(self) -> Proven:
        """The device that calls."""
        if self.caller is None:
            raise LookupError("This operation is called by an application, not by a device.")
        return self.caller


Handler = Callable[[Call], Awaitable[Response]]


def json_answer(value: Any) -> Response:
    """200 with a JSON body, which is for this device alone."""
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return Response(200, headers, msgspec.json.encode(value))


def empty_answer() -> Response:
    """204: done."""
    return Response(204)
