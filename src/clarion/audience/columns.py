"""Removing a device column without leaving segments behind that look at it."""

from clarion.apps import service as apps
from clarion.apps.model import App
from clarion.audience.service import segments_on_column
from clarion.base.errors import Conflict
from clarion.db.sql import Conn

_NAMED = 10


async def remove_column(conn: Conn, app: App, name: str) -> None:
    """Remove a column the company declared (`apps.columns.remove_column`).

    Raises NotFound, and Conflict with code `in_use`, which names the segments that look at it.
    """
    using = await segments_on_column(conn, app.id, await apps.load_scheme(conn, app.id), name)
    if using:
        names = ", ".join(f"{segment.id} ({segment.name})" for segment in using[:_NAMED])
        raise Conflict(
            f"The column {name} is used by {len(using)} segments, such as {names}.",
            "Change or delete them first.",
            code="in_use",
        )
    await apps.remove_column(conn, app, name)
