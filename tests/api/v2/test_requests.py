"""Requests and their bodies (v2 sections 1 and 6)."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest

from clarion.api.contract.decode import Decoded
from clarion.api.contract.document import Document
from clarion.api.edge import create_app
from clarion.api.v2 import bodies, errors
from clarion.api.v2.call import Services
from clarion.api.v2.members import milliseconds, typed
from clarion.api.v2.surface import v2_surfaces
from clarion.api.v2.transport import V2Settings
from clarion.api.v2.wire import instant, plain
from clarion.assembly.operations import V2_HANDLERS
from clarion.base.errors import Unavailable
from clarion.base.sealing import Sealer
from clarion.db.records import Record, Records
from tests.api.asgi import call
from tests.api.v2.client import HOST, Api, Client, NoHealth, decoded

ACCOUNTS = "/v2/accounts"
NAMED = {"name": "ACME", "legalName": "ACME Corporation"}
MIB = 1024 * 1024


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \n",
        b"{",
        b'\xef\xbb\xbf{"name":"a","legalName":"b"}',
        b'{"name":"\xff","legalName":"b"}',
        '{"name":"a","legalName":"b"}'.encode("utf-16"),
        b'{"name":"a","name":"a","legalName":"b"}',
        b'{"name":"a","legalName":"b","x":{"y":1,"y":2}}',
        b'{"name":NaN}',
        b'{"name":Infinity}',
        b'{"name":-Infinity}',
        b'{"name":1e400}',
        b'{"name":"a"} {}',
        b'{"name":"a"}\x00',
        b'{"name":"\\ud800"}',
        b'{"name":' + b"[" * 32 + b"]" * 32 + b"}",
        b"{'name':'a'}",
        b'{"name":"a",}',
        b'{"name":"a"} // no comment',
    ],
)
async def test_v2_rule_1_5_what_is_no_strict_json_is_malformed(operator: Client, raw: bytes) -> None:
    answer = await operator.call("POST", ACCOUNTS, raw=raw, headers={"Content-Type": "application/json"})
    assert (answer.status, decoded(answer)["code"]) == (400, "malformed_request")


async def test_v2_rule_1_5_nesting_of_32_levels_is_read(operator: Client) -> None:
    raw = b'{"name":' + b"[" * 31 + b"]" * 31 + b"}"
    assert (await operator.call("POST", ACCOUNTS, raw=raw)).status == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=iso-8859-1"},
        {"Content-Type": "application/json;charset=utf-16"},
        {"Content-Type": "application/problem+json"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": "identity"},
    ],
)
async def test_v2_rule_1_6_another_media_type_is_refused(operator: Client, headers: dict[str, str]) -> None:
    path = f"{ACCOUNTS}/{(await operator.create(ACCOUNTS, NAMED))['accountId']}"
    for method, target in (("POST", ACCOUNTS), ("PATCH", path)):
        answer = await operator.call(method, target, NAMED, headers=headers)
        assert (answer.status, decoded(answer)["code"]) == (415, "unsupported_media_type")
        patch = "application/merge-patch+json, application/json" if method == "PATCH" else None
        assert answer.headers.get("accept-patch") == patch
    merge = {"Content-Type": "application/merge-patch+json"}
    assert (await operator.call("POST", ACCOUNTS, NAMED, headers=merge)).status == 415


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "Utf-8 "])
async def test_v2_rule_1_6_utf_8_may_be_named(operator: Client, charset: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    assert (await operator.call("POST", ACCOUNTS, NAMED, headers=headers)).status == 201


async def test_v2_rule_1_7_a_body_over_the_limit_is_refused_from_its_length(api: Api, operator: Client) -> None:
    """Nothing is read when Content-Length tells; without it the reading stops."""
    own = {**HOST, "Authorization": f"Bearer {operator.token}", "Content-Type": "application/json"}

    gone: list[bytes | None] = [None]  # whoever reads finds the client gone, and nobody is answered
    announced = {**own, "Content-Length": str(MIB + 1)}
    first = await call(api.app, "POST", ACCOUNTS, headers=announced, body=gone)
    assert (first.status, decoded(first)["code"]) == (413, "payload_too_large")
    pieces = [b" " * 65536] * 17
    streamed = await call(api.app, "POST", ACCOUNTS, headers=own, body=pieces)
    assert (streamed.status, decoded(streamed)["code"]) == (413, "payload_too_large")
    sound = msgspec.json.encode(NAMED)
    just = await call(api.app, "POST", ACCOUNTS, headers=own, body=sound + b" " * (MIB - len(sound)))
    assert just.status == 201


@pytest.mark.parametrize(
    ("operation_id", "mib"), [("createAccount", 1), ("createInvoice", 5), ("reportGuestEvents", 5)]
)
def test_v2_rule_1_7_which_bodies_may_be_larger(api: Api, operation_id: str, mib: int) -> None:
    assert bodies.limit_of(api.contract.document.operations[operation_id]) == mib * MIB


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/*", 200),
        ("application/json", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
    ],
)
async def test_v2_rule_1_8_accept_of_resources(operator: Client, accept: str, status: int) -> None:
    answer = await operator.call("GET", ACCOUNTS, headers={"Accept": accept}, besides=(406,))
    assert answer.status == status
    missing = await operator.call("GET", f"{ACCOUNTS}/ACC-1", headers={"Accept": "application/json"})
    assert missing.headers["content-type"] == "application/problem+json", "whatever Accept says"


async def test_v2_rule_1_10_head_answers_as_get_does(operator: Client) -> None:
    path = f"{ACCOUNTS}/{(await operator.create(ACCOUNTS, NAMED))['accountId']}"
    changing = ("ratelimit", "x-request-id")
    for target in (path, ACCOUNTS, f"{ACCOUNTS}?page[limit]=1", f"{ACCOUNTS}/ACC-1", f"{ACCOUNTS}?x=1"):
        full, head = await operator.call("GET", target), await operator.call("HEAD", target)
        assert (head.status, head.body) == (full.status, b"")
        told = {name: each for name, each in head.headers.items() if name not in changing}
        wanted = {name: each for name, each in full.headers.items() if name not in changing}
        if full.status == 200:
            assert told == wanted
        assert told.keys() == wanted.keys()


async def test_v2_rule_1_11_a_preflight_tells_methods_and_headers(api: Api, sealer: Sealer) -> None:
    settings = V2Settings(cors_origins=frozenset({"https://shop.example"}))
    app = create_app(v2_surfaces(api.contract, Services(api.database, sealer, settings), V2_HANDLERS), NoHealth())
    asked = {
        **HOST,
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type, if-match, idempotency-key",
    }
    answer = await call(app, "OPTIONS", f"{ACCOUNTS}/ACC-1", headers=asked)
    assert answer.status == 204
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key"} <= allowed
    assert "access-control-allow-credentials" not in answer.headers
    refused = await call(app, "OPTIONS", f"{ACCOUNTS}/ACC-1", headers={**asked, "Origin": "https://evil.example"})
    assert not [name for name in refused.headers if name.startswith("access-control")]
    assert "origin" in refused.headers["vary"].lower()
    failing = await call(app, "GET", ACCOUNTS, headers={**HOST, "Origin": "https://shop.example"})
    assert (failing.status, failing.headers["access-control-allow-origin"]) == (401, "https://shop.example")
    exposed = {name.strip() for name in failing.headers["access-control-expose-headers"].split(",")}
    assert exposed == {
        "ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id",
        "Idempotent-Replayed",
    }  # fmt: skip


class Moment(Record, frozen=True, kw_only=True):
    """A record with an instant."""

    moment_id: str
    seen_date: datetime | None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-28T10:00:00Z", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28t10:00:00z", "2026-11-28T10:00:00.000Z"),
        ("2026-11-28T10:00:00+05:30", "2026-11-28T04:30:00.000Z"),
        ("2026-11-28T23:30:00-02:00", "2026-11-29T01:30:00.000Z"),
        ("2026-11-28T10:00:00.1Z", "2026-11-28T10:00:00.100Z"),
        ("2026-11-28T10:00:00.1239999999Z", "2026-11-28T10:00:00.123Z"),
        ("2026-11-28T10:00:00.999999Z", "2026-11-28T10:00:00.999Z"),
    ],
)
def test_v2_rule_1_13_instants_of_any_offset_are_kept_in_utc_with_milliseconds(text: str, shown: str) -> None:
    records = Records("clarion.moment", Moment, key="moment_id")
    seen = typed(records, {"seenDate": text})["seen_date"]
    assert seen.tzinfo is UTC
    assert instant(seen) == shown
    assert plain(Moment(moment_id="M", seen_date=seen))["seenDate"] == shown
    assert milliseconds(text) == seen


@pytest.mark.parametrize("text", ["2026-11-28T10:00:00", "2026-11-28", "2026-11-28 10:00:00Z", "2026-13-28T10:00:00Z"])
def test_v2_rule_1_13_a_timestamp_without_offset_is_a_finding(api: Api, text: str) -> None:
    operation = api.contract.document.operations["createCase"]
    found = api.contract.check_body(operation, Decoded({"startOfIncident": text}))
    assert "/startOfIncident" in {each.pointer for each in found}
    sound = api.contract.check_body(operation, Decoded({"startOfIncident": "2026-11-28T10:00:00+01:00"}))
    assert "/startOfIncident" not in {each.pointer for each in sound}


async def test_v2_rule_1_14_every_member_is_there_and_unknown_values_are_null(api: Api, operator: Client) -> None:
    account = await operator.create(ACCOUNTS, NAMED)
    contact = await operator.create(f"{ACCOUNTS}/{account['accountId']}/contacts", {"name": "R", "role": "Billing"})
    client = await operator.create("/v2/api-clients", {"apiClientName": "X", "scopes": ["BasicRead"]})
    for name, record in (("Account", account), ("Contact", contact), ("ApiClientWithSecret", client)):
        schema = api.contract.document.at(f"/components/schemas/{name}")
        assert set(record) == set(schema["properties"]) == set(schema["required"])
    assert (account["externalReference"], contact["email"], contact["guestId"]) == (None, None, None)


def _objects(value: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield at, value
        for name, child in value.items():
            yield from _objects(child, f"{at}/{name}")
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _objects(child, f"{at}/{number}")


_BODIES = [
    (operation.operation_id, number)
    for operation in Document.load("v2").operations.values()
    if operation.body is not None and operation.path.startswith("/v2/") and operation.body.schema_name
    for number, _ in enumerate(
        Document.load("v2").at(f"/components/schemas/{operation.body.schema_name}").get("examples", ())
    )
]


@pytest.mark.parametrize(("operation_id", "number"), _BODIES)
def test_v2_rule_1_15_unknown_members_are_findings_at_every_depth(api: Api, operation_id: str, number: int) -> None:
    """Every example of the contract, with one member more in each of its objects."""
    operation = api.contract.document.operations[operation_id]
    assert operation.body is not None
    example = api.contract.document.at(f"/components/schemas/{operation.body.schema_name}")["examples"][number]
    for at, _ in _objects(example):
        changed = copy.deepcopy(example)
        next(each for place, each in _objects(changed) if place == at)["noSuchMember"] = 1
        validator = api.contract.schemas.body(operation)
        before = {(each.pointer, each.code) for each in validator.check_value(example)}
        found = {(each.pointer, each.code) for each in validator.check_value(changed)} - before
        if at.endswith("/replacements"):  # a map of names that the caller chooses
            continue
        assert found, f"{at} takes unknown members"


async def test_v2_rule_1_15_a_nul_and_a_wide_integer_are_findings(operator: Client) -> None:
    found = await operator.call("POST", ACCOUNTS, raw=b'{"name":"a\\u0000","legalName":18446744073709551616}')
    assert found.status == 422
    assert {item["pointer"] for item in decoded(found)["errors"]} == {"#/name", "#/legalName"}


@pytest.mark.parametrize("path", ["%00", "a%00b", "%ff", "x" * 5000, "ACC-1%2F..", "é", "ACC-%F0%9F%98%80", "'", "%25"])
async def test_v2_rule_2_3_an_id_of_any_form_is_not_found(operator: Client, path: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = await operator.call(method, f"{ACCOUNTS}/{path}", {"name": "X"} if method == "PATCH" else None)
        assert (answer.status, decoded(answer)["code"]) == (404, "not_found")


async def test_v2_rule_1_16_writes_refuse_unknown_parameters_too(operator: Client) -> None:
    path = f"{ACCOUNTS}/{(await operator.create(ACCOUNTS, NAMED))['accountId']}"
    for method, target, body in (("POST", ACCOUNTS, NAMED), ("PATCH", path, {"name": "X"}), ("DELETE", path, None)):
        assert await operator.refused(method, f"{target}?x=1", body) == (400, "unknown_parameter")
    assert await operator.refused("GET", f"{path}?page[limit]=1") == (400, "unknown_parameter")
    many = "&".join(f"x{number}=1" for number in range(500))
    answer = await operator.call("GET", f"{path}?{many}")
    assert (answer.status, len(decoded(answer)["errors"])) == (400, 100)


async def test_v2_rule_6_3_at_most_a_hundred_findings_are_listed(operator: Client) -> None:
    body = {**NAMED, **{f"x{number}": 1 for number in range(500)}}
    answer = await operator.call("POST", ACCOUNTS, body)
    assert (answer.status, len(decoded(answer)["errors"])) == (422, 100)


async def test_v2_rule_6_5_what_can_be_repeated_says_when(api: Api, operator: Client) -> None:
    """Of 409, 429, 500 and 503: those that pass by themselves carry Retry-After."""
    refused = errors.refusal_of(Unavailable("The database is away."))
    assert refused is not None
    assert (refused.code, dict(refused.headers)) == ("service_unavailable", {"Retry-After": "5"})
    await api.limit(operator, writes=1)
    await operator.call("POST", ACCOUNTS, NAMED)
    limited = await operator.call("POST", ACCOUNTS, NAMED)
    assert (limited.status, int(limited.headers["retry-after"]) >= 1) == (429, True)


def test_v2_rule_6_5_a_statement_beyond_the_limits_of_the_database_is_no_503() -> None:
    """It would fail again: a failure of ours."""
    assert errors.refusal_of(psycopg.errors.ProgramLimitExceeded()) is None
    for passing in (psycopg.errors.AdminShutdown(), psycopg.OperationalError("gone"), psycopg.errors.DiskFull()):
        refused = errors.refusal_of(passing)
        assert refused is not None
        assert refused.code == "service_unavailable"


async def test_v2_rule_6_5_a_database_that_is_away_is_503(api: Api, operator: Client) -> None:
    await api.database.close()
    for method in ("GET", "POST"):
        answer = await operator.call(method, ACCOUNTS, NAMED if method == "POST" else None)
        assert (answer.status, decoded(answer)["code"]) == (503, "service_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
