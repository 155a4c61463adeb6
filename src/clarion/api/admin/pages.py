"""Pages of lists: `after` and `limit`, and the address of the next page while there is more.

Every list is read from after the last object shown, by the key it is ordered by, so that no page costs more than
another and what comes or goes meanwhile moves nothing.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from clarion.api.admin.call import Call, json_answer
from clarion.api.admin.errors import Problem
from clarion.api.exchange import Response
from clarion.api.problems import item
from clarion.base.errors import Finding

T = TypeVar("T")
K = TypeVar("K", int, str)

_HIGHEST = 2**63 - 1


async def answer_page(
    call: Call,
    kind: type[K],
    read: Callable[[K | None, int], Awaitable[Sequence[T]]],
    key: Callable[[T], K],
    write: Callable[[T], Any],
) -> Response:
    """One page. `read(after, limit)` reads what follows the key `after`, which is of `kind`; it is asked for one object
    more than shown, which tells whether there is a next page."""
    limit: int = call.query["limit"]
    found = await read(_after(call, kind), limit + 1)
    links = {"next": _next(call, key(found[limit - 1]))} if len(found) > limit else {}
    return json_answer({"data": [write(each) for each in found[:limit]], "links": links})


def slice_of(items: Sequence[T], key: Callable[[T], str]) -> Callable[[str | None, int], Awaitable[Sequence[T]]]:
    """A reader of a list that is at hand as a whole, whatever its order."""
    ordered = sorted(items, key=key)

    async def read(after: str | None, limit: int) -> Sequence[T]:
        return [each for each in ordered if after is None or key(each) > after][:limit]

    return read


def _after(call: Call, kind: type[K]) -> K | None:
    text: str | None = call.query.get("after")
    if text is None:
        return None
    try:
        found = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        if kind is str and found and "\x00" not in found:
            return kind(found)
        if kind is int and found.isascii() and found.isdecimal() and 0 < int(found) <= _HIGHEST:
            return kind(found)
    except ValueError:
        pass
    finding = Finding("after", "format", "`after` is not as a page before gave it")
    raise Problem("invalid_parameter", finding.message, errors=[item(finding, "parameter")])


def _next(call: Call, last: int | str) -> str:
    after = urlsafe_b64encode(str(last).encode()).decode().rstrip("=")
    pairs = [(name, value) for name, value in call.pairs if name != "after"]
    return f"{call.base_url}{call.request.path}?{urlencode([*pairs, ('after', after)])}"
