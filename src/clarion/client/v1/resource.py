"""What the operations of a family stand on: from a call's answer to what its method gives."""

from typing import TypeVar

import msgspec

from clarion.base.errors import ClarionError
from clarion.client.v1.calling import Answer, Caller
from clarion.client.v1.errors import refusal
from clarion.client.v1.export import DeviceExport
from clarion.client.v1.pages import Page, Pages
from clarion.client.v1.query import Query, target

T = TypeVar("T")

_NOTHING = msgspec.UNSET


class Resource:
    """The base of all families. A refused call raises ApiError, a server that cannot be reached Unavailable."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def _call(
        self, method: str, path: str, *, query: Query = (), body: object = _NOTHING, token: bool = True
    ) -> Answer:
        raw = b"" if body is _NOTHING else msgspec.json.encode(body)
        return await self._must(method, target(path, query), raw, token=token)

    async def _must(self, method: str, target: str, body: bytes = b"", *, token: bool = True) -> Answer:
        answer = await self._caller.request(method, target, body, token=token)
        if answer.status not in (200, 204):
            raise refusal(f"{method} {target.partition('?')[0]}", answer.status, answer.body)
        return answer

    async def _read(
        self, of: type[T], method: str, path: str, *, query: Query = (), body: object = _NOTHING, token: bool = True
    ) -> T:
        """The answer as a Struct."""
        return _decoded(await self._call(method, path, query=query, body=body, token=token), of, f"{method} {path}")

    async def _text(self, method: str, path: str) -> str:
        """The answer as text."""
        return (await self._call(method, path)).body.decode()

    async def _changed(self, method: str, path: str, *, body: object) -> bool:
        """Whether anything was changed: 204 says that all was so already (v1 rules 67 and 98)."""
        return (await self._call(method, path, body=body)).status == 200

    def _pages(self, of: type[Page[T]], path: str, query: Query) -> Pages[T]:
        async def fetch(at: str) -> Page[T]:
            return _decoded(await self._must("GET", at), of, f"GET {path}")

        return Pages(fetch, target(path, query))

    def _export(self, path: str, query: Query) -> DeviceExport:
        async def fetch(at: str) -> Answer:
            return await self._must("GET", at)

        return DeviceExport(fetch, target(path, query))


def _decoded(answer: Answer, of: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(answer.body, type=of)
    except msgspec.MsgspecError as error:
        raise ClarionError(f"The answer to {what} is not what the contract says: {error}.") from error
