"""Errors on the wire (v1 rules 19 to 25, 107)."""

import msgspec
import psycopg
import pytest

from clarion.api.contract.engine import Contract
from clarion.api.edge import create_app
from clarion.api.exchange import BodyTooLarge, Response
from clarion.api.v1 import errors
from clarion.api.v1.call import Call, Handler, Services
from clarion.api.v1.errors import Label, Problem, V1Error
from clarion.api.v1.surface import V1Surface
from clarion.assembly.operations import V1_HANDLERS
from clarion.base.errors import (
    ClarionError,
    ConfigurationError,
    Conflict,
    Finding,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)
from clarion.identity import service as identity
from tests.api.v1.client import V1Client
from tests.api.v1.conftest import AlwaysReady


def test_rule_107_form_before_data_before_the_rest_else_the_order_given() -> None:
    problems = [
        Problem(403, Label.FORBIDDEN, "a"),
        Problem(404, Label.DATA, "b"),
        Problem(400, Label.FORMAT, "c"),
        Problem(400, Label.DATA, "d"),
        Problem(400, Label.FORMAT, "e"),
    ]
    answer = errors.answer(problems)
    assert answer.status == 400
    assert answer.body == (
        b'{"errors":[{"label":"API_ERR_FORMAT","message":"c"},{"label":"API_ERR_FORMAT","message":"e"},'
        b'{"label":"API_ERR_DATA","message":"b"},{"label":"API_ERR_DATA","message":"d"},'
        b'{"label":"API_ERR_FORBIDDEN","message":"a"}]}'
    )
    assert errors.answer(problems[:2]).status == 404


async def test_rule_19_the_envelope_is_an_object_with_one_array_of_labels_and_messages(v1: V1Client) -> None:
    for answer, count in (
        (await v1.post(v1.path("campaigns"), {"name": "", "externalId": 7}), 2),
        (await v1.get(v1.path("campaigns/1")), 1),
        (await v1.get("/v1/nowhere"), 1),
        (await v1.get("/v1/me", sign=False), 1),
    ):
        assert answer.headers["content-type"] == "application/json"
        assert list(answer.json) == ["errors"]
        assert [list(error) for error in answer.json["errors"]] == [["label", "message"]] * count
        assert all(isinstance(text, str) and text for error in answer.json["errors"] for text in error.values())


async def test_rule_21_the_pair_of_status_and_label_stands_whatever_the_message_says(v1: V1Client) -> None:
    pairs, messages = set(), set()
    for number in (404, 405):
        answer = await v1.get(v1.path(f"campaigns/{number}"))
        pairs.add((answer.status, *answer.labels))
        messages.add(answer.errors[0][1])
    assert (pairs, len(messages)) == ({(404, "API_ERR_DATA")}, 2)


@pytest.mark.parametrize(
    ("error", "status", "label"),
    [
        (NotFound("gone"), 404, Label.DATA),
        (Forbidden("no"), 403, Label.FORBIDDEN),
        (Conflict("taken"), 400, Label.DATA),
        (Conflict("busy", code="sending"), 400, Label.MESSAGE_SENDING),
        (Conflict("done", code="sent"), 400, Label.MESSAGE_SENT),
        (Conflict("lost", code="failed"), 400, Label.MESSAGE_FAILED),
        (BodyTooLarge(7), 400, Label.FORMAT),
        (V1Error(409, Label.DATA, "list exists"), 409, Label.DATA),
        (Invalid([Finding("/name", "missing", "x")]), 400, Label.FORMAT),
        (Invalid([Finding("/campaignId", "unknown_campaign", "x")]), 400, Label.DATA),
        (Invalid([Finding("/messages/0/collapseKey", "unknown_collapse_key", "x")]), 404, Label.DATA),
    ],
)
def test_rule_25_status_and_label_of_what_capabilities_raise(error: Exception, status: int, label: Label) -> None:
    problems = errors.problems_of(error)
    assert problems is not None
    assert [(problem.status, problem.label) for problem in problems] == [(status, label)]


def test_rule_107_findings_come_in_the_order_of_the_body() -> None:
    body = {"z": 1, "messages": [{"b": 1, "a": 2}, {}], "c": {"x/y": 1}}
    pointers = ["/missing", "/c/x~1y", "/messages/1", "/messages/0/absent", "/messages/0/a", "/messages/0/b", "/z", ""]
    found = errors.problems_of(Invalid([Finding(pointer, "x", pointer) for pointer in pointers]), body)
    assert found is not None
    assert [problem.message for problem in found] == list(reversed(pointers))


@pytest.mark.timeout(20)
def test_rules_20_and_107_a_flood_of_findings_is_put_in_order_and_cut_to_a_hundred() -> None:
    names = [f"n{number}" for number in range(60_000)]
    body = {"a": dict.fromkeys(names), "campaignId": 7}
    findings = [Finding("/campaignId", "unknown_campaign", "data")]
    findings += [Finding(f"/a/{name}", "wrong", name) for name in reversed(names)]
    found = errors.problems_of(Invalid(findings), body)
    assert found is not None
    answer = errors.answer(found)
    assert answer.status == 400
    shown = msgspec.json.decode(answer.body)["errors"]
    assert [error["message"] for error in shown] == names[:100]
    assert errors.answer([Problem(404, Label.DATA, "x")] * 1000).status == 404


async def _surface_with(v1: V1Client, contract: Contract, handler: Handler) -> V1Client:
    """The same installation with another `me`."""
    services = Services(v1.database, v1.sealer)
    surface = V1Surface(services, {**V1_HANDLERS, "me": handler}, contract=contract)
    changed = v1.as_person(v1.person, v1.api_key, v1.token)
    changed.asgi = create_app([surface], AlwaysReady())
    return changed


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (ZeroDivisionError("the secret cause"), "API_ERR_UNKNOWN"),
        (psycopg.DataError("the secret cause"), "API_ERR_DB"),
        (Unavailable("the secret cause"), "API_ERR_DB"),
        (ConfigurationError("the secret cause"), "API_ERR_SERVICE"),
        (ClarionError("the secret cause"), "API_ERR_SERVICE"),
    ],
)
async def test_rule_24_failures_are_500_with_a_reference_and_without_the_cause(
    v1: V1Client, v1_contract: Contract, error: Exception, label: str
) -> None:
    async def fail(_: Call) -> Response:
        raise error

    client = await _surface_with(v1, v1_contract, fail)
    answer = await client.get("/v1/me")
    assert answer.refused(500, label)
    assert "reference" in answer.text
    assert "secret" not in answer.text


async def test_a_write_that_fails_leaves_its_line_in_the_audit_trail(v1: V1Client, v1_contract: Contract) -> None:
    async def fail(_: Call) -> Response:
        raise ZeroDivisionError

    services = Services(v1.database, v1.sealer)
    handlers = {**V1_HANDLERS, "createCampaign": fail}
    v1.asgi = create_app([V1Surface(services, handlers, contract=v1_contract)], AlwaysReady())
    assert (await v1.post(v1.path("campaigns"), {"name": "x"})).refused(500, "API_ERR_UNKNOWN")
    async with v1.database.connection() as conn:
        (line,) = await identity.last_audit_entries(conn)
    assert (line.operation, line.status) == ("createCampaign", 500)


async def test_an_operation_in_no_table_fails_the_start(v1: V1Client, v1_contract: Contract) -> None:
    handlers = {name: handler for name, handler in V1_HANDLERS.items() if name != "me"}
    with pytest.raises(ConfigurationError, match="me"):
        V1Surface(Services(v1.database, v1.sealer), handlers, contract=v1_contract)
