"""The audit trail: who did what, on every surface and the command line."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from clarion.api.admin.call import Call
from clarion.api.admin.pages import answer_page
from clarion.api.contract.instants import parse_instant
from clarion.api.exchange import Response
from clarion.apps import service as apps
from clarion.identity import service as identity
from clarion.identity.model import AuditFilter, AuditLine


class _Line(Struct, rename="camel"):
    id: int
    at: datetime
    surface: str
    operation: str
    target: str
    status: int
    person_id: int | None
    email: str | None
    partner_id: str | None


async def list_audit(call: Call) -> Response:
    """Everything, newest first."""
    return await _listed(call, None)


async def list_app_audit(call: Call) -> Response:
    """What was done in one application, newest first."""
    return await _listed(call, call.app.id)


async def _listed(call: Call, app_id: int | None) -> Response:
    keep = AuditFilter(
        person_id=call.query.get("personId"),
        app_id=app_id,
        surface=call.query.get("surface"),
        operation=call.query.get("operation"),
        since=_instant(call, "since"),
        until=_instant(call, "until"),
    )
    async with call.services.db.connection() as conn:
        partner_ids: dict[int, str] = {}

        async def read(before: int | None, limit: int) -> Sequence[AuditLine]:
            found = await identity.audit_lines(conn, keep, before, limit)
            partner_ids.update(await apps.partner_ids(conn, {line.app_id for line in found if line.app_id is not None}))
            return found

        def written(line: AuditLine) -> _Line:
            partner_id = None if line.app_id is None else partner_ids.get(line.app_id)
            return _Line(
                id=line.id,
                at=line.at,
                surface=line.surface,
                operation=line.operation,
                target=line.target,
                status=line.status,
                person_id=line.person_id,
                email=line.email,
                partner_id=partner_id,
            )

        return await answer_page(call, int, read, lambda line: line.id, written)


def _instant(call: Call, name: str) -> datetime | None:
    text: str | None = call.query.get(name)
    return None if text is None else parse_instant(text)
