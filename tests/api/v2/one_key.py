"""Many requests at once with one idempotency key (v2 rules 8.8 and 8.9): `python -m tests.api.v2.one_key`.

An installation with several api processes gets the same creation over and over at the same time, each on a connection
of its own. One may act; the others get its answer, or are told that it is under way and ask again. After a restart of
the installation, PostgreSQL included, the answer is still the same.
"""

import argparse
import asyncio
import ssl
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp

from clarion.assembly.database import opened
from clarion.db.sql import value
from tests.contract.fuzz.stage_v2 import Caller, staged_installation, up
from tests.installation import Installation

_BODY = {"name": "Once", "legalName": "Once"}
_REPLAYED = "Idempotent-Replayed"


class Answers:
    """What came back: final answers, and how often which status was one to ask again after."""

    def __init__(self) -> None:
        self.bodies: Counter[bytes] = Counter()
        self.statuses: Counter[int] = Counter()
        self.acted = 0
        self.asked_again: Counter[int] = Counter()


async def _ask(session: aiohttp.ClientSession, caller: Caller, key: str, answers: Answers) -> None:
    headers = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": key}
    while True:
        async with session.post(f"{caller.root}/v2/accounts", json=_BODY, headers=headers) as answer:
            body = await answer.read()
        if answer.status not in (409, 503):
            break
        answers.asked_again[answer.status] += 1
        await asyncio.sleep(int(answer.headers["Retry-After"]))
    answers.bodies[body] += 1
    answers.statuses[answer.status] += 1
    answers.acted += _REPLAYED not in answer.headers


async def _asked(caller: Caller, key: str, times: int) -> Answers:
    """`times` requests at once."""
    answers = Answers()
    trusted = aiohttp.TCPConnector(limit=0, ssl=ssl.create_default_context(cafile=caller.ca_file))
    async with aiohttp.ClientSession(connector=trusted, timeout=aiohttp.ClientTimeout(300)) as session:
        await asyncio.gather(*(_ask(session, caller, key, answers) for _ in range(times)))
    return answers


async def _accounts(installation: Installation) -> int:
    async with opened(installation.settings) as db, db.connection() as conn:
        return int(await value(conn, "SELECT count(*) FROM clarion.account"))


async def run(folder: Path, *, times: int, workers: int) -> list[str]:
    """What went wrong."""
    wrong = []
    async with staged_installation(folder, workers=workers) as (installation, caller):
        before = await _accounts(installation)
        began = time.perf_counter()
        answers = await _asked(caller, "one-key", times)
        took = time.perf_counter() - began
        print(f"{times} at once over {workers} processes: {dict(answers.statuses)} in {took:.1f} s")
        print(f"asked again after {dict(answers.asked_again)}; acted: {answers.acted}; answers: {len(answers.bodies)}")
        if dict(answers.statuses) != {201: times} or answers.acted != 1 or len(answers.bodies) != 1:
            wrong.append("more than one effect or answer")
        made = await _accounts(installation) - before
        if made != 1:
            wrong.append(f"{made} accounts were made")

        await installation.stop()
        installation.start()
        await up(installation.settings.port)
        later = await _asked(caller, "one-key", 20)
        print(f"after a restart, 20 more: {dict(later.statuses)}; acted: {later.acted}")
        if later.bodies.keys() != answers.bodies.keys() or later.acted:
            wrong.append("the answer was another one after a restart")
        if await _accounts(installation) != before + 1:
            wrong.append("the restart let the request act again")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.api.v2.one_key", description=__doc__)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clarion-one-key-") as folder:
        Path(folder).chmod(0o755)
        wrong = asyncio.run(run(Path(folder), times=options.times, workers=options.workers))
    print("\n".join(wrong) or "One effect, one answer.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
