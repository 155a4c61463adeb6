"""A person at the administration API, in process. Every answer is checked against the document."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from clarion.api.contract.engine import Contract
from clarion.api.contract.router import Found
from clarion.api.edge import App as Edge
from clarion.apps.model import App
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry, Person
from tests.api import asgi
from tests.contract.checker import ResponseChecker

SESSIONS, CURRENT, ME = "/admin/sessions", "/admin/sessions/current", "/admin/me"
PEOPLE, APPS, AUDIT = "/admin/people", "/admin/apps", "/admin/audit"


class Answer:
    """One answer; `json` is the decoded body."""

    def __init__(self, answer: asgi.Answer) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def ok(self, status: int = 200) -> Any:
        """The decoded body of an answer that must have this status; None for an empty one."""
        assert self.status == status, (self.status, self.body)
        return self.json if self.body else None

    @property
    def problem(self) -> tuple[int, str]:
        """Status and code of a problem."""
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.body)
        found = self.json
        assert found["status"] == self.status
        return self.status, found["code"]

    @property
    def findings(self) -> list[tuple[str, str]]:
        """Place and code of each finding of a 422."""
        assert self.problem == (422, "validation_failed"), self.body
        return [(error["pointer"], error["code"]) for error in self.json["errors"]]


class AdminClient:
    """Calls as one person; `apps` are the applications of the installation by platform."""

    def __init__(
        self,
        edge: Edge,
        contract: Contract,
        checker: ResponseChecker,
        *,
        database: Database,
        sealer: Sealer,
        apps: Mapping[str, App],
        person: Person,
        api_key: str,
        token: str,
    ) -> None:
        self.edge = edge
        self.contract = contract
        self.checker = checker
        self.database = database
        self.sealer = sealer
        self.apps = apps
        self.person = person
        self.api_key = api_key
        self.token = token

    @property
    def android(self) -> App:
        return self.apps["android"]

    def as_person(self, person: Person, api_key: str, token: str) -> "AdminClient":
        """The same installation, seen by somebody else."""
        return AdminClient(
            self.edge,
            self.contract,
            self.checker,
            database=self.database,
            sealer=self.sealer,
            apps=self.apps,
            person=person,
            api_key=api_key,
            token=token,
        )

    def path(self, rest: str = "", app: App | None = None) -> str:
        """The path of something below an application, the Android one unless another is given."""
        path = f"{APPS}/{(app or self.android).partner_id}"
        return f"{path}/{rest}" if rest else path

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = UNSET, **options: Any) -> Answer:
        return await self.call("POST", path, body, **options)

    async def put(self, path: str, body: Any = UNSET, **options: Any) -> Answer:
        return await self.call("PUT", path, body, **options)

    async def patch(self, path: str, body: Any = UNSET, **options: Any) -> Answer:
        return await self.call("PATCH", path, body, **options)

    async def delete(self, path: str, **options: Any) -> Answer:
        return await self.call("DELETE", path, **options)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = UNSET,
        *,
        token: str | UnsetType | None = UNSET,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        client: str = "203.0.113.9",
        besides: Collection[int] = (),
    ) -> Answer:
        """One exchange; `raw` are the bytes to send instead of a JSON `body`. `path` may be a whole URL."""
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        content = raw if raw is not None else b"" if body is UNSET else json.dumps(body).encode()
        sent = {"Host": "push.example"}
        if content:
            sent["Content-Type"] = "application/json"
        if token is not None:
            sent["Authorization"] = f"Bearer {self.token if token is UNSET else token}"
        given = await asgi.call(
            self.edge, method, path, headers=sent | dict(headers or {}), body=content, client=client
        )
        answer = Answer(given)
        self._check(method, path.partition("?")[0], answer, besides)
        return answer

    def _check(self, method: str, path: str, answer: Answer, besides: Collection[int]) -> None:
        assert answer.headers["x-request-id"]
        assert "access-control-allow-origin" not in answer.headers
        found = self.contract.router.match(method, path)
        if isinstance(found, Found):
            name = found.operation.operation_id
            self.checker.check(name, answer.status, answer.headers, answer.body, besides=besides)
            if answer.body:
                assert answer.headers["cache-control"] == "no-store"

    async def sign_in(self, email: str, api_key: str, **options: Any) -> Answer:
        """An attempt to begin a session."""
        return await self.post(SESSIONS, {"email": email, "apiKey": api_key}, token=None, **options)

    async def everything(self, path: str, limit: int) -> list[Any]:
        """All objects of a list, page by page; every page but the last is full."""
        found: list[Any] = []
        answer = (await self.get(f"{path}{'&' if '?' in path else '?'}limit={limit}")).ok()
        while True:
            found += answer["data"]
            if "next" not in answer["links"]:
                return found
            assert len(answer["data"]) == limit
            answer = (await self.get(answer["links"]["next"])).ok()

    async def audited(self) -> list[AuditEntry]:
        """The lines of the audit trail that came this way, oldest first."""
        async with self.database.connection() as conn:
            lines = await identity.last_audit_entries(conn)
        return [line for line in reversed(lines) if line.surface == "admin"]
