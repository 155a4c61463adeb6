"""The way of a v1 request: route, caller, signature, right, parameters, body, handler, answer (v1 rule 16).

Everything wrong with the form of a request is gathered before it is answered (v1 rule 20). Every write of a person
leaves a line in the audit trail, whatever became of it, also when they had no right to it.
"""

from collections.abc import Mapping

from clarion.api import trail
from clarion.api.contract.binding import bind
from clarion.api.contract.decode import Decoded, DecodeError, decode
from clarion.api.contract.document import Operation
from clarion.api.contract.engine import Contract
from clarion.api.contract.router import Found
from clarion.api.exchange import Request, Response
from clarion.api.v1 import errors, shapes
from clarion.api.v1.authenticate import Admitted, admit
from clarion.api.v1.call import Call, Handler, Services
from clarion.api.v1.errors import Label, V1Error
from clarion.api.v1.pages import page_number
from clarion.base.errors import Finding
from clarion.identity.model import AuditEntry


class V1Surface:
    """The surface under `/v1`. Handlers must cover the document exactly, or the start fails."""

    prefix = "/v1"

    def __init__(
        self,
        services: Services,
        handlers: Mapping[str, Handler],
        contract: Contract | None = None,
    ) -> None:
        self._services = services
        self._contract = contract or Contract.load("v1")
        self._handlers = bind(self._contract.document, handlers)

    async def handle(self, request: Request) -> Response:
        """Answer a request; failures of ours are raised for the edge to log."""
        try:
            return await self._route(request)
        except Exception as error:
            problems = errors.problems_of(error)
            if problems is None:
                raise
            return errors.answer(problems)

    def failure(self, request: Request, exc: Exception) -> Response:
        """500 in the envelope, with the reference of the log line and nothing of the cause (v1 rule 24)."""
        return errors.answer([errors.failure(exc, request.reference)])

    async def _route(self, request: Request) -> Response:
        found = self._contract.router.match(request.method, request.path)
        if not isinstance(found, Found):
            raise V1Error(404, Label.UNKNOWN_ROUTE, f"Unsupported {request.method} request : {request.path}")
        settings = self._services.settings
        large = shapes.takes_large_body(found.operation.operation_id)
        limit = settings.large_body_limit if large else settings.body_limit
        if not _needs_token(found.operation):
            await request.read(limit)
            return await self._run(request, found, None)
        scoped = "partnerId" in found.values
        admitted = await admit(self._services, request, limit, found.values.get("partnerId"), scoped)
        if request.method == "GET":
            return await self._run(request, found, admitted)
        return await self._run_audited(request, found, admitted)

    async def _run_audited(self, request: Request, found: Found, admitted: Admitted) -> Response:
        status = 500
        line = trail.Line(
            AuditEntry(
                surface="v1",
                operation=found.operation.operation_id,
                target=request.path,
                status=status,
                person_id=admitted.person.id,
                app_id=admitted.app.id if admitted.app else None,
            )
        )
        try:
            response = await self._run(request, found, admitted, line)
            status = response.status
            return response
        finally:
            await line.end(self._services.db, status)

    async def _run(
        self, request: Request, found: Found, admitted: Admitted | None, line: trail.Line | None = None
    ) -> Response:
        if admitted is not None and admitted.refusal is not None:
            return errors.answer(admitted.refusal.problems)
        body = None
        try:
            call = self._call(request, found, admitted, line)
            body = call.body
            return await self._handlers[found.operation.operation_id](call)
        except Exception as error:
            problems = errors.problems_of(error, body)
            if problems is None:
                raise
            return errors.answer(problems)

    def _call(self, request: Request, found: Found, admitted: Admitted | None, line: trail.Line | None) -> Call:
        """The checked call. Raises V1Error with everything that is malformed."""
        operation = found.operation
        path, findings = self._contract.parameters.path(operation, found.values)
        query = self._contract.parameters.query(operation, request.query)
        page = page_number(query.pairs) if any(p.name == "page" for p in operation.query_parameters) else 1
        findings += [finding for finding in query.findings if finding.pointer != "page"]
        if isinstance(page, Finding):
            findings.append(page)
        app = admitted.app if admitted else None
        decoded, wrong = self._body(operation, request.body or b"", admitted)
        findings += wrong
        if findings:
            findings += shapes.malformed_parameters(operation.operation_id, query.values)
            raise V1Error.several(shapes.problems_of(operation.operation_id, findings))
        return Call(
            services=self._services,
            contract=self._contract,
            request=request,
            operation=operation,
            caller=admitted.person if admitted else None,
            addressed=app,
            path=path,
            query=query.values,
            pairs=query.pairs,
            page=page if isinstance(page, int) else 1,
            line=line,
            body=decoded.value,
        )

    def _body(self, operation: Operation, raw: bytes, admitted: Admitted | None) -> tuple[Decoded, list[Finding]]:
        nothing = Decoded(None)
        if operation.body is None or (not raw and not operation.body.required):
            return nothing, []
        try:
            decoded = decode(raw)
        except DecodeError as error:
            return nothing, [Finding("", error.code, error.message)]
        decoded = Decoded(shapes.folded(operation.operation_id, decoded.value), decoded.unusual)
        case = shapes.case_of(operation.operation_id, admitted.app if admitted else None, decoded.value)
        return decoded, self._contract.check_body(operation, decoded, case)


def _needs_token(operation: Operation) -> bool:
    return any("bearer" in requirement.schemes for requirement in operation.security)
