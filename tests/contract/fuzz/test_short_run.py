"""A short run of schemathesis in every CI run; the long one is `python -m tests.contract.fuzz`."""

from pathlib import Path

import pytest

from tests.contract.fuzz.run import PHASES, run


@pytest.mark.timeout(300)
@pytest.mark.parametrize("phases", [("examples", "coverage"), ("fuzzing", "stateful")])
@pytest.mark.parametrize("surface", ["v1", "v2"])
async def test_no_answer_breaks_the_contract(
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str], surface: str, phases: tuple[str, ...]
) -> None:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    assert set(phases) <= set(PHASES)
    code = await run(folder, seconds=40, phases=phases, seed=7, examples=5, workers=1, surface=surface)
    assert code == 0, capfd.readouterr().out[-20_000:]
