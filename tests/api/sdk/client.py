"""A device that talks to the surface, in process. Every answer is checked against the document."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from msgspec import UNSET, Struct

from clarion.api.contract.engine import Contract
from clarion.api.contract.router import Found
from clarion.api.edge import App as Edge
from clarion.apps import service as apps
from clarion.apps.model import App
from clarion.base import clock
from clarion.db.pool import Database
from clarion.db.sql import tuples
from clarion.devices import service as devices
from clarion.devices.model import device_id
from tests.api.asgi import Answer, call
from tests.contract.checker import ResponseChecker

REGISTER, DEVICE, TOKEN = "/sdk/v1/register", "/sdk/v1/device", "/sdk/v1/device/token"
REPORTS, CONFIG = "/sdk/v1/reports", "/sdk/v1/config"

FCM_TOKEN = "fcm-token:1_a"
APNS_TOKEN = "ab" * 32
ENDPOINT = "https://push.example/wp/1?a=b"
KEYS = {"p256dh": "BA" + "A" * 85, "auth": "A" * 22}


class Phone(Struct):
    """A device that is registered."""

    app: App
    udid: str
    secret: str

    @property
    def authorization(self) -> str:
        """What it shows of itself."""
        return f"Clarion-Device {self.app.partner_id}:{self.secret}"

    @property
    def id(self) -> int:
        """Its technical id."""
        return device_id(self.app.id, self.udid)


class SdkClient:
    """One installation: `android`, `ios`, `web`, and `other`, an Android application of somebody else."""

    def __init__(
        self,
        edge: Edge,
        contract: Contract,
        checker: ResponseChecker,
        database: Database,
        apps: Mapping[str, tuple[App, str]],
    ) -> None:
        self.edge = edge
        self.contract = contract
        self.checker = checker
        self.database = database
        self.apps = apps

    def app(self, name: str = "android") -> App:
        return self.apps[name][0]

    def key(self, name: str = "android") -> str:
        """The `Authorization` of an application."""
        app, key = self.apps[name]
        return f"Clarion-App {app.partner_id}:{key}"

    async def call(
        self,
        method: str,
        path: str,
        body: Any = UNSET,
        *,
        authorization: str | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        besides: Collection[int] = (),
    ) -> Answer:
        """One exchange; `raw` are the bytes to send instead of a JSON `body`."""
        content = raw if raw is not None else b"" if body is UNSET else json.dumps(body).encode()
        sent = {"Host": "push.example"}
        if content:
            sent["Content-Type"] = "application/json"
        if authorization is not None:
            sent["Authorization"] = authorization
        answer = await call(self.edge, method, path, headers=sent | dict(headers or {}), body=content)
        self._check(method, path.partition("?")[0], answer, besides)
        return answer

    def _check(self, method: str, path: str, answer: Answer, besides: Collection[int]) -> None:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-request-id"]
        found = self.contract.router.match(method, path)
        if isinstance(found, Found):
            operation_id = found.operation.operation_id
            self.checker.check(operation_id, answer.status, answer.headers, answer.body, besides=besides)

    async def register(self, body: Any = UNSET, name: str = "android") -> Phone:
        """A device that registers, successfully."""
        answer = await self.call("POST", REGISTER, {} if body is UNSET else body, authorization=self.key(name))
        assert answer.status == 200, answer.body
        found = json.loads(answer.body)
        return Phone(self.app(name), found["udid"], found["secret"])

    async def send(self, phone: Phone, *reports: Any) -> Any:
        """A batch that is acknowledged; the receipt."""
        answer = await self.call("POST", REPORTS, {"reports": list(reports)}, authorization=phone.authorization)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    async def put(self, phone: Phone, path: str, body: Any) -> Answer:
        """A write of the profile or token."""
        return await self.call("PUT", path, body, authorization=phone.authorization)

    async def profile(self, phone: Phone) -> dict[str, Any]:
        """All columns of a device as the wire of v1 shows them."""
        async with self.database.connection() as conn:
            scheme = await apps.load_scheme(conn, phone.app.id)
            found = await devices.columns_of(conn, phone.app.id, [phone.id], scheme.columns)
        return dict(found[phone.id])

    async def events(self, app: App) -> list[tuple[Any, ...]]:
        """(device, kind, code, message, button, value) of an application's events, in the order of kinds."""
        async with self.database.connection() as conn:
            return await tuples(
                conn,
                """
                SELECT device_id, kind, code, message_id, button, value FROM clarion.event WHERE app_id = %s
                ORDER BY kind, code, message_id, button NULLS FIRST
                """,
                (app.id,),
            )


def report(kind: str = "open", **members: Any) -> dict[str, Any]:
    """A report of a minute ago with a new id."""
    at = (clock.now() - timedelta(minutes=1)).astimezone(UTC)
    return {"id": str(uuid4()), "type": kind, "at": at.isoformat(), **members}


def problem(answer: Answer) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = json.loads(answer.body)
    assert body["status"] == answer.status
    assert body["type"] == f"https://push.example/problems/{body['code']}"
    assert body["requestId"] == answer.headers["x-request-id"]
    return answer.status, body["code"]


def findings(answer: Answer) -> list[tuple[str, str]]:
    """Code and pointer of every finding of a 422."""
    assert problem(answer) == (422, "validation_failed")
    return [(found["code"], found["pointer"]) for found in json.loads(answer.body)["errors"]]


def instant(text: str) -> datetime:
    """A date and time of an answer."""
    return datetime.fromisoformat(text)
