"""Who may do what, generated from the document, so that a new operation cannot escape.

Every operation names its least role (`x-role`), and every one of them is tried by somebody without session, by somebody
whose role is too small, and by somebody to whom the application was not granted.
"""

from typing import Any

import pytest
from msgspec import UNSET
from psycopg import sql

from clarion.api.admin.call import Services
from clarion.api.admin.surface import AdminSurface
from clarion.api.contract.document import Document, Operation
from clarion.api.contract.engine import Contract
from clarion.assembly.operations import ADMIN_HANDLERS
from clarion.base.errors import ConfigurationError
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import Conn, tuples, value
from tests.api.admin.client import AdminClient

DOCUMENT = Document.load("admin")
OPERATIONS = sorted(DOCUMENT.operations.values(), key=lambda operation: operation.operation_id)
CLOSED = [operation for operation in OPERATIONS if operation.extensions["x-role"] != "anyone"]
SCOPED = [operation for operation in CLOSED if "{partnerId}" in operation.path]
PLACES = {"kind": "event", "value": "1001", "column": "points"}

# Bodies with which an administrator gets beyond the checks of rights.
BODIES: dict[str, Any] = {
    "PersonDraft": {"email": "new@shop.example"},
    "PersonUpdate": {"disabled": True},
    "AppDraft": {"partnerId": "new", "platform": "web", "name": "New"},
    "AppUpdate": {"name": "Taken over"},
    "GatewayCredentials": {"credentials": {}},
    "ColumnDraft": {"name": "taken", "type": "text"},
    "SegmentDraft": {"name": "Taken", "where": {"all": []}},
    "Preview": {"where": {"all": []}},
    "DeclarationDraft": {},
    "StaticListDraft": {"name": "Taken"},
    "Pressure": {"ceiling": {"most": 1, "seconds": 60}},
    "SendUpdate": {"throttle": 60},
    "Throttle": {"perMinute": 60},
    "Capping": {"inapp": {"frequency": 1, "duration": 1}},
}


def target(client: AdminClient, operation: Operation, partner_id: str | None = None) -> str:
    """The path of an operation; numbers are ones nobody has."""
    path = operation.path.replace("{partnerId}", partner_id or client.android.partner_id)
    for parameter in operation.path_parameters:
        path = path.replace(f"{{{parameter.name}}}", PLACES.get(parameter.name, "999999"))
    return path


def body(operation: Operation) -> Any:
    return UNSET if operation.body is None else BODIES.get(operation.body.schema_name, {})


async def state(conn: Conn) -> list[tuple[str, Any]]:
    """A digest of every table but those that tell who tried what."""
    names = await tuples(
        conn,
        """
        SELECT table_name FROM information_schema.tables
        WHERE table_schema = 'clarion' AND table_name NOT IN ('audit', 'sign_in_attempt') ORDER BY 1
        """,
    )
    digest = sql.SQL("SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} AS t")
    return [(name, await value(conn, digest.format(sql.Identifier("clarion", name)))) for (name,) in names]


async def seen(client: AdminClient) -> list[tuple[str, Any]]:
    async with client.database.connection() as conn:
        return await state(conn)


def test_the_least_roles_are_as_they_were_decided() -> None:
    """Only signing in is open. What writes needs an operator, people and applications an administrator; a viewer may
    sign out, ask how many devices a predicate would hold for, and give that up."""
    assert [operation.operation_id for operation in OPERATIONS if operation.open] == ["createSession"]
    for operation in CLOSED:
        role = operation.extensions["x-role"]
        reads = operation.method == "GET" or operation.extensions.get("x-preview")
        if operation.path.startswith("/admin/people") or operation.operation_id in ("createApp", "setGateway"):
            assert role == "administrator", operation.operation_id
        elif not reads and operation.operation_id != "endSession":
            assert role == "operator", operation.operation_id
    previews = [operation.operation_id for operation in OPERATIONS if operation.extensions.get("x-preview")]
    assert previews == ["cancelCount", "previewSegment"]


@pytest.mark.parametrize("operation", CLOSED, ids=lambda operation: operation.operation_id)
async def test_without_session_there_is_nothing(boss: AdminClient, operation: Operation) -> None:
    before = await seen(boss)
    path = target(boss, operation)
    answer = await boss.call(operation.method, path, body(operation), token=None)
    assert answer.problem == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    for token in ("0" * 43, boss.api_key, "ä"):
        answer = await boss.call(operation.method, path, body(operation), token=token)
        assert answer.problem == (401, "invalid_token")
    for authorization in (f"Basic {boss.token}", boss.token, "Bearer", f"Bearer {boss.token} x"):
        answer = await boss.call(
            operation.method, path, body(operation), token=None, headers={"Authorization": authorization}
        )
        assert answer.status == 401, authorization
    assert await seen(boss) == before
    assert await boss.audited() == []


async def test_a_viewer_is_refused_by_everything_that_writes(boss: AdminClient, viewer: AdminClient) -> None:
    before = await seen(boss)
    refused = []
    for operation in CLOSED:
        if operation.extensions["x-role"] != "viewer":
            answer = await viewer.call(operation.method, target(viewer, operation), body(operation))
            assert answer.problem == (403, "forbidden"), operation.operation_id
            if operation.method != "GET":
                refused.append(operation.operation_id)
    assert await seen(boss) == before
    lines = await boss.audited()
    assert [line.operation for line in lines] == refused
    assert {(line.status, line.person_id) for line in lines} == {(403, viewer.person.id)}


async def test_an_operator_is_refused_by_what_is_the_administrators(boss: AdminClient, operator: AdminClient) -> None:
    before = await seen(boss)
    for operation in CLOSED:
        if operation.extensions["x-role"] == "administrator":
            answer = await operator.call(operation.method, target(operator, operation), body(operation))
            assert answer.problem == (403, "forbidden"), operation.operation_id
    assert await seen(boss) == before


async def test_a_stranger_is_refused_by_every_operation_of_an_application(
    boss: AdminClient, stranger: AdminClient
) -> None:
    before = await seen(boss)
    for operation in SCOPED:
        path = target(stranger, operation)
        foreign = await stranger.call(operation.method, path, body(operation))
        assert foreign.problem == (403, "forbidden"), operation.operation_id
        nowhere = await stranger.call(operation.method, target(stranger, operation, "nowhere"), body(operation))
        assert nowhere.problem == (403, "forbidden")
        assert nowhere.json["detail"] == foreign.json["detail"], "nobody learns which applications there are"
    assert await seen(boss) == before
    writes = [line for line in await boss.audited() if line.app_id == boss.android.id]
    assert {line.person_id for line in writes} == {stranger.person.id}
    assert len(writes) == sum(op.method != "GET" and not op.extensions.get("x-preview") for op in SCOPED)


async def test_the_name_of_no_application_is_403_for_everybody(boss: AdminClient, operator: AdminClient) -> None:
    for operation in SCOPED:
        for client in (boss, operator):
            for partner_id in ("nowhere", "%ff", "%00", "a%2Fb"):
                answer = await client.call(operation.method, target(client, operation, partner_id), body(operation))
                assert answer.problem == (403, "forbidden"), (operation.operation_id, partner_id)


async def test_whoever_may_is_let_in(boss: AdminClient, operator: AdminClient, viewer: AdminClient) -> None:
    clients = {"administrator": [boss], "operator": [boss, operator], "viewer": [boss, operator, viewer]}
    for operation in CLOSED:
        if operation.operation_id == "endSession":
            continue
        for client in clients[operation.extensions["x-role"]]:
            answer = await client.call(operation.method, target(client, operation), body(operation))
            assert answer.status not in (401, 403, 500, 501, 503), (operation.operation_id, answer.body)


async def test_a_grant_that_is_taken_away_closes_the_application_at_once(
    boss: AdminClient, operator: AdminClient
) -> None:
    (await operator.get(operator.path())).ok()
    (await boss.delete(f"/admin/people/{operator.person.id}/apps/{boss.android.partner_id}")).ok(204)
    assert (await operator.get(operator.path())).problem == (403, "forbidden")
    (await operator.get(operator.path(app=operator.apps["ios"]))).ok()


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw["paths"]["/admin/apps"]["post"].pop("x-role"),
        lambda raw: raw["paths"]["/admin/apps"]["post"].update({"x-role": "king"}),
        lambda raw: raw["paths"]["/admin/apps"]["post"].update({"x-role": "anyone"}),
        lambda raw: raw["paths"]["/admin/apps"]["post"].update({"security": []}),
    ],
)
def test_an_operation_without_a_right_fails_the_start(change: Any, database: Database, sealer: Sealer) -> None:
    raw = Document.load("admin").raw
    change(raw)
    with pytest.raises(ConfigurationError, match="createApp"):
        AdminSurface(Contract(Document("admin", raw)), Services(database, sealer), ADMIN_HANDLERS)


def test_an_operation_without_handler_fails_the_start(database: Database, sealer: Sealer) -> None:
    handlers = {name: handler for name, handler in ADMIN_HANDLERS.items() if name != "listAudit"}
    with pytest.raises(ConfigurationError, match="listAudit"):
        AdminSurface(Contract(DOCUMENT), Services(database, sealer), handlers)
