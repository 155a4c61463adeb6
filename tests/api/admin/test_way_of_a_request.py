"""What every request passes besides rights: route, method, media types, parameters, the form of the body, failures."""

from typing import Any

import psycopg
import pytest

from clarion.api.admin.call import Call, Services
from clarion.api.admin.surface import AdminSurface
from clarion.api.contract.document import Document
from clarion.api.edge import create_app
from clarion.api.problems import PROBLEMS
from clarion.assembly.operations import ADMIN_HANDLERS
from clarion.base.errors import Unavailable
from tests.api.admin.client import APPS, ME, PEOPLE, AdminClient
from tests.api.admin.conftest import AlwaysReady
from tests.api.admin.test_rights import OPERATIONS, body, target
from tests.api.asgi import call

DOCUMENT = Document.load("admin")
WITH_BODY = [operation for operation in OPERATIONS if operation.body is not None]


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/appz", "/admin/apps/", "/admin/v1/apps"])
async def test_an_unknown_path_is_told(boss: AdminClient, path: str) -> None:
    answer = await boss.get(path)
    assert answer.problem == (404, "route_not_found")
    boss.checker.check_component("UnknownRoute", answer.headers, answer.body)


async def test_another_method_is_told_those_there_are(boss: AdminClient) -> None:
    answer = await boss.delete(APPS)
    assert answer.problem == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_options_invites_no_other_origin(boss: AdminClient) -> None:
    answer = await boss.call("OPTIONS", APPS, token=None, headers={"Origin": "https://shop.example"})
    assert (answer.status, answer.body, answer.headers["allow"]) == (204, b"", "GET, HEAD, POST")
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_head_of_a_read_has_no_body_and_leaves_no_line(boss: AdminClient) -> None:
    answer = await boss.call("HEAD", ME)
    assert (answer.status, answer.body) == (200, b"")
    assert await boss.audited() == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
async def test_a_parameter_the_operation_does_not_have_is_a_mistake(boss: AdminClient, operation: Any) -> None:
    for query, code in (
        ("dryRun=1", "unknown_parameter"),
        ("%zz=1", "invalid_parameter"),
        ("a=%ff", "invalid_parameter"),
    ):
        answer = await boss.call(operation.method, f"{target(boss, operation)}?{query}", body(operation))
        assert answer.problem == (400, code)


async def test_who_takes_no_json_gets_none(boss: AdminClient) -> None:
    answer = await boss.get(APPS, headers={"Accept": "text/html"})
    assert answer.problem == (406, "not_acceptable")


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.operation_id)
async def test_only_a_json_object_is_a_body(boss: AdminClient, operation: Any) -> None:
    path = target(boss, operation)
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": ""}, {"Content-Encoding": "gzip"}):
        answer = await boss.call(operation.method, path, {}, headers=headers)
        assert answer.problem == (415, "unsupported_media_type")
    assert (await boss.call(operation.method, path)).problem == (415, "unsupported_media_type")
    json = {"Content-Type": "application/json"}
    for raw in (b"", b"{", b'{"a":1,"a":2}', b"\xff", b'{"a":"\\ud800"}', b"[" * 40 + b"]" * 40, b"NaN"):
        answer = await boss.call(operation.method, path, raw=raw, headers=json)
        assert answer.problem == (400, "malformed_request"), raw
    others: list[Any] = [None, [], "x", 1, True]
    for given in others:
        assert (await boss.call(operation.method, path, given)).findings == [("#", "invalid_type")]
    answer = await boss.call(operation.method, path, {"surely": "unknown"})
    assert ("#/surely", "unknown_field") in answer.findings


async def test_a_body_over_the_limit_is_refused(boss: AdminClient) -> None:
    path, fits = boss.path("segments/count"), b'{"where":{"all":[]}}'.ljust(256 * 1024)
    json = {"Content-Type": "application/json"}
    (await boss.call("POST", path, raw=fits, headers=json)).ok()
    assert (await boss.call("POST", path, raw=fits + b" ", headers=json)).problem == (413, "payload_too_large")


async def test_an_id_of_the_exchange_is_kept_when_it_can_be(boss: AdminClient) -> None:
    assert (await boss.get(ME, headers={"X-Request-Id": "own-1"})).headers["x-request-id"] == "own-1"
    assert (await boss.get(ME, headers={"X-Request-Id": "a b"})).headers["x-request-id"] != "a b"


async def test_plain_http_gets_no_promise_of_https(boss: AdminClient) -> None:
    assert "strict-transport-security" in (await boss.get(ME)).headers
    plain = await call(boss.edge, "GET", ME, scheme="http", client="127.0.0.1", server="127.0.0.1")
    assert plain.status == 401
    assert "strict-transport-security" not in plain.headers


@pytest.mark.parametrize("error", [Unavailable("The database is down."), psycopg.OperationalError("gone")])
async def test_a_database_that_is_away_asks_for_patience(boss: AdminClient, error: Exception) -> None:
    failing(boss, error)
    answer = await boss.post(PEOPLE, {"email": "ana@shop.example"})
    assert answer.problem == (503, "service_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "gone" not in str(answer.body)
    assert [line.status for line in await boss.audited()] == [503]


async def test_a_failure_of_ours_tells_its_reference_only(boss: AdminClient) -> None:
    failing(boss, ValueError("a secret detail"))
    answer = await boss.post(PEOPLE, {"email": "ana@shop.example"}, besides=[500])
    assert answer.problem == (500, "internal_error")
    assert "secret" not in str(answer.body)
    assert [line.status for line in await boss.audited()] == [500]


def failing(boss: AdminClient, error: Exception) -> None:
    """From now on creating a person fails like this."""

    async def broken(_call: Call) -> Any:
        raise error

    handlers = {**ADMIN_HANDLERS, "createPerson": broken}
    surface = AdminSurface(boss.contract, Services(boss.database, boss.sealer), handlers)
    boss.edge = create_app([surface], AlwaysReady())


# The document


def test_the_codes_of_problems_are_those_of_the_one_table() -> None:
    assert set(DOCUMENT.at("/components/schemas/Problem/properties/code/enum")) <= set(PROBLEMS)


def test_every_write_can_say_what_is_wrong() -> None:
    for operation in OPERATIONS:
        statuses = set(operation.responses)
        if operation.body is not None:
            assert {413, 415, 422} <= statuses, operation.operation_id
        if operation.extensions["x-role"] in ("operator", "administrator") or "{partnerId}" in operation.path:
            assert 403 in statuses, operation.operation_id


def test_lists_all_page_alike() -> None:
    lists = [operation for operation in OPERATIONS if operation.operation_id.startswith("list")]
    assert len(lists) == 9
    for operation in lists:
        names = [parameter.name for parameter in operation.query_parameters]
        assert names[-2:] == ["after", "limit"], operation.operation_id
