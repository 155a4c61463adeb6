"""Who calls: an application by its private key, to register, or a device by the secret it then got.

`Authorization: Clarion-App <partnerId>:<privateKey>` and `Authorization: Clarion-Device <partnerId>:<secret>`. The
application's key travels inside the application, so whoever holds a copy has it: nothing but registration takes it.
"""

from typing import Final

from msgspec import Struct

from clarion.api.contract.document import Operation
from clarion.api.exchange import Request
from clarion.api.sdk.callers import Callers
from clarion.apps.model import App
from clarion.devices.model import Proven

APPLICATION: Final = "application"
_SCHEMES: Final = {APPLICATION: "Clarion-App", "device": "Clarion-Device"}


class Admitted(Struct, frozen=True):
    """Who is let in: an application, or one of its devices."""

    app: App
    device: Proven | None


class Refused(Struct, frozen=True):
    """Why nobody is let in: a problem code, its detail, and the challenge that goes with it."""

    code: str
    detail: str
    challenge: str


async def admit(callers: Callers, request: Request, operation: Operation) -> Admitted | Refused:
    """The caller of an operation. What is wrong with credentials is not told apart: unknown and false are one."""
    kind = next(iter(operation.security[0].schemes))
    scheme = _SCHEMES[kind]
    credentials = _credentials(request, scheme)
    if credentials is None:
        return Refused("unauthenticated", f"The request carries no {scheme} credentials.", scheme)
    partner_id, secret = credentials
    if kind == APPLICATION:
        app = await callers.application(partner_id, secret)
        if app is not None:
            return Admitted(app, None)
    else:
        known = await callers.device(partner_id, secret)
        if known is not None:
            return Admitted(*known)
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
