"""The surface under `/reference`: the page with its files, the contract documents, and the model made of each.

Everything is open and equal for everybody. Nothing is fetched from elsewhere: the policy sent with every answer lets
the page run its own files and reach its own origin, and no more. Models are made when they are first asked for.
"""

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec
from msgspec import Struct

from clarion.api.contract.document import Document
from clarion.api.conventions import HSTS, base_url, matches, request_id
from clarion.api.exchange import Request, Response
from clarion.api.problems import problem
from clarion.api.reference import model

_PAGE: Final = "page.html"
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_KEPT: Final = (("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding"))
"""A browser keeps what it has and asks whether it is current, so that a new release shows at once."""


class File(Struct, frozen=True):
    """Something to serve, plain and compressed, with the entity tag of each."""

    type: str
    plain: bytes
    packed: bytes
    tag: str

    @classmethod
    def of(cls, extension: str, content: bytes) -> "File":
        """Packed and tagged."""
        tag = hashlib.sha256(content).hexdigest()[:32]
        return cls(_TYPES[extension], content, gzip.compress(content, 6, mtime=0), tag)

    def answer(self, request: Request) -> Response:
        """200, or 304 for who holds this very form of it."""
        packs = _takes_gzip(request.headers.all("accept-encoding"))
        tag = f'"{self.tag}-gzip"' if packs else f'"{self.tag}"'
        headers = [("ETag", tag), *_KEPT]
        if matches(request.headers.all("if-none-match"), tag):
            return Response(304, headers)
        headers.append(("Content-Type", self.type))
        if packs:
            headers.append(("Content-Encoding", "gzip"))
        return Response(200, headers, self.packed if packs else self.plain)


class ReferenceSurface:
    """The reference over these documents, by name. `unindexed` is what `model.build` takes."""

    prefix = "/reference"

    def __init__(
        self,
        documents: Mapping[str, Document],
        public_url: str = "",
        unindexed: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._documents = documents
        self._unindexed = unindexed
        self._public_url = public_url
        page = files("clarion.api.reference").joinpath("page")
        self._files = {each.name: File.of(each.name.rpartition(".")[2], each.read_bytes()) for each in page.iterdir()}
        self._model = lru_cache(maxsize=None)(self._make_model)
        self._document = lru_cache(maxsize=32)(self._make_document)

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        request.reference_id = request_id(request)
        return _finish(request, await self._answer(request))

    def failure(self, request: Request, _exc: Exception) -> Response:
        """500 that tells the request id only."""
        return _finish(request, self._problem(request, "internal_error", "The server failed."))

    async def _answer(self, request: Request) -> Response:
        name = request.path.removeprefix(self.prefix).removeprefix("/")
        if request.path == f"{self.prefix}/":
            return Response(308, [("Location", self.prefix)])
        make = self._find(request, name or _PAGE)
        if make is None:
            return self._problem(request, "route_not_found", "Nothing is served at this path.")
        allow = ("Allow", "GET, HEAD, OPTIONS")
        if request.method == "OPTIONS":
            return Response(204, [allow])
        if request.method not in ("GET", "HEAD"):
            return self._problem(request, "method_not_allowed", "The reference is read: use GET.", allow)
        return (await asyncio.to_thread(make)).answer(request)

    def _find(self, request: Request, name: str) -> Callable[[], File] | None:
        """What makes the file of a name, None for a name there is not."""
        if name in self._files:
            return lambda: self._files[name]
        stem, found, rest = name.partition(".")
        if stem not in self._documents or not found:
            return None
        if rest == "json":
            return lambda: self._model(stem)
        if rest == "openapi.json":
            return lambda: self._document(stem, base_url(request, self._public_url))
        return None

    def _make_model(self, name: str) -> File:
        return File.of("json", msgspec.json.encode(model.build(self._documents[name], self._unindexed)))

    def _make_document(self, name: str, server_url: str) -> File:
        return File.of("json", self._documents[name].served(server_url)[0])

    def _problem(self, request: Request, code: str, detail: str, *headers: tuple[str, str]) -> Response:
        return problem(request, base_url(request, self._public_url), code, detail, *headers)


def _takes_gzip(values: list[str]) -> bool:
    """Whether gzip is named by `Accept-Encoding` and not refused there with `q=0`."""
    for part in ",".join(values).lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _finish(request: Request, response: Response) -> Response:
    response.headers += [*_HEADERS, ("X-Request-Id", request.reference)]
    if request.scheme == "https":
        response.headers.append(HSTS)
    return response
