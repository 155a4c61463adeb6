"""Sending a message now, for real or as a test, on the v1 wire (v1 rules 62 and 63)."""

from clarion.api.exchange import Response
from clarion.api.v1.call import Call, empty_answer
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.sending import service as sending


async def send_message(call: Call) -> Response:
    """Begin to send; what follows runs after the answer. The contract lets `test` be `true` or absent."""
    test = call.query.get("test") == "true"

    async def work(conn: Conn) -> None:
        await sending.begin(conn, call.app, call.path["messageId"], test=test)

    await retry.transact(call.services.db, work)
    return empty_answer()
