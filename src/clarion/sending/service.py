"""Beginning, pausing, throttling and cancelling a send.

What follows runs as jobs: `planning` freezes the audience, `delivery` sends.
"""

from clarion.apps import service as apps
from clarion.apps.model import App, Scheme
from clarion.audience import predicate as predicates
from clarion.audience import service as audience
from clarion.base.errors import Conflict, NotFound
from clarion.base.telemetry import get_logger
from clarion.content import service as content
from clarion.content.model import Message, MessageState
from clarion.content.render import Renderer
from clarion.db.sql import Conn
from clarion.queue import Line, hold, put, release
from clarion.results.store import chunks
from clarion.sending import store
from clarion.sending.flow import store as flow
from clarion.sending.model import (
    BULK,
    PLAN_JOB,
    QUEUE,
    TEST,
    UNDER_WAY,
    URGENT_QUEUE,
    NewSend,
    Progress,
    Send,
    SendKind,
    SendState,
)

log = get_logger(__name__)

NOW_OR_NEVER_WINDOW = 3600
"""Seconds in which a message with time to live 0 may be handed over; the gateway delivers it at once or drops it."""

_REFUSALS = {
    MessageState.SENDING: ("sending", "is being sent already"),
    MessageState.SENT: ("sent", "has been sent already"),
    MessageState.FAILED: ("failed", "has been sent already, and that send failed"),
}


async def begin(conn: Conn, app: App, message_id: int, *, test: bool) -> int:
    """Begin to send a message to its audience, or to its test segments; the id of the send.

    The message, its segments and its audience's definition are frozen as they are now; the send runs when the
    caller's transaction commits. Raises NotFound for the message, Conflict with code `sending`, `sent` or
    `failed` (v1 rule 63: a test is only refused while a real send runs), `no_test_segments`, `unknown_segment`,
    `unknown_field` (not for a test, which shows the hole).
    """
    message = await content.lock_message(conn, app.id, message_id)
    _refuse(message, test=test)
    draft = message.draft
    scheme = await apps.load_scheme(conn, app.id)
    if not test:
        _refuse_holes(app, scheme, message)
    wanted = draft.test_segments if test else draft.campaign_segments
    segments = await audience.segments(conn, app.id, wanted) if wanted else []
    if len(segments) != len(set(wanted)):
        raise Conflict(
            f"Message {message.id} names a segment that does not exist any more.",
            "Update the message.",
            code="unknown_segment",
        )
    chosen = audience.target(scheme, segments, () if test else draft.lists)
    new = NewSend(
        message_id=message.id,
        campaign_id=draft.campaign_id,
        kind=SendKind.TEST if test else SendKind.REAL,
        revision=message.revision,
        contents=draft.contents,
        predicate=predicates.dump(chosen),
        guarantee=draft.guarantee,
        priority=TEST if test else BULK,
        time_to_live=draft.time_to_live,
        use_pressure=draft.use_pressure and not test,
        throttle=None if test else await flow.message_throttle(conn, app.id, message_id),
        lists=() if test else draft.lists,
    )
    send_id = await store.insert(conn, app.id, new, draft.time_to_live or NOW_OR_NEVER_WINDOW)
    if not test:
        await content.set_state(conn, app.id, message.id, MessageState.SENDING)
    # Planning goes ahead of the chunks of earlier sends, so that a small send does not wait for a large one to end.
    await put(
        conn,
        PLAN_JOB,
        {"app": app.id, "send": send_id},
        queue=QUEUE,
        priority=new.priority - 1,
        key=f"plan:{app.id}:{send_id}",
        line=Line(app.id, send_id),
    )
    log.info("send_begun", app=app.id, message=message.id, send=send_id, kind=new.kind.value)
    return send_id


async def cancel(conn: Conn, app_id: int, send_id: int, reason: str = "cancelled") -> None:
    """Hand nothing more over: what is still open ends as cancelled, what is under way gets its true outcome.

    Raises NotFound, and Conflict with code `ended` when the send has ended.
    """
    await _lock(conn, app_id, send_id)
    await store.cancel(conn, app_id, send_id, reason)
    await _let_go(conn, app_id, send_id)


async def pause(conn: Conn, app_id: int, send_id: int) -> None:
    """Hand nothing over until the send is resumed; what is under way gets its true outcome.

    Planning goes on, and so does the time to live: what is open when it ends has expired. Raises NotFound, and Conflict
    with code `ended`, `paused` when it is already, `inbox` for an inbox message, which is given in one go.
    """
    send = await _lock(conn, app_id, send_id)
    if send.kind is SendKind.INBOX:
        raise Conflict(f"Send {send_id} gives an inbox message, which is not handed to a gateway.", code="inbox")
    if send.state is SendState.PAUSED:
        raise Conflict(f"Send {send_id} is paused already.", code="paused")
    await store.pause(conn, app_id, send_id)
    # Its jobs are not even looked at, until they have to expire.
    await hold(conn, Line(app_id, send_id), send.expires_at)
    await flow.tell(conn)
    log.info("send_paused", app=app_id, send=send_id)


async def resume(conn: Conn, app_id: int, send_id: int) -> None:
    """Go on with a paused send. Raises NotFound, and Conflict with code `ended`, or `not_paused`."""
    send = await _lock(conn, app_id, send_id)
    if send.state is not SendState.PAUSED:
        raise Conflict(f"Send {send_id} is not paused.", code="not_paused")
    await store.resume(conn, app_id, send_id)
    await _let_go(conn, app_id, send_id)
    log.info("send_resumed", app=app_id, send=send_id)


async def throttle(conn: Conn, app_id: int, send_id: int, per_minute: int | None) -> None:
    """From now on hand over at most so many notifications a minute, None for as many as the gateway takes.

    It holds for all processes together, repetitions included. Raises NotFound, and Conflict with code `ended`, or
    `inbox`.
    """
    send = await _lock(conn, app_id, send_id)
    if send.kind is SendKind.INBOX:
        raise Conflict(f"Send {send_id} gives an inbox message, which is not handed to a gateway.", code="inbox")
    await flow.throttle_send(conn, app_id, send_id, per_minute)
    await flow.tell(conn)


async def throttle_message(conn: Conn, app_id: int, message_id: int, per_minute: int | None) -> None:
    """The throttle of a message's real sends: those that begin from now on, and those under way. Raises NotFound."""
    await content.lock_message(conn, app_id, message_id)
    await flow.set_message_throttle(conn, app_id, message_id, per_minute)
    for send_id in await store.under_way(conn, app_id, message_id):
        await flow.throttle_send(conn, app_id, send_id, per_minute)
    await flow.tell(conn)


async def message_throttle(conn: Conn, app_id: int, message_id: int) -> int | None:
    """Most notifications a minute of a message's sends, None for any number. Raises NotFound."""
    await content.get_message(conn, app_id, message_id)
    return await flow.message_throttle(conn, app_id, message_id)


async def _lock(conn: Conn, app_id: int, send_id: int) -> Send:
    send = await store.lock(conn, app_id, send_id)
    if send is None:
        raise NotFound(f"This application has no send {send_id}.")
    if send.state not in UNDER_WAY:
        raise Conflict(f"Send {send_id} has ended already.", code="ended")
    return send


async def _let_go(conn: Conn, app_id: int, send_id: int) -> None:
    await release(conn, Line(app_id, send_id), (QUEUE, URGENT_QUEUE))
    await flow.tell(conn)


async def progress(conn: Conn, app_id: int, send_id: int) -> Progress:
    """How far a send has come, to the last recorded step of its chunks. Raises NotFound."""
    send = await get(conn, app_id, send_id)
    counts, planned = await chunks.sums(conn, app_id, send_id)
    reasons = await chunks.reasons(conn, app_id, send_id)
    return Progress(send.state, send.reason, send.audience, planned, counts, reasons)


async def get(conn: Conn, app_id: int, send_id: int) -> Send:
    """One send. Raises NotFound."""
    send = await store.find(conn, app_id, send_id)
    if send is None:
        raise NotFound(f"This application has no send {send_id}.")
    return send


async def page(conn: Conn, app_id: int, before: int | None, limit: int) -> list[Send]:
    """The sends of an application with an id below `before`, newest first."""
    return await store.page(conn, app_id, before, limit)


async def latest(conn: Conn, app_id: int, limit: int = 20) -> list[Send]:
    """The newest sends of an application, those under way first."""
    return await store.latest(conn, app_id, limit)


def _refuse(message: Message, *, test: bool) -> None:
    refusal = _REFUSALS.get(message.state)
    if refusal is not None and (not test or message.state is MessageState.SENDING):
        code, words = refusal
        raise Conflict(f"Message {message.id} {words}.", code=code)
    if test and not message.draft.test_segments:
        raise Conflict(
            f"Message {message.id} has no test segment.",
            "Give it one (testSegments) before sending a test.",
            code="no_test_segments",
        )


def _refuse_holes(app: App, scheme: Scheme, message: Message) -> None:
    """Texts that name what no device can have would reach everybody with a hole. Fields of a static list may stand in
    messages to lists: devices that are on none with such a field get an empty text (v1 rule 45)."""
    draft = message.draft
    renderer = Renderer(app, scheme, draft.contents, message.id)
    holes = [name for name in renderer.unknown if not (draft.lists and name in renderer.list_fields)]
    if holes:
        raise Conflict(
            f"Message {message.id} uses {', '.join(f'${{{name}}}' for name in holes)}, which this application's "
            "devices do not have.",
            "Correct its texts, or add the column.",
            code="unknown_field",
        )
