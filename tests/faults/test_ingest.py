"""What was acknowledged to a device is durable and counts once, whatever is killed: api processes, PostgreSQL."""

from pathlib import Path

import pytest

from tests.faults.ingest import run


@pytest.mark.timeout(400)
async def test_what_is_acknowledged_is_recorded_once_whatever_is_killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder: Path = tmp_path_factory.mktemp("ingest")
    done = await run(folder, phones=24, victims=["api", "api", "postgres", "api"], seed=7)
    assert sum(done.kills.values()) == 4
    assert done.repeated > 0, "the kills fell into requests"
    account = done.account
    assert account.recorded == account.acknowledged
    assert account.events == account.sent
    assert account.counted == account.sent
