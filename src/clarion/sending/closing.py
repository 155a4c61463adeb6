"""The end of a send: the sums are checked against the frozen audience, then state, message and log follow.

`settle` runs exactly once for a send, in the transaction that closes its last chunk or freezes an audience whose
chunks have all closed (or that is empty); the row of the send is locked by then.
"""

from clarion.base.telemetry import get_logger
from clarion.content import service as content
from clarion.content.model import MessageState
from clarion.db.sql import Conn
from clarion.queue import Line, release
from clarion.results.model import Counts
from clarion.results.store import chunks
from clarion.sending import store
from clarion.sending.flow import store as flow
from clarion.sending.flow.permits import throttle_name
from clarion.sending.model import DEAD, HELD, Closed, Send, SendKind, SendState
from clarion.sending.schedules import service as schedules

log = get_logger(__name__)


async def settle(conn: Conn, app_id: int, send_id: int) -> Closed:
    """Close a send whose devices all have an outcome."""
    send = await store.lock(conn, app_id, send_id)
    assert send is not None
    assert send.audience is not None
    counts = await store.totals(conn, app_id, send_id)
    in_chunks, _ = await chunks.sums(conn, app_id, send_id)
    reasons = await chunks.reasons(conn, app_id, send_id)
    blamed = next((reason for reason in reasons if not reason.startswith((DEAD, HELD))), None)
    state, reason = SendState.CLOSED, send.reason
    if counts.total != send.audience or in_chunks != counts:
        log.error("send_sums_differ", app=app_id, send=send_id, audience=send.audience, counts=counts, chunks=in_chunks)
        state, reason = SendState.FAILED, "sums_differ"
    elif send.state is SendState.CANCELLED:
        state = SendState.CANCELLED
    elif nobody_reached(counts) and (blamed is not None or counts.expired):
        state, reason = SendState.FAILED, blamed or "expired"
    await store.close(conn, app_id, send_id, state, reason)
    await _leave_nothing(conn, app_id, send)
    if send.kind is SendKind.REAL:
        await content.set_state(conn, app_id, send.message_id, message_state(state, counts))
        await schedules.wait_again(conn, app_id, send.message_id)
    closed = Closed(state, reason, send.audience, counts)
    log.info("send_closed", app=app_id, send=send_id, message=send.message_id, state=state.value, reason=reason,
             audience=send.audience, delivered=counts.delivered, refused=counts.refused,
             suppressed=counts.suppressed, expired=counts.expired, cancelled=counts.cancelled,
             unknown=counts.unknown, reasons=reasons)  # fmt: skip
    return closed


async def _leave_nothing(conn: Conn, app_id: int, send: Send) -> None:
    """What flow control keeps of a send that is under way."""
    if send.state is SendState.PAUSED:
        await release(conn, Line(app_id, send.id), ())
    if send.throttle is not None:
        await flow.forget_allowance(conn, throttle_name(app_id, send.id))


def nobody_reached(counts: Counts) -> bool:
    """No device got the message, not even perhaps."""
    return counts.delivered == 0 and counts.unknown == 0


def message_state(state: SendState, counts: Counts) -> MessageState:
    """The state of the message after a real send (v1 rule 63).

    Failed: nobody was reached although somebody should have been. A cancelled send that reached nobody leaves the
    message a draft, so that it can be sent after all.
    """
    if state is SendState.FAILED:
        return MessageState.FAILED
    if state is SendState.CANCELLED and nobody_reached(counts):
        return MessageState.DRAFT
    return MessageState.SENT
