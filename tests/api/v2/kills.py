"""An api process killed while it executes a request with a key (v2 rule 8.9): `python -m tests.api.v2.kills`.

A request that waits for somebody else's transaction is killed with its process (SIGKILL) in the middle of its own, a
number of times. Nothing may be left of it, its key must be free, and the same request must then act exactly once.
"""

import argparse
import asyncio
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import requests

from clarion.assembly.database import opened
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from tests.contract.fuzz.stage_v2 import Caller, staged_installation
from tests.installation import Installation
from tests.support import until

_REFERENCE = "HELD"


async def _post(caller: Caller, key: str) -> requests.Response:
    body = {"name": "Killed", "legalName": "Killed", "externalReference": _REFERENCE}
    headers = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": key}
    url = f"{caller.root}/v2/accounts"
    return await asyncio.to_thread(requests.post, url, json=body, headers=headers, verify=caller.ca_file, timeout=30)


async def _until_answered(caller: Caller, key: str) -> requests.Response:
    """The answer once the process is back and the key is free."""
    answers: list[requests.Response] = []

    async def answered() -> bool:
        try:
            answers.append(await _post(caller, key))
        except requests.ConnectionError:
            return False
        return answers[-1].status_code not in (409, 503)

    await until(answered, 60)
    return answers[-1]


async def _count(db: Database, what: str) -> int:
    async with db.connection() as conn:
        found: Any = await value(conn, f"SELECT count(*) FROM clarion.{what}")
    return int(found)


async def _waits(db: Database) -> bool:
    async with db.connection() as conn:
        query = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
              AND starts_with(query, 'INSERT INTO clarion.account')
        """
        return bool(await value(conn, query))


def _servers(installation: Installation) -> list[int]:
    """The processes that answer requests, once the supervisor tells of them."""
    return [pid for name, pid in installation.victims().items() if name.startswith("api")]


async def _round(db: Database, installation: Installation, caller: Caller, number: int) -> str:
    key = f"killed-{number}"

    async def serving() -> bool:
        return bool(_servers(installation))

    await until(serving, 60)
    before = await _count(db, "account"), await _count(db, "saved_reply"), await _count(db, "webhook_event")
    async with db.connection() as conn, conn.transaction(force_rollback=True):
        insert = "INSERT INTO clarion.account (name, legal_name, external_reference) VALUES ('H', 'H', %s)"
        await execute(conn, insert, (_REFERENCE,))
        request = asyncio.create_task(_post(caller, key))
        await until(lambda: _waits(db), 30)
        for pid in _servers(installation):
            os.kill(pid, signal.SIGKILL)
        try:
            return f"{number}: answered {(await request).status_code} by a killed process"
        except requests.ConnectionError:
            pass

    async def left() -> bool:
        return not await _waits(db)

    await until(left, 30)
    after = await _count(db, "account"), await _count(db, "saved_reply"), await _count(db, "webhook_event")
    if after != before:
        return f"{number}: {before} became {after}"
    first = await _until_answered(caller, key)
    again = await _until_answered(caller, key)
    if (first.status_code, "Idempotent-Replayed" in first.headers) != (201, False):
        return f"{number}: the key was not free: {first.status_code}"
    if again.content != first.content or "Idempotent-Replayed" not in again.headers:
        return f"{number}: the repeat acted again: {again.status_code}"
    if await _count(db, "account") != before[0] + 1:
        return f"{number}: {await _count(db, 'account')} accounts"
    async with db.transaction() as conn:
        await execute(conn, "UPDATE clarion.account SET external_reference = NULL")
    return ""


async def run(folder: Path, rounds: int) -> list[str]:
    """What went wrong, round by round."""
    async with staged_installation(folder) as (installation, caller), opened(installation.settings) as db:
        found = [await _round(db, installation, caller, number) for number in range(rounds)]
    return [each for each in found if each]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.api.v2.kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="clarion-kills-") as folder:
        Path(folder).chmod(0o755)
        wrong = asyncio.run(run(Path(folder), rounds))
    print("\n".join(wrong) or f"{rounds} kills: nothing was left, every key was free, every repeat acted once.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
