"""Tokens: `createAccessToken` and `me` (v1 rules 13 to 17)."""

from typing import Any

from msgspec import convert

from clarion.api.exchange import Response
from clarion.api.v1.authenticate import check_signature
from clarion.api.v1.call import Call, json_answer
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry


async def create_access_token(call: Call) -> Response:
    """A fresh token. The order is body, e-mail address, signature: only the address tells the key (v1 rule 15)."""
    body: dict[str, Any] = call.body
    db = call.services.db
    async with db.connection() as conn:
        holder = await identity.key_holder(conn, convert(body["email"], str))
    check_signature(call.services, call.request, holder)
    async with db.transaction() as conn:
        token = await identity.issue_token(conn, holder.person)
        entry = AuditEntry("v1", call.operation.operation_id, call.request.path, 200, holder.person.id)
        await identity.record_audit(conn, entry)
    return json_answer({"token_type": "Bearer", "access_token": token})


async def me(call: Call) -> Response:
    """The bare word, to whom a token and a signature let in (v1 rule 17)."""
    del call
    return Response(200, [("Content-Type", "text/plain")], b"Welcome")
