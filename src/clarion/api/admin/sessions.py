"""Signing in, signing out, and who is signed in."""

from datetime import datetime

from msgspec import Struct, convert

from clarion.api import trail
from clarion.api.admin.call import Call, empty_answer, json_answer
from clarion.api.admin.people import PersonWire, write_person
from clarion.api.conventions import bearer_token
from clarion.api.exchange import Response
from clarion.db.retry import transact
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity import sessions
from clarion.identity.model import AuditEntry


class _SignIn(Struct, rename="camel"):
    email: str
    api_key: str


class _Session(Struct, rename="camel"):
    token: str
    expires_at: datetime
    person: PersonWire


async def create_session(call: Call) -> Response:
    """Begin a session. Attempts that were looked at leave a line in the trail, whichever way they ended."""
    wire = convert(call.body, _SignIn)
    services = call.services
    try:
        session = await sessions.sign_in(services.db, services.sealer, wire.email, wire.api_key, call.request.client)
    except sessions.WrongCredentials as error:
        await _record(call, 401, error.person_id)
        raise
    await _record(call, 201, session.person.id)
    async with services.db.connection() as conn:
        person = await write_person(conn, await identity.get_record(conn, session.person.id))
    return json_answer(_Session(session.token, session.expires_at, person), 201)


async def end_session(call: Call) -> Response:
    """End the session the call was made in."""
    token = bearer_token(call.request)
    assert token is not None, "the surface has found a session by it"

    async def work(conn: Conn) -> None:
        await sessions.end(conn, token)

    await transact(call.services.db, work)
    return empty_answer()


async def get_me(call: Call) -> Response:
    """The person whose session it is."""
    async with call.services.db.connection() as conn:
        return json_answer(await write_person(conn, await identity.get_record(conn, call.person.id)))


async def _record(call: Call, status: int, person_id: int | None) -> None:
    entry = AuditEntry("admin", call.operation.operation_id, call.request.path, status, person_id)
    await trail.record(call.services.db, entry)
