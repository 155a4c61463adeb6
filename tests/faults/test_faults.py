"""The fault runs in their short form; `python -m tests.faults` makes them in full."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.catalogue import RUNS
from tests.faults.retry_after import busiest_second
from tests.faults.row import Row
from tests.faults.sizes import QUICK
from tests.faults.stage import Stage, set_stage, stub_gateways
from tests.faults.table import as_markdown, markers, write

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One installation for all runs of this file."""
    folder: Path = tmp_path_factory.mktemp("faults")
    async with (
        stub_gateways(folder / "stub") as stub,
        set_stage(folder / "data", stub, senders=QUICK.senders, within=QUICK.send_within) as stage,
    ):
        yield stage


@pytest.mark.parametrize("name", RUNS)
async def test_every_device_is_accounted_for(stage: Stage, name: str) -> None:
    row = await RUNS[name](stage, QUICK)
    if row.not_run:
        pytest.skip(f"NOT RUN: {row.not_run}")
    assert row.lost == 0
    assert row.faults == []
    assert sum(row.counts.values()) == row.audience > 0


async def test_a_table_stands_between_its_markers(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    begin, end = markers(QUICK)
    document.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    rows = [
        Row("sound", sends=1, audience=10, counts={"delivered": 9, "unknown": 1}, did="a | b"),
        Row("elsewhere", not_run="no such disk"),
        Row("wrong", faults=["1 lost", "sum 9"]),
    ]
    write(rows, QUICK, "one machine", document)
    text = document.read_text()
    assert text.startswith(f"before\n{begin}\n")
    assert text.endswith(f"{end}\nafter\n")
    assert "old" not in text
    assert "NOT RUN: no such disk" in text
    assert "a \\| b" in text
    assert "1 lost; sum 9" in text
    assert len({line.replace("\\|", "").count("|") for line in as_markdown(rows).splitlines()}) == 1


async def test_a_run_made_again_takes_the_place_of_its_row(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    begin, end = markers(QUICK)
    document.write_text(f"{begin}\n{end}\n")
    write([Row("one", faults=["wrong"]), Row("two", audience=2)], QUICK, "", document)
    write([Row("one", audience=5), Row("three")], QUICK, "", document)
    names = [line.split("|")[1].strip() for line in document.read_text().splitlines() if line.startswith("| ")]
    assert names == ["run", "---", "one", "two", "three"]
    assert "wrong" not in document.read_text()


async def test_a_document_without_markers_is_not_touched(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("nothing\n")
    with pytest.raises(ValueError, match="has no <!-- faults-quick: begin -->"):
        write([], QUICK, "one machine", document)
    assert document.read_text() == "nothing\n"


async def test_the_busiest_second_slides() -> None:
    arrivals = {100: 5, 105: 7, 109: 1, 110: 20, 300: 3}
    assert busiest_second(arrivals, 0.0) == 28
    assert busiest_second(arrivals, 20.0) == 3
    assert busiest_second(arrivals, 40.0) == 0
