"""The device export: CSV in parts, the next one named by the Link header (v1 rule 64)."""

import csv
import re
from collections.abc import AsyncIterator, Awaitable, Callable

from clarion.client.v1.calling import Answer
from clarion.client.v1.pages import from_link

_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


class DeviceExport:
    """Devices of an application. Nothing is asked for before it is iterated.

    async for device in v1.list_devices("shop", fields=["UDID", "language"]): ...  # {"UDID": ..., "language": ...}
    async for part in v1.list_devices("shop").parts(): ...                         # CSV, up to 10,000 devices
    """

    def __init__(self, fetch: Callable[[str], Awaitable[Answer]], target: str) -> None:
        self._fetch = fetch
        self._target = target

    def __aiter__(self) -> AsyncIterator[dict[str, str]]:
        return self._each()

    async def _each(self) -> AsyncIterator[dict[str, str]]:
        async for part in self.parts():
            for device in csv.DictReader(part.splitlines(keepends=True), delimiter=";"):
                yield device

    async def parts(self) -> AsyncIterator[str]:
        """The parts as they come, each with its header line."""
        at: str | None = self._target
        while at is not None:
            answer = await self._fetch(at)
            if answer.body:
                yield answer.body.decode()
            link = _NEXT.search(answer.headers.get("link", ""))
            at = from_link(link[1]) if link else None
