"""The control and inspection endpoints under `/stub`: JSON in, JSON out, for curl and for tests.

They are never subject to the knobs. Errors are `{"errors": [{"pointer", "code", "message"}]}`.
"""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta, Struct

from clarion.base.errors import Finding, Invalid
from clarion.gateways.stub.board import Board
from clarion.gateways.stub.exchange import Delivery, Reply, Request
from clarion.gateways.stub.keys import Wanted
from clarion.gateways.stub.knobs import KINDS
from clarion.gateways.stub.parsing import decode, decode_any
from clarion.gateways.stub.wire import CONTROL_BODY

MOST_SUBSCRIPTIONS = 10_000


class _WantedSubscriptions(Struct, frozen=True, forbid_unknown_fields=True):
    count: Annotated[int, Meta(ge=1, le=MOST_SUBSCRIPTIONS)]
    start: Annotated[int, Meta(ge=0, lt=2**40 - MOST_SUBSCRIPTIONS)] = 0


class _Reset(Struct, frozen=True, forbid_unknown_fields=True):
    keep_knobs: bool = False


def answer(board: Board, request: Request) -> Reply:
    """Answer one control request."""
    if len(request.body) > CONTROL_BODY:
        return _errors(413, [Finding("", "too_large", f"The body has more than {CONTROL_BODY} bytes.")])
    path, _, query = request.path.partition(b"?")
    methods = _ENDPOINTS.get(path.decode("latin-1").rstrip("/"))
    if methods is None:
        return no_such_path()
    handler = methods.get(request.method.decode("latin-1"))
    if handler is None:
        return _errors(405, [Finding("", "method_not_allowed", f"The method must be {' or '.join(methods)}.")])
    try:
        return _json(200, handler(board, request, query.decode("latin-1")))
    except Invalid as invalid:
        return _errors(400, invalid.findings)


def no_such_path() -> Reply:
    """404 for a path that is neither a gateway's nor a control endpoint."""
    text = "Neither a gateway nor a control endpoint has this path. GET /stub lists the endpoints."
    return _errors(404, [Finding("", "not_found", text)])


def _index(_board: Board, _request: Request, _query: str) -> object:
    return {"endpoints": [f"{method} {path}" for path, methods in _ENDPOINTS.items() for method in methods]}


def _issue(board: Board, request: Request, _query: str) -> object:
    wanted = decode(request.body, Wanted)
    return board.keys.issue(wanted, f"https://{request.authority.decode('latin-1')}")


def _subscriptions(board: Board, request: Request, _query: str) -> object:
    wanted = decode(request.body, _WantedSubscriptions)
    origin = f"https://{request.authority.decode('latin-1')}"
    return list(board.subscriptions.subscriptions(origin, wanted.start, wanted.count))


def _put_knobs(board: Board, request: Request, _query: str) -> object:
    return board.set_knobs(decode_any(request.body))


def _get_knobs(board: Board, _request: Request, _query: str) -> object:
    return board.knobs


def _stats(board: Board, _request: Request, _query: str) -> object:
    return board.stats()


def _arrivals(board: Board, _request: Request, query: str) -> object:
    kinds, last = _which(query)
    return {kind: list(board.courses[kind].tally.arrivals.items())[-last:] for kind in kinds}


def _reset(board: Board, request: Request, _query: str) -> object:
    wanted = decode(request.body, _Reset) if request.body else _Reset()
    board.reset(keep_knobs=wanted.keep_knobs)
    return board.stats()


def _deliveries(board: Board, _request: Request, query: str) -> object:
    kinds, last = _which(query)
    found = [_shown(kind, each) for kind in kinds for each in board.courses[kind].tally.deliveries]
    return sorted(found, key=lambda each: each["at"])[-last:]


def _refusals(board: Board, _request: Request, query: str) -> object:
    kinds, last = _which(query)
    found = [
        {
            "at": request.at,
            "gateway": kind,
            "path": request.path.decode("latin-1"),
            "reason": refusal.reason,
            "explanation": refusal.explanation,
            "headers": _shown_headers(request),
        }
        for kind in kinds
        for request, refusal in board.courses[kind].tally.refusals
    ]
    return sorted(found, key=lambda each: float(str(each["at"])))[-last:]


def _which(query: str) -> tuple[tuple[str, ...], int]:
    """The gateways and the number of entries a query asks for."""
    parameters = parse_qs(query)
    unknown = set(parameters) - {"gateway", "last"}
    gateway = parameters.get("gateway", [""])[0]
    last = parameters.get("last", ["100"])[0]
    number = int(last) if last.isascii() and last.isdigit() and len(last) < 10 else 0
    if unknown or (gateway and gateway not in KINDS) or number == 0:
        text = f"The query takes gateway ({', '.join(KINDS)}) and last (a number above 0, at most 1000 are kept)."
        raise Invalid([Finding("", "bad_query", text)])
    return (gateway,) if gateway else KINDS, number


def _shown(kind: str, delivery: Delivery) -> dict[str, Any]:
    return {
        "at": delivery.request.at,
        "gateway": kind,
        "token": delivery.token.decode("latin-1"),
        "delivery_id": delivery.delivery_id.hex() if delivery.delivery_id else None,
        "headers": _shown_headers(delivery.request),
        "payload": _shown_payload(delivery.payload),
    }


def _shown_headers(request: Request) -> dict[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in request.headers
        if not name.startswith(b":") and name != b"authorization"
    }


def _shown_payload(payload: bytes) -> object:
    """The JSON value, or the text when it is none."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return payload.decode("utf-8", "replace")


def _json(status: int, body: object) -> Reply:
    headers = [(b":status", b"%d" % status), (b"content-type", b"application/json")]
    return Reply(headers, msgspec.json.encode(body) + b"\n")


def _errors(status: int, findings: list[Finding]) -> Reply:
    return _json(status, {"errors": findings})


_Handler = Callable[[Board, Request, str], object]
_ENDPOINTS: dict[str, dict[str, _Handler]] = {
    "/stub": {"GET": _index},
    "/stub/credentials": {"POST": _issue},
    "/stub/subscriptions": {"POST": _subscriptions},
    "/stub/knobs": {"GET": _get_knobs, "PUT": _put_knobs},
    "/stub/stats": {"GET": _stats},
    "/stub/arrivals": {"GET": _arrivals},
    "/stub/deliveries": {"GET": _deliveries},
    "/stub/refusals": {"GET": _refusals},
    "/stub/reset": {"POST": _reset},
}
