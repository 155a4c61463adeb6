"""The control endpoints, the ledger's limits, TLS, and what outlives a restart."""

import asyncio
import json
import ssl
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvloop

from clarion.base.errors import ConfigurationError, Invalid
from clarion.gateways.apns import credentials as apns_credentials
from clarion.gateways.fcm import credentials as fcm_credentials
from clarion.gateways.stub import StubServer, derive_subscriptions, serve_stub
from clarion.gateways.webpush import credentials as webpush_credentials
from tests.gateways.stub.conftest import Connect
from tests.gateways.stub.sender import Outcome, RawClient, apns_headers

ALERT = b'{"aps":{"alert":"Hello"}}'


async def call(client: RawClient, method: str, path: str, document: Any = None) -> Outcome:
    body = b"" if document is None else json.dumps(document).encode()
    return await client.request({":method": method, ":path": path}, body)


async def test_the_index_lists_every_endpoint(client: RawClient) -> None:
    listed = (await call(client, "GET", "/stub")).json["endpoints"]
    assert {"GET /stub/stats", "PUT /stub/knobs", "POST /stub/credentials", "POST /stub/subscriptions"} <= set(listed)
    for endpoint in listed:
        method, path = endpoint.split(" ")
        answer = await call(client, method, path, None if method == "GET" else {})
        assert answer.status in (200, 400), endpoint


async def test_issued_credentials_are_those_the_gateways_read(client: RawClient) -> None:
    parsers = {
        "apns": apns_credentials.parse,
        "fcm": fcm_credentials.parse,
        "webpush": webpush_credentials.parse,
    }
    for kind, parse in parsers.items():
        answer = await call(client, "POST", "/stub/credentials", {"kind": kind, "name": "shop"})
        assert answer.status == 200
        parse(answer.body)
    wanted = {"kind": "apns", "name": "shop", "authentication": "certificate"}
    certificate = apns_credentials.parse((await call(client, "POST", "/stub/credentials", wanted)).body)
    assert certificate.topic == "stub.shop"


async def test_topic_and_project_can_be_chosen(stub: StubServer) -> None:
    assert stub.issue("apns", "shop", topic="com.example.shop")["topic"] == "com.example.shop"
    assert stub.issue("fcm", "shop", project="example-1")["project_id"] == "example-1"


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"kind": "sms", "name": "shop"}, "/kind"),
        ({"name": "shop"}, ""),
        ({"kind": "apns", "name": "a b"}, "/name"),
        ({"kind": "apns", "name": ""}, "/name"),
        ({"kind": "apns", "topic": "a b"}, "/topic"),
        ({"kind": "fcm", "project": "a/b"}, "/project"),
        ({"kind": "fcm", "topic": "x"}, "/kind"),
        ({"kind": "apns", "project": "x"}, "/project"),
        ({"kind": "apns", "nmae": "x"}, ""),
    ],
)
async def test_wrong_wishes_for_credentials_are_explained(
    client: RawClient, document: dict[str, str], pointer: str
) -> None:
    answer = await call(client, "POST", "/stub/credentials", document)
    assert answer.status == 400
    assert answer.json["errors"][0]["pointer"] == pointer


async def test_subscriptions_come_in_bounded_batches(stub: StubServer, client: RawClient) -> None:
    answer = await call(client, "POST", "/stub/subscriptions", {"count": 3, "start": 1022})
    derived = [{"endpoint": s.endpoint, "p256dh": s.p256dh, "auth": s.auth} for s in derive(stub, 1022, 3)]
    assert answer.json == derived
    assert len((await call(client, "POST", "/stub/subscriptions", {"count": 10_000})).json) == 10_000
    for wrong in ({"count": 10_001}, {"count": 0}, {}, {"count": 1, "start": -1}):
        assert (await call(client, "POST", "/stub/subscriptions", wrong)).status == 400


def derive(stub: StubServer, start: int, count: int) -> list[Any]:
    return list(derive_subscriptions(stub.seed, stub.url, start, count))


async def test_knobs_are_put_and_got_over_the_wire(client: RawClient) -> None:
    answer = await call(client, "PUT", "/stub/knobs", {"apns": {"latency_ms": 5}, "goaway_every": 9})
    assert (answer.status, answer.json["goaway_every"], answer.json["apns"]["latency_ms"]) == (200, 9, 5)
    assert (await call(client, "GET", "/stub/knobs")).json == answer.json
    answer = await call(client, "PUT", "/stub/knobs", {"apns": {"latency_ms": -5}})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, "/apns/latency_ms")
    assert (await client.request({":method": "PUT", ":path": "/stub/knobs"}, b"{")).status == 400


async def test_knobs_with_a_hundred_thousand_dead_tokens_fit(stub: StubServer, client: RawClient) -> None:
    dead = [f"{number:064x}" for number in range(100_000)]
    assert (await call(client, "PUT", "/stub/knobs", {"apns": {"dead_tokens": dead}})).status == 200


async def test_deliveries_and_refusals_can_be_read(client: RawClient, apns: dict[str, Any]) -> None:
    ids = [str(uuid.uuid4()) for _ in range(3)]
    for number, apns_id in enumerate(ids):
        body = json.dumps({"aps": {"badge": number}}).encode()
        await client.request(apns_headers(apns, apns_id=apns_id), body)
    await client.request(apns_headers(apns, apns_topic="com.example.other"), ALERT)
    deliveries = (await call(client, "GET", "/stub/deliveries?gateway=apns&last=2")).json
    assert [each["delivery_id"] for each in deliveries] == [apns_id.replace("-", "") for apns_id in ids[1:]]
    assert deliveries[1]["payload"] == {"aps": {"badge": 2}}
    assert deliveries[1]["headers"]["apns-topic"] == "stub.shop"
    assert "authorization" not in deliveries[1]["headers"]
    assert (await call(client, "GET", "/stub/deliveries?gateway=fcm")).json == []
    (refusal,) = (await call(client, "GET", "/stub/refusals")).json
    assert refusal["reason"] == "TopicDisallowed"
    assert "com.example.other" in refusal["explanation"]
    for query in ("gateway=sms", "last=0", "last=x", "last=" + "9" * 5000, "first=1"):
        assert (await call(client, "GET", f"/stub/deliveries?{query}")).status == 400


async def test_a_delivery_id_seen_twice_is_a_double(stub: StubServer, client: RawClient, apns: dict[str, Any]) -> None:
    headers = apns_headers(apns, apns_id=str(uuid.uuid4()))
    for _ in range(3):
        await client.request(headers, ALERT)
    await client.request({**headers, "apns-id": headers["apns-id"].upper()}, ALERT)
    figures = stub.stats().apns
    assert (figures.delivered, figures.distinct, figures.doubles) == (4, 1, 3)


async def test_reset_empties_the_books_and_turns_knobs_off(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"max_streams": 50})
    headers = apns_headers(apns)
    await client.request(headers, ALERT)
    answer = await call(client, "POST", "/stub/reset", {"keep_knobs": True})
    assert (answer.json["apns"]["requests"], answer.json["apns"]["distinct"]) == (0, 0)
    assert (await call(client, "GET", "/stub/knobs")).json["max_streams"] == 50
    await call(client, "POST", "/stub/reset")
    assert (await call(client, "GET", "/stub/knobs")).json["max_streams"] == 1000
    assert (await client.request(headers, ALERT)).status == 200
    assert stub.stats().apns.doubles == 0


async def test_unknown_paths_and_methods_are_told(client: RawClient) -> None:
    assert (await call(client, "GET", "/")).status == 404
    assert (await call(client, "GET", "/stub/nothing")).status == 404
    answer = await call(client, "POST", "/stub/stats")
    assert (answer.status, "GET" in answer.json["errors"][0]["message"]) == (405, True)


async def test_a_full_memory_for_ids_says_so(tmp_path: Path) -> None:
    stub = StubServer(tmp_path, ledger_limit=2)
    await stub.start()
    context = ssl.create_default_context(cafile=stub.ca_file)
    context.set_alpn_protocols(["h2"])
    client = await RawClient.connect(stub.url, context)
    credentials = dict(stub.issue("apns", "shop"))
    for _ in range(5):
        await client.request(apns_headers(credentials), ALERT)
    figures = stub.stats().apns
    assert (figures.delivered, figures.distinct, figures.untracked) == (5, 2, 3)
    await client.aclose()
    await stub.stop()


@pytest.mark.parametrize("alpn", [[], ["http/1.1"]])
async def test_a_client_without_alpn_h2_is_refused_at_once(stub: StubServer, alpn: list[str]) -> None:
    context = ssl.create_default_context(cafile=stub.ca_file)
    if alpn:
        context.set_alpn_protocols(alpn)
    parts = urlsplit(stub.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    connections = stub.stats().connections
    assert (connections.without_alpn, connections.opened) == (1, 0)


async def test_the_certificate_is_for_this_machine_and_of_the_ca_only(stub: StubServer) -> None:
    port = urlsplit(stub.url).port
    context = ssl.create_default_context(cafile=stub.ca_file)
    context.set_alpn_protocols(["h2"])
    for name in ("127.0.0.1", "localhost", "::1"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        assert await asyncio.wait_for(reader.read(9), 5)
        writer.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context())


async def test_garbage_ends_the_connection_and_is_counted(stub: StubServer, client: RawClient) -> None:
    await call(client, "GET", "/stub")
    client.raw(b"\xff" * 100)
    await client.until(lambda: client.closed)
    assert stub.stats().connections.protocol_errors == 1


async def test_what_was_issued_outlives_a_restart(tmp_path: Path) -> None:
    first = StubServer(tmp_path)
    await first.start()
    credentials = dict(first.issue("apns", "shop"))
    authority, seed, port = await asyncio.to_thread(first.ca_file.read_bytes), first.seed, first.port
    await first.stop()
    second = StubServer(tmp_path, port=port)
    await second.start()
    assert (await asyncio.to_thread(second.ca_file.read_bytes), second.seed) == (authority, seed)
    context = ssl.create_default_context(cafile=second.ca_file)
    context.set_alpn_protocols(["h2"])
    client = await RawClient.connect(second.url, context)
    assert (await client.request(apns_headers(credentials), ALERT)).status == 200
    await client.aclose()
    await second.stop()
    modes = {
        path.name: path.stat().st_mode & 0o777 for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    }
    assert {name for name, mode in modes.items() if mode & 0o077} == {"ca.pem"}


async def test_a_stopped_stub_says_goodbye(tmp_path: Path) -> None:
    stub = StubServer(tmp_path)
    await stub.start()
    context = ssl.create_default_context(cafile=stub.ca_file)
    context.set_alpn_protocols(["h2"])
    client = await RawClient.connect(stub.url, context)
    await call(client, "GET", "/stub")
    await stub.stop()
    await client.until(lambda: client.closed)
    assert client.goaway is not None
    assert client.goaway.error_code == 0
    await client.aclose()


async def test_a_taken_port_is_explained(stub: StubServer, tmp_path: Path) -> None:
    second = StubServer(tmp_path / "second", port=stub.port)
    with pytest.raises(ConfigurationError, match=f"port {stub.port}"):
        await second.start()
    with pytest.raises(ConfigurationError, match="not running"):
        second.stats()


async def test_a_damaged_credentials_file_is_explained(tmp_path: Path) -> None:
    StubServer(tmp_path)
    await asyncio.to_thread((tmp_path / "credentials.json").write_text, "{")
    with pytest.raises(ConfigurationError, match="damaged"):
        await StubServer(tmp_path).start()


async def test_serving_tells_when_ready_and_ends_when_cancelled(tmp_path: Path) -> None:
    ready: asyncio.Future[StubServer] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_stub(tmp_path, ready=ready.set_result))
    server = await asyncio.wait_for(ready, 10)
    assert server.url.startswith("https://127.0.0.1:")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_credentials_of_python_and_of_the_wire_obey_the_same_rules(stub: StubServer) -> None:
    for kind, name, pointer in (("apns", "a b", "/name"), ("sms", "shop", "/kind")):
        with pytest.raises(Invalid) as raised:
            stub.issue(kind, name)
        assert raised.value.findings[0].pointer == pointer


async def test_connections_share_the_ledger(stub: StubServer, connect: Connect, apns: dict[str, Any]) -> None:
    for client in (await connect(), await connect()):
        assert (await client.request(apns_headers(apns), ALERT)).status == 200
    stats = stub.stats()
    assert (stats.apns.delivered, stats.connections.opened, stats.connections.open) == (2, 2, 2)


def test_the_stub_runs_under_uvloop_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        stub = StubServer(tmp_path)
        await stub.start()
        file = tmp_path / "client.pem"
        issued = stub.issue("apns", "shop", authentication="certificate")
        await asyncio.to_thread(file.write_text, f"{issued['certificate']}{issued['private_key']}")
        context = ssl.create_default_context(cafile=stub.ca_file)
        context.load_cert_chain(file)
        parts = urlsplit(stub.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        context.set_alpn_protocols(["h2"])
        client = await RawClient.connect(stub.url, context)
        assert (await client.request(apns_headers(issued), ALERT)).status == 200
        stub.set_knobs({"drop_connection_every": 2})
        assert (await client.request(apns_headers(issued), ALERT)).status == 0
        await client.aclose()
        assert stub.stats().connections.without_alpn == 1
        await stub.stop()

    uvloop.run(scenario())
