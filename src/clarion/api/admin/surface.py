"""The way of a request of administration: route, session, role, application, what it accepts, parameters, body,
handler, answer.

Everything a person does here that could change something leaves a line in the audit trail, whatever became of it, the
want of a right included. Nothing rests on cookies, and no other origin is invited.
"""

from collections.abc import Mapping

from clarion.api import trail
from clarion.api.admin.access import Admitted, admit, roles_of
from clarion.api.admin.call import Call, Handler, Services
from clarion.api.admin.errors import Problem, invalid, problem_of
from clarion.api.contract.binding import bind
from clarion.api.contract.decode import Decoded, DecodeError, decode
from clarion.api.contract.document import Operation
from clarion.api.contract.engine import Contract
from clarion.api.contract.parameters import Query
from clarion.api.contract.router import Found, OtherMethod
from clarion.api.conventions import HSTS, accepts, allowed_methods, base_url, is_plain_json, request_id
from clarion.api.exchange import BodyTooLarge, Request, Response
from clarion.api.problems import item, problem
from clarion.base.errors import Finding
from clarion.base.telemetry import get_logger
from clarion.identity.model import AuditEntry

log = get_logger(__name__)

NAME = "admin"


class AdminSurface:
    """The surface under `/admin`. The handlers must cover the document exactly, and every operation must name the
    least role that may call it, or the start fails."""

    prefix = "/admin"

    def __init__(self, contract: Contract, services: Services, handlers: Mapping[str, Handler]) -> None:
        self._contract = contract
        self._services = services
        self._handlers = bind(contract.document, handlers)
        self._roles = roles_of(contract.document)

    async def handle(self, request: Request) -> Response:
        """Answer a request; failures of ours are raised for the edge to log."""
        request.reference_id = request_id(request)
        try:
            response = await self._route(request)
        except Exception as error:
            response = self._refuse(request, error)
        return _finish(request, response)

    def failure(self, request: Request, _exc: Exception) -> Response:
        """500 that tells the request id only."""
        return _finish(request, self._problem(request, Problem("internal_error", "The server failed.")))

    async def _route(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        match = self._contract.router.match(method, request.path)
        if match is None:
            raise Problem("route_not_found", "Nothing is served at this path.")
        if isinstance(match, OtherMethod):
            allow = ("Allow", allowed_methods(match))
            if request.method == "OPTIONS":
                return Response(204, [allow])
            raise Problem("method_not_allowed", "The resource does not have this method.", allow)
        least = self._roles[match.operation.operation_id]
        if least is None:
            return await self._run(request, match, None)
        values = match.values
        admitted = await admit(self._services, request, least, values.get("partnerId"), "partnerId" in values)
        if method == "GET" or match.operation.extensions.get("x-preview"):
            return await self._run(request, match, admitted)
        return await self._run_audited(request, match, admitted)

    async def _run_audited(self, request: Request, found: Found, admitted: Admitted) -> Response:
        status = 500
        try:
            try:
                response = await self._run(request, found, admitted)
            except Exception as error:
                response = self._refuse(request, error)
            status = response.status
            return response
        finally:
            entry = AuditEntry(
                surface=NAME,
                operation=found.operation.operation_id,
                target=request.path,
                status=status,
                person_id=admitted.person.id,
                app_id=admitted.app.id if admitted.app else None,
            )
            await trail.record(self._services.db, entry)

    async def _run(self, request: Request, found: Found, admitted: Admitted | None) -> Response:
        if admitted is not None and admitted.refusal is not None:
            raise admitted.refusal
        operation = found.operation
        if not accepts(request, operation.produces):
            raise Problem("not_acceptable", f"The operation produces {' or '.join(operation.produces)}.")
        query = self._query(request, operation)
        path, findings = self._contract.parameters.path(operation, found.values)
        if findings:
            raise Problem("not_found", "No such thing can be: the path names it in a form it cannot have.")
        return await self._handlers[operation.operation_id](
            Call(
                services=self._services,
                request=request,
                operation=operation,
                caller=admitted.person if admitted else None,
                addressed=admitted.app if admitted else None,
                path=path,
                query=query.values,
                pairs=query.pairs,
                body=(await self._body(request, operation)).value,
            )
        )

    def _query(self, request: Request, operation: Operation) -> Query:
        query = self._contract.parameters.query(operation, request.query)
        twice = [Finding(name, "repeated", f"The parameter `{name[:60]}` is given twice") for name in query.repeated]
        faults = [item(found, "parameter") for found in (*query.findings, *twice)]
        if faults:
            raise Problem("invalid_parameter", faults[0]["detail"], errors=faults)
        unknown = [Finding(name, "unknown_field", f"Unknown parameter `{name[:60]}`") for name in query.unknown]
        faults = [item(found, "parameter") for found in unknown]
        if faults:
            raise Problem("unknown_parameter", faults[0]["detail"], errors=faults)
        return query

    async def _body(self, request: Request, operation: Operation) -> Decoded:
        """The body, valid against the contract."""
        if operation.body is None:
            return Decoded(None)
        limit = self._services.settings.body_limit
        if not is_plain_json(request):
            raise Problem("unsupported_media_type", "The operation takes application/json without content coding.")
        try:
            decoded = decode(await request.read(limit))
        except BodyTooLarge:
            raise Problem("payload_too_large", f"The body is over {limit} bytes.") from None
        except DecodeError as error:
            raise Problem("malformed_request", error.message) from None
        findings = self._contract.check_body(operation, decoded)
        if findings:
            raise invalid(findings)
        return decoded

    def _refuse(self, request: Request, error: Exception) -> Response:
        """The answer to a refusal; a failure of ours is raised again."""
        refusal = problem_of(error)
        if refusal is None:
            raise error
        if refusal.code == "service_unavailable":
            log.warning("admin_unavailable", reference=request.reference, error=str(error).strip())
        return self._problem(request, refusal)

    def _problem(self, request: Request, refusal: Problem) -> Response:
        url = base_url(request, self._services.settings.public_url)
        return problem(request, url, refusal.code, refusal.detail, *refusal.headers, errors=refusal.errors)


def _finish(request: Request, response: Response) -> Response:
    response.headers.append(("X-Request-Id", request.reference))
    if request.scheme == "https":
        response.headers.append(HSTS)
    return response
