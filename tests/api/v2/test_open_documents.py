"""The open documents: the contract itself and the pages of the problem codes.

v2 rules 1.8, 1.16, 1.17, 6.1, 7.1, 7.2.
"""

import json

import pytest

from clarion.api.contract.document import METHODS
from clarion.api.edge import App
from clarion.api.problems import PROBLEMS
from tests.api.asgi import call
from tests.contract.checker import ResponseChecker

HOST = {"Host": "push.example:8443"}
OPENAPI = "/v2/openapi.json"


async def test_v2_rule_1_17_the_contract_is_open_and_names_this_host(app: App, checker: ResponseChecker) -> None:
    answer = await call(app, "GET", OPENAPI, headers=HOST)
    checker.check("getOpenApi", answer.status, answer.headers, answer.body)
    served = json.loads(answer.body)
    assert served["servers"] == [{"url": "https://push.example:8443"}]
    assert sum(m in METHODS for item in served["paths"].values() for m in item) == 100
    assert answer.headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("target", [OPENAPI, "/problems/not_found"])
async def test_v2_rule_7_2_a_known_version_is_not_sent_again(app: App, checker: ResponseChecker, target: str) -> None:
    tag = (await call(app, "GET", target, headers=HOST)).headers["etag"]
    operation = "getOpenApi" if target == OPENAPI else "getProblemType"
    for held, status in (
        (tag, 304),
        ("*", 304),
        (f'"x", W/{tag}', 304),
        ('"x"', 200),
        (tag.strip('"'), 200),
    ):
        answer = await call(app, "GET", target, headers={**HOST, "If-None-Match": held})
        assert answer.status == status
        checker.check(operation, answer.status, answer.headers, answer.body)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/*", 200),
        ("application/json", 200),
        ("text/html, application/json;q=0.1", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/json;q=0.0, */*", 406),
        ("text/*", 406),
        ("", 200),
    ],
)
async def test_v2_rule_1_8_what_accept_excludes_is_406(
    app: App, checker: ResponseChecker, accept: str, status: int
) -> None:
    answer = await call(app, "GET", OPENAPI, headers={**HOST, "Accept": accept})
    assert answer.status == status
    checker.check("getOpenApi", answer.status, answer.headers, answer.body)


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("x=1", "unknown_parameter", "x"),
        ("%zz=1", "invalid_parameter", ""),
        ("x=%ff", "invalid_parameter", "x"),
    ],
)
async def test_v2_rule_1_16_parameters_not_documented_are_refused(
    app: App, checker: ResponseChecker, query: str, code: str, parameter: str
) -> None:
    answer = await call(app, "GET", f"{OPENAPI}?{query}", headers=HOST)
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (400, code)
    assert [error["parameter"] for error in body["errors"]] == [parameter]
    checker.check("getOpenApi", answer.status, answer.headers, answer.body)


async def test_v2_rule_6_3_a_wrong_header_is_named(app: App, checker: ResponseChecker) -> None:
    answer = await call(app, "GET", OPENAPI, headers={**HOST, "If-None-Match": "x" * 1025})
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (400, "invalid_parameter")
    assert [(error["header"], error["code"]) for error in body["errors"]] == [("If-None-Match", "too_long")]
    checker.check("getOpenApi", answer.status, answer.headers, answer.body)


@pytest.mark.parametrize("code", sorted(PROBLEMS))
async def test_v2_rule_6_1_every_problem_type_has_a_page_for_people(
    app: App, checker: ResponseChecker, code: str
) -> None:
    answer = await call(app, "GET", f"/problems/{code}", headers=HOST)
    checker.check("getProblemType", answer.status, answer.headers, answer.body)
    assert PROBLEMS[code].title in answer.body.decode()


@pytest.mark.parametrize("code", ["nothing", "%ff", "%00", "<b>"])
async def test_a_problem_type_that_is_none_is_not_found(app: App, checker: ResponseChecker, code: str) -> None:
    answer = await call(app, "GET", f"/problems/{code}", headers=HOST)
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "not_found")
    checker.check("getProblemType", answer.status, answer.headers, answer.body)
