"""A signed client of the v1 surface, in process: it calls the ASGI application itself, no socket and no framework.

Every answer is checked against the contract, so that no test has to ask for that.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, UnsetType

from clarion.api.contract.engine import Contract
from clarion.api.contract.router import Found
from clarion.api.edge import App as AsgiApp
from clarion.apps.model import App
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.identity.model import Person
from clarion.identity.signature import sign
from tests.contract.checker import ResponseChecker
from tests.contract.coverage.record import note

Params = Mapping[str, str | int] | Iterable[tuple[str, str | int]]


class Answer:
    """One answer: `status`, `headers` with lower-case names, `body`."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Label and message of every error, in order."""
        return [(error["label"], error["message"]) for error in self.json["errors"]]

    @property
    def labels(self) -> list[str]:
        """The labels of the errors, in order."""
        return [label for label, _ in self.errors]

    @property
    def id(self) -> int:
        """The technical id of what a successful write created or updated."""
        assert self.status == 200, (self.status, self.body)
        created: int = self.json["id"]
        return created

    @property
    def links(self) -> dict[str, str]:
        """Address by relation, from the Link header."""
        links = {}
        for entry in self.headers.get("link", "").split(", "):
            if entry:
                url, _, relation = entry.partition("; ")
                links[relation.removeprefix('rel="').removesuffix('"')] = url[1:-1]
        return links

    def refused(self, status: int, label: str) -> bool:
        """Whether this is one error with this status and label; anything else shows itself in the assertion."""
        assert (self.status, self.labels) == (status, [label]), (self.status, self.body)
        return True


class V1Client:
    """Calls as one person; `android`, `ios` and `web` are applications that person manages.

    `as_person` gives a client of somebody else on the same installation.
    """

    def __init__(
        self,
        asgi: AsgiApp,
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
        self.asgi = asgi
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
        """An Android application."""
        return self.apps["android"]

    @property
    def ios(self) -> App:
        """An iOS application."""
        return self.apps["ios"]

    @property
    def web(self) -> App:
        """A web application."""
        return self.apps["web"]

    def as_person(self, person: Person, api_key: str, token: str) -> "V1Client":
        """The same installation, seen by somebody else."""
        return V1Client(
            self.asgi,
            self.contract,
            self.checker,
            database=self.database,
            sealer=self.sealer,
            apps=self.apps,
            person=person,
            api_key=api_key,
            token=token,
        )

    def path(self, rest: str, app: App | None = None) -> str:
        """The path of something below an application, the Android one unless another is given."""
        return f"/v1/me/apps/{(app or self.android).partner_id}/{rest}"

    async def get(self, path: str, **options: Any) -> Answer:
        """GET; options are those of `request`."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: Any = UNSET, **options: Any) -> Answer:
        """POST; options are those of `request`."""
        return await self.request("POST", path, json, **options)

    async def put(self, path: str, json: Any = UNSET, **options: Any) -> Answer:
        """PUT; options are those of `request`."""
        return await self.request("PUT", path, json, **options)

    async def delete(self, path: str, json: Any = UNSET, **options: Any) -> Answer:
        """DELETE; options are those of `request`."""
        return await self.request("DELETE", path, json, **options)

    async def request(
        self,
        method: str,
        path: str,
        json: Any = UNSET,
        *,
        body: bytes | None = None,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        sign: bool = True,
        token: str | UnsetType | None = UNSET,
        besides: Collection[int] = (),
    ) -> Answer:
        """Send a request and check its answer against the contract.

        `body` gives raw bytes instead of `json`. `sign=False` leaves the signature and the time out, `token=None` the
        token; `headers` are added last and win. `path` may be a whole URL, as links are. `besides` are statuses that
        no document has to know.
        """
        raw = body if body is not None else b"" if json is UNSET else msgspec.json.encode(json)
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        path, _, query = path.partition("?")
        pairs = list(params.items() if isinstance(params, Mapping) else params)
        query = "&".join(part for part in (query, urlencode(pairs)) if part)
        sent = {"host": "push.test"}
        if sign:
            sent |= self.signature_headers(b"" if method == "GET" else raw)
        if token is not None:
            sent["authorization"] = f"Bearer {self.token if token is UNSET else token}"
        answer = await call(self.asgi, method, path, query, {**sent, **(headers or {})}, raw)
        self._check(method, path, answer, besides)
        return answer

    def signature_headers(self, raw: bytes) -> dict[str, str]:
        """The two headers that sign a body as of now."""
        time = str(int(clock.now().timestamp()))
        return {"accengage-time": time, "accengage-signature": sign(raw, self.api_key, time)}

    def _check(self, method: str, path: str, answer: Answer, besides: Collection[int]) -> None:
        found = self.contract.router.match(method, path)
        if isinstance(found, Found):
            operation_id = found.operation.operation_id
            self.checker.check(operation_id, answer.status, answer.headers, answer.body, besides=besides)
            note(operation_id)
        elif method == "HEAD":
            assert (answer.status, answer.body) == (404, b"")
        else:
            assert answer.status == 404
            self.checker.check_component("UnknownRoute", answer.headers, answer.body)
        if answer.status in besides:
            self.checker.check_schema("ErrorResponse", answer.body)


async def call(asgi: AsgiApp, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """One exchange with an ASGI application. `path` is as it goes over the wire; the body arrives in two pieces."""
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
    incoming: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": at == 0} for at, piece in enumerate(pieces)
    ]
    outgoing: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        outgoing.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 443),
    }
    async with asyncio.timeout(30):
        await asgi(scope, receive, send)
    start = outgoing[0]
    answered = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], answered, b"".join(part.get("body", b"") for part in outgoing[1:]))
