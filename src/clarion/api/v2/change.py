"""How a write is carried out: in one transaction, in the order of v2 rule 2.1.

1. The answer saved under the idempotency key is given again; a key under which another request works is refused.
2. What the path names is found, and locked.
3. The body is held against the contract.
4. The change is made, under a savepoint. What it finds wrong with the body refuses the request; a conflict with the
   state of things is the answer of a request that was executed, and leaves no change.
5. `If-Match` is held against what was found in step 2; a mismatch undoes everything. Since nothing has left the
   transaction by then, this is the same as to look before, except that findings about the body come first.
6. The answer is saved under the key, and the trail's line is written: both with the change, or not at all.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from clarion.api.exchange import Response
from clarion.api.v2 import idempotency
from clarion.api.v2.call import Call
from clarion.api.v2.conditions import allows
from clarion.api.v2.errors import Refused, invalid, refusal_of
from clarion.api.v2.idempotency import Key
from clarion.base.errors import Conflict
from clarion.base.telemetry import get_logger
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.identity import replies
from clarion.identity.clients import Caller

log = get_logger(__name__)

Answering = Callable[[Call, Refused], Response]
"""How a surface phrases a refusal."""


class Change(Struct, frozen=True):
    """One write. `find` gives what the path names, locked, or raises 404. `act` makes the change, `tag` is the entity
    tag of what was found, None where there is nothing to hold `If-Match` against. `case` chooses the case of the
    contract's schema by the body. `may` raises Forbidden for callers who may not do this at all: it is asked with the
    scopes, before anything of the request is looked at."""

    find: Callable[[Call, Conn], Awaitable[Any]]
    act: Callable[[Call, Conn, Any], Awaitable[Response]]
    tag: Callable[[Any], str] | None = None
    case: Callable[[Any], str] | None = None
    may: Callable[[Caller], None] | None = None


async def run(call: Call, change: Change, answering: Answering) -> Response:
    """Carry a write out. Raises Refused where nothing was executed, and whatever fails."""
    key = idempotency.key_of(call)
    attempt = _Attempt(call, change, key, answering)
    try:
        response = await retry.transact(call.services.db, attempt.run, pipelined=True)
    except Exception as error:
        if key is not None and attempt.executing and refusal_of(error) is None:
            await _save_failure(call, key, answering)
        raise
    if call.line is not None and attempt.told:
        call.line.written = True
    return response


class _Attempt:
    def __init__(self, call: Call, change: Change, key: Key | None, answering: Answering) -> None:
        self.executing = False
        self.told = False
        self._call = call
        self._change = change
        self._key = key
        self._answering = answering

    async def run(self, conn: Conn) -> Response:
        self.executing = self.told = False
        call, change, key = self._call, self._change, self._key
        if key is not None:
            life = call.services.settings.reply_life
            reply = await replies.find(conn, key.digest, life)
            if reply is None:
                if not await replies.claim(conn, key.digest):
                    raise idempotency.in_progress()
                reply = await replies.find(conn, key.digest, life)
            if reply is not None:
                return idempotency.replayed(key, reply, call.services.sealer)
        found = await change.find(call, conn)
        _hold_against_contract(call, change)
        self.executing = True
        response = await self._execute(conn, found)
        if change.tag is not None and not allows(call.request, tag := change.tag(found)):
            raise Refused("precondition_failed", "The resource has changed since.", ("ETag", tag))
        if key is not None:
            kept = idempotency.saved(key, response, call.services.sealer)
            await replies.save(conn, key.digest, call.caller.client_id, kept)
        if call.line is not None:
            await call.line.join(conn, response.status)
            self.told = True
        return response

    async def _execute(self, conn: Conn, found: Any) -> Response:
        try:
            async with conn.transaction():
                return await self._change.act(self._call, conn, found)
        except Conflict as error:
            refusal = refusal_of(error)
            assert refusal is not None
            return self._answering(self._call, refusal)


def _hold_against_contract(call: Call, change: Change) -> None:
    if call.operation.body is None:
        return
    case = change.case(call.body) if change.case is not None else ""
    validator = call.contract.schemas.body(call.operation, case)
    findings = validator.check_value(call.body, unusual=call.unusual)
    if findings:
        raise invalid(findings)


async def _save_failure(call: Call, key: Key, answering: Answering) -> None:
    """A 500 raised after execution began is the result of the key too; its changes are undone (rule 8.5)."""
    response = answering(call, Refused("internal_error", "The server failed."))

    async def work(conn: Conn) -> None:
        life = call.services.settings.reply_life
        if await replies.claim(conn, key.digest) and await replies.find(conn, key.digest, life) is None:
            kept = idempotency.saved(key, response, call.services.sealer)
            await replies.save(conn, key.digest, call.caller.client_id, kept)

    try:
        await retry.transact(call.services.db, work)
    except Exception:
        log.exception("failure_not_saved", reference=call.request.reference)
