"""Sends made ready for delivery, once per process: application, contents rendered as far as they are the same for all.

What can change while a send runs (its state, the gateway's settings) is not kept here. What is a device's alone, beside
its columns, is read chunk by chunk: the values of the target of an instant message that named it (v1 rule 54), and
those it has in the static lists a message is for (v1 rule 45).
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import LIST_FIELD
from clarion.audience import service as audience
from clarion.content.render import NOTHING, Renderer, as_text
from clarion.db.sql import Conn
from clarion.results.model import Chunk
from clarion.sending import store
from clarion.sending.model import Send

_KEPT = 32


class Prepared(Struct, frozen=True):
    """The renderer of a send's frozen contents, and the values of its targets by their number, None when all devices
    get the same."""

    renderer: Renderer
    by_target: Sequence[Mapping[str, str]] | None

    async def given(self, conn: Conn, app_id: int, send: Send, chunk: Chunk) -> Mapping[int, Mapping[str, str]]:
        """The texts that devices of a chunk have beside their columns, by device id."""
        listed = await self._listed(conn, app_id, send, chunk.device_ids) if send.lists else {}
        if self.by_target is None or chunk.target_nos is None:
            return listed
        named = zip(chunk.device_ids, chunk.target_nos, strict=True)
        if not listed:
            return {device_id: self.by_target[no] for device_id, no in named}
        return {device_id: {**listed.get(device_id, NOTHING), **self.by_target[no]} for device_id, no in named}

    async def _listed(
        self, conn: Conn, app_id: int, send: Send, device_ids: Sequence[int]
    ) -> dict[int, dict[str, str]]:
        fields = [name.removeprefix(LIST_FIELD) for name in self.renderer.list_fields]
        if not fields:
            return {}
        found = await audience.list_values(conn, app_id, send.lists, device_ids, fields, send.created_at)
        return {
            device_id: {LIST_FIELD + field: as_text(value) for field, value in values.items()}
            for device_id, values in found.items()
        }


class PreparedSends:
    """The sends this process worked on last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], Prepared] = OrderedDict()

    async def get(self, conn: Conn, app_id: int, send: Send) -> Prepared:
        """A send made ready."""
        key = (app_id, send.id)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = await self._make(conn, app_id, send)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found

    async def _make(self, conn: Conn, app_id: int, send: Send) -> Prepared:
        app = await apps.get_app_by_id(conn, app_id)
        scheme = await apps.load_scheme(conn, app_id)
        frozen = await store.frozen(conn, app_id, send.id)
        renderer = Renderer(app, scheme, frozen.contents, send.message_id, frozen.shared_values or NOTHING)
        return Prepared(renderer, frozen.target_values)
