"""Sends made ready for delivery, once per process: application, contents rendered as far as they are the same for all.

What can change while a send runs (its state, the gateway's settings) is not kept here.
"""

from collections import OrderedDict

from clarion.apps import service as apps
from clarion.content.render import Renderer
from clarion.db.sql import Conn
from clarion.sending import store
from clarion.sending.model import Send

_KEPT = 32


class PreparedSends:
    """The sends this process worked on last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], Renderer] = OrderedDict()

    async def renderer(self, conn: Conn, app_id: int, send: Send) -> Renderer:
        """The renderer of a send's frozen contents."""
        key = (app_id, send.id)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = await self._make(conn, app_id, send)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found

    async def _make(self, conn: Conn, app_id: int, send: Send) -> Renderer:
        return Renderer(
            await apps.get_app_by_id(conn, app_id),
            await apps.load_scheme(conn, app_id),
            await store.contents(conn, app_id, send.id),
            send.message_id,
        )
