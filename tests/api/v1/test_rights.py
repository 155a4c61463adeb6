"""Who may call what, generated from the contract, so that a new route cannot escape (v1 rules 12, 16, 18, 24).

Every operation is tried by each kind of caller there is. Isolation by ids stands in `test_isolation.py`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET

from clarion.api.contract.document import Document, Operation
from clarion.base import clock
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry
from tests.api.v1.client import V1Client

DOCUMENT = Document.load("v1")
# The one operation that gives tokens has checks of its own (v1 rule 15).
OPERATIONS = [op for op in DOCUMENT.operations.values() if op.operation_id != "createAccessToken"]
SCOPED = [op for op in OPERATIONS if "{partnerId}" in op.path]
# Ids of nothing; texts that no object has.
NOTHING = "999999999"


def target(client: V1Client, operation: Operation, partner_id: str | None = None) -> str:
    path = operation.path.replace("{partnerId}", partner_id or client.android.partner_id)
    for parameter in operation.path_parameters:
        path = path.replace(f"{{{parameter.name}}}", NOTHING)
    return path


def body(operation: Operation) -> Any:
    return UNSET if operation.body is None else {}


async def lines(client: V1Client) -> list[AuditEntry]:
    async with client.database.connection() as conn:
        return [line for line in await identity.last_audit_entries(conn, 1000) if line.surface == "v1"]


def names(operations: Sequence[Operation]) -> list[str]:
    return sorted(operation.operation_id for operation in operations)


def test_every_operation_wants_a_token_and_a_signature() -> None:
    """v1 rules 3 and 16: what the document says of an operation is what the tests below try."""
    for operation in OPERATIONS:
        schemes = {scheme for requirement in operation.security for scheme in requirement.schemes}
        assert schemes == {"bearer", "signature", "time"}, operation.operation_id
    assert {"me", "sendInstantMessageMultiApp"} == set(names(OPERATIONS)) - set(names(SCOPED))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
async def test_v1_rule_16_whoever_brings_no_good_token_or_signature_is_refused(
    v1: V1Client, stranger: V1Client, operation: Operation
) -> None:
    """Of a correctly signed request without token, with an unknown one, with one that has ended; of a good token with
    no signature, a wrong one, and somebody else's."""
    path, given = target(v1, operation), body(operation)

    async def tried(client: V1Client, **options: Any) -> Any:
        return await client.request(operation.method, path, given, **options)

    assert (await tried(v1, token=None)).refused(403, "API_ERR_TOKEN")
    assert (await tried(v1, token="0" * 43)).refused(400, "API_ERR_TOKEN")
    clock.shift(timedelta(hours=25))
    assert (await tried(v1)).refused(401, "API_ERR_TOKEN")
    clock.shift(timedelta(0))
    assert (await tried(v1, sign=False)).refused(400, "API_ERR_SIGNATURE")
    wrong = {**v1.signature_headers(b"another body"), "accengage-signature": "0" * 40}
    assert (await tried(v1, headers=wrong)).refused(400, "API_ERR_SIGNATURE")
    assert (await tried(stranger, token=v1.token)).refused(400, "API_ERR_SIGNATURE")
    assert await lines(v1) == [], "nobody is known who could stand in the trail"


async def test_v1_rule_18_an_application_not_granted_and_one_that_is_not_are_the_same(
    v1: V1Client, stranger: V1Client, administrator: V1Client
) -> None:
    for operation in SCOPED:
        foreign = await stranger.request(operation.method, target(v1, operation), body(operation))
        assert foreign.refused(403, "API_ERR_FORBIDDEN"), operation.operation_id
        for client in (stranger, v1, administrator):
            for partner_id in ("nowhere", "%00", "%ff"):
                path = target(client, operation, partner_id)
                nowhere = await client.request(operation.method, path, body(operation))
                assert nowhere.refused(403, "API_ERR_FORBIDDEN"), (operation.operation_id, partner_id)
                assert nowhere.errors == foreign.errors


async def test_v1_rule_12_a_viewer_reads_and_does_not_write(v1: V1Client, viewer: V1Client) -> None:
    for operation in OPERATIONS:
        answer = await viewer.request(operation.method, target(viewer, operation), body(operation))
        if operation.method == "GET":
            assert (answer.status, _label(answer)) != (403, "API_ERR_FORBIDDEN"), operation.operation_id
        else:
            assert answer.refused(403, "API_ERR_FORBIDDEN"), operation.operation_id


async def test_v1_rule_12_operators_of_an_application_and_administrators_pass(
    v1: V1Client, administrator: V1Client
) -> None:
    for operation in OPERATIONS:
        for client in (v1, administrator):
            answer = await client.request(operation.method, target(client, operation), body(operation))
            assert answer.status not in (401, 403), (operation.operation_id, answer.body)
            assert _label(answer) not in ("API_ERR_TOKEN", "API_ERR_SIGNATURE"), operation.operation_id


async def test_a_write_without_the_right_to_it_leaves_a_line(
    v1: V1Client, stranger: V1Client, viewer: V1Client
) -> None:
    """An auditor sees who tried what in which application, though it did not exist for them."""
    writes = [operation for operation in SCOPED if operation.method != "GET"]
    for operation in SCOPED:
        for client in (stranger, viewer):
            await client.request(operation.method, target(client, operation), body(operation))
    left = await lines(v1)
    assert {(line.status, line.app_id) for line in left} == {(403, v1.android.id)}
    for client in (stranger, viewer):
        mine = sorted(line.operation for line in left if line.person_id == client.person.id)
        assert mine == names(writes)


async def test_what_a_line_says_is_what_was_answered(v1: V1Client) -> None:
    """A body that breaks the contract is a 400 in the trail, too."""
    assert (await v1.post(v1.path("campaigns"), {"name": "Spring"})).status == 200
    assert (await v1.post(v1.path("campaigns"), {})).refused(400, "API_ERR_FORMAT")
    assert (await v1.delete(v1.path(f"campaigns/{NOTHING}"))).refused(404, "API_ERR_DATA")
    assert [line.status for line in reversed(await lines(v1))] == [200, 400, 404]


def _label(answer: Any) -> str | None:
    return answer.labels[0] if answer.status >= 400 else None
