"""Fixtures of the tests of tracking."""

import pytest

from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from tests.tracking.installation import Installation


@pytest.fixture
async def installation(database: Database, sealer: Sealer) -> Installation:
    """Two applications with three devices each."""
    return await Installation.begin(database, sealer)
