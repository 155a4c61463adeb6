"""Two changes of one version at once, over and over (v2 rule 7.4): `python -m tests.api.v2.races --rounds 1000`."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from clarion.api.contract.engine import Contract
from clarion.api.edge import create_app
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.assembly.operations import V2_HANDLERS
from clarion.base.sealing import Sealer
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from tests.api.v2.client import Api, NoHealth, decoded
from tests.contract.checker import ResponseChecker


async def one_of_two_wins(first: Api, second: Api, *, rounds: int) -> list[str]:
    """What was wrong, round by round: exactly one of two changes with the same If-Match may succeed, the other one is
    refused with the winner's tag, and what is stored is the winner's."""
    here = await first.client()
    there = here.on(second.app)
    made = await here.call("POST", "/v2/accounts", {"name": "ACME", "legalName": "ACME"})
    path, tag = f"/v2/accounts/{decoded(made)['data']['accountId']}", made.headers["etag"]
    wrong = []
    for number in range(rounds):
        names = (f"Here {number}", f"There {number}")
        held = {"If-Match": tag}
        answers = await asyncio.gather(
            here.call("PATCH", path, {"name": names[0]}, headers=held),
            there.call("PATCH", path, {"name": names[1]}, headers=held),
        )
        now = await here.call("GET", path)
        winners = [name for name, answer in zip(names, answers, strict=True) if answer.status == 200]
        if sorted(answer.status for answer in answers) != [200, 412]:
            wrong.append(f"{number}: {[answer.status for answer in answers]}")
        elif decoded(now)["data"]["name"] != winners[0]:
            wrong.append(f"{number}: {winners[0]} won and {decoded(now)['data']['name']} is stored")
        elif {answer.headers["etag"] for answer in answers} != {now.headers["etag"]}:
            wrong.append(f"{number}: the tags differ")
        tag = now.headers["etag"]
    return wrong


async def _run(folder: Path, rounds: int) -> list[str]:
    server = EmbeddedServer(folder / "data", role="races")
    await server.start()
    try:
        await migrate.upgrade(server.conninfo)
        contract = Contract.load("v2")
        checker = ResponseChecker(contract.document)
        databases = [await Database.open(server.conninfo) for _ in range(2)]
        apis = []
        for database in databases:
            surfaces = v2_surfaces(contract, Services(database, Sealer(bytes(32))), V2_HANDLERS)
            apis.append(Api(create_app(surfaces, NoHealth()), database, contract, checker))
        found = await one_of_two_wins(apis[0], apis[1], rounds=rounds)
        for database in databases:
            await database.close()
        return found
    finally:
        await server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.api.v2.races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="clarion-races-") as folder:
        Path(folder).chmod(0o755)
        wrong = asyncio.run(_run(Path(folder), rounds))
    print("\n".join(wrong) or f"{rounds} rounds, exactly one winner in each.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
