"""Who may call, and the fields of an application: looked up anew for every request, for many requests at a time.

Nothing is kept from one look-up to the next, so that a secret which was replaced, a key and a field that is gone count
at once. What is saved is the cost: those who come while a look-up runs share the next one.
"""

from collections.abc import Sequence

from clarion.apps import service as apps
from clarion.apps.model import App, Scheme
from clarion.base.errors import NotFound
from clarion.base.sealing import Sealer
from clarion.db.batching import Batcher
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.devices.model import Proven

_TOGETHER = 1_000
_IN_HAND = 10_000


class Callers:
    """Applications by their key, devices by their secret. Everything raises Busy when too many wait to be known."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer
        self._applications: Batcher[str, str, App | None] = Batcher(self._by_keys, most=_TOGETHER, in_hand=_IN_HAND)
        self._devices: Batcher[str, str, tuple[App, Proven] | None] = Batcher(
            self._by_secrets, most=_TOGETHER, in_hand=_IN_HAND
        )
        self._schemes: Batcher[int, None, Scheme] = Batcher(self._load_schemes, most=_TOGETHER, in_hand=_IN_HAND)

    async def application(self, partner_id: str, private_key: str) -> App | None:
        """The application, None when there is none or its key is another."""
        return await self._applications.submit(partner_id, private_key)

    async def device(self, partner_id: str, secret: str) -> tuple[App, Proven] | None:
        """The device that has this secret, with its application; None when there is none."""
        return await self._devices.submit(partner_id, secret)

    async def scheme(self, app_id: int) -> Scheme:
        """The columns of an application as they are now."""
        return await self._schemes.submit(app_id, None)

    async def _by_keys(self, partner_id: str, keys: Sequence[str]) -> Sequence[App | None]:
        async with self._db.connection() as conn:
            app = await _application(conn, partner_id)
            if app is None:
                return [None] * len(keys)
            right = {key: await apps.check_private_key(conn, self._sealer, app, key) for key in set(keys)}
        return [app if right[key] else None for key in keys]

    async def _by_secrets(self, partner_id: str, secrets: Sequence[str]) -> Sequence[tuple[App, Proven] | None]:
        async with self._db.connection() as conn:
            app = await _application(conn, partner_id)
            if app is None:
                return [None] * len(secrets)
            proven = await devices.authenticate(conn, app.id, secrets)
        return [None if device is None else (app, device) for device in proven]

    async def _load_schemes(self, app_id: int, wanted: Sequence[None]) -> Sequence[Scheme]:
        async with self._db.connection() as conn:
            return [await apps.load_scheme(conn, app_id)] * len(wanted)


async def _application(conn: Conn, partner_id: str) -> App | None:
    try:
        return await apps.get_app(conn, partner_id)
    except NotFound:
        return None
