"""A small run of the kills in every CI run; the long one is `python -m tests.faults`."""

from pathlib import Path

import pytest

from tests.faults.kills import run


@pytest.mark.timeout(300)
async def test_every_device_is_accounted_for_whatever_is_killed(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("faults")
    done = await run(folder, kills=3, devices=6_000, rate=1_500, senders=2, seed=7)
    assert sum(done.kills.values()) == 3
    for account in done.accounts:
        assert account.faults(6_000) == []
