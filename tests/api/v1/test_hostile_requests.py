"""No request is a failure of ours, generated from the contract (v1 rules 20, 22, 24, 26, 30, 67).

Every body of an operation with each of its parts replaced by something odd, bodies that are no JSON, every parameter
with values nobody should send. An answer is one the contract documents for the operation (the client checks that) and
never a 5xx, but for the documented 500 of `updateDevice`.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from clarion.api.contract.document import Document, Operation
from clarion.apps import columns, declarations
from clarion.apps.model import ColumnKind, DeclarationKind
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord
from tests.api.v1.client import Answer, V1Client
from tests.api.v1.test_odd_bodies import mutations

DOCUMENT = Document.load("v1")
OPERATIONS = list(DOCUMENT.operations.values())
PLACE = {"info": {"name": "Store", "externalId": "store", "latitude": 45.7, "longitude": 4.8, "radius": 150}}
BEACON = {"info": {"name": "Aisle", "externalId": "aisle", "uuid": "0F9D2B6C-1111-4222-8333-444455556666", "major": 1}}
POPUP = {"type": "popup", "title": "Rate us", "text": "Now?", "buttons": [{"title": "Later", "action": "close"}]}
INBOX = {"title": "Welcome", "content": {"type": "text", "body": "Hello"}}
LATER = "2031-03-02T09:00:00+01:00"
STOCK: list[tuple[str, str, dict[str, Any]]] = [
    ("campaignId", "campaigns", {"name": "Spring"}),
    ("messageId", "messages", {"name": "Push", "externalId": "push", "messages": [{"text": "Hello"}]}),
    ("geofenceId", "geofences", PLACE),
    ("beaconId", "beacons", BEACON),
    ("geogroupId", "geogroups", {"name": "South", "externalId": "south"}),
    ("inappId", "inapps", {"name": "In-app", "externalId": "own", "messages": [{"template": POPUP}]}),
    (
        "alarmId",
        "alarms",
        {
            "name": "Alarm",
            "externalId": "own",
            "messages": [{"text": "Hello"}],
            "settings": {"programmation": {"type": "timer", "duration": 60}},
        },
    ),
    ("inboxId", "inboxes", {"name": "Inbox", "externalId": "own", "messages": [INBOX], "sendingDate": LATER}),
]
"""What there is one of: the path parameter that names it, where it is created, with what."""

TEXTS = [
    "", " ", "%", "%%%%%%%%%%%%%%%%%%%%a", "_", "\\", "'", "';DROP TABLE clarion.app;--", "\x00", "\ud800", "a" * 5000,
    "0", "-1", "1.0", "1e9", "٣", "9" * 30, str(2**63), str(2**64), "null", "true", "[]", "{}", "../..", "2031-02-30",
    "0000-00-00", "9999-12-31 23:59:59", "2031-01-01T00:00:00Z", "2031-01-01|2030-01-01", "|", "a|b|c", "ext:",
    "ext:\x00",
]  # fmt: skip
RAW = [
    b"", b"{", b"null", b"[]", b'"x"', b"1", b"\xff\xfe\x00", b"\xef\xbb\xbf{}", '{"name":"é"}'.encode("latin-1"),
    '{"name":"x"}'.encode("utf-16"), b'{"name":"\\ud800"}', b'{"name":"\\u0000"}', b'{"name":1,"name":2}',
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b'{"name":NaN}', b'{"name":1e999}', b'{"name":' + b"9" * 5_000 + b"}",
    b"{" + b",".join(b'"m%d":0' % n for n in range(20_000)) + b"}", b"name=x",
]  # fmt: skip


class Stocked:
    """A client, and the id of an object of each kind."""

    def __init__(self, client: V1Client, ids: dict[str, str]) -> None:
        self.client = client
        self.ids = ids

    def path(self, operation: Operation, **instead: str) -> str:
        """The path of an operation on the objects there are; `instead` gives parameters in their place, encoded."""
        values = {**self.ids, **({"externalId": "own"} if "external" in operation.path else {}), **instead}
        path = operation.path
        for parameter in operation.path_parameters:
            path = path.replace(f"{{{parameter.name}}}", values[parameter.name])
        return path + ("?UDID=device" if operation.operation_id.startswith("setInboxStatus") else "")

    async def survives(self, operation: Operation, path: str, **options: Any) -> Answer:
        """The answer to a request that must not make the server fail."""
        answer = await self.client.request(operation.method, path, **options)
        shown = (operation.operation_id, path[:300], str(options)[:600], answer.status, answer.body[:600])
        if answer.status >= 500:
            assert operation.operation_id == "updateDevice", shown
            assert answer.status == 500, shown
            assert all(label == "API_ERR_DB" and "Unknown fields" in text for label, text in answer.errors), shown
        return answer


@pytest.fixture
async def stocked(v1: V1Client) -> Stocked:
    async with v1.database.transaction() as conn:
        await columns.add_column(conn, v1.android, "clientId", ColumnKind.TEXT, indexed=True)
        await devices.upsert(conn, v1.android, [DeviceRecord("device")])
        await declarations.declare(conn, v1.android.id, DeclarationKind.EVENT, "1005")
        await declarations.declare(conn, v1.android.id, DeclarationKind.STATE, "weather")
        await declarations.declare(conn, v1.android.id, DeclarationKind.VIEW, "checkout")
    ids = {"partnerId": v1.android.partner_id, "udid": "device"}
    for parameter, path, body in STOCK:
        ids[parameter] = str((await v1.post(v1.path(path), body)).id)
    created = await v1.post(v1.path("lists"), {"name": "List", "externalId": "own"})
    ids["listId"] = str(created.json["listId"])
    schedule = {"type": "DAILY", "nextSendingDate": LATER}
    assert (await v1.post(v1.path(f"messages/{ids['messageId']}/schedules"), schedule)).status == 200
    return Stocked(v1, ids)


def examples(operation: Operation) -> Iterator[Any]:
    """Bodies of an operation as its schema shows them, those of a choice of schemas one after the other."""
    assert operation.body is not None
    schemas = DOCUMENT.raw["components"]["schemas"]
    schema = schemas[operation.body.schema_name]
    for each in [schema, *(schemas[choice["$ref"].rpartition("/")[2]] for choice in schema.get("oneOf", ()))]:
        yield from each.get("examples", ())


def test_every_body_has_an_example() -> None:
    assert [each.operation_id for each in OPERATIONS if each.body is not None and not list(examples(each))] == []


WITH_BODY = [pytest.param(each, id=each.operation_id) for each in OPERATIONS if each.body is not None]
WITH_QUERY = [pytest.param(each, id=each.operation_id) for each in OPERATIONS if each.query_parameters]
WITH_PATH = [pytest.param(each, id=each.operation_id) for each in OPERATIONS if each.path_parameters]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", WITH_BODY)
async def test_v1_rule_22_odd_values_in_every_body(stocked: Stocked, operation: Operation) -> None:
    path = stocked.path(operation)
    for example in examples(operation):
        for changed in mutations(example):
            await stocked.survives(operation, path, json=changed)


@pytest.mark.parametrize("operation", WITH_BODY)
async def test_v1_rule_22_bodies_that_are_no_json_of_ours(stocked: Stocked, operation: Operation) -> None:
    for raw in RAW:
        answer = await stocked.survives(operation, stocked.path(operation), body=raw)
        assert answer.status >= 400 or operation.operation_id in ("updateDevice", "createCampaign"), (raw, answer.body)


@pytest.mark.parametrize("operation", WITH_QUERY)
async def test_v1_rules_26_and_30_hostile_query_parameters(stocked: Stocked, operation: Operation) -> None:
    names = [name for parameter in operation.query_parameters for name in spellings(parameter.name)]
    path = stocked.path(operation).partition("?")[0]
    for name in names:
        for text in TEXTS:
            encoded = f"{quote(name, safe='[]')}={quote(text, safe='', errors='surrogatepass')}"
            await stocked.survives(operation, f"{path}?{encoded}")
            await stocked.survives(operation, f"{path}?{encoded}&{encoded}")
    for odd in ("&&&", "=", "%", "%zz=1", "a[b=1", "a]=1", "%00=1", "x=" + "y" * 20_000, "&".join(["page=1"] * 2_000)):
        await stocked.survives(operation, f"{path}?{odd}")


@pytest.mark.parametrize("operation", WITH_PATH)
async def test_v1_rule_26_hostile_path_parameters(stocked: Stocked, operation: Operation) -> None:
    body = next(examples(operation)) if operation.body is not None else None
    raw = b"" if body is None else msgspec.json.encode(body)
    for parameter in operation.path_parameters:
        for text in filter(None, TEXTS):
            encoded = quote(text, safe="", errors="surrogatepass")
            if encoded in ("..", "."):
                continue
            answer = await stocked.survives(operation, stocked.path(operation, **{parameter.name: encoded}), body=raw)
            if parameter.name == "partnerId":
                assert answer.refused(403, "API_ERR_FORBIDDEN"), text


def spellings(name: str) -> list[str]:
    """How a parameter is written; the parameter that stands for any column is tried by names of columns and others."""
    if name == "fields":
        return ["fields[1]", "fields[]", "fields", "fields[x]"]
    if name == "filters":
        return ["UDID", "token", "clientId", "lastopen", "id", "no such", "udid;--"]
    return [name]
