"""The v2 surface: the order of checks (v2 rule 2.1) from HTTPS to the handler.

HTTPS 403, route 404, method 405, authentication 401, scope 403, not yet built 501, acceptability 406, query and
headers 400, then the handler. Rate limits, bodies, idempotency and preconditions join with the first operations.
"""

from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from clarion.api.contract.binding import bind
from clarion.api.contract.document import Operation
from clarion.api.contract.engine import Contract
from clarion.api.contract.router import Found, OtherMethod
from clarion.api.conventions import accepts, allowed_methods, base_url, request_id
from clarion.api.exchange import Request, Response
from clarion.api.not_yet_built import NOT_YET_BUILT
from clarion.api.problems import item, problem
from clarion.api.v2.access import Authenticate, Refusal, authenticate, authorize, no_clients
from clarion.api.v2.documents import OpenDocuments
from clarion.api.v2.transport import V2Settings, finish, is_secure
from clarion.base.errors import Finding
from clarion.base.telemetry import get_logger

log = get_logger(__name__)

PREFIXES = ("/v2", "/oauth2", "/.well-known", "/problems")


class Call(Struct, frozen=True):
    """A request that passed every check before its handler."""

    request: Request
    operation: Operation
    base_url: str
    path: dict[str, str | None]


Handler = Callable[[Call], Awaitable[Response]]


class V2:
    """Everything the prefixes of v2 share."""

    def __init__(self, contract: Contract, settings: V2Settings, look_up: Authenticate = no_clients) -> None:
        self._contract = contract
        self._settings = settings
        self._look_up = look_up
        self._documents = OpenDocuments(contract.document)
        handlers: dict[str, Handler] = {"getOpenApi": self._open_api, "getProblemType": self._problem_type}
        self._handlers = bind(contract.document, handlers, NOT_YET_BUILT["v2"])
        if settings.insecure_loopback:
            log.warning("v2_https_not_required", listener="loopback", rule="v2 rule 1.3")

    async def handle(self, request: Request) -> Response:
        """Answer a request of any v2 prefix."""
        request.reference_id = request_id(request)
        return finish(request, await self._answer(request), self._settings)

    def failure(self, request: Request, _exc: Exception) -> Response:
        """500 that tells the request id only (rule 6.4)."""
        return finish(request, self._problem(request, "internal_error", "The server failed."), self._settings)

    async def _answer(self, request: Request) -> Response:
        if not is_secure(request, self._settings):
            challenge = ("WWW-Authenticate", "Bearer")
            return self._problem(request, "https_required", "The request came over plain HTTP.", challenge)
        method = "GET" if request.method == "HEAD" else request.method
        match = self._contract.router.match(method, request.path)
        if match is None:
            return self._problem(request, "route_not_found", "Nothing is served at this path.")
        if isinstance(match, OtherMethod):
            return self._other_method(request, match)
        return await self._execute(request, match)

    def _other_method(self, request: Request, match: OtherMethod) -> Response:
        allow = ("Allow", allowed_methods(match))
        if request.method == "OPTIONS":
            return Response(204, [allow])
        return self._problem(request, "method_not_allowed", "The resource does not have this method.", allow)

    async def _execute(self, request: Request, match: Found) -> Response:
        operation = match.operation
        if not operation.open:
            caller = await authenticate(request, operation, self._look_up)
            refusal = caller if isinstance(caller, Refusal) else authorize(caller, operation)
            if refusal is not None:
                challenge = ("WWW-Authenticate", refusal.challenge)
                return self._problem(request, refusal.code, refusal.detail, challenge)
        handler = self._handlers.get(operation.operation_id)
        if handler is None:
            return self._not_built(request, operation)
        if not accepts(request, operation.produces):
            produced = " or ".join(operation.produces)
            return self._problem(request, "not_acceptable", f"The operation produces {produced}.")
        refused = self._check_parameters(request, operation)
        if refused is not None:
            return refused
        return await handler(Call(request, operation, base_url(request, self._settings.public_url), match.values))

    def _not_built(self, request: Request, operation: Operation) -> Response:
        if operation.path.startswith("/oauth2/"):  # These endpoints speak RFC 6749 (rule 6.1).
            body = {"error": "temporarily_unavailable", "error_description": "This release has no OAuth endpoints yet."}
            headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
            return Response(501, headers, msgspec.json.encode(body))
        return self._problem(request, "not_implemented", "This release does not execute the operation yet.")

    def _check_parameters(self, request: Request, operation: Operation) -> Response | None:
        """400 for query and headers (rules 1.16, 2.2); the first fault gives the code."""
        query = self._contract.parameters.query(operation, request.query)
        _, header_faults = self._contract.parameters.headers(operation, request.headers.as_dict())
        faults = [(_code(found), item(found, "parameter")) for found in query.findings]
        for name in query.unknown:
            found = Finding(name, "unknown_field", f"Unknown parameter `{name[:60]}`")
            faults.append(("unknown_parameter", item(found, "parameter")))
        for name in query.repeated:
            found = Finding(name, "repeated", f"The parameter `{name[:60]}` is given twice")
            faults.append(("invalid_parameter", item(found, "parameter")))
        faults += [(_code(found), item(found, "header")) for found in header_faults]
        if not faults:
            return None
        detail = faults[0][1]["detail"]
        return self._problem(request, faults[0][0], detail, errors=[fault for _, fault in faults])

    def _problem(
        self,
        request: Request,
        code: str,
        detail: str,
        *headers: tuple[str, str],
        errors: list[dict[str, str]] | None = None,
    ) -> Response:
        return problem(request, base_url(request, self._settings.public_url), code, detail, *headers, errors=errors)

    async def _open_api(self, call: Call) -> Response:
        return self._documents.openapi(call.request, call.base_url)

    async def _problem_type(self, call: Call) -> Response:
        page = self._documents.problem_page(call.request, call.path["code"] or "")
        return page or self._problem(call.request, "not_found", "There is no such problem code.")


class Mount:
    """V2 under one of its first path segments."""

    def __init__(self, prefix: str, v2: V2) -> None:
        self.prefix = prefix
        self.handle = v2.handle
        self.failure = v2.failure


def v2_surfaces(contract: Contract, settings: V2Settings, look_up: Authenticate = no_clients) -> list[Mount]:
    """The surfaces of v2 for `create_app`: `/v2`, `/oauth2`, `/.well-known` and `/problems`."""
    v2 = V2(contract, settings, look_up)
    return [Mount(prefix, v2) for prefix in PREFIXES]


def _code(finding: Finding) -> str:
    return "missing_parameter" if finding.code == "missing" else "invalid_parameter"
