"""Who calls, and on which application: the checks every route but the one for tokens begins with (v1 rule 16).

Token present (403), known (400), alive (401), then the size of the body (v1 rule 106), the signature (400), the right
on the application (403). What is read of the database is read at once; what it says is used in this order.
"""

from msgspec import Struct

from clarion.api.exchange import Request
from clarion.api.v1.call import Services
from clarion.api.v1.errors import Label, V1Error
from clarion.apps import service as apps
from clarion.apps.model import App
from clarion.base import clock
from clarion.base.errors import NotFound
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity import signature
from clarion.identity.model import KeyHolder, Person


class Admitted(Struct, frozen=True):
    """A caller, and the application addressed when the route addresses one that exists. `refusal` says that they have
    no right there: it is answered, and the trail keeps who tried."""

    person: Person
    app: App | None
    refusal: V1Error | None = None


async def admit(
    services: Services, request: Request, body_limit: int, partner_id: str | None, scoped: bool
) -> Admitted:
    """Pass the checks in their order, or raise V1Error, BodyTooLarge; the want of a right is given back as `refusal`.

    `scoped` tells that the route addresses an application, whose partner id is None when it cannot be decoded.
    """
    token = bearer_token(request)
    if token is None:
        raise V1Error(403, Label.TOKEN, "This route needs an access token")
    async with services.db.connection() as conn:
        found = await identity.token_holder(conn, token)
        person = found and found.holder.person
        app = await application(conn, person, partner_id) if person and partner_id else None
    if found is None:
        raise V1Error(400, Label.TOKEN, "Unknown access token, ask for a new one")
    if found.expires_at <= clock.now():
        raise V1Error(401, Label.TOKEN, "The access token has expired, ask for a new one")
    await request.read(body_limit)
    check_signature(services, request, found.holder)
    if scoped and app is None:
        refusal = V1Error(403, Label.FORBIDDEN, "No right on this application")
        return Admitted(found.holder.person, await _existing(services, partner_id), refusal)
    if request.method != "GET" and not found.holder.person.may_write:
        return Admitted(found.holder.person, app, V1Error(403, Label.FORBIDDEN, "This user may only read"))
    return Admitted(found.holder.person, app)


async def _existing(services: Services, partner_id: str | None) -> App | None:
    """The application somebody without a right to it addressed, for the audit trail."""
    try:
        async with services.db.connection() as conn:
            return None if partner_id is None else await apps.get_app(conn, partner_id)
    except NotFound:
        return None


async def application(conn: Conn, person: Person, partner_id: str) -> App | None:
    """The application, if it exists and this person manages it: to a caller both failures are one (v1 rule 18)."""
    try:
        if person.manages_everything:
            return await apps.get_app(conn, partner_id)
        return await apps.get_granted_app(conn, partner_id, person.id)
    except NotFound:
        return None


def check_signature(services: Services, request: Request, holder: KeyHolder) -> None:
    """Raise 400 `API_ERR_SIGNATURE` unless the request, its body read, is signed with this person's key."""
    valid = signature.verify(
        request.method,
        request.body or b"",
        identity.open_key(services.sealer, holder),
        request.headers.get("accengage-time"),
        request.headers.get("accengage-signature"),
        services.settings.signature_window,
    )
    if not valid:
        raise V1Error(400, Label.SIGNATURE, "The signature is missing or wrong")


def bearer_token(request: Request) -> str | None:
    """The token of `Authorization: Bearer <token>`, the scheme in any case; None when there is none."""
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
