"""Sends: how far each has come; pausing, throttling and stopping one."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, convert

from clarion.api.admin.call import Call, json_answer
from clarion.api.admin.pages import answer_page
from clarion.api.exchange import Response
from clarion.db.retry import transact
from clarion.db.sql import Conn
from clarion.results.model import Counts
from clarion.sending import service as sending
from clarion.sending.model import Progress, Send, SendKind, SendState


class _Send(Struct, rename="camel"):
    id: int
    message_id: int
    campaign_id: int | None
    kind: SendKind
    state: SendState
    reason: str | None
    throttle: int | None
    audience: int | None
    planned: int
    pending: int
    counts: Counts
    reasons: dict[str, int]
    created_at: datetime
    frozen_at: datetime | None
    closed_at: datetime | None


class _Throttle(Struct, rename="camel"):
    per_minute: int | None


async def list_sends(call: Call) -> Response:
    """Sends with their progress, newest first."""
    async with call.services.db.connection() as conn:
        progress: dict[int, Progress] = {}

        async def read(before: int | None, limit: int) -> Sequence[Send]:
            found = await sending.page(conn, call.app.id, before, limit)
            for send in found:
                progress[send.id] = await sending.progress(conn, call.app.id, send.id)
            return found

        return await answer_page(call, int, read, lambda send: send.id, lambda send: _written(send, progress[send.id]))


async def get_send(call: Call) -> Response:
    """One send with its progress."""
    async with call.services.db.connection() as conn:
        return json_answer(await _send(conn, call))


async def cancel_send(call: Call) -> Response:
    """Hand nothing more over."""

    async def work(conn: Conn) -> None:
        await sending.cancel(conn, call.app.id, call.path["sendId"])

    await transact(call.services.db, work)
    return await get_send(call)


async def pause_send(call: Call) -> Response:
    """Hand nothing over until it is resumed."""

    async def work(conn: Conn) -> None:
        await sending.pause(conn, call.app.id, call.path["sendId"])

    await transact(call.services.db, work)
    return await get_send(call)


async def resume_send(call: Call) -> Response:
    """Go on with a paused send."""

    async def work(conn: Conn) -> None:
        await sending.resume(conn, call.app.id, call.path["sendId"])

    await transact(call.services.db, work)
    return await get_send(call)


async def update_send(call: Call) -> Response:
    """Throttle a send."""
    per_minute = convert(call.body["throttle"], int | None)

    async def work(conn: Conn) -> None:
        await sending.throttle(conn, call.app.id, call.path["sendId"], per_minute)

    await transact(call.services.db, work)
    return await get_send(call)


async def get_throttle(call: Call) -> Response:
    """The throttle of a message."""
    async with call.services.db.connection() as conn:
        per_minute = await sending.message_throttle(conn, call.app.id, call.path["messageId"])
    return json_answer(_Throttle(per_minute))


async def set_throttle(call: Call) -> Response:
    """Throttle a message's sends."""
    wanted = convert(call.body, _Throttle)

    async def work(conn: Conn) -> None:
        await sending.throttle_message(conn, call.app.id, call.path["messageId"], wanted.per_minute)

    await transact(call.services.db, work)
    return json_answer(wanted)


async def _send(conn: Conn, call: Call) -> _Send:
    send_id: int = call.path["sendId"]
    return _written(await sending.get(conn, call.app.id, send_id), await sending.progress(conn, call.app.id, send_id))


def _written(send: Send, progress: Progress) -> _Send:
    return _Send(
        id=send.id,
        message_id=send.message_id,
        campaign_id=send.campaign_id,
        kind=send.kind,
        state=progress.state,
        reason=progress.reason,
        throttle=send.throttle,
        audience=progress.audience,
        planned=progress.planned,
        pending=progress.pending,
        counts=progress.counts,
        reasons=progress.reasons,
        created_at=send.created_at,
        frozen_at=send.frozen_at,
        closed_at=send.closed_at,
    )
