"""A client of the v2 surface in process: every answer is held against the contract."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct

from clarion.api.contract.engine import Contract
from clarion.api.contract.router import Found
from clarion.api.edge import App
from clarion.db.pool import Database
from clarion.identity import clients
from clarion.identity.clients import Limits
from clarion.identity.scopes import ScopeName
from tests.api.asgi import Answer, call
from tests.contract.checker import ResponseChecker
from tests.contract.coverage.record import note

HOST = {"Host": "push.example"}
BASE = "https://push.example"
PLENTY = Limits(reads=1_000_000, reads_a_second=1e6, writes_a_minute=1_000_000)
EVERY_SCOPE = tuple(ScopeName)
_keys = itertools.count(1)


class NoHealth:
    """Ready at all times."""

    async def ready(self) -> Sequence[str]:
        return ()


class Client:
    """One API client with a token."""

    def __init__(
        self, app: App, contract: Contract, checker: ResponseChecker, client_id: str, token: str, secret: str = ""
    ) -> None:
        self.app = app
        self.client_id = client_id
        self.token = token
        self.secret = secret
        self._contract = contract
        self._checker = checker

    async def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        besides: Sequence[int] = (),
    ) -> Answer:
        """One request; `target` is a path or an absolute address of this installation."""
        own = {**HOST, "Authorization": f"Bearer {self.token}"}
        sent = raw if raw is not None else (b"" if body is None else msgspec.json.encode(body))
        if sent:
            own["Content-Type"] = "application/json"
        answer = await call(self.app, method, target.removeprefix(BASE), headers={**own, **(headers or {})}, body=sent)
        path = target.removeprefix(BASE).partition("?")[0]
        found = self._contract.router.match("GET" if method == "HEAD" else method, path)
        if isinstance(found, Found) and method != "HEAD":
            self._checker.check(
                found.operation.operation_id, answer.status, answer.headers, answer.body, besides=besides
            )
            note(found.operation.operation_id)
        return answer

    def on(self, app: App, token: str = "") -> "Client":
        """The same client with another token, or before another instance of the surface."""
        return Client(app, self._contract, self._checker, self.client_id, token or self.token, self.secret)

    async def get(self, target: str, **headers: str) -> Any:
        """The decoded body of a 200."""
        answer = await self.call("GET", target, headers=headers)
        assert answer.status == 200, answer.body
        return decoded(answer)

    async def create(self, target: str, body: Any, **headers: str) -> Any:
        """What a POST created."""
        answer = await self.call("POST", target, body, headers=headers)
        assert answer.status == 201, answer.body
        return decoded(answer)["data"]

    async def change(self, target: str, body: Any, **headers: str) -> Any:
        """What a PATCH left."""
        answer = await self.call("PATCH", target, body, headers=headers)
        assert answer.status == 200, answer.body
        return decoded(answer)["data"]

    async def refused(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and code of a refusal."""
        answer = await self.call(method, target, body, headers=headers)
        return answer.status, decoded(answer)["code"]

    async def findings(self, method: str, target: str, body: Any) -> set[tuple[str, str]]:
        """Pointer and code of every item of a 422."""
        answer = await self.call(method, target, body)
        assert answer.status == 422, answer.body
        return {(item["pointer"], item["code"]) for item in decoded(answer)["errors"]}


class Api(Struct):
    """The surface on a database, and its clients."""

    app: App
    database: Database
    contract: Contract
    checker: ResponseChecker

    async def client(
        self,
        scopes: Sequence[ScopeName] = EVERY_SCOPE,
        account_id: str | None = None,
        *,
        limits: Limits | None = PLENTY,
    ) -> Client:
        """A client with these scopes and a token that has them all."""
        async with self.database.transaction() as conn:
            made, secret = await clients.create(conn, "Tests", scopes, account_id)
            if limits is not None:
                await clients.set_limits(conn, made.client_id, limits)
            granted = await clients.issue(conn, made.client_id, tuple(scopes), life=clients.TOKEN_LIFE)
        return Client(self.app, self.contract, self.checker, made.client_id, granted.access_token, secret)

    async def token(self, client: Client, scopes: Sequence[ScopeName], *, life: timedelta = clients.TOKEN_LIFE) -> str:
        """Another token of a client, with these scopes."""
        async with self.database.transaction() as conn:
            return (await clients.issue(conn, client.client_id, tuple(scopes), life=life)).access_token

    async def limit(self, client: Client, reads: int = 50, rate: float = 3.0, writes: int = 30) -> None:
        """Set a client's limits, as the operator does."""
        async with self.database.transaction() as conn:
            await clients.set_limits(conn, client.client_id, Limits(reads, rate, writes))


def decoded(answer: Answer) -> Any:
    """The JSON of an answer."""
    return msgspec.json.decode(answer.body)


def new_key() -> str:
    """An idempotency key that nobody has used."""
    return f"key-{next(_keys)}"
