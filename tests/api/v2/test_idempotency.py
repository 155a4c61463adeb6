"""Idempotent requests (v2 section 8)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from clarion.api.edge import create_app
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.api.v2.transport import V2Settings
from clarion.assembly import work
from clarion.assembly.operations import V2_HANDLERS
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.sql import Conn, execute, value, values
from clarion.identity import replies
from tests.api.asgi import Answer
from tests.api.v2.client import EVERY_SCOPE, Api, Client, NoHealth, decoded
from tests.support import until

pytestmark = pytest.mark.usefixtures("subscriber")

ACCOUNTS = "/v2/accounts"
NAMED = {"name": "ACME", "legalName": "ACME Corporation"}
KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
REPLAYED = "idempotent-replayed"


async def post(client: Client, body: Any = NAMED, key: dict[str, str] = KEY, target: str = ACCOUNTS) -> Answer:
    return await client.call("POST", target, body, headers=key)


async def count(api: Api, table: str = "account") -> int:
    async with api.database.connection() as conn:
        return int(await value(conn, f"SELECT count(*) FROM clarion.{table}"))


@asynccontextmanager
async def held(api: Api, reference: str = "HELD") -> AsyncIterator[Conn]:
    """Somebody else's transaction that holds an externalReference: whoever wants it waits while executing."""
    async with api.database.connection() as conn, conn.transaction(force_rollback=True):
        insert = "INSERT INTO clarion.account (name, legal_name, external_reference) VALUES ('H', 'H', %s)"
        await execute(conn, insert, (reference,))
        yield conn


async def waiting(api: Api) -> list[int]:
    """The backends that wait for a lock."""
    async with api.database.connection() as conn:
        return await values(
            conn,
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )


async def until_waiting(api: Api) -> list[int]:
    async def found() -> bool:
        return bool(await waiting(api))

    await until(found)
    return await waiting(api)


def test_v2_rule_8_1_every_post_but_stream_tickets_and_every_patch_takes_a_key(api: Api) -> None:
    for operation in api.contract.document.operations.values():
        takes = any(each.name == "Idempotency-Key" for each in operation.header_parameters)
        posts = operation.method == "POST" and operation.path.startswith("/v2/")
        wanted = (posts and operation.operation_id != "createStreamTicket") or operation.method == "PATCH"
        assert takes is wanted, operation.operation_id


async def test_v2_rule_8_1_a_key_is_optional_and_other_methods_ignore_it(api: Api, operator: Client) -> None:
    first, again = [await operator.create(ACCOUNTS, NAMED) for _ in range(2)]
    assert first["accountId"] != again["accountId"]
    path = f"{ACCOUNTS}/{first['accountId']}"
    for key in (KEY, {"Idempotency-Key": "not a key"}):
        answer = await operator.call("GET", path, headers=key)
        assert (answer.status, REPLAYED in answer.headers) == (200, False)
    assert (await operator.call("DELETE", path, headers=KEY)).status == 204
    assert await operator.refused("DELETE", path, **KEY) == (404, "not_found")
    assert await count(api, "saved_reply") == 0


async def test_v2_rule_8_2_quoted_and_bare_are_the_same_key(operator: Client) -> None:
    first = await post(operator, key={"Idempotency-Key": '"a-key!"'})
    again = await post(operator, key={"Idempotency-Key": "a-key!"})
    assert (again.headers[REPLAYED], again.body) == ("true", first.body)
    for key in ("x", "x" * 255, '"' + "y" * 255 + '"', "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"):
        assert (await post(operator, key={"Idempotency-Key": key})).status == 201


@pytest.mark.parametrize(
    "key", ["", '""', "x" * 256, '"' + "x" * 256 + '"', "a b", "é", '"a', 'a"b', "a\\b", "a\tb", '"a" "b"']
)
async def test_v2_rule_8_2_another_form_is_refused(api: Api, operator: Client, key: str) -> None:
    before = await count(api)
    answer = await post(operator, key={"Idempotency-Key": key})
    assert (answer.status, decoded(answer)["code"]) == (400, "invalid_idempotency_key")
    assert decoded(answer)["errors"][0]["header"] == "Idempotency-Key"
    assert await count(api) == before


async def test_v2_rule_8_3_a_key_belongs_to_the_client_whatever_its_token(api: Api, operator: Client) -> None:
    """Rule 8.10: the token may differ."""
    first = await post(operator)
    other = await api.client()
    assert REPLAYED not in (await post(other)).headers
    again = await post(operator.on(api.app, await api.token(operator, EVERY_SCOPE)))
    assert (again.headers[REPLAYED], again.body) == ("true", first.body)


async def test_v2_rule_8_3_bodies_are_compared_by_value(operator: Client) -> None:
    first = await operator.call("POST", ACCOUNTS, raw=b'{"name":"ACME","legalName":"A\xc3\xa9"}', headers=KEY)
    for raw in (
        b'{"legalName":"A\xc3\xa9","name":"ACME"}',
        b'\n{ "name" : "\\u0041CME", "legalName": "A\\u00e9" }\r\n',
    ):
        again = await operator.call("POST", ACCOUNTS, raw=raw, headers=KEY)
        assert (again.headers[REPLAYED], again.body) == ("true", first.body)


async def test_v2_rule_8_6_a_replay_is_the_same_answer_and_does_nothing_else(
    api: Api, second: Api, operator: Client
) -> None:
    first = await operator.call("POST", ACCOUNTS, NAMED, headers={**KEY, "X-Request-Id": "first"})
    before = await count(api), await count(api, "webhook_event")
    for surface in (api, second):
        again = await operator.on(surface.app).call("POST", ACCOUNTS, NAMED, headers={**KEY, "X-Request-Id": "again"})
        assert (again.status, again.body) == (201, first.body)
        for name in ("location", "etag", "content-type", "cache-control"):
            assert again.headers[name] == first.headers[name]
        assert again.headers[REPLAYED] == "true"
        assert again.headers["x-request-id"] == "again"
        assert REPLAYED not in first.headers
    assert (await count(api), await count(api, "webhook_event")) == before


async def test_v2_rule_8_6_a_patch_is_replayed_though_the_resource_went_on(operator: Client) -> None:
    made = await operator.create(ACCOUNTS, NAMED)
    path = f"{ACCOUNTS}/{made['accountId']}"
    first = await operator.call("PATCH", path, {"name": "Once"}, headers=KEY)
    await operator.change(path, {"name": "Later"})
    again = await operator.call("PATCH", path, {"name": "Once"}, headers=KEY)
    assert (again.status, again.body, again.headers["etag"]) == (200, first.body, first.headers["etag"])
    assert (await operator.get(path))["data"]["name"] == "Later"
    assert (await operator.call("DELETE", path)).status == 204
    assert (await operator.call("PATCH", path, {"name": "Once"}, headers=KEY)).body == first.body


async def test_v2_rule_8_7_another_request_under_the_key_is_refused(api: Api, operator: Client) -> None:
    made = decoded(await post(operator))["data"]
    path = f"{ACCOUNTS}/{made['accountId']}"
    for method, target, body in (
        ("POST", ACCOUNTS, {**NAMED, "name": "Other"}),
        ("POST", ACCOUNTS, {**NAMED, "externalReference": None}),
        ("POST", f"{path}/contacts", NAMED),
        ("PATCH", path, NAMED),
    ):
        assert await operator.refused(method, target, body, **KEY) == (422, "idempotency_key_reused")
    assert await count(api) == 1


async def test_v2_rule_8_3_numbers_are_told_apart_by_value_alone(operator: Client) -> None:
    """Wide integers too, which are findings only later."""
    for raw in (b"1e400", b'{"a":1}', b'{"a":123456789012345678901234567890}'):
        answer = await operator.call("POST", ACCOUNTS, raw=raw, headers=KEY)
        assert answer.status in (400, 422)


async def test_v2_rule_8_4_refusals_save_nothing(api: Api, operator: Client) -> None:
    made = await operator.create(ACCOUNTS, NAMED)
    path = f"{ACCOUNTS}/{made['accountId']}"
    reader = await api.client([])
    slow = await api.client()
    await api.limit(slow, writes=1)
    await slow.call("PATCH", path, {})
    for client, method, target, body, headers, status in (
        (operator.on(api.app, "unknown"), "PATCH", path, {"name": "a"}, {}, 401),
        (slow, "PATCH", path, {"name": "a"}, {}, 429),
        (reader, "PATCH", path, {"name": "a"}, {}, 403),
        (operator, "PATCH", path, {"name": "a"}, {"Content-Type": "text/plain"}, 415),
        (operator, "PATCH", f"{path}?x=1", {"name": "a"}, {}, 400),
        (operator, "PATCH", f"{ACCOUNTS}/ACC-999999999", {"name": "a"}, {}, 404),
        (operator, "PATCH", path, {"name": 1}, {}, 422),
        (operator, "PATCH", path, {"timeZone": "Europe/Nowhere"}, {}, 422),
        (operator, "PATCH", path, {"name": "a"}, {"If-Match": '"x"'}, 412),
    ):
        answer = await client.call(method, target, body, headers={**KEY, **headers})
        assert answer.status == status
    assert await count(api, "saved_reply") == 0
    corrected = await operator.call("PATCH", path, {"name": "Right"}, headers=KEY)
    assert (corrected.status, REPLAYED in corrected.headers) == (200, False)


async def test_v2_rule_8_5_a_409_from_the_state_of_things_is_saved(api: Api, operator: Client) -> None:
    taken = await operator.create(ACCOUNTS, {**NAMED, "externalReference": "E"})
    body = {**NAMED, "externalReference": "E"}
    first = await post(operator, body)
    assert (first.status, decoded(first)["code"]) == (409, "duplicate_external_reference")
    await operator.change(f"{ACCOUNTS}/{taken['accountId']}", {"externalReference": None})
    again = await post(operator, body)
    assert (again.status, again.body, again.headers[REPLAYED]) == (409, first.body, "true")
    assert again.headers["content-type"] == "application/problem+json"
    assert (await post(operator, body, {"Idempotency-Key": "new"})).status == 201
    assert await count(api) == 2


async def test_v2_rule_8_5_a_500_is_saved_and_its_changes_are_undone(api: Api, operator: Client) -> None:
    async with api.database.transaction() as conn:
        await execute(conn, "ALTER TABLE clarion.webhook RENAME TO hidden")
    first = await post(operator)
    assert (first.status, decoded(first)["code"]) == (500, "internal_error")
    async with api.database.transaction() as conn:
        await execute(conn, "ALTER TABLE clarion.hidden RENAME TO webhook")
    assert (await count(api), await count(api, "webhook_event")) == (0, 0)
    again = await post(operator)
    assert (again.status, again.body, again.headers[REPLAYED]) == (500, first.body, "true")
    assert (await post(operator, key={"Idempotency-Key": "new"})).status == 201


async def test_v2_rule_8_8_while_the_first_runs_the_key_is_in_progress(api: Api, second: Api, operator: Client) -> None:
    body = {**NAMED, "externalReference": "HELD"}
    async with held(api):
        first = asyncio.create_task(post(operator, body))
        await until_waiting(api)
        for surface in (api, second):
            answer = await post(operator.on(surface.app), body)
            assert (answer.status, decoded(answer)["code"]) == (409, "idempotency_request_in_progress")
            assert answer.headers["retry-after"] == "1"
            assert REPLAYED not in answer.headers
        other = await api.client()
        assert (await post(other)).status == 201, "a key of its own"
    assert (await first).status == 201
    again = await post(operator.on(second.app), body)
    assert (again.status, again.body, again.headers[REPLAYED]) == (201, (await first).body, "true")


async def test_v2_rule_8_9_many_at_once_have_one_effect_and_one_answer(api: Api, second: Api, operator: Client) -> None:
    for number in range(10):
        key = {"Idempotency-Key": f"key-{number}"}
        surfaces = [api, second] * 6

        async def until_answered(surface: Api, key: dict[str, str] = key) -> Answer:
            while True:
                answer = await post(operator.on(surface.app), key=key)
                if answer.status != 409:
                    return answer
                assert decoded(answer)["code"] == "idempotency_request_in_progress"

        answers = await asyncio.gather(*(until_answered(surface) for surface in surfaces))
        assert {answer.status for answer in answers} == {201}
        assert len({answer.body for answer in answers}) == 1
        assert sum(REPLAYED not in answer.headers for answer in answers) == 1
        assert await count(api) == number + 1


async def test_v2_rule_8_9_a_connection_lost_while_executing_frees_the_key(
    api: Api, second: Api, operator: Client
) -> None:
    body = {**NAMED, "externalReference": "HELD"}
    async with held(api):
        first = asyncio.create_task(post(operator, body))
        for pid in await until_waiting(api):
            async with api.database.connection() as conn:
                await execute(conn, "SELECT pg_terminate_backend(%s)", (pid,))
        answer = await first
        assert (answer.status, decoded(answer)["code"]) == (503, "service_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert b"terminat" not in answer.body, "rule 6.4"
    assert (await count(api), await count(api, "saved_reply")) == (0, 0)
    again = await post(operator.on(second.app), body)
    assert (again.status, REPLAYED in again.headers) == (201, False)
    assert await count(api) == 1


async def test_v2_rule_8_9_answers_live_a_day(api: Api, operator: Client) -> None:
    first = await post(operator)
    await age(api, "23 hours 59 minutes")
    await replies.purge(api.database)
    assert (await post(operator)).body == first.body
    await age(api, "2 minutes")
    anew = await post(operator, {**NAMED, "name": "Anew"})
    assert (anew.status, REPLAYED in anew.headers) == (201, False)
    assert (await post(operator, {**NAMED, "name": "Anew"})).body == anew.body
    await age(api, "25 hours")
    await replies.purge(api.database)
    assert await count(api, "saved_reply") == 0


async def test_v2_rule_8_9_how_long_is_a_setting(api: Api, operator: Client, sealer: Sealer) -> None:
    services = Services(api.database, sealer, V2Settings(reply_life=timedelta(hours=48)))
    longer = create_app(v2_surfaces(api.contract, services, V2_HANDLERS), NoHealth())
    first = await post(operator.on(longer))
    await age(api, "47 hours")
    await replies.purge(api.database, timedelta(hours=48))
    assert (await post(operator.on(longer))).body == first.body


async def test_v2_rule_8_9_timers_forget_what_has_ended(api: Api, operator: Client, tmp_path: Any) -> None:
    await post(operator)
    await age(api, "49 hours")
    await api.token(operator, [], life=timedelta(seconds=-1))
    timers = {timer.name: timer for timer in work.timers(api.database, Settings(data_dir=tmp_path))}
    assert await count(api, "api_token") == 2
    await timers["identity.clients"].run()
    await timers["identity.replies"].run()
    assert (await count(api, "api_token"), await count(api, "saved_reply")) == (1, 0)


async def age(api: Api, by: str) -> None:
    """Make every saved answer older."""
    async with api.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.saved_reply SET saved_at = saved_at - %s::interval", (by,))


async def test_v2_rule_8_10_a_replay_counts_against_the_quota(api: Api) -> None:
    client = await api.client(limits=None)
    for remaining in (29, 28, 27):
        answer = await post(client)
        assert answer.status == 201
        assert answer.headers["ratelimit"].startswith(f'"write";r={remaining};')
