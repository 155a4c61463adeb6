"""The Postman collection: format 2.1, every operation, bodies and paths that the server understands."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import quote

import msgspec
import pytest
from msgspec import Struct

from clarion.api.contract.document import Document
from clarion.client.v1.calling import signature
from tests.api.v1.client import V1Client
from tests.contract.coverage.record import VARIABLE
from tools.v1.files import COLLECTION


class Shape(Struct, forbid_unknown_fields=True, rename="camel"):
    """What the format's schema lets an object be, as far as the collection uses it."""


class Pair(Shape):
    key: str
    value: str
    type: str = "string"
    disabled: bool = False


class Script(Shape):
    type: str
    exec: list[str]


class Event(Shape):
    listen: str
    script: Script


class Auth(Shape):
    type: str
    bearer: list[Pair] = []


class Url(Shape):
    raw: str
    host: list[str]
    path: list[str]
    variable: list[Pair] = []
    query: list[Pair] = []


class Body(Shape):
    mode: str
    raw: str
    options: dict[str, dict[str, str]]


class Request(Shape):
    method: str
    header: list[Pair]
    url: Url
    body: Body | None = None
    auth: Auth | None = None


class Item(Shape):
    name: str
    request: Request
    event: list[Event] = []


class Folder(Shape):
    name: str
    item: list[Item]


class Info(Shape):
    name: str
    description: str
    schema: str


class Collection(Shape):
    info: Info
    item: list[Folder]
    variable: list[Pair]
    auth: Auth
    event: list[Event]

    def items(self) -> Iterator[Item]:
        for folder in self.item:
            yield from folder.item


@pytest.fixture(scope="module")
def collection() -> Collection:
    return msgspec.json.decode(COLLECTION.read_bytes(), type=Collection)


def test_it_is_of_format_2_1_and_has_every_operation_once(collection: Collection) -> None:
    document = Document.load("v1")
    assert collection.info.schema == "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    assert [folder.name for folder in collection.item] == [tag["name"] for tag in document.raw["tags"]]
    assert sorted(item.name for item in collection.items()) == sorted(document.operations)
    assert {pair.key for pair in collection.variable} == {"baseUrl", "email", "apiKey", "partnerId", "accessToken"}
    for item in collection.items():
        operation, url = document.operations[item.name], item.request.url
        assert item.request.method == operation.method
        assert url.raw == f"{url.host[0]}/{'/'.join(url.path)}"
        assert re.sub(r":(\w+)", r"{\1}", "/" + "/".join(url.path)) == operation.path
        assert [pair.key for pair in url.variable] == [each.name for each in operation.path_parameters]
        assert len(url.query) == len(operation.query_parameters)
        assert (item.request.body is not None) == (operation.body is not None)


def test_only_the_request_for_a_token_goes_without_one_and_keeps_it(collection: Collection) -> None:
    """v1 rule 13."""
    assert collection.auth.bearer[0].value == "{{accessToken}}"
    [keeper] = [item for item in collection.items() if item.event]
    assert (keeper.name, keeper.request.auth) == ("createAccessToken", Auth("noauth"))
    assert [item for item in collection.items() if item.request.auth] == [keeper]
    assert "pm.collectionVariables.set('accessToken'" in "\n".join(keeper.event[0].script.exec)


_POSTMAN = """
const crypto = require('crypto');
const CryptoJS = {SHA1: text => crypto.createHash('sha1').update(text, 'utf8').digest('hex')};
const known = {apiKey: 'k\u00e9y', email: 'ops@shop.example'};
const headers = {};
const pm = {
  request: {method: METHOD, body: {raw: '{"email": "{{email}}", "name": "\u00e9"}'},
            headers: {upsert: header => { headers[header.key] = header.value; }}},
  variables: {get: name => known[name],
              replaceIn: text => text.replace(/\\{\\{(\\w+)\\}\\}/g, (_, name) => known[name])},
};
SCRIPT
console.log(JSON.stringify(headers));
"""


@pytest.mark.parametrize(("method", "body"), [("POST", '{"email": "ops@shop.example", "name": "é"}'), ("GET", "")])
def test_v1_rule_5_its_script_signs_what_is_sent(collection: Collection, method: str, body: str) -> None:
    """The script itself, run by Node with the few things of Postman that it uses."""
    node = shutil.which("node")
    [event] = collection.event
    assert event.listen == "prerequest"
    source = "\n".join(event.script.exec)
    if node is None:
        assert "CryptoJS.SHA1(body + pm.variables.get('apiKey') + time)" in source
        return
    program = _POSTMAN.replace("METHOD", repr(method)).replace("SCRIPT", source)
    run = subprocess.run([node, "-e", program], capture_output=True, check=True)
    headers = msgspec.json.decode(run.stdout, type=dict[str, str])
    assert headers["Accengage-Time"].isdigit()
    assert headers["Accengage-Signature"] == signature(body.encode(), "kéy", headers["Accengage-Time"])


async def test_the_server_understands_every_request_of_it(
    collection: Collection, v1: V1Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """v1 rules 22 and 23: nothing is badly formed, whatever its data is; answers are checked by the client."""
    monkeypatch.delenv(VARIABLE, raising=False)  # to have been called so is no proof of any operation
    known = {"partnerId": v1.ios.partner_id, "email": v1.person.email, "baseUrl": "https://push.test"}

    def filled(text: str) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda found: known[found[1]], text)

    for item in collection.items():
        request = item.request
        values = {pair.key: quote(filled(pair.value), safe="") for pair in request.url.variable}
        path = "/" + "/".join(values.get(part[1:], part) if part[0] == ":" else part for part in request.url.path)
        body = filled(request.body.raw).encode() if request.body else b""
        for whole in (False, True):
            params = [(pair.key, pair.value) for pair in request.url.query if whole or not pair.disabled]
            answer = await v1.request(request.method, path, body=body, params=params)
            assert answer.status in (200, 204, 400, 403, 404, 409, 501), (item.name, answer.body)
            if answer.status >= 400:
                assert "API_ERR_UNKNOW_ROUTE" not in answer.labels, item.name
                assert "API_ERR_FORMAT" not in answer.labels, (item.name, answer.errors)
