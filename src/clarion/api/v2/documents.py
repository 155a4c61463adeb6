"""The open documents of v2: the contract itself and the pages of the problem codes (v2 rules 1.17, 6.1, 7.5)."""

import hashlib
import html
from functools import lru_cache

from clarion.api.contract.document import Document
from clarion.api.exchange import Request, Response
from clarion.api.problems import PROBLEMS
from clarion.api.v2.conditions import matches

_CACHE = ("Cache-Control", "public, max-age=300")
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    "<h1>{title}</h1><p>Code <code>{code}</code>, HTTP status {status}.</p><p>{advice}</p></html>"
)


class OpenDocuments:
    """Handlers that need no caller."""

    def __init__(self, document: Document) -> None:
        self._served = lru_cache(maxsize=8)(document.served)

    def openapi(self, request: Request, base_url: str) -> Response:
        """The OpenAPI document with this installation as server (rule 1.17)."""
        text, tag = self._served(base_url)
        return _cached(request, tag, [("Content-Type", "application/json")], text)

    def problem_page(self, request: Request, code: str) -> Response | None:
        """The page of a problem code for people, None for a code there is not."""
        kind = PROBLEMS.get(code)
        if kind is None:
            return None
        page = _PAGE.format(
            title=html.escape(kind.title), code=html.escape(code), status=kind.status, advice=html.escape(kind.advice)
        ).encode()
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", "default-src 'none'"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return _cached(request, f'"{hashlib.sha256(page).hexdigest()[:32]}"', headers, page)


def _cached(request: Request, tag: str, headers: list[tuple[str, str]], body: bytes) -> Response:
    """200, or 304 when the caller holds the current version (rule 7.2)."""
    if matches(request.headers.all("if-none-match"), tag):
        return Response(304, [("ETag", tag), _CACHE])
    return Response(200, [*headers, ("ETag", tag), _CACHE], body)
