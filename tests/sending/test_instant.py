"""Instant messages below the wire: whom targets mean, what is frozen, what kills cost (v1 rules 47 to 56)."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import ColumnKind
from clarion.audience.targets import Criterion
from clarion.base.errors import Invalid
from clarion.content import instants
from clarion.content import service as content
from clarion.content.model import CampaignDraft, Content
from clarion.db.sql import Conn, app_table, execute, tuples
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord, device_id
from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.queue import Worker
from clarion.results.model import Counts
from clarion.sending.instant import service
from clarion.sending.instant.model import Accepted, ByFields, BySegment, Instant, Target
from clarion.sending.model import INSTANT, QUEUE, URGENT_QUEUE, SendState
from tests.sending.journey import Journey, token_of
from tests.sending.scripted import Mortal, ScriptedGateway, leases_end
from tests.sending.test_kills import Moods
from tests.support import until

DELIVERED = Verdict(Fate.DELIVERED)
COLUMNS = {
    "clientId": ColumnKind.TEXT,
    "code": ColumnKind.INTEGER,
    "points": ColumnKind.INTEGER,
    "ratio": ColumnKind.DECIMAL,
    "vip": ColumnKind.BOOLEAN,
}
INDEXED = {"clientId", "code", "deviceId", "token"}


@pytest.fixture
async def shop(journey: Journey) -> Journey:
    """An application whose devices have the columns above; `clientId` and `code` are indexed."""
    async with journey.database.transaction() as conn:
        for name, kind in COLUMNS.items():
            await apps.add_column(conn, journey.app, name, kind, indexed=name in INDEXED)
    return journey


async def begin(conn: Conn, journey: Journey, parent: int, targets: Sequence[Target]) -> Accepted:
    ground = await service.look_up(conn, journey.app.id, parent, None)
    return await service.begin(conn, journey.app, Instant(ground, ground.parent.draft.contents, targets))


async def say(journey: Journey, parent: int, *targets: Target) -> Accepted:
    async with journey.database.transaction() as conn:
        return await begin(conn, journey, parent, targets)


def of_client(at: int, client: str, **texts: str) -> Target:
    return Target(at, ByFields((Criterion("clientId", "eq", client),)), texts)


# Whom targets mean: agreement with a plain evaluation

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "clientId": st.sampled_from(["a", "b", "c", "%", "A"]),
    "code": st.integers(0, 3),
    "points": st.integers(-2, 2),
    "ratio": st.sampled_from([-1.5, 0.0, 0.5]),
    "vip": st.booleans(),
}
NAMED: dict[str, st.SearchStrategy[Any]] = {
    **VALUES,
    "deviceId": st.sampled_from(["u0", "u1", "u9"]),
    "token": st.sampled_from(["t0", "t1", "t9"]),
}
OPERATORS = ("eq", "ne", "lt", "lte", "gt", "gte", "in")
DEVICE = st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()})


@st.composite
def criteria(draw: st.DrawFn) -> Criterion:
    field = draw(st.sampled_from(list(NAMED)))
    operator = draw(st.sampled_from(("eq", "ne") if field == "vip" else OPERATORS))
    if operator == "in":
        return Criterion(field, "in", tuple(draw(st.lists(NAMED[field], min_size=1, max_size=3))))
    return Criterion(field, operator, draw(NAMED[field]))


TARGETS = st.lists(st.lists(criteria(), min_size=1, max_size=3), min_size=1, max_size=6)


def valid(target: Sequence[Criterion]) -> bool:
    return any(each.field in INDEXED and each.op in ("eq", "in") for each in target)


def meets(device: Mapping[str, Any], criterion: Criterion) -> bool:
    held: Any = device[criterion.field]
    wanted: Any = criterion.value
    if held is None:
        return criterion.op == "ne"
    judge: dict[str, Callable[[], bool]] = {
        "eq": lambda: held == wanted,
        "ne": lambda: held != wanted,
        "lt": lambda: held < wanted,
        "lte": lambda: held <= wanted,
        "gt": lambda: held > wanted,
        "gte": lambda: held >= wanted,
        "in": lambda: held in wanted,
    }
    return judge[criterion.op]()


async def fill(conn: Conn, journey: Journey, held: Sequence[Mapping[str, Any]]) -> None:
    await execute(conn, sql.SQL("DELETE FROM {}").format(app_table(journey.app.id, "device")))
    await execute(conn, "DELETE FROM clarion.push_token WHERE app_id = %s", (journey.app.id,))
    scheme = await apps.load_scheme(conn, journey.app.id)
    records = [
        DeviceRecord(
            f"u{number}",
            {TOKEN: f"t{number}"} | {column: each[name] for name in VALUES if (column := scheme.find(name))},
        )
        for number, each in enumerate(held)
    ]
    await devices.upsert(conn, journey.app, records)


async def test_v1_rules_50_to_53_sql_agrees_with_a_plain_evaluation(shop: Journey) -> None:
    """Which targets are valid and have devices, which devices are frozen, and by which target each was named."""
    parent = await shop.message(version=Content(text="${n}"))
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(DEVICE, min_size=1, max_size=5), st.lists(TARGETS, min_size=1, max_size=3))
    def agrees(held: list[dict[str, Any]], calls: list[list[list[Criterion]]]) -> None:
        asyncio.run_coroutine_threadsafe(check(held, calls), loop).result(60)

    async def check(held: list[dict[str, Any]], calls: list[list[list[Criterion]]]) -> None:
        known = [{**each, "deviceId": f"u{n}", "token": f"t{n}"} for n, each in enumerate(held)]
        async with shop.database.connection() as conn, conn.transaction(force_rollback=True):
            await fill(conn, shop, held)
            for targets in calls:
                found = await frozen(
                    conn, [Target(at, ByFields(tuple(each)), {"n": str(at)}) for at, each in enumerate(targets)]
                )
                assert found == expected(known, targets), targets

    async def frozen(conn: Conn, targets: list[Target]) -> Any:
        try:
            async with conn.transaction():
                accepted = await begin(conn, shop, parent, targets)
        except Invalid as error:
            return {finding.code for finding in error.findings}
        [(ids, numbers)] = await tuples(
            conn,
            "SELECT device_ids, target_nos FROM clarion.send_chunk WHERE app_id = %s AND send_id = %s",
            (shop.app.id, accepted.send_id),
        )
        send = await shop_send(conn, shop, accepted.send_id)
        own = send["target_values"] or [send["shared_values"]]
        return accepted.left_out, {
            number: own[no]["n"] for number, no in zip(ids, numbers or [0] * len(ids), strict=True)
        }

    def expected(known: list[dict[str, Any]], targets: list[list[Criterion]]) -> Any:
        sound = [at for at, target in enumerate(targets) if valid(target)]
        if not sound:
            return {"no_indexed_equality"}
        matched: set[int] = set()
        named: dict[int, str] = {}
        for at in sound:
            for device in known:
                if all(meets(device, each) for each in targets[at]):
                    matched.add(at)
                    named.setdefault(device_id(shop.app.id, device["deviceId"]), str(at))
        if not matched:
            return {"no_target"}
        return [at for at in range(len(targets)) if at not in matched], dict(sorted(named.items()))

    await asyncio.to_thread(agrees)


async def shop_send(conn: Conn, journey: Journey, send_id: int) -> dict[str, Any]:
    [(shared, by_target)] = await tuples(
        conn,
        "SELECT shared_values, target_values FROM clarion.send WHERE app_id = %s AND id = %s",
        (journey.app.id, send_id),
    )
    return {"shared_values": shared, "target_values": by_target}


# What is frozen


async def test_values_that_no_mark_asks_for_are_not_kept(shop: Journey) -> None:
    """And what all targets have in common is kept once."""
    await add(shop, "a", "b")
    for text, shared, by_target in (
        ("plain", None, None),
        ("${gift}", {"gift": "x"}, None),
        ("${gift} ${n}", None, [{"gift": "x", "n": "1"}, {"gift": "x", "n": "2"}]),
    ):
        parent = await shop.message(version=Content(text=text))
        accepted = await say(shop, parent, *(of_client(n, c, gift="x", n=str(n + 1)) for n, c in enumerate("ab")))
        async with shop.database.connection() as conn:
            kept = await shop_send(conn, shop, accepted.send_id)
        assert kept == {"shared_values": shared, "target_values": by_target}


async def add(journey: Journey, *clients: str, start: int = 0) -> list[int]:
    async with journey.database.transaction() as conn:
        scheme = await apps.load_scheme(conn, journey.app.id)
        column = scheme.find("clientId")
        assert column is not None
        records = [
            DeviceRecord(f"d{number}", {TOKEN: token_of(number), column: client})
            for number, client in enumerate(clients, start)
        ]
        await devices.upsert(conn, journey.app, records)
    return [device_id(journey.app.id, f"d{number}") for number in range(start, start + len(clients))]


async def test_a_field_that_many_devices_share_makes_several_chunks(shop: Journey) -> None:
    """They go ahead of bulk, but leave the slots of the small ones alone."""
    ids = await add(shop, *["crowd"] * 2001)
    accepted = await say(shop, await shop.message(version=Content(text="${n}")), of_client(0, "crowd", n="1"))
    chunks = await shop.chunks(accepted.send_id)
    assert [len(chunk.device_ids) for chunk in chunks] == [2000, 1]
    assert [number for chunk in chunks for number in chunk.device_ids] == sorted(ids)
    async with shop.database.connection() as conn:
        jobs = await tuples(conn, "SELECT queue, priority FROM clarion.job WHERE kind = 'sending.chunk'")
    assert jobs == [(QUEUE, INSTANT)] * 2
    ended = await shop.run(accepted.send_id)
    assert (ended.audience, ended.counts) == (2001, Counts(delivered=2001))


async def test_devices_of_segments_keep_their_target_over_ranges_and_chunks(shop: Journey) -> None:
    """v1 rule 53, for audiences that are planned."""
    await add(shop, *["a", "b", "c"] * 100)
    parts = [
        await shop.segment("A", {"column": "clientId", "op": "eq", "value": "a"}),
        await shop.segment("AB", {"column": "clientId", "op": "in", "value": ["a", "b"]}),
    ]
    targets = [Target(n, BySegment(part.id), {"n": str(n)}) for n, part in enumerate(parts)]
    accepted = await say(shop, await shop.message(version=Content(text="${clientId}${n}")), *targets)
    handed: dict[str, bytes] = {}

    def judge(notification: Notification) -> Verdict:
        handed[notification.token] = notification.payload
        return DELIVERED

    sender = shop.sender(chunk=7, piece=40, opener=lambda _config: ScriptedGateway(judge))
    ended = await shop.run(accepted.send_id, sender)
    assert (ended.audience, ended.counts) == (200, Counts(delivered=200))
    texts = [
        next(text for text in ("a0", "b1", "a1", "b0") if f'"{text}"'.encode() in each) for each in handed.values()
    ]
    assert sorted(texts) == ["a0"] * 100 + ["b1"] * 100


async def test_a_device_that_is_gone_is_suppressed(shop: Journey) -> None:
    ids = await add(shop, "a", "b")
    accepted = await say(shop, await shop.message(), of_client(0, "a"), of_client(1, "b"))
    async with shop.database.transaction() as conn:
        await execute(conn, sql.SQL("DELETE FROM {} WHERE id = %s").format(app_table(shop.app.id, "device")), (ids[0],))
    ended = await shop.run(accepted.send_id)
    assert (ended.audience, ended.counts) == (2, Counts(delivered=1, suppressed=1))


# Priority and kills


async def test_v1_rule_48_it_does_not_wait_for_a_chunk_of_a_bulk_send_to_end(shop: Journey) -> None:
    """Its queue has slots of its own, and it does not wait for room at the gateway."""
    await add(shop, "a")
    bulk = await shop.send(await shop.message())
    gateway = ScriptedGateway(lambda _notification: DELIVERED, room=0)
    sender = shop.sender(opener=lambda _config: gateway)
    stop = asyncio.Event()
    workers = [Worker(shop.database, [queue], sender.handlers(), concurrency=1) for queue in (QUEUE, URGENT_QUEUE)]
    running = [asyncio.create_task(worker.run(stop)) for worker in workers]

    async def in_hand() -> bool:
        chunks = await shop.chunks(bulk)
        return bool(chunks) and "sending.plan" not in await shop.jobs()

    await until(in_hand)
    accepted = await say(shop, await shop.message(), of_client(0, "a"))
    ended = await shop.closed(accepted.send_id)
    assert ended.counts == Counts(delivered=1)
    assert (await shop.progress(bulk)).state is SendState.SENDING
    stop.set()
    await asyncio.gather(*running)
    await sender.aclose()


@pytest.mark.parametrize(("number", "waits"), [(100, False), (600, True)])
async def test_a_large_one_waits_for_room_at_the_gateway_as_bulk_does(shop: Journey, number: int, waits: bool) -> None:
    await add(shop, *["crowd"] * number)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, room=30)
    open_at_once: list[int] = []

    def judge(_notification: Notification) -> Verdict:
        open_at_once.append(gateway.in_hand)
        return DELIVERED

    gateway.judge = judge
    accepted = await say(shop, await shop.message(), of_client(0, "crowd"))
    ended = await shop.run(accepted.send_id, shop.sender(opener=lambda _config: gateway))
    assert ended.counts == Counts(delivered=number)
    assert (max(open_at_once) < 30) is waits


async def test_what_it_was_told_of_single_people_is_not_kept_when_it_has_ended(shop: Journey) -> None:
    await add(shop, "a", "b")
    parent = await shop.message(version=Content(text="${n} ${m}"))
    both = [of_client(n, client, n=client, m="x") for n, client in enumerate("ab")]
    for targets, kept in ((both, {"target_values"}), (both[:1], {"shared_values"})):
        accepted = await say(shop, parent, *targets)
        async with shop.database.connection() as conn:
            found = await shop_send(conn, shop, accepted.send_id)
            assert {name for name, value in found.items() if value} == kept
        await shop.run(accepted.send_id)
        async with shop.database.connection() as conn:
            assert not any((await shop_send(conn, shop, accepted.send_id)).values())


async def test_segments_that_cannot_be_planned_together_are_refused(shop: Journey) -> None:
    many = {"any": [{"column": "points", "op": "eq", "value": n} for n in range(600)]}
    segments = [await shop.segment(name, many) for name in "ab"]
    targets = [Target(n, BySegment(segment.id)) for n, segment in enumerate(segments)]
    parent = await shop.message()
    await say(shop, parent, targets[0])
    with pytest.raises(Invalid) as raised:
        await say(shop, parent, *targets)
    assert [finding.code for finding in raised.value.findings] == ["too_large"]


async def test_a_segment_that_cannot_be_read_any_more_is_told(shop: Journey) -> None:
    segment = await shop.segment("A", {"column": "points", "op": "eq", "value": 1})
    async with shop.database.transaction() as conn:
        await apps.remove_column(conn, shop.app, "points")
    with pytest.raises(Invalid) as raised:
        await say(shop, await shop.message(), Target(0, BySegment(segment.id)))
    assert [finding.code for finding in raised.value.findings] == ["unreadable_segment"]


@pytest.mark.parametrize("seed", range(2))
async def test_kills_lose_nobody_and_give_nobody_the_text_of_another(shop: Journey, seed: int) -> None:
    """At least once, always under the same delivery id, whatever is killed."""
    clients = [f"C-{number}" for number in range(100)]
    await add(shop, *clients)
    parent = await shop.message(version=Content(text="<${clientId}:${n}>"))
    accepted = await say(shop, parent, *(of_client(n, client, n=str(n)) for n, client in enumerate(clients)))
    moods = Moods(random.Random(seed))
    texts: dict[str, set[bytes]] = {}

    def judge(notification: Notification) -> Verdict:
        shown = notification.payload.partition(b"<")[2].partition(b">")[0]
        texts.setdefault(notification.token, set()).add(shown)
        return moods(notification)

    gateway = ScriptedGateway(judge, delay=0.06, room=20)
    chance = random.Random(seed)
    for kills in range(40):
        sender = shop.sender(opener=lambda _config: gateway)
        finished = await Mortal(shop.database, sender.handlers()).live(
            None if kills == 39 else chance.uniform(0.03, 0.3)
        )
        await sender.aclose()
        if finished:
            break
        await leases_end(shop.database)
    assert kills > 0
    ended = await shop.progress(accepted.send_id)
    assert (ended.state, ended.counts.total, ended.audience) == (SendState.CLOSED, 100, 100)
    assert ended.counts.unknown == ended.counts.expired == 0
    assert texts == {token_of(n): {f"{client}:{n}".encode()} for n, client in enumerate(clients)}
    assert len(gateway.handed) == 100, "each device kept its delivery id over all kills"


async def test_v1_rule_35_no_instant_message_keeps_a_campaign_that_is_deleted_meanwhile(shop: Journey) -> None:
    await add(shop, "a")
    async with shop.database.transaction() as conn:
        campaign = await content.create_campaign(conn, shop.app.id, CampaignDraft("Spring"))
    parent = await shop.message(campaign_id=campaign)
    async with shop.database.transaction() as writer:
        accepted = await begin(writer, shop, parent, [of_client(0, "a")])

        async def delete() -> None:
            async with shop.database.transaction() as conn:
                await content.delete_campaign(conn, shop.app.id, campaign)

        deleting = asyncio.create_task(delete())
        done, _ = await asyncio.wait([deleting], timeout=0.05)
        assert not done
    await deleting
    async with shop.database.connection() as conn:
        made = await content.get_any_message(conn, shop.app.id, accepted.message_id)
        gone = await instants.find_parent(conn, shop.app.id, parent, None)
    assert (made.draft.campaign_id, gone.draft.campaign_id) == (None, None)
    assert (await say(shop, parent, of_client(0, "a"))).message_id > accepted.message_id
