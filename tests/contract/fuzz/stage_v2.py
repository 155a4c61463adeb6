"""A running installation with one of everything in each of a few accounts, for requests to `/v2` to hit.

What there is of everything stands in `tests/api/v2/factories.py`: a resource added there is met here too.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from clarion.api.contract.document import Document
from clarion.api.contract.engine import Contract
from clarion.api.edge import create_app
from clarion.api.not_yet_built import NOT_YET_BUILT
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.assembly.database import opened, sealer
from clarion.assembly.operations import V2_HANDLERS
from clarion.base import certificates
from clarion.base.settings import Settings
from tests.api.v2.client import Api, NoHealth
from tests.api.v2.factories import FACTORIES, Things
from tests.contract.checker import ResponseChecker
from tests.installation import Installation

CALLER = "CLARION_FUZZ_CALLER_V2"
"""The variable that hands a `Caller` to the hooks."""
ACCOUNTS = 12


class Caller(Struct):
    """Who the requests come from, where they go, and the ids that exist, account by account."""

    root: str
    ca_file: str
    client_id: str
    secret: str
    token: str
    records: list[dict[str, str]]


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Caller]:
    """The installation's caller, as `staged_installation` gives it."""
    async with staged_installation(folder) as (_, caller):
        yield caller


@asynccontextmanager
async def staged_installation(folder: Path, *, workers: int = 1) -> AsyncIterator[tuple[Installation, Caller]]:
    """The installation, up and filled, on HTTPS with a certificate of its own; it is stopped afterwards."""
    installation = Installation(folder / "data", workers=workers)
    (folder / "data").mkdir()
    found = certificates.generated(folder / "data" / "tls", installation.settings.host)
    installation.start()
    try:
        caller = await _filled(installation.settings, found.ca_file)
        await up(installation.settings.port)
        yield installation, caller
    finally:
        await installation.stop()


async def _filled(settings: Settings, ca_file: str) -> Caller:
    async with opened(settings) as db:
        async with db.transaction() as conn:
            seal = await sealer(settings, conn)
        contract = Contract.load("v2")
        app = create_app(v2_surfaces(contract, Services(db, seal), V2_HANDLERS), NoHealth())
        operator = await Api(app, db, contract, ResponseChecker(contract.document)).client()
        records = []
        for _ in range(ACCOUNTS):
            things = await Things.of_new_account(operator)
            records.append({name: await things.id(name) for name in ("accountId", *FACTORIES)})
    root = f"https://127.0.0.1:{settings.port}"
    return Caller(root, ca_file, operator.client_id, operator.secret, operator.token, records)


async def up(port: int) -> None:
    """Wait until something listens there, for a minute at most."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                await writer.wait_closed()
                return


def built_document(path: Path) -> Path:
    """The contract as JSON, without the operations that are not built and without links to them."""
    raw: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(Document.load("v2").raw))
    unbuilt = NOT_YET_BUILT.get("v2", frozenset())
    paths = {}
    for name, item in raw["paths"].items():
        kept = {method: each for method, each in item.items() if not _is_one_of(each, unbuilt)}
        if any(isinstance(each, dict) and "operationId" in each for each in kept.values()):
            paths[name] = kept
    for item in paths.values():
        for operation in item.values():
            for response in operation["responses"].values() if isinstance(operation, dict) else ():
                links = response.get("links", {})
                for name in [name for name, link in links.items() if link.get("operationId") in unbuilt]:
                    del links[name]
    path.write_bytes(msgspec.json.encode({**raw, "paths": paths}))
    return path


def _is_one_of(operation: Any, names: frozenset[str]) -> bool:
    return isinstance(operation, dict) and operation.get("operationId") in names
