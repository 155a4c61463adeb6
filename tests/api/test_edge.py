"""The ASGI core: dispatch by prefix, health, bodies with limits, clients that leave, failures."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import structlog
import uvicorn

from clarion.api.edge import App, Surface, create_app
from clarion.api.exchange import BodyTooLarge, Headers, Request, Response
from clarion.base.errors import ConfigurationError
from tests.api.asgi import NoAnswer, call


class Echo:
    """A surface that tells what it received, within a limit of 10 bytes of body."""

    def __init__(self, prefix: str = "/echo") -> None:
        self.prefix = prefix

    async def handle(self, request: Request) -> Response:
        if request.path == "/echo/boom":
            raise RuntimeError("a secret cause")
        try:
            body = await request.read(10)
        except BodyTooLarge as exc:
            return Response(413, [], str(exc.limit).encode())
        told = {"path": request.path, "query": request.query.decode(), "body": body.decode(), "client": request.client}
        return Response(200, [("Content-Type", "application/json"), ("X-One", "é")], json.dumps(told).encode())

    def failure(self, request: Request, exc: Exception) -> Response:
        return Response(500, [], request.reference.encode())


class Health:
    def __init__(self, *missing: str) -> None:
        self.missing = missing

    async def ready(self) -> Sequence[str]:
        return self.missing


def app(*surfaces: Surface, missing: Sequence[str] = (), proxies: Sequence[str] = ()) -> App:
    return create_app(surfaces or (Echo(),), Health(*missing), trusted_proxies=proxies)


async def test_a_request_goes_to_the_surface_of_its_first_segment() -> None:
    got = await call(app(), "POST", "/echo/a%2Fb?x=%20", body=b"hello")
    assert got.status == 200
    assert json.loads(got.body) == {"path": "/echo/a%2Fb", "query": "x=%20", "body": "hello", "client": "203.0.113.9"}
    assert got.headers["content-length"] == str(len(got.body))
    assert got.headers["x-one"] == "é"


@pytest.mark.parametrize("target", ["/", "/unknown", "/echoes", "/Echo", "//echo", "/healthz/", "*"])
async def test_an_unknown_prefix_is_a_404_problem(target: str) -> None:
    got = await call(app(), "GET", target)
    assert (got.status, got.headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(got.body)["status"] == 404


async def test_health_tells_alive_and_ready() -> None:
    assert (await call(app(), "GET", "/healthz")).status == 200
    assert (await call(app(), "GET", "/readyz")).status == 200
    waiting = app(missing=["database"])
    assert (await call(waiting, "GET", "/healthz")).status == 200
    got = await call(waiting, "GET", "/readyz")
    assert (got.status, json.loads(got.body)["missing"]) == (503, ["database"])
    refused = await call(app(), "POST", "/healthz")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_a_head_answer_has_the_headers_of_its_get_and_no_body() -> None:
    full, head = await call(app(), "GET", "/echo"), await call(app(), "HEAD", "/echo")
    assert (head.status, head.headers, head.body) == (full.status, full.headers, b"")


async def test_v1_rule_106_a_body_over_the_limit_is_noticed_from_its_length() -> None:
    assert (await call(app(), "POST", "/echo", body=b"x" * 10)).status == 200
    untouched = await call(app(), "POST", "/echo", headers={"Content-Length": "11"}, body=[None])
    assert (untouched.status, untouched.body) == (413, b"10")


async def test_v1_rule_106_a_body_without_length_is_noticed_while_reading() -> None:
    assert (await call(app(), "POST", "/echo", body=[b"12345", b"67890"])).status == 200
    assert (await call(app(), "POST", "/echo", body=[b"12345", b"678901", None])).status == 413


async def test_a_client_that_leaves_gets_no_answer_and_makes_no_noise() -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(NoAnswer):
        await call(app(), "POST", "/echo", body=[b"123", None])
    assert [line["log_level"] for line in logs] == ["debug"]


async def test_a_failure_is_logged_with_its_reference_and_answered_without_its_cause() -> None:
    with structlog.testing.capture_logs() as logs:
        got = await call(app(), "GET", "/echo/boom")
    assert got.status == 500
    assert [line["reference"] for line in logs] == [got.body.decode()]
    assert b"secret" not in got.body


async def test_two_surfaces_cannot_share_a_prefix() -> None:
    for wrong in (["/a", "/a"], ["/a/b"], ["a"]):
        with pytest.raises(ConfigurationError):
            app(*(Echo(prefix) for prefix in wrong))


@pytest.mark.parametrize(
    ("headers", "client", "scheme"),
    [
        ({}, "10.0.0.1", "http"),
        ({"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}, "198.51.100.7", "https"),
        ({"X-Forwarded-For": "1.1.1.1, 198.51.100.7, 10.0.0.2", "X-Forwarded-Proto": "https"}, "198.51.100.7", "https"),
        ({"X-Forwarded-Proto": "https"}, "10.0.0.1", "https"),
        ({"X-Forwarded-Proto": "https, http"}, "10.0.0.1", "http"),
        ({"Forwarded": 'for="[2001:db8::1]:4711";proto=https'}, "2001:db8::1", "https"),
        ({"Forwarded": "for=1.1.1.1;proto=https, for=198.51.100.7;proto=http"}, "198.51.100.7", "http"),
        ({"Forwarded": "for=198.51.100.7;proto=https, for=10.0.0.2;proto=http"}, "198.51.100.7", "https"),
        ({"Forwarded": "for=1.1.1.1, for=unknown;proto=https"}, "10.0.0.1", "https"),
    ],
)
async def test_v2_rule_1_2_forwarding_headers_count_from_trusted_peers_only(
    headers: dict[str, str], client: str, scheme: str
) -> None:
    seen: list[Request] = []

    class Watch(Echo):
        async def handle(self, request: Request) -> Response:
            seen.append(request)
            return Response(204)

    for networks in (["10.0.0.0/8"], []):
        await call(app(Watch(), proxies=networks), "GET", "/echo", headers=headers, scheme="http", client="10.0.0.1")
    trusted, untrusted = seen
    assert (trusted.client, trusted.scheme) == (client, scheme)
    assert (untrusted.client, untrusted.scheme) == ("10.0.0.1", "http")


def test_trusted_proxies_are_networks() -> None:
    with pytest.raises(ConfigurationError):
        app(proxies=["everybody"])


async def test_a_request_made_by_hand_keeps_to_the_limit_as_well() -> None:
    request = Request(method="POST", path="/x", headers=Headers(), body=b"12345")
    assert await request.read(5) == b"12345"
    with pytest.raises(BodyTooLarge):
        await request.read(4)


def test_headers_ignore_case_and_keep_repeats() -> None:
    headers = Headers([(b"X-A", b" 1 "), (b"x-a", b"2"), (b"X-B", b"\xe9")])
    assert (headers.get("x-a"), headers.all("x-a"), headers.get("x-b"), headers.get("x-c")) == (
        "1",
        ["1", "2"],
        "é",
        None,
    )
    assert headers.as_dict() == {"x-a": "1, 2", "x-b": "é"}


@asynccontextmanager
async def serving(application: App) -> AsyncIterator[int]:
    """A real server on a free loopback port."""
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, http="httptools", ws="none", log_level="error", proxy_headers=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def exchange(port: int, raw: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    answered = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answered


async def test_over_a_real_server_limits_head_and_raw_paths_hold() -> None:
    close = b"Host: x\r\nConnection: close\r\n"
    async with serving(app()) as port:
        got = await exchange(port, b"GET /echo/a%2Fb?q HTTP/1.1\r\n" + close + b"\r\n")
        assert b'"path": "/echo/a%2Fb"' in got
        got = await exchange(port, b"HEAD /echo HTTP/1.1\r\n" + close + b"\r\n")
        assert got.startswith(b"HTTP/1.1 200")
        assert got.endswith(b"\r\n\r\n")
        got = await exchange(port, b"POST /echo HTTP/1.1\r\nContent-Length: 999999999\r\n" + close + b"\r\n")
        assert got.startswith(b"HTTP/1.1 413")
        got = await exchange(
            port,
            b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + close + b"\r\nb\r\n12345678901\r\n0\r\n\r\n",
        )
        assert got.startswith(b"HTTP/1.1 413")
