"""The reference as it is served: files, documents and models, with the policy that keeps the page to itself."""

import gzip
import json
import re
from importlib.resources import files

import pytest

from clarion.api.contract.document import Document
from clarion.api.edge import App, create_app
from clarion.api.reference.surface import ReferenceSurface
from tests.api.asgi import Answer, call
from tests.api.v2.client import NoHealth

HOST = {"Host": "push.example"}
NAMES = ("v1", "v2", "sdk", "admin")
FILES = sorted(each.name for each in files("clarion.api.reference").joinpath("page").iterdir())


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return {name: Document.load(name) for name in NAMES}


@pytest.fixture(scope="module")
def app(documents: dict[str, Document]) -> App:
    return create_app([ReferenceSurface(documents)], NoHealth())


async def get(app: App, target: str, method: str = "GET", scheme: str = "https", **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await call(app, method, target, headers={**HOST, **given}, scheme=scheme)


async def test_the_page_is_served_over_both_schemes(app: App) -> None:
    for scheme in ("https", "http"):
        answer = await get(app, "/reference", scheme=scheme)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert ("strict-transport-security" in answer.headers) == (scheme == "https")


async def test_a_trailing_slash_leads_to_the_page(app: App) -> None:
    answer = await get(app, "/reference/")
    assert (answer.status, answer.headers["location"]) == (308, "/reference")


@pytest.mark.parametrize("name", FILES)
async def test_every_file_of_the_page_is_served_with_its_type(app: App, name: str) -> None:
    answer = await get(app, f"/reference/{name}")
    assert answer.status == 200
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert answer.headers["content-type"].startswith(types[name.rpartition(".")[2]])


@pytest.mark.parametrize(
    "target", ["/reference", "/reference/page.js", "/reference/v1.openapi.json", "/reference/none"]
)
async def test_the_policy_lets_the_page_reach_its_own_origin_and_nothing_else(app: App, target: str) -> None:
    headers = (await get(app, target)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    for kind in ("script-src", "style-src", "img-src", "connect-src"):
        assert policy[kind] == "'self'"
    assert (policy["require-trusted-types-for"], policy["trusted-types"]) == ("'script'", "'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"


def test_the_page_holds_nothing_that_the_policy_refuses() -> None:
    page = files("clarion.api.reference").joinpath("page")
    html = page.joinpath("page.html").read_text()
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]*\ssrc=)", html)
    assert set(re.findall(r'(?:src|href)="(/[^"]*)"', html)) <= {f"/reference/{name}" for name in FILES} | {
        f"/reference/{name}.openapi.json" for name in NAMES
    }
    for name in FILES:
        text = page.joinpath(name).read_text()
        if name.endswith(".js"):
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
            assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie", text), (
                "secrets in memory only"
            )
            assert set(re.findall(r'from "([^"]+)"', text)) <= {f"./{each}" for each in FILES}
        if name.endswith((".js", ".css", ".html")):
            assert not re.search(r"https?://", text), "nothing is fetched from elsewhere"


@pytest.mark.parametrize("name", NAMES)
async def test_each_document_is_served_with_this_installation_as_its_server(
    app: App, name: str, documents: dict[str, Document]
) -> None:
    answer = await get(app, f"/reference/{name}.openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    served = json.loads(answer.body)
    assert served["servers"] == [{"url": "https://push.example"}]
    assert {**served, "servers": None} == {**documents[name].raw, "servers": None}


@pytest.mark.parametrize("name", NAMES)
async def test_each_model_is_served(app: App, name: str, documents: dict[str, Document]) -> None:
    read = json.loads((await get(app, f"/reference/{name}.json")).body)
    ids = {call["id"] for call in read["calls"] if call["method"] != "EVENT"}
    assert ids == documents[name].operations.keys()


@pytest.mark.parametrize(
    "target", ["/reference", "/reference/page.js", "/reference/v2.openapi.json", "/reference/v2.json"]
)
async def test_what_a_browser_holds_is_not_sent_again(app: App, target: str) -> None:
    plain = await get(app, target)
    packed = await get(app, target, Accept_Encoding="br, gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["cache-control"] == packed.headers["cache-control"] == "no-cache"
    assert plain.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    for coding, answer in (("identity", plain), ("gzip", packed)):
        again = await get(app, target, Accept_Encoding=coding, If_None_Match=f'"x", {answer.headers["etag"]}')
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert (await get(app, target, Accept_Encoding="gzip;q=0")).body == plain.body
    assert (await get(app, target, If_None_Match='"x"')).status == 200


async def test_head_has_the_headers_of_get_and_no_body(app: App) -> None:
    get_answer = await get(app, "/reference/page.js")
    head = await get(app, "/reference/page.js", "HEAD")
    assert (head.status, head.body) == (200, b"")
    left_out = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in left_out} == {
        k: v for k, v in get_answer.headers.items() if k not in left_out
    }


@pytest.mark.parametrize(
    "target",
    [
        "/reference/none",
        "/reference/page.js/",
        "/reference/v3.openapi.json",
        "/reference/v2",
        "/reference/v2.yaml",
        "/reference/../v2.json",
        "/reference/page/page.js",
        "/reference/%2e%2e/model.py",
        "/reference//page.js",
        "/reference/.json",
    ],
)
async def test_other_paths_are_not_found(app: App, target: str) -> None:
    answer = await get(app, target)
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "route_not_found")


async def test_other_methods_are_refused_with_those_there_are(app: App) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await get(app, "/reference", method)
        assert (answer.status, json.loads(answer.body)["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    answer = await get(app, "/reference", "OPTIONS")
    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_a_failure_tells_the_request_id_only(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("cause")

    monkeypatch.setattr("clarion.api.reference.surface.model.build", broken)
    surface = ReferenceSurface({"v1": Document.load("v1")})
    answer = await get(create_app([surface], NoHealth()), "/reference/v1.json", X_Request_Id="mine")
    body = json.loads(answer.body)
    assert (answer.status, body["code"], body["requestId"]) == (500, "internal_error", "mine")
    assert b"cause" not in answer.body
