"""Our side: `clarion serve` with one api process, accounts, and an operator client whose limits do not count."""

from pathlib import Path

import msgspec

from bench import processes
from bench.ingest.requests import until_answered
from bench.v2.work import Side
from clarion.assembly.database import opened
from clarion.db.sql import execute
from clarion.identity import clients
from clarion.identity.clients import Limits
from clarion.identity.scopes import ScopeName
from tests.installation import Installation
from tests.support import postmaster

_PLENTY = Limits(reads=1_000_000_000, reads_a_second=1e9, writes_a_minute=100_000_000)


class Ours(Side):
    """An installation with so many accounts."""

    name = "clarion"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._installation = Installation(folder / "clarion", http=True)
        self._installation.settings = msgspec.structs.replace(self._installation.settings, insecure_v2=True)

    @property
    def port(self) -> int:
        return self._installation.settings.http_port

    async def start(self, made: int) -> None:
        """Fill the database, then serve."""
        async with opened(self._installation.settings) as db, db.transaction() as conn:
            await execute(
                conn,
                """
                INSERT INTO clarion.account (name, legal_name, external_reference)
                SELECT 'Account ' || n, 'Account ' || n || ' B.V.', 'REF-' || n FROM generate_series(1, %s) AS n
                """,
                (made,),
            )
            scopes = [ScopeName.BASIC_READ_WRITE]
            client, _ = await clients.create(conn, "Bench", scopes, None)
            await clients.set_limits(conn, client.client_id, _PLENTY)
            token = await clients.issue(conn, client.client_id, tuple(scopes), life=clients.TOKEN_LIFE)
        self.know(made, token.access_token)
        self._installation.start()
        await until_answered(f"http://127.0.0.1:{self.port}/readyz")

    async def stop(self) -> None:
        await self._installation.stop()

    def processor(self) -> tuple[float, float]:
        """Seconds of processor time so far: of the server's processes, of PostgreSQL's."""
        victims = self._installation.victims()
        database = postmaster(self._installation.settings.data_dir)
        both, alone = processes.seconds(victims["supervisor"]), processes.seconds(database)
        inside = database in processes.family(victims["supervisor"])
        return both - alone if inside else both, alone
