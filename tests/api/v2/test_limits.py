"""Rate limits (v2 section 9)."""

import asyncio
import re
from math import ceil
from time import monotonic

from clarion.db.sql import execute, tuples
from clarion.identity.clients import COMMON
from clarion.identity.scopes import ScopeName
from tests.api.asgi import Answer, call
from tests.api.v2.client import HOST, Api, Client, decoded

ACCOUNTS = "/v2/accounts"
NAMED = {"name": "ACME", "legalName": "ACME Corporation"}
_LEFT = re.compile(r'"(read|write)";r=([0-9]+);t=([0-9]+)')


def left(answer: Answer) -> tuple[str, int, int]:
    """Policy, r and t of `RateLimit`."""
    found = _LEFT.fullmatch(answer.headers["ratelimit"])
    assert found is not None, answer.headers["ratelimit"]
    return found[1], int(found[2]), int(found[3])


async def stop_clock(api: Api, client: Client, permits: float) -> None:
    """Give a client's bucket so many reads for its next call, however long that takes to come: nothing flows back to
    a bucket that was last looked at in the future."""
    async with api.database.transaction() as conn:
        query = """
            UPDATE clarion.read_bucket SET permits = %s, at = clock_timestamp() + interval '1 hour' WHERE name = %s
        """
        await execute(conn, query, (permits, f"read:{client.client_id}:"))


async def move_window(api: Api, client: Client, seconds: float) -> None:
    """Let so much time pass for a client's writes: ticks are tenths of a second."""
    async with api.database.transaction() as conn:
        query = """
            UPDATE clarion.rate_window SET ticks = (SELECT array_agg(t - %s) FROM unnest(ticks) AS t) WHERE name = %s
        """
        await execute(conn, query, (int(seconds * 10), f"write:{client.client_id}:"))


async def test_v2_rule_9_1_reads_are_a_bucket_of_50_that_refills_by_3_a_second(api: Api) -> None:
    reader = await api.client(limits=None)
    first = await reader.call("GET", ACCOUNTS)
    assert first.headers["ratelimit-policy"] == '"read";q=50;w=17'
    assert left(first) == ("read", 49, 1)
    granted = 1
    for method in ("GET", "HEAD") * 60:
        answer = await reader.call(method, ACCOUNTS)
        if answer.status == 429:
            break
        granted += 1
    assert granted >= 50
    await stop_clock(api, reader, 0.0)
    refused = await reader.call("GET", ACCOUNTS)
    assert refused.status == 429
    await stop_clock(api, reader, 1.0)
    assert (await reader.call("GET", ACCOUNTS)).status == 200
    async with api.database.transaction() as conn:
        back = "UPDATE clarion.read_bucket SET permits = 0, at = clock_timestamp() - interval '2 s' WHERE name = %s"
        await execute(conn, back, (f"read:{reader.client_id}:",))
        began = monotonic()
    remaining = left(await reader.call("GET", ACCOUNTS))[1]
    assert 5 <= remaining <= 5 + ceil(3 * (monotonic() - began)), "6 came back in 2 s, one is used"
    async with api.database.transaction() as conn:
        back = "UPDATE clarion.read_bucket SET at = clock_timestamp() - interval '1 h' WHERE name = %s"
        await execute(conn, back, (f"read:{reader.client_id}:",))
    assert left(await reader.call("GET", ACCOUNTS))[1] == 49, "never above 50"


async def test_v2_rule_9_2_writes_are_30_in_any_60_seconds(api: Api) -> None:
    writer = await api.client(limits=None)
    for number in range(30):
        answer = await writer.call("POST", ACCOUNTS, NAMED)
        assert (answer.status, left(answer)[:2]) == (201, ("write", 29 - number))
        assert answer.headers["ratelimit-policy"] == '"write";q=30;w=60'
    for method, target in (("POST", ACCOUNTS), ("PATCH", f"{ACCOUNTS}/x"), ("DELETE", f"{ACCOUNTS}/x")):
        assert (await writer.call(method, target, {})).status == 429
    await move_window(api, writer, 20.0)
    assert (await writer.call("POST", ACCOUNTS, NAMED)).status == 429
    await move_window(api, writer, 60.0)
    assert left(await writer.call("POST", ACCOUNTS, NAMED))[:2] == ("write", 29)


async def test_v2_rule_9_2_the_window_slides(api: Api) -> None:
    """Half of the quota a while ago, half now: only the older half comes back when it is a minute old."""
    writer = await api.client(limits=None)
    for _ in range(15):
        await writer.call("PATCH", f"{ACCOUNTS}/x", {})
    await move_window(api, writer, 30.0)
    for _ in range(15):
        answer = await writer.call("PATCH", f"{ACCOUNTS}/x", {})
    assert (answer.status, left(answer)[1]) == (404, 0)
    assert left(answer)[2] <= 31, "the older half is nearer its end"
    assert (await writer.call("PATCH", f"{ACCOUNTS}/x", {})).status == 429
    await move_window(api, writer, 31.0)
    answers = [await writer.call("PATCH", f"{ACCOUNTS}/x", {}) for _ in range(16)]
    assert [answer.status for answer in answers] == [404] * 15 + [429]


async def test_v2_rule_9_3_the_client_is_the_partition_whatever_the_token(api: Api) -> None:
    client, other = await api.client(limits=None), await api.client(limits=None)
    again = client.on(api.app, await api.token(client, [ScopeName.BASIC_READ_WRITE]))
    await client.call("PATCH", f"{ACCOUNTS}/x", {})
    assert left(await again.call("PATCH", f"{ACCOUNTS}/x", {}))[1] == 28
    assert left(await other.call("PATCH", f"{ACCOUNTS}/x", {}))[1] == 29


async def test_v2_rule_9_4_over_the_limit_and_a_429_costs_nothing(api: Api) -> None:
    client = await api.client(limits=None)
    await client.call("GET", ACCOUNTS)
    await stop_clock(api, client, 0.0)
    await api.limit(client, rate=0.01)
    for _ in range(3):
        answer = await client.call("GET", ACCOUNTS)
        body = decoded(answer)
        assert (answer.status, body["code"], body["violated-policies"]) == (429, "rate_limited", ["read"])
        policy, remaining, wait = left(answer)
        assert (policy, remaining) == ("read", 0)
        assert 70 <= wait <= 100
        assert int(answer.headers["retry-after"]) >= wait
    await stop_clock(api, client, 0.999)
    assert (await client.call("GET", ACCOUNTS)).status == 429
    await stop_clock(api, client, 1.0)
    assert (await client.call("GET", ACCOUNTS)).status == 200, "the refusals took nothing"
    await api.limit(client, writes=2)
    for status in (404, 404, 429, 429, 429):
        answer = await client.call("PATCH", f"{ACCOUNTS}/x", {})
        assert answer.status == status
    assert decoded(answer)["violated-policies"] == ["write"]
    assert 1 <= left(answer)[2] <= int(answer.headers["retry-after"]) <= 61
    await move_window(api, client, 60.1)
    assert left(await client.call("PATCH", f"{ACCOUNTS}/x", {}))[1] == 1


async def test_v2_rule_9_5_every_answer_to_a_known_client_tells_the_quota(api: Api, operator: Client) -> None:
    account = f"{ACCOUNTS}/{(await operator.create(ACCOUNTS, NAMED))['accountId']}"
    tag = (await operator.call("GET", account)).headers["etag"]
    narrow = await api.client([])
    for client, method, target, body, headers, status, policy in (
        (operator, "GET", account, None, {}, 200, "read"),
        (operator, "HEAD", account, None, {}, 200, "read"),
        (operator, "GET", account, None, {"If-None-Match": tag}, 304, "read"),
        (operator, "GET", f"{ACCOUNTS}?x=1", None, {}, 400, "read"),
        (operator, "GET", f"{ACCOUNTS}/x", None, {}, 404, "read"),
        (operator, "GET", account, None, {"Accept": "text/html"}, 406, "read"),
        (operator, "GET", "/v2/guests", None, {}, 501, "read"),
        (narrow, "GET", account, None, {}, 403, "read"),
        (operator, "PATCH", account, {"name": 1}, {}, 422, "write"),
        (operator, "PATCH", account, {"name": "X"}, {"If-Match": '"x"'}, 412, "write"),
        (operator, "PATCH", account, {}, {"Content-Type": "text/plain"}, 415, "write"),
        (operator, "POST", "/v2/guests", {}, {}, 501, "write"),
        (operator, "DELETE", account, None, {}, 204, "write"),
    ):
        answer = await client.call(method, target, body, headers=headers, besides=(501,))
        assert answer.status == status
        assert left(answer)[0] == policy
        assert answer.headers["ratelimit-policy"].startswith(f'"{policy}";q=')
    async with api.database.transaction() as conn:
        await execute(conn, "ALTER TABLE clarion.account RENAME TO hidden")
    for method in ("GET", "POST"):
        answer = await operator.call(method, ACCOUNTS, NAMED if method == "POST" else None)
        assert (answer.status, left(answer)[0]) == (500, "read" if method == "GET" else "write")


async def test_v2_rule_9_5_r_is_rounded_down_and_t_is_when_the_next_comes(api: Api) -> None:
    client = await api.client(limits=None)
    await client.call("GET", ACCOUNTS)
    await api.limit(client, reads=10, rate=0.1)
    await stop_clock(api, client, 4.5)
    assert left(await client.call("GET", ACCOUNTS)) == ("read", 3, 5)
    await stop_clock(api, client, 4.0)
    assert left(await client.call("GET", ACCOUNTS)) == ("read", 3, 10)


async def test_v2_rule_9_6_401_and_open_documents_consume_nothing(api: Api) -> None:
    client = await api.client(limits=None)
    nobody = client.on(api.app, "unknown")
    for _ in range(20):
        answer = await nobody.call("GET", ACCOUNTS)
        assert answer.status == 401
        assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)
        for target in ("/v2/openapi.json", "/problems/not_found", "/.well-known/oauth-authorization-server"):
            answer = await client.call("GET", target)
            assert answer.status == 200
            assert "ratelimit" not in answer.headers
    async with api.database.connection() as conn:
        assert await tuples(conn, "SELECT name FROM clarion.read_bucket") == []
    assert left(await client.call("GET", ACCOUNTS))[1] == 49


async def test_v2_rule_9_7_limits_of_a_client_hold_from_the_next_call_on_for_it_alone(api: Api, second: Api) -> None:
    bulk, other = await api.client(limits=None), await api.client(limits=None)
    for client in (bulk, other):
        assert left(await client.call("PATCH", f"{ACCOUNTS}/x", {}))[1] == 29
    await api.limit(bulk, reads=1000, rate=100.0, writes=6000)
    for surface in (api, second):
        there = bulk.on(surface.app)
        write, read = await there.call("PATCH", f"{ACCOUNTS}/x", {}), await there.call("GET", ACCOUNTS)
        assert write.headers["ratelimit-policy"] == '"write";q=6000;w=60'
        assert read.headers["ratelimit-policy"] == '"read";q=1000;w=10'
    for _ in range(100):
        assert (await bulk.call("PATCH", f"{ACCOUNTS}/x", {})).status == 404
    assert left(await other.call("PATCH", f"{ACCOUNTS}/x", {}))[1] == 28
    await api.limit(bulk, writes=5)
    assert (await bulk.call("PATCH", f"{ACCOUNTS}/x", {})).status == 429
    assert (await other.call("GET", ACCOUNTS)).headers["ratelimit-policy"] == '"read";q=50;w=17'


async def test_v2_rule_9_7_a_client_that_exhausts_its_quota_leaves_another_alone(api: Api) -> None:
    greedy, other = await api.client(limits=None), await api.client(limits=None)
    answers = await asyncio.gather(*(greedy.call("POST", ACCOUNTS, NAMED) for _ in range(60)))
    assert sorted(answer.status for answer in answers) == [201] * 30 + [429] * 30
    assert (await other.call("POST", ACCOUNTS, NAMED)).status == 201
    assert (await greedy.call("GET", ACCOUNTS)).status == 200, "reads have a quota of their own"


async def test_v2_rule_9_8_counting_is_shared_by_all_workers(api: Api, second: Api) -> None:
    client = await api.client(limits=None)
    there = client.on(second.app)
    answers = await asyncio.gather(*(each.call("POST", ACCOUNTS, NAMED) for each in (client, there) for _ in range(25)))
    assert sorted(answer.status for answer in answers) == [201] * 30 + [429] * 20
    assert {left(answer)[1] for answer in answers} == set(range(30))


def test_v2_rules_9_1_and_9_2_the_common_limits_are_the_contracts() -> None:
    assert (COMMON.reads, COMMON.reads_a_second, COMMON.writes_a_minute) == (50, 3.0, 30)
    assert ceil(50 / 3.0) == 17


async def test_v2_rule_9_4_plain_http_and_unknown_routes_are_not_counted(api: Api) -> None:
    client = await api.client(limits=None)
    headers = {**HOST, "Authorization": f"Bearer {client.token}"}
    assert (await call(api.app, "GET", ACCOUNTS, headers=headers, scheme="http")).status == 403
    assert (await call(api.app, "GET", "/v2/nothing", headers=headers)).status == 404
    assert left(await client.call("GET", ACCOUNTS))[1] == 49
