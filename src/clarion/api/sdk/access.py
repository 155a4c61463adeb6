"""Who calls: an application by its private key, to register, or a device by the secret it then got.

`Authorization: Clarion-App <partnerId>:<privateKey>` and `Authorization: Clarion-Device <partnerId>:<secret>`. The
application's key travels inside the application, so whoever holds a copy has it: nothing but registration takes it.
"""

from typing import Final

from msgspec import Struct

from clarion.api.contract.document import Operation
from clarion.api.exchange import Request
from clarion.api.sdk.call import Device, Services
from clarion.apps import service as apps
from clarion.apps.model import App
from clarion.base.errors import NotFound
from clarion.db.sql import Conn
from clarion.devices import service as devices

APPLICATION: Final = "application"
_SCHEMES: Final = {APPLICATION: "Clarion-App", "device": "Clarion-Device"}


class Admitted(Struct, frozen=True):
    """Who is let in: an application, or one of its devices."""

    app: App
    device: Device | None


class Refused(Struct, frozen=True):
    """Why nobody is let in: a problem code, its detail, and the challenge that goes with it."""

    code: str
    detail: str
    challenge: str


async def admit(services: Services, request: Request, operation: Operation) -> Admitted | Refused:
    """The caller of an operation. What is wrong with credentials is not told apart: unknown and false are one."""
    kind = next(iter(operation.security[0].schemes))
    scheme = _SCHEMES[kind]
    credentials = _credentials(request, scheme)
    if credentials is None:
        return Refused("unauthenticated", f"The request carries no {scheme} credentials.", scheme)
    partner_id, secret = credentials
    async with services.db.connection() as conn:
        app = await _application(conn, partner_id)
        if app is not None and kind == APPLICATION:
            if await apps.check_private_key(conn, services.sealer, app, secret):
                return Admitted(app, None)
        elif app is not None:
            device = await _device(conn, app, secret)
            if device is not None:
                return Admitted(app, device)
    wrong = "partner id or private key is" if kind == APPLICATION else "partner id or device secret is"
    return Refused("invalid_token", f"The {wrong} wrong.", f'{scheme} error="invalid_token"')


def _credentials(request: Request, scheme: str) -> tuple[str, str] | None:
    """Both halves of the one `Authorization` header; another scheme counts as none."""
    values = request.headers.all("authorization")
    if len(values) != 1:
        return None
    given, _, rest = values[0].partition(" ")
    partner_id, colon, secret = rest.strip().partition(":")
    if given.lower() != scheme.lower() or not partner_id or not colon or not secret:
        return None
    return partner_id, secret


async def _application(conn: Conn, partner_id: str) -> App | None:
    try:
        return await apps.get_app(conn, partner_id)
    except NotFound:
        return None


async def _device(conn: Conn, app: App, secret: str) -> Device | None:
    number = await devices.authenticate(conn, app.id, secret)
    if number is None:
        return None
    udid = (await devices.udids_of(conn, app.id, [number])).get(number)
    return None if udid is None else Device(number, udid)
