"""Where requests to hosts that strangers name go, and where they do not (v2 rule 18.6)."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from clarion.base.authority import Authority
from clarion.base.errors import ConfigurationError
from clarion.http.addresses import Targets
from clarion.http.outbound import Outbound, Unreached
from tests.webhooks.receiver import Receiver

LOOPBACK = ("127.0.0.0/8", "::1")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority.create("Receivers")
    (tmp_path / "ca.pem").write_bytes(made.pem)
    return made


@pytest.fixture
async def receiver(authority: Authority, tmp_path: Path) -> AsyncIterator[Receiver]:
    made = Receiver(authority, tmp_path)
    await made.start()
    yield made
    await made.stop()


def outbound(folder: Path, *networks: str, timeout: float = 5.0) -> Outbound:
    return Outbound(Targets(networks), timeout=timeout, authority=str(folder / "ca.pem"))


async def refused(client: Outbound, url: str) -> str:
    try:
        with pytest.raises(Unreached) as caught:
            await client.post(url, {}, b"{}")
    finally:
        await client.aclose()
    return str(caught.value)


async def test_v2_rule_18_6_a_named_network_is_reached(receiver: Receiver, tmp_path: Path) -> None:
    client = outbound(tmp_path, *LOOPBACK)
    reply = await client.post(receiver.url, {"webhook-id": "msg_1"}, b'{"a": 1}')
    await client.aclose()
    assert reply.status == 204
    [got] = receiver.received
    assert (got.body, got.headers["webhook-id"]) == (b'{"a": 1}', "msg_1")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0x7f.1", "0"])
async def test_v2_rule_18_6_loopback_is_refused_however_it_is_written(
    receiver: Receiver, tmp_path: Path, host: str
) -> None:
    port = receiver.url.rpartition(":")[2]
    await refused(outbound(tmp_path), f"https://{host}:{port}")
    assert (receiver.received, receiver.waiting) == ([], 0)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "169.254.169.254", "fd00::1", "fe80::1", "0.0.0.0"])
async def test_v2_rule_18_6_a_name_that_leads_to_a_special_address_is_refused(
    tmp_path: Path, authority: Authority, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, {"hooks.example": [address]})
    assert "special network" in await refused(outbound(tmp_path), "https://hooks.example/")


async def test_v2_rule_18_6_the_name_is_resolved_at_each_attempt(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was sound before leads into the operator's network now."""
    names = {"localhost": ["127.0.0.1"]}
    answers(monkeypatch, names)
    client = outbound(tmp_path, "127.0.0.1")
    assert (await client.post(receiver.url, {}, b"{}")).status == 204
    names["localhost"] = ["127.0.0.2"]
    assert "special network" in await refused(client, receiver.url)
    assert len(receiver.received) == 1


async def test_v2_rule_18_6_the_address_of_the_connection_itself_is_looked_at(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound when it is resolved, and not any more when the socket is made."""

    class Turning(Targets):
        looks = 0

        def allow(self, address: str) -> bool:
            self.looks += 1
            return self.looks == 1

    targets = Turning()
    answers(monkeypatch, {"localhost": ["127.0.0.1"]})
    client = Outbound(targets, timeout=5.0, authority=str(tmp_path / "ca.pem"))
    assert "special network" in await refused(client, receiver.url)
    assert (targets.looks, receiver.received, receiver.waiting) == (2, [], 0)


async def test_v2_rule_18_6_a_certificate_of_an_unknown_authority_is_refused(receiver: Receiver) -> None:
    client = Outbound(Targets(LOOPBACK), timeout=5.0)
    assert "certificate verify failed" in await refused(client, receiver.url)
    assert receiver.received == []


async def test_v2_rule_18_6_a_certificate_of_another_host_is_refused(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, {"hooks.example": ["127.0.0.1"]})
    url = receiver.url.replace("localhost", "hooks.example")
    assert "Hostname mismatch" in await refused(outbound(tmp_path, *LOOPBACK), url)
    assert receiver.received == []


async def test_a_body_without_end_is_not_read(authority: Authority, tmp_path: Path) -> None:
    """The head of the answer is enough."""
    sent = 0
    closed = asyncio.Event()

    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 65536
        except ConnectionError:
            closed.set()
        finally:
            writer.close()

    tls = Receiver(authority, tmp_path)._tls
    server = await asyncio.start_server(pour, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    client = outbound(tmp_path, *LOOPBACK)
    assert (await client.post(f"https://127.0.0.1:{port}/", {}, b"{}")).status == 200
    await asyncio.wait_for(closed.wait(), 5)
    await client.aclose()
    server.close()
    assert sent < 64 << 20


async def test_a_name_server_that_hangs_is_a_failure_in_time(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answered.wait(10))
    assert "in time" in await refused(outbound(tmp_path, timeout=0.2), "https://hooks.example/")
    answered.set()


def test_settings_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="network"):
        Targets(["10.0.0.0/99"])
    (tmp_path / "empty.pem").write_text("")
    for name in ("absent.pem", "empty.pem"):
        with pytest.raises(ConfigurationError, match="authority"):
            Outbound(Targets(), timeout=1.0, authority=str(tmp_path / name))


def answers(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]) -> None:
    """What the machine's resolver finds."""

    def find(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in names[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", find)
