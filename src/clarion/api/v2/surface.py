"""The v2 surface: the order of checks (v2 rule 2.1) from HTTPS to the handler.

HTTPS 403, route 404, method 405, authentication 401, rate limit 429, scope 403, suspended account 403, not yet built
501, size 413, media type 415, acceptability 406, JSON, query and headers 400; then reads run on the connection that
admitted their caller, and writes in a transaction of their own (`change.py`).
"""

from collections.abc import Mapping
from typing import Any, Final

from clarion.api import trail
from clarion.api.contract.binding import bind
from clarion.api.contract.decode import Decoded, DecodeError, decode
from clarion.api.contract.document import Operation
from clarion.api.contract.engine import Contract
from clarion.api.contract.query import Pairs
from clarion.api.contract.router import Found, OtherMethod
from clarion.api.conventions import accepts, allowed_methods, base_url, request_id
from clarion.api.exchange import BodyTooLarge, ClientGone, Request, Response
from clarion.api.not_yet_built import NOT_YET_BUILT
from clarion.api.problems import item, problem
from clarion.api.v2 import access, bodies, change, lists
from clarion.api.v2.access import Admitted
from clarion.api.v2.call import Call, Open, Read, Services
from clarion.api.v2.change import Change
from clarion.api.v2.documents import OpenDocuments
from clarion.api.v2.errors import Refused, refusal_of
from clarion.api.v2.transport import finish, is_secure
from clarion.base.errors import Finding
from clarion.base.telemetry import get_logger
from clarion.identity.model import AuditEntry

log = get_logger(__name__)

PREFIXES = ("/v2", "/oauth2", "/.well-known", "/problems")
_UNREADABLE: Final = ("encoding", "nul")
"""Codes of findings about parameters that are not among the pairs of a query."""
_FAILED: Final = Refused("internal_error", "The server failed.")

Handler = Read | Open | Change


class V2:
    """Everything the prefixes of v2 share."""

    def __init__(self, contract: Contract, services: Services, handlers: Mapping[str, Handler]) -> None:
        self._contract = contract
        self._services = services
        self._settings = services.settings
        self._documents = OpenDocuments(contract.document)
        own: dict[str, Handler] = {"getOpenApi": self._open_api, "getProblemType": self._problem_type}
        self._handlers = bind(contract.document, {**own, **handlers}, NOT_YET_BUILT["v2"])
        _check_lists(contract, self._handlers)
        if services.settings.insecure_loopback:
            log.warning("v2_https_not_required", listener="loopback", rule="v2 rule 1.3")

    async def handle(self, request: Request) -> Response:
        """Answer a request of any v2 prefix."""
        request.reference_id = request_id(request)
        try:
            response = await self._answer(request)
        except Exception as error:
            response = self._refuse(request, error)
        return finish(request, response, self._settings)

    def failure(self, request: Request, _exc: Exception) -> Response:
        """500 that tells the request id only (rule 6.4)."""
        return finish(request, self._problem(request, _FAILED), self._settings)

    async def _answer(self, request: Request) -> Response:
        if not is_secure(request, self._settings):
            challenge = ("WWW-Authenticate", "Bearer")
            raise Refused("https_required", "The request came over plain HTTP.", challenge)
        method = "GET" if request.method == "HEAD" else request.method
        match = self._contract.router.match(method, request.path)
        if match is None:
            raise Refused("route_not_found", "Nothing is served at this path.")
        if isinstance(match, OtherMethod):
            return self._other_method(request, match)
        handler = self._handlers.get(match.operation.operation_id)
        if match.operation.open:
            return await self._open(request, match, handler)
        async with self._services.db.connection() as conn:
            admitted = await access.admit(conn, request, match.operation)
            try:
                access.check_quota(admitted)
                if isinstance(handler, Change):
                    response = None
                else:
                    response = await self._read(request, match, handler, admitted, conn)
            except Exception as error:
                response = self._refuse_or_fail(request, error)
        if response is None:
            assert isinstance(handler, Change)
            try:
                response = await self._write(request, match, handler, admitted)
            except Exception as error:
                response = self._refuse_or_fail(request, error)
        return admitted.tell(response)

    def _other_method(self, request: Request, match: OtherMethod) -> Response:
        allow = ("Allow", allowed_methods(match))
        if request.method == "OPTIONS":
            return Response(204, [allow])
        raise Refused("method_not_allowed", "The resource does not have this method.", allow)

    async def _open(self, request: Request, match: Found, handler: Any) -> Response:
        if handler is None:
            raise Refused("not_implemented", "This release does not execute the operation yet.")
        self._check_acceptable(request, match.operation)
        open_handler: Open = handler
        return await open_handler(self._call(request, match, None))

    async def _read(self, request: Request, match: Found, handler: Any, admitted: Admitted, conn: Any) -> Response:
        access.check_rights(admitted, match.operation)
        if handler is None:
            raise Refused("not_implemented", "This release does not execute the operation yet.")
        self._check_acceptable(request, match.operation)
        read: Read = handler
        return await read(self._call(request, match, admitted), conn)

    async def _write(self, request: Request, match: Found, handler: Change, admitted: Admitted) -> Response:
        """Whatever becomes of a write leaves a line in the trail."""
        entry = AuditEntry("v2", match.operation.operation_id, request.path, 500, client_id=admitted.caller.client_id)
        line = trail.Line(entry)
        response = Response(500)
        try:
            try:
                access.check_rights(admitted, match.operation)
                if handler.may is not None:
                    handler.may(admitted.caller)
                decoded = await self._body(request, match.operation)
                call = self._call(request, match, admitted, decoded, line)
                response = await change.run(call, handler, lambda call, refused: self._problem(call.request, refused))
            except Exception as error:
                response = self._refuse(request, error)
        finally:
            await line.end(self._services.db, response.status)
        return response

    # What a call is made of

    def _call(
        self,
        request: Request,
        match: Found,
        admitted: Admitted | None,
        decoded: Decoded | None = None,
        line: trail.Line | None = None,
    ) -> Call:
        query, pairs = self._check_parameters(request, match.operation)
        return Call(
            services=self._services,
            contract=self._contract,
            request=request,
            operation=match.operation,
            base_url=base_url(request, self._settings.public_url),
            known=admitted.caller if admitted else None,
            path=match.values,
            pairs=pairs,
            query=query,
            body=decoded.value if decoded else None,
            unusual=decoded.unusual if decoded else False,
            line=line,
        )

    async def _body(self, request: Request, operation: Operation) -> Decoded:
        """The decoded body of a write, in the order 413, 415, 406, 400. Raises Refused."""
        limit = bodies.limit_of(operation)
        try:
            raw = await request.read(limit)
        except BodyTooLarge:
            raise Refused("payload_too_large", f"The body is over {limit} bytes.") from None
        rule = operation.body
        if rule is not None:
            bodies.check_media(request, rule.media_types)
        self._check_acceptable(request, operation)
        if rule is None:
            return Decoded(None)
        try:
            return decode(raw)
        except DecodeError as error:
            raise Refused("malformed_request", error.message) from None

    def _check_acceptable(self, request: Request, operation: Operation) -> None:
        if not accepts(request, operation.produces):
            produced = " or ".join(operation.produces)
            raise Refused("not_acceptable", f"The operation produces {produced}.")

    def _check_parameters(self, request: Request, operation: Operation) -> tuple[dict[str, Any], Pairs]:
        """The typed query and its pairs. Raises Refused with 400 for query and headers (rules 1.16, 2.2); the first
        fault gives the code. What belongs to lists is read by them, and the OAuth endpoints refuse in words of their
        own (rule 6.1)."""
        if operation.path.startswith("/oauth2/"):
            return {}, []
        query = self._contract.parameters.query(operation, request.query)
        listed = "x-sortable" in operation.extensions
        _, header_faults = self._contract.parameters.headers(operation, request.headers.as_dict())
        faults = [
            (_code(found), item(found, "parameter"))
            for found in query.findings
            if found.code in _UNREADABLE or not (listed and lists.is_of_list(found.pointer))
        ]
        for name in query.unknown:
            if not (listed and lists.is_of_list(name)):
                found = Finding(name, "unknown_field", f"Unknown parameter `{name[:60]}`")
                faults.append(("unknown_parameter", item(found, "parameter")))
        for name in query.repeated:
            found = Finding(name, "repeated", f"The parameter `{name[:60]}` is given twice")
            faults.append(("invalid_parameter", item(found, "parameter")))
        faults += [(_header_code(found), item(found, "header")) for found in header_faults]
        if faults:
            raise Refused(faults[0][0], faults[0][1]["detail"], errors=[fault for _, fault in faults])
        return query.values, query.pairs

    # Answers

    def _refuse(self, request: Request, error: Exception) -> Response:
        """The answer to a refusal; a failure of ours is raised again."""
        refused = refusal_of(error)
        if refused is None:
            raise error
        if refused.code == "service_unavailable":
            log.warning("v2_unavailable", reference=request.reference, error=str(error).strip())
        return self._problem(request, refused)

    def _refuse_or_fail(self, request: Request, error: Exception) -> Response:
        """As `_refuse`, but a failure of ours is logged and answered here, where its caller is known and told of their
        quota (rule 9.5)."""
        if isinstance(error, ClientGone):
            raise error
        try:
            return self._refuse(request, error)
        except Exception:
            log.exception("request_failed", reference=request.reference, method=request.method, path=request.path)
            return self._problem(request, _FAILED)

    def _problem(self, request: Request, refused: Refused) -> Response:
        url = base_url(request, self._settings.public_url)
        return problem(
            request, url, refused.code, refused.detail, *refused.headers, errors=refused.errors, members=refused.members
        )

    async def _open_api(self, call: Call) -> Response:
        return self._documents.openapi(call.request, call.base_url)

    async def _problem_type(self, call: Call) -> Response:
        page = self._documents.problem_page(call.request, call.path["code"] or "")
        return page or self._problem(call.request, Refused("not_found", "There is no such problem code."))


class Mount:
    """V2 under one of its first path segments."""

    def __init__(self, prefix: str, v2: V2) -> None:
        self.prefix = prefix
        self.handle = v2.handle
        self.failure = v2.failure


def v2_surfaces(contract: Contract, services: Services, handlers: Mapping[str, Handler]) -> list[Mount]:
    """The surfaces of v2 for `create_app`: `/v2`, `/oauth2`, `/.well-known` and `/problems`."""
    v2 = V2(contract, services, handlers)
    return [Mount(prefix, v2) for prefix in PREFIXES]


def _code(finding: Finding) -> str:
    return "missing_parameter" if finding.code == "missing" else "invalid_parameter"


def _header_code(finding: Finding) -> str:
    return "invalid_idempotency_key" if finding.pointer == "Idempotency-Key" else _code(finding)


def _check_lists(contract: Contract, handlers: Mapping[str, Handler]) -> None:
    """Raises ConfigurationError for a list that cannot filter or sort by what the contract says."""
    for name, handler in handlers.items():
        owner = getattr(handler, "__self__", None)
        check = getattr(owner, "check", None)
        if check is not None:
            check(contract.document.operations[name])
