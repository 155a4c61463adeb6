"""Who calls, and whether they may: the session, the least role of the operation (`x-role`), the application.

Roles are read from the document when the surface is made, so that an operation without one fails the start.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from clarion.api.admin.call import Services
from clarion.api.admin.errors import Problem, no_session
from clarion.api.contract.document import Document
from clarion.api.conventions import bearer_token
from clarion.api.exchange import Request
from clarion.apps import service as apps
from clarion.apps.model import App
from clarion.base.errors import ConfigurationError, NotFound
from clarion.db.sql import Conn
from clarion.identity import sessions
from clarion.identity.model import Person, Role

ANYONE: Final = "anyone"
_ORDER: Final = (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR)


class Admitted(Struct, frozen=True):
    """A caller and the application addressed; `refusal` says why they may not, for the trail knows them already."""

    person: Person
    app: App | None = None
    refusal: Problem | None = None


def roles_of(document: Document) -> Mapping[str, Role | None]:
    """The least role of every operation, None for those anybody may call.

    Raises ConfigurationError when an operation names none, or when it is open and should not be, or the reverse.
    """
    roles: dict[str, Role | None] = {}
    faults = []
    for name, operation in document.operations.items():
        said = operation.extensions.get("x-role")
        if said not in (ANYONE, *_ORDER):
            faults.append(f"{name} has no x-role")
        elif operation.open is not (said == ANYONE):
            faults.append(f"{name} has x-role {said} and security that says otherwise")
        roles[name] = Role(said) if said in _ORDER else None
    if faults:
        raise ConfigurationError(f"The document {document.name} leaves rights open: {'; '.join(faults)}.")
    return roles


async def admit(services: Services, request: Request, least: Role, partner_id: str | None, scoped: bool) -> Admitted:
    """Pass the checks in their order: 401 is raised, 403 is given back.

    `scoped` tells that the operation addresses an application, whose partner id is None when it cannot be decoded.
    """
    token = bearer_token(request)
    if token is None:
        raise no_session(given=False)
    async with services.db.connection() as conn:
        person = await sessions.holder_of(conn, token)
        if person is None:
            raise no_session(given=True)
        app = await _application(conn, partner_id) if scoped else None
        theirs = app is not None and (person.manages_everything or await apps.may_manage(conn, app.id, person.id))
    if _ORDER.index(person.role) < _ORDER.index(least):
        return Admitted(person, app, Problem("forbidden", f"This needs the role {least.value}."))
    if scoped and not theirs:
        return Admitted(person, app, Problem("forbidden", "No right on this application."))
    return Admitted(person, app)


async def _application(conn: Conn, partner_id: str | None) -> App | None:
    try:
        return None if partner_id is None else await apps.get_app(conn, partner_id)
    except NotFound:
        return None
