"""An application with customers, for tests of instant messages over the wire: who is in it, what its devices get."""

from collections.abc import Mapping
from typing import Any

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind
from clarion.audience import service as audience
from clarion.db.sql import app_table, execute, tuples
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord, Value, WebKeys, device_id
from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.sending import service as sending
from clarion.sending.model import Progress, Send
from tests.api.v1.client import Answer, V1Client
from tests.sending.journey import Journey
from tests.sending.scripted import ScriptedGateway

KEYS = WebKeys(bytes([4]) + bytes(64), bytes(16))
COLUMNS = {"clientId": ColumnKind.TEXT, "points": ColumnKind.INTEGER, "firstname": ColumnKind.TEXT}


class Shop:
    """One application of the installation. `clientId` is marked as indexed; `points` and `firstname` are not."""

    def __init__(self, v1: V1Client, app: App) -> None:
        self.v1 = v1
        self.app = app
        self.journey = Journey(v1.database, v1.sealer, app)

    @classmethod
    async def open(cls, v1: V1Client, app: App) -> "Shop":
        async with v1.database.transaction() as conn:
            for name, kind in COLUMNS.items():
                await apps.add_column(conn, app, name, kind, indexed=name == "clientId")
            # Any sealed credentials will do: what is handed over is looked at before it reaches the network.
            await execute(
                conn,
                "INSERT INTO clarion.gateway_credential (app_id, kind, secret) VALUES (%s, 'apns', %s)",
                (app.id, v1.sealer.seal(b"{}", f"gateway:{app.id}".encode())),
            )
        return cls(v1, app)

    async def device(self, udid: str, **fields: Value) -> int:
        """A device with the push token `token-<udid>` and these fields; its key."""
        async with self.v1.database.transaction() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
            named = {column: value for name, value in fields.items() if (column := scheme.find(name))}
            record = DeviceRecord(udid, {TOKEN: f"token-{udid}", **named}, KEYS)
            await devices.upsert(conn, self.app, [record])
        return device_id(self.app.id, udid)

    async def without_token(self, udid: str) -> None:
        """Take the push token from a device."""
        async with self.v1.database.transaction() as conn:
            query = sql.SQL("UPDATE {} SET token = NULL WHERE udid = %s").format(app_table(self.app.id, "device"))
            await execute(conn, query, (udid,))

    async def parent(self, text: str = "Hello", **envelope: Any) -> int:
        """A message to be said again; `messages` gives its language versions instead of `text`."""
        body = {"name": "Parent", "messages": [{"text": text}], **envelope}
        return (await self.v1.post(self.v1.path("messages", self.app), body)).id

    async def segment(self, name: str, document: object) -> int:
        return (await self.journey.segment(name, document)).id

    async def static_list(self, name: str, members: Mapping[str, Mapping[str, Any] | None]) -> int:
        """A list with these devices and their values; its external id is its name."""
        async with self.v1.database.transaction() as conn:
            made = await audience.create_list(conn, self.app.id, name, name)
            for udid, data in members.items():
                await execute(
                    conn,
                    sql.SQL("INSERT INTO {} (list_id, device_id, data) VALUES (%s, %s, %s)").format(
                        app_table(self.app.id, "list_member")
                    ),
                    (made.id, device_id(self.app.id, udid), None if data is None else Jsonb(data)),
                )
        return made.id

    async def send(self, body: Any, **options: Any) -> Answer:
        """Ask for an instant message."""
        return await self.v1.post(self.v1.path("send", self.app), body, **options)

    async def say(self, parent: int, *targets: Any, message: Any = None) -> int:
        """An instant message that is accepted; its id."""
        body = {"parentMessageId": parent, "targets": list(targets)}
        answer = await self.send(body if message is None else {**body, "message": message})
        assert answer.status == 200, answer.body
        created: int = answer.json["messageId"]
        return created

    async def sends(self) -> list[Send]:
        """Every send so far, newest first."""
        async with self.v1.database.connection() as conn:
            return await sending.latest(conn, self.app.id)

    async def deliver(self) -> dict[str, Any]:
        """Run senders until the newest send has ended; what each device was handed by it, by UDID, decoded.

        `handed` are the payloads of all sends that were open.
        """
        handed: list[Notification] = []

        def judge(notification: Notification) -> Verdict:
            handed.append(notification)
            return Verdict(Fate.DELIVERED)

        newest = max(await self.sends(), key=lambda send: send.id)
        sender = self.journey.sender(opener=lambda _config: ScriptedGateway(judge))
        self.ended: Progress = await self.journey.run(newest.id, sender)
        assert len({each.delivery_id for each in handed}) == len(handed), "no device was sent to twice"
        self.handed = [msgspec.json.decode(each.payload) for each in handed]
        return {
            each.token.removeprefix("token-"): payload
            for each, payload in zip(handed, self.handed, strict=True)
            if payload["a4sid"] == str(newest.message_id)
        }

    async def texts(self) -> dict[str, str]:
        """`deliver`, the texts alone."""
        found = await self.deliver()
        return {udid: text_of(payload) for udid, payload in found.items()}

    async def nothing_sent(self) -> bool:
        """Whether no send, no further message and no job was left behind."""
        async with self.v1.database.connection() as conn:
            sent = await tuples(conn, "SELECT id FROM clarion.send WHERE app_id = %s", (self.app.id,))
            born = await tuples(
                conn, "SELECT id FROM clarion.message WHERE app_id = %s AND parent_id IS NOT NULL", (self.app.id,)
            )
            jobs = await tuples(
                conn,
                "SELECT id FROM clarion.job WHERE kind LIKE 'sending.%%' AND (args->>'app')::integer = %s",
                (self.app.id,),
            )
        return not sent and not born and not jobs


def text_of(payload: Any) -> str:
    """The text that a payload of any platform shows."""
    found: str = payload.get("a4scontent") or payload.get("body") or payload["aps"]["alert"]["body"]
    return found
