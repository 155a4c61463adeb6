"""People: who may call, in which role, for which applications, with which key."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.admin.call import Call, created, empty_answer, json_answer
from clarion.api.admin.pages import answer_page
from clarion.api.exchange import Response
from clarion.apps import service as apps
from clarion.base.errors import Conflict, Finding, Invalid, NotFound
from clarion.db.retry import transact
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity.model import PersonRecord, Role


class PersonWire(Struct, rename="camel"):
    """A person as they are answered."""

    id: int
    email: str
    role: Role
    applications: list[str]
    disabled: bool
    created_at: datetime


class _Draft(Struct):
    email: str
    role: Role = Role.OPERATOR
    applications: list[str] = []


class _Update(Struct):
    role: Role | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class _Created(Struct, rename="camel"):
    person: PersonWire
    api_key: str


async def write_person(conn: Conn, person: PersonRecord) -> PersonWire:
    """One person, with what was granted to them."""
    return _written(person, (await apps.grants_of(conn, [person.id]))[person.id])


async def list_people(call: Call) -> Response:
    """Everybody, by id."""
    async with call.services.db.connection() as conn:
        grants: dict[int, list[str]] = {}

        async def read(after: int | None, limit: int) -> Sequence[PersonRecord]:
            found = await identity.people(conn, after, limit)
            grants.update(await apps.grants_of(conn, [person.id for person in found]))
            return found

        return await answer_page(
            call, int, read, lambda person: person.id, lambda person: _written(person, grants[person.id])
        )


async def create_person(call: Call) -> Response:
    """Let somebody in; their key is in this answer and nowhere else."""
    wire = convert(call.body, _Draft)

    async def work(conn: Conn) -> _Created:
        person, api_key = await identity.create_person(conn, call.services.sealer, wire.email, wire.role)
        await _grant(conn, person.id, wire.applications)
        return _Created(await write_person(conn, await identity.get_record(conn, person.id)), api_key)

    made = await transact(call.services.db, work)
    return created(call, made, str(made.person.id))


async def get_person(call: Call) -> Response:
    """One person."""
    async with call.services.db.connection() as conn:
        return json_answer(await write_person(conn, await _addressed(conn, call)))


async def update_person(call: Call) -> Response:
    """Change role and access."""
    wire = convert(call.body, _Update)

    async def work(conn: Conn) -> PersonWire:
        person = await _addressed(conn, call)
        if wire.role is not UNSET:
            await identity.set_role(conn, person.id, wire.role)
        if wire.disabled is not UNSET:
            await (identity.disable if wire.disabled else identity.enable)(conn, person.id)
        return await write_person(conn, await identity.get_record(conn, person.id))

    return json_answer(await transact(call.services.db, work))


async def renew_api_key(call: Call) -> Response:
    """Give somebody a new key; it is in this answer and nowhere else."""

    async def work(conn: Conn) -> str:
        person = await _addressed(conn, call)
        if person.disabled_at is not None:
            raise Conflict("This person is shut out.", "Let them in again first.", code="disabled")
        return await identity.renew_key(conn, call.services.sealer, person.id)

    return json_answer({"apiKey": await transact(call.services.db, work)}, 201)


async def grant_app(call: Call) -> Response:
    """Give somebody the application."""
    return await _change_grant(call, apps.grant)


async def revoke_app(call: Call) -> Response:
    """Take the application from somebody."""
    return await _change_grant(call, apps.revoke)


async def _change_grant(call: Call, change: Callable[[Conn, int, int], Awaitable[None]]) -> Response:
    async def work(conn: Conn) -> None:
        await change(conn, call.app.id, (await _addressed(conn, call)).id)

    await transact(call.services.db, work)
    return empty_answer()


async def _addressed(conn: Conn, call: Call) -> PersonRecord:
    person_id: int = call.path["personId"]
    try:
        return await identity.get_record(conn, person_id)
    except NotFound:
        raise NotFound(f"There is no person {person_id}.") from None


async def _grant(conn: Conn, person_id: int, partner_ids: Sequence[str]) -> None:
    findings = []
    for n, partner_id in enumerate(partner_ids):
        try:
            await apps.grant(conn, (await apps.get_app(conn, partner_id)).id, person_id)
        except NotFound:
            findings.append(Finding(f"/applications/{n}", "unknown_app", "There is no such application."))
    if findings:
        raise Invalid(findings)


def _written(person: PersonRecord, applications: list[str]) -> PersonWire:
    return PersonWire(
        id=person.id,
        email=person.email,
        role=person.role,
        applications=applications,
        disabled=person.disabled_at is not None,
        created_at=person.created_at,
    )
