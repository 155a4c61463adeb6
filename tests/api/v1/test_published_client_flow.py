"""The way of the one client found in public, over a real socket (v1 rules 2, 3, 5, 13, 64, 105).

It is written here anew and on its own: standard library only, lower-case header names, plain HTTP, its own signature,
the login body `{"email": ...}`, and the loop that strips `<` and `>; rel="next"` from the Link header.
"""

import asyncio
import csv
import hashlib
import http.client
import io
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
import uvicorn

from clarion.apps.model import Scheme
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord
from tests.api.v1.client import V1Client

DEVICES = 20_001


class PublishedClient:
    """What such a client does, and no more."""

    def __init__(self, root: str, email: str, api_key: str) -> None:
        split = urlsplit(root)
        self.connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=30)
        self.root, self.email, self.api_key = root, email, api_key
        self.token = ""

    def headers(self, body: str) -> dict[str, str]:
        now = str(int(time.time()))
        signature = hashlib.sha1((body + self.api_key + now).encode(), usedforsecurity=False).hexdigest()
        headers = {"accengage-signature": signature, "accengage-time": now, "content-type": "application/json"}
        if self.token:
            headers["authorization"] = self.token
        return headers

    def exchange(self, method: str, url: str, body: str = "") -> tuple[int, dict[str, str], str]:
        target = url.removeprefix(self.root)
        self.connection.request(method, target, body or None, self.headers(body if method == "POST" else ""))
        answer = self.connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read().decode()

    def login(self) -> int:
        status, _, text = self.exchange("POST", f"{self.root}/v1/access_token", json.dumps({"email": self.email}))
        if status == 200:
            answer = json.loads(text)
            self.token = f"{answer['token_type']} {answer['access_token']}"
        return status

    def export(self, partner_id: str, fields: list[str], first_open: str) -> list[list[dict[str, str]]]:
        """The rows of every part, following Link until it is absent."""
        query = "&".join(f"fields[{number}]={name}" for number, name in enumerate(fields, start=1))
        url = f"{self.root}/v1/me/apps/{partner_id}/devices?{query}&firstOpen={quote(first_open)}"
        parts = []
        while url:
            status, headers, text = self.exchange("GET", url)
            assert status == 200, text
            parts.append(list(csv.DictReader(io.StringIO(text), delimiter=";")))
            url = headers.get("link", "").replace("<", "").replace('>; rel="next"', "")
        return parts


@pytest.fixture
async def root(v1: V1Client) -> AsyncIterator[str]:
    """The address of a server on loopback, plain HTTP."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(v1.asgi, http="httptools", ws="none", lifespan="off", proxy_headers=False, log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listener.close()


Published = Callable[[str, str], PublishedClient]


@pytest.fixture
def published(root: str) -> Iterator[Published]:
    """Makes clients of that server for an e-mail address and an API key, and closes their connections."""
    made: list[PublishedClient] = []

    def make(email: str, api_key: str) -> PublishedClient:
        made.append(PublishedClient(root, email, api_key))
        return made[-1]

    yield make
    for client in made:
        client.connection.close()


@pytest.fixture
async def many_devices(v1: V1Client) -> V1Client:
    """Two full parts of devices and one more, one of them with a difficult model."""
    scheme = Scheme([])
    model, first_open = scheme.find("model"), scheme.find("firstOpen")
    assert model is not None
    assert first_open is not None
    opened = {first_open: datetime(2030, 6, 1, tzinfo=UTC)}
    records = [DeviceRecord(f"udid-{number}", {**opened, model: f"Phone {number}"}) for number in range(DEVICES)]
    records[7] = DeviceRecord("udid-7", {**opened, model: 'Says "hello"; twice\nand é'})
    for start in range(0, DEVICES, 5000):
        async with v1.database.transaction() as conn:
            await devices.upsert(conn, v1.android, records[start : start + 5000])
    return v1


async def test_login_then_export_until_the_link_is_absent(many_devices: V1Client, published: Published) -> None:
    """v1 rules 2 and 64: over plain HTTP, as it always did."""
    client = published(many_devices.person.email, many_devices.api_key)
    assert await asyncio.to_thread(client.login) == 200
    parts = await asyncio.to_thread(client.export, "demo-android", ["UDID", "model"], "2030-01-01|2031-01-01 00:00:00")
    assert [len(part) for part in parts] == [10_000, 10_000, 1]
    rows = [row for part in parts for row in part]
    models = {row["UDID"]: row["model"] for row in rows}
    assert len(models) == DEVICES
    assert models["udid-7"] == 'Says "hello"; twice\nand é'
    assert models["udid-20000"] == "Phone 20000"
    assert {tuple(row) for row in rows} == {("UDID", "model")}
    nobody = await asyncio.to_thread(client.export, "demo-android", ["UDID"], "2000-01-01|2030-01-01")
    assert nobody == [[]]


async def test_rule_105_a_get_signed_with_the_login_body_is_refused(v1: V1Client, published: Published) -> None:
    client = published(v1.person.email, v1.api_key)
    assert await asyncio.to_thread(client.login) == 200
    stale = client.headers(json.dumps({"email": client.email}))

    def reuse() -> tuple[int, str]:
        client.connection.request("GET", "/v1/me", headers=stale)
        answer = client.connection.getresponse()
        return answer.status, answer.read().decode()

    status, text = await asyncio.to_thread(reuse)
    assert (status, json.loads(text)["errors"][0]["label"]) == (400, "API_ERR_SIGNATURE")
    assert (await asyncio.to_thread(client.exchange, "GET", f"{client.root}/v1/me"))[2] == "Welcome"


async def test_a_wrong_key_gets_no_token(v1: V1Client, published: Published) -> None:
    assert await asyncio.to_thread(published(v1.person.email, "wrong").login) == 400
    assert await asyncio.to_thread(published("nobody@shop.example", "wrong").login) == 404


async def test_rule_106_a_body_announced_too_large_is_refused_without_being_read(
    v1: V1Client, published: Published
) -> None:
    client = published(v1.person.email, v1.api_key)
    assert await asyncio.to_thread(client.login) == 200

    def announce() -> tuple[int, str]:
        connection = http.client.HTTPConnection(client.connection.host, client.connection.port, timeout=30)
        connection.putrequest("POST", "/v1/me/apps/demo-android/campaigns")
        for name, value in {**client.headers(""), "content-length": str(2**31)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        try:
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    status, text = await asyncio.to_thread(announce)
    assert (status, json.loads(text)["errors"][0]["label"]) == (400, "API_ERR_FORMAT")
