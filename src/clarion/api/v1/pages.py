"""Pages of v1 lists: the `page` parameter, `links` and the Link header (v1 rules 29 to 33)."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from clarion.api.contract.query import Pairs
from clarion.api.exchange import Request, Response
from clarion.api.v1.call import Call, json_answer
from clarion.base.errors import Finding

T = TypeVar("T")

PAGE_SIZE = 100
_NUMBER = re.compile(r"-?[0-9]{1,4000}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?", re.ASCII)
_FARTHEST = 2**62


def page_number(pairs: Pairs) -> int | Finding:
    """The page asked for, 1 when none is; any integer is one, however far from the data (v1 rule 30)."""
    given = [value for name, value in pairs if name == "page"]
    if not given:
        return 1
    if not _NUMBER.fullmatch(given[-1]):
        return Finding("page", "wrong_type", "Malformed parameter `page`: expected an integer")
    return int(given[-1])


async def answer_page(
    call: Call,
    read: Callable[[int, int], Awaitable[Sequence[T]]],
    write: Callable[[T], Any],
    *,
    size: int = PAGE_SIZE,
) -> Response:
    """One page: `data` with up to `size` objects, `links` and the Link header.

    `read(limit, offset)` reads from the ordered whole; it is asked for one object more than shown, which tells
    whether there is a next page. It is not called for pages under 1 or beyond any data there can be.
    """
    offset = (call.page - 1) * size
    found = await read(size + 1, offset) if 0 <= offset < _FARTHEST else []
    links = page_links(call, more=len(found) > size)
    return json_answer({"data": [write(item) for item in found[:size]], "links": links}, headers=[link_header(links)])


def page_links(call: Call, *, more: bool) -> dict[str, str]:
    """`first` always, `prev` from page 2, `next` while there is more; other parameters of the request stay."""
    links = {"first": page_url(call, 1)}
    if call.page > 1:
        links["prev"] = page_url(call, call.page - 1)
    if call.page >= 1 and more:
        links["next"] = page_url(call, call.page + 1)
    return links


def link_header(links: dict[str, str]) -> tuple[str, str]:
    """The Link header that says the same as `links`."""
    return "Link", ", ".join(f'<{url}>; rel="{relation}"' for relation, url in links.items())


def page_url(call: Call, page: int) -> str:
    """The address of another page of what was asked for."""
    return absolute_url(call, [*((name, value) for name, value in call.pairs if name != "page"), ("page", str(page))])


def absolute_url(call: Call, pairs: Pairs) -> str:
    """The address of this request with another query."""
    root = call.services.settings.base_url or _root_of(call.request)
    query = f"?{urlencode(pairs)}" if pairs else ""
    return f"{root.rstrip('/')}{call.request.path}{query}"


def _root_of(request: Request) -> str:
    host = request.headers.get("host") or ""
    return f"{request.scheme}://{host if _HOST.fullmatch(host) else request.server or 'localhost'}"
