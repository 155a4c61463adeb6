"""What can be done with the records of one kind: listed, read, created, changed, deleted.

A refused call raises ApiError, a server that cannot be reached Unavailable. `key` is an idempotency key of the caller's
own, so that a request that is repeated by a later run of the program is done once (v2 section 8).
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar, Unpack
from urllib.parse import quote

import msgspec
from msgspec import Struct

from clarion.base.errors import ClarionError
from clarion.client.transport import Answer
from clarion.client.v2.calling import Caller
from clarion.client.v2.errors import ChangedError, refusal
from clarion.client.v2.pages import ListQuery, Page, Pages, list_target
from clarion.client.v2.parts import Record

T = TypeVar("T")
R = TypeVar("R")
C = TypeVar("C", contravariant=True)
P = TypeVar("P", contravariant=True)

_RACES = 10


class _Document(Struct, Generic[R], frozen=True):
    data: R


class Kind(Generic[R]):
    """Records of one kind below a path; `of` is the Struct of one, or `dict[str, Any]` for the JSON as it comes."""

    def __init__(self, caller: Caller, path: str, of: type[R]) -> None:
        self._caller = caller
        self._of = of
        self.path = path

    def _at(self, key: str) -> str:
        return f"{self.path}/{quoted(key)}"

    async def _must(
        self, method: str, target: str, body: object = None, *, also: Sequence[str] = (), **headers: str
    ) -> Answer:
        raw = b"" if body is None else encoded(body)
        answer = await self._caller.request(method, target, raw, also=also, **headers)
        if answer.status >= 300 and answer.status != 304:
            raise refusal(f"{method} {target.partition('?')[0]}", answer)
        return answer

    def _one(self, answer: Answer, of: type[T]) -> T:
        document: _Document[T] = decoded(answer, _Document[of])  # type: ignore[valid-type]
        record = document.data
        if isinstance(record, Record):
            msgspec.structs.force_setattr(record, "etag", answer.headers.get("etag", ""))
        return record

    def _pages(self, path: str, of: type[T], query: ListQuery) -> Pages[T]:
        async def fetch(at: str) -> Page[T]:
            page: Page[T] = decoded(await self._must("GET", at), Page[of])  # type: ignore[valid-type]
            return page

        return Pages(fetch, list_target(path, query))


class Listing(Kind[R]):
    """Records that can be listed."""

    def list(self, **query: Unpack[ListQuery]) -> Pages[R]:
        """A page of them when awaited, all when iterated."""
        return self._pages(self.path, self._of, query)


class Getting(Kind[R]):
    """Records that can be read one by one."""

    async def get(self, key: str) -> R:
        """One record by its id, with its `etag`. Raises NotFoundError."""
        return self._one(await self._must("GET", self._at(key)), self._of)

    async def get_if_changed(self, key: str, etag: str) -> R | None:
        """One record by its id; None while it is as its entity tag says (v2 rule 7.2)."""
        answer = await self._must("GET", self._at(key), if_none_match=etag)
        return None if answer.status == 304 else self._one(answer, self._of)


class Creating(Kind[R], Generic[R, C]):
    """Records that can be created."""

    async def create(self, body: C, *, key: str = "") -> R:
        """The new record, with its `etag`. Raises InvalidError, ConflictError."""
        return self._one(await self._must("POST", self.path, body, key=key), self._of)


class Updating(Kind[R], Generic[R, P]):
    """Records that can be changed."""

    async def update(self, key: str, patch: P, *, if_match: str | None = None, idempotency_key: str = "") -> R:
        """The record after a merge patch (v2 rule 10.2); with `if_match` only while it is as its `etag` says.

        Raises InvalidError, ConflictError, ChangedError.
        """
        headers = {"key": idempotency_key, "if_match": must_match(if_match)}
        return self._one(await self._must("PATCH", self._at(key), patch, **headers), self._of)

    async def edit(self, key: str, change: Callable[[R], P | None]) -> R:
        """Read a record, and change it by the patch that `change` makes of it, None for none. When somebody else
        changes it meanwhile it is read again, so that no change is lost (v2 rule 7.4). Raises as `update` does."""
        for races in range(_RACES):
            answer = await self._must("GET", self._at(key))
            record = self._one(answer, self._of)
            patch = change(record)
            if patch is None:
                return record
            try:
                return await self.update(key, patch, if_match=answer.headers.get("etag"))
            except ChangedError:
                if races == _RACES - 1:
                    raise
        raise AssertionError


class Deleting(Kind[R]):
    """Records that can be deleted."""

    async def delete(self, key: str, *, if_match: str | None = None) -> None:
        """Delete a record; with `if_match` only while it is as its `etag` says.

        Raises NotFoundError, ChangedError, ConflictError while others refer to it (v2 rule 4.9).
        """
        await self._must("DELETE", self._at(key), if_match=must_match(if_match))


def must_match(etag: str | None) -> str:
    """The header for an entity tag. Raises ClarionError for an empty one: the change would be made in any case."""
    if etag == "":
        raise ClarionError("A row of a list has no entity tag.", "Read the record with get() and use its etag.")
    return etag or ""


def quoted(key: str) -> str:
    """One segment of a path."""
    return quote(key, safe="")


def encoded(body: object) -> bytes:
    """The JSON of a body; decimals are written out, never with an exponent (schema Money)."""
    return msgspec.json.encode(_plain(msgspec.to_builtins(body, builtin_types=(Decimal,))))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def decoded(answer: Answer, of: Any) -> Any:
    """The body of an answer as a Struct."""
    try:
        return msgspec.json.decode(answer.body, type=of)
    except msgspec.MsgspecError as error:
        raise ClarionError(f"An answer is not what the contract says: {error}.") from error
