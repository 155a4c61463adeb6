"""Signing in and out: what is told, what is counted, and what ends a session."""

import asyncio
from datetime import datetime, timedelta

import pytest

from clarion.base import clock, secrets
from clarion.db.sql import execute, tuples, value
from clarion.identity import service as identity
from clarion.identity import sessions
from tests.api.admin.client import CURRENT, ME, PEOPLE, SESSIONS, AdminClient, Answer


async def test_a_session_opens_what_its_person_may_open(viewer: AdminClient) -> None:
    begun = (await viewer.sign_in("VIEWER@shop.example", viewer.api_key)).ok(201)
    assert begun["person"]["email"] == "viewer@shop.example"
    assert begun["person"]["applications"] == ["demo-android", "demo-ios", "demo-web"]
    lasts = datetime.fromisoformat(begun["expiresAt"]) - clock.now()
    assert timedelta(hours=11, minutes=59) < lasts <= timedelta(hours=12)
    assert (await viewer.get(ME, token=begun["token"])).ok() == begun["person"]
    assert (await viewer.get(ME)).ok() == begun["person"], "an earlier session goes on"


async def test_the_token_is_kept_as_a_digest(boss: AdminClient) -> None:
    async with boss.database.connection() as conn:
        assert await tuples(conn, "SELECT digest FROM clarion.admin_session") == [(secrets.digest(boss.token),)]


async def test_nobody_learns_who_is_known(boss: AdminClient, viewer: AdminClient) -> None:
    """Unknown, shut out, wrong key, key of somebody else: one answer."""
    (await boss.patch(f"{PEOPLE}/{viewer.person.id}", {"disabled": True})).ok()
    answers = [
        await boss.sign_in("nobody@shop.example", "x"),
        await boss.sign_in("viewer@shop.example", viewer.api_key),
        await boss.sign_in("boss@shop.example", "x"),
        await boss.sign_in("boss@shop.example", boss.api_key + "x"),
        await boss.sign_in("boss@shop.example", viewer.api_key),
    ]
    assert {answer.problem for answer in answers} == {(401, "unauthenticated")}
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert boss.api_key not in "".join(str(answer.body) for answer in answers)


@pytest.mark.parametrize("hours", [11.9, 12.1])
async def test_a_session_lives_twelve_hours(boss: AdminClient, hours: float) -> None:
    clock.shift(timedelta(hours=hours))
    answer = await boss.get(ME)
    assert answer.status == (200 if hours < 12 else 401)


async def test_signing_out_ends_this_session_and_no_other(viewer: AdminClient) -> None:
    second = (await viewer.sign_in("viewer@shop.example", viewer.api_key)).ok(201)["token"]
    (await viewer.delete(CURRENT)).ok(204)
    assert (await viewer.get(ME)).problem == (401, "invalid_token")
    assert (await viewer.delete(CURRENT)).problem == (401, "invalid_token")
    (await viewer.get(ME, token=second)).ok()


async def test_whoever_is_shut_out_is_out_at_once_and_stays_so(boss: AdminClient, viewer: AdminClient) -> None:
    address = f"{PEOPLE}/{viewer.person.id}"
    (await boss.patch(address, {"disabled": True})).ok()
    assert (await viewer.get(ME)).problem == (401, "invalid_token")
    assert (await boss.patch(address, {"disabled": False})).ok()["disabled"] is False
    assert (await viewer.get(ME)).problem == (401, "invalid_token")
    (await viewer.sign_in("viewer@shop.example", viewer.api_key)).ok(201)


async def test_a_person_who_is_gone_in_the_table_only_has_no_session_either(
    boss: AdminClient, viewer: AdminClient
) -> None:
    """The session itself asks whether its person was shut out; it does not count on having been ended."""
    async with boss.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.person SET disabled_at = clarion.now() WHERE email LIKE 'viewer@%%'")
        assert await value(conn, "SELECT count(*) FROM clarion.admin_session") == 2
    assert (await viewer.get(ME)).problem == (401, "invalid_token")


async def test_a_new_key_ends_sessions(boss: AdminClient, viewer: AdminClient) -> None:
    key = (await boss.post(f"{PEOPLE}/{viewer.person.id}/api-key")).ok(201)["apiKey"]
    assert (await viewer.get(ME)).problem == (401, "invalid_token")
    assert (await viewer.sign_in("viewer@shop.example", viewer.api_key)).problem == (401, "unauthenticated")
    (await viewer.sign_in("viewer@shop.example", key)).ok(201)


async def test_a_role_holds_from_the_next_request_on(boss: AdminClient, viewer: AdminClient) -> None:
    assert (await viewer.get(PEOPLE)).problem == (403, "forbidden")
    (await boss.patch(f"{PEOPLE}/{viewer.person.id}", {"role": "administrator"})).ok()
    (await viewer.get(PEOPLE)).ok()


class TestAttempts:
    """10 failures for a person from an address, 100 from an address, in 15 minutes."""

    async def fail(
        self, boss: AdminClient, times: int, email: str = "boss@shop.example", client: str = "192.0.2.7"
    ) -> list[Answer]:
        return [await boss.sign_in(email, "wrong", client=client) for _ in range(times)]

    async def test_after_ten_failures_the_credentials_are_not_looked_at(self, boss: AdminClient) -> None:
        assert {answer.status for answer in await self.fail(boss, 10)} == {401}
        refused = await boss.sign_in("BOSS@shop.example", boss.api_key, client="192.0.2.7")
        assert refused.problem == (429, "rate_limited")
        assert 890 < int(refused.headers["retry-after"]) <= 901
        (await boss.sign_in("boss@shop.example", boss.api_key, client="192.0.2.8")).ok(201)

    async def test_after_a_quarter_of_an_hour_they_are_again(self, boss: AdminClient) -> None:
        await self.fail(boss, 11)
        clock.shift(timedelta(minutes=14))
        assert (await boss.sign_in("boss@shop.example", boss.api_key, client="192.0.2.7")).status == 429
        clock.shift(timedelta(minutes=15, seconds=1))
        (await boss.sign_in("boss@shop.example", boss.api_key, client="192.0.2.7")).ok(201)

    async def test_a_success_forgives_what_was_before(self, boss: AdminClient) -> None:
        for _ in range(3):
            await self.fail(boss, 9)
            (await boss.sign_in("boss@shop.example", boss.api_key, client="192.0.2.7")).ok(201)

    async def test_many_at_once_gain_nothing(self, boss: AdminClient) -> None:
        answers = await asyncio.gather(
            *(boss.sign_in("boss@shop.example", "wrong", client="192.0.2.7") for _ in range(30))
        )
        statuses = [answer.status for answer in answers]
        assert (statuses.count(401), statuses.count(429)) == (10, 20)

    async def test_one_address_may_not_try_everybody(self, boss: AdminClient) -> None:
        """A subscriber has a /64 of IPv6, which counts as one."""
        statuses = [
            (await boss.sign_in(f"p{n}@shop.example", "wrong", client=f"2001:db8::{n:x}")).status for n in range(105)
        ]
        assert (statuses.count(401), statuses.count(429)) == (100, 5)
        (await boss.sign_in("boss@shop.example", boss.api_key, client="2001:db8:0:1::1")).ok(201)
        assert (await boss.sign_in("boss@shop.example", boss.api_key, client="2001:db8::1")).status == 429

    async def test_what_nobody_counts_any_more_is_forgotten(self, boss: AdminClient) -> None:
        await self.fail(boss, 3)
        clock.shift(timedelta(hours=13))
        async with boss.database.transaction() as conn:
            assert await sessions.purge(conn) == 4, "a session, what its address had tried, and two counts of failures"
            assert await value(conn, "SELECT count(*) FROM clarion.sign_in_attempt") == 0
            assert await value(conn, "SELECT count(*) FROM clarion.admin_session") == 0


async def test_attempts_that_were_looked_at_leave_a_line(boss: AdminClient, viewer: AdminClient) -> None:
    await viewer.sign_in("viewer@shop.example", viewer.api_key)
    await viewer.sign_in("nobody@shop.example", "wrong")
    for _ in range(11):
        await viewer.sign_in("viewer@shop.example", "wrong")
    await viewer.delete(CURRENT)
    shown = [(line.operation, line.target, line.status, line.person_id) for line in await boss.audited()]
    assert shown == [
        ("createSession", SESSIONS, 201, viewer.person.id),
        ("createSession", SESSIONS, 401, None),
        *[("createSession", SESSIONS, 401, viewer.person.id)] * 10,
        ("endSession", CURRENT, 204, viewer.person.id),
    ]


async def test_the_key_of_the_api_is_no_token(boss: AdminClient) -> None:
    async with boss.database.transaction() as conn:
        v1_token = await identity.issue_token(conn, boss.person)
    for token in (boss.api_key, v1_token):
        assert (await boss.get(ME, token=token)).problem == (401, "invalid_token")


@pytest.mark.parametrize(
    ("body", "findings"),
    [
        ({}, [("#/email", "required"), ("#/apiKey", "required")]),
        ({"email": "", "apiKey": "x"}, [("#/email", "too_short")]),
        ({"email": "a@b.c", "apiKey": 7}, [("#/apiKey", "invalid_type")]),
        ({"email": "a@b.c", "apiKey": "x", "remember": True}, [("#/remember", "unknown_field")]),
        ({"email": "a\x00@b.c", "apiKey": "x"}, [("#/email", "invalid_format")]),
    ],
)
async def test_a_body_of_another_shape_is_not_counted(
    boss: AdminClient, body: object, findings: list[tuple[str, str]]
) -> None:
    assert (await boss.post(SESSIONS, body, token=None)).findings == findings
    assert await boss.audited() == []
