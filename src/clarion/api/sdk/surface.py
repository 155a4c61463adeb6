"""The way of a device's request: route, credentials, what it accepts, parameters, body, handler, answer.

Errors are problem details from the one table of codes (`api.problems`). Web pages of any origin may call, because
nothing here rests on cookies: a caller has its credentials or it has nothing.
"""

from collections.abc import Mapping
from typing import Final

import psycopg

from clarion.api.contract.binding import bind
from clarion.api.contract.decode import Decoded, DecodeError, decode
from clarion.api.contract.document import Operation
from clarion.api.contract.engine import Contract
from clarion.api.contract.router import OtherMethod
from clarion.api.conventions import HSTS, accepts, allowed_methods, base_url, is_plain_json, request_id
from clarion.api.exchange import BodyTooLarge, Request, Response
from clarion.api.problems import item, problem
from clarion.api.sdk.access import Admitted, Refused, admit
from clarion.api.sdk.call import Call, Handler, Services
from clarion.api.sdk.items import items
from clarion.base.errors import Finding, Invalid, Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.batching import Busy

log = get_logger(__name__)

_ONE_BY_ONE: Final = frozenset({"sendReports"})
"""Operations whose handler judges the entries of the body itself, so that a wrong one does not cost the others."""
_RETRY_AFTER: Final = ("Retry-After", "5")
_ANY_ORIGIN: Final = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Retry-After, X-Request-Id"),
)
_PREFLIGHT: Final = (
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-Id"),
    ("Access-Control-Max-Age", "7200"),
)


class _Problem(Exception):
    """A refusal on the way to the handler."""

    def __init__(self, code: str, detail: str, *headers: tuple[str, str], errors: list[dict[str, str]] | None = None):
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = headers
        self.errors = errors


class SdkSurface:
    """The surface under `/sdk`. The handlers must cover the document exactly, or the start fails."""

    prefix = "/sdk"

    def __init__(self, contract: Contract, services: Services, handlers: Mapping[str, Handler]) -> None:
        self._contract = contract
        self._services = services
        self._handlers = bind(contract.document, handlers)

    async def handle(self, request: Request) -> Response:
        """Answer a request; failures of ours are raised for the edge to log."""
        request.reference_id = request_id(request)
        try:
            response = await self._answer(request)
        except _Problem as refusal:
            response = self._problem(request, refusal)
        except Busy:
            crowded = _Problem("service_unavailable", "Too much waits to be written at present.", _RETRY_AFTER)
            response = self._problem(request, crowded)
        except (Unavailable, psycopg.OperationalError) as error:
            log.warning("sdk_unavailable", reference=request.reference, error=str(error).strip())
            busy = _Problem("service_unavailable", "The database does not answer at present.", _RETRY_AFTER)
            response = self._problem(request, busy)
        return _finish(request, response)

    def failure(self, request: Request, _exc: Exception) -> Response:
        """500 that tells the request id only."""
        return _finish(request, self._problem(request, _Problem("internal_error", "The server failed.")))

    async def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        match = self._contract.router.match(method, request.path)
        if match is None:
            raise _Problem("route_not_found", "Nothing is served at this path.")
        if isinstance(match, OtherMethod):
            return _other_method(request, match)
        operation = match.operation
        admitted = await admit(self._services.callers, request, operation)
        if isinstance(admitted, Refused):
            raise _Problem(admitted.code, admitted.detail, ("WWW-Authenticate", admitted.challenge))
        if not accepts(request, operation.produces):
            raise _Problem("not_acceptable", f"The operation produces {' or '.join(operation.produces)}.")
        self._check_query(request, operation)
        call = self._call(admitted, await self._body(request, operation))
        try:
            return await self._handlers[operation.operation_id](call)
        except Invalid as error:
            raise _invalid(error.findings) from None

    def _check_query(self, request: Request, operation: Operation) -> None:
        """No operation has query parameters: a name that is given is one that the caller thinks of elsewhere."""
        query = self._contract.parameters.query(operation, request.query)
        faults = [item(found, "parameter") for found in query.findings]
        if faults:
            raise _Problem("invalid_parameter", faults[0]["detail"], errors=faults)
        findings = [Finding(name, "unknown_field", f"Unknown parameter `{name[:60]}`") for name in query.unknown]
        faults = [item(found, "parameter") for found in findings]
        if faults:
            raise _Problem("unknown_parameter", faults[0]["detail"], errors=faults)

    async def _body(self, request: Request, operation: Operation) -> Decoded:
        """The body, valid against the contract."""
        if operation.body is None:
            return Decoded(None)
        limit = self._services.settings.body_limit
        if not is_plain_json(request):
            raise _Problem("unsupported_media_type", "The operation takes application/json without content coding.")
        try:
            decoded = decode(await request.read(limit))
        except BodyTooLarge:
            raise _Problem("payload_too_large", f"The body is over {limit} bytes.") from None
        except DecodeError as error:
            raise _Problem("malformed_request", error.message) from None
        if operation.operation_id in _ONE_BY_ONE:
            findings = self._contract.check_body(operation, Decoded(decoded.value), "one_by_one")
        else:
            findings = self._contract.check_body(operation, decoded)
        if findings:
            raise _invalid(findings)
        return decoded

    def _call(self, admitted: Admitted, decoded: Decoded) -> Call:
        return Call(
            services=self._services,
            contract=self._contract,
            app=admitted.app,
            caller=admitted.device,
            body=decoded.value,
            unusual=decoded.unusual,
        )

    def _problem(self, request: Request, refusal: _Problem) -> Response:
        url = base_url(request, self._services.settings.public_url)
        return problem(request, url, refusal.code, refusal.detail, *refusal.headers, errors=refusal.errors)


def _invalid(findings: list[Finding]) -> _Problem:
    return _Problem("validation_failed", findings[0].message, errors=items(findings))


def _other_method(request: Request, match: OtherMethod) -> Response:
    allow = ("Allow", allowed_methods(match))
    if request.method != "OPTIONS":
        raise _Problem("method_not_allowed", "The resource does not have this method.", allow)
    return Response(204, [allow, ("Access-Control-Allow-Methods", allow[1]), *_PREFLIGHT])


def _finish(request: Request, response: Response) -> Response:
    response.headers += [("X-Request-Id", request.reference), *_ANY_ORIGIN]
    if request.scheme == "https":
        response.headers.append(HSTS)
    return response
