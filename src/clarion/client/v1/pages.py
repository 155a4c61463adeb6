"""Lists that come in pages: one page when awaited, all objects when iterated (v1 rules 29 to 32)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Linked(Protocol):
    """Where a page stands among the others."""

    @property
    def first(self) -> str: ...

    @property
    def prev(self) -> str | None: ...

    @property
    def next(self) -> str | None: ...


class Page(Protocol[T_co]):
    """One page of a list."""

    @property
    def data(self) -> Sequence[T_co]: ...

    @property
    def links(self) -> Linked | None: ...


class Pages(Generic[T]):
    """A list of the API. Nothing is asked for before it is awaited or iterated.

    await v1.list_campaigns("shop", page=2)                   # that page
    async for campaign in v1.list_campaigns("shop"): ...      # every campaign, page after page
    async for page in v1.list_campaigns("shop").pages(): ...  # every page
    """

    def __init__(self, fetch: Callable[[str], Awaitable[Page[T]]], target: str) -> None:
        self._fetch = fetch
        self._target = target

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._fetch(self._target).__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return self._each()

    async def _each(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.data:
                yield item

    async def pages(self) -> AsyncIterator[Page[T]]:
        """This page and all that follow it, up to the first without objects or without a next one."""
        at: str | None = self._target
        while at is not None:
            page = await self._fetch(at)
            yield page
            at = from_link(page.links.next) if page.data and page.links and page.links.next else None

    async def collect(self) -> list[T]:
        """All objects in a list."""
        return [item async for item in self]


def from_link(link: str) -> str:
    """Path and query of a link, from `/v1` on: calls go to the address that the client was given, whatever name the
    server knows itself by."""
    parts = urlsplit(link)
    path = parts.path[max(0, parts.path.find("/v1/")) :]
    return f"{path}?{parts.query}" if parts.query else path
