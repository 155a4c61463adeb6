"""Receivers on loopback, and a database that delivers to them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clarion.base.authority import Authority
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from tests.webhooks.delivering import Desk
from tests.webhooks.receiver import Receiver


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create("Receivers")


@pytest.fixture
def desk(database: Database, sealer: Sealer, authority: Authority, tmp_path: Path) -> Desk:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.pem)
    return Desk(database, sealer, file, authority)


@pytest.fixture
async def receiver(authority: Authority, tmp_path: Path) -> AsyncIterator[Receiver]:
    made = Receiver(authority, tmp_path)
    await made.start()
    yield made
    await made.stop()
