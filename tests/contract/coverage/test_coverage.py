"""Every operation and every numbered rule of v1 has a test that names it, and the page that says so is not stale."""

from clarion.api.contract.document import Document
from tests.contract.coverage.__main__ import PAGE
from tests.contract.coverage.rules import named_by_rule
from tests.contract.coverage.titles import NOT_BY_REQUEST, V1_RULES


def test_every_rule_of_v1_is_named_by_a_test() -> None:
    named = named_by_rule()
    assert list(V1_RULES) == list(range(1, 108))
    assert [number for number in V1_RULES if number not in named] == []
    assert named.keys() <= V1_RULES.keys()
    assert NOT_BY_REQUEST.keys() <= V1_RULES.keys()


def test_the_page_lists_every_operation_and_rule_with_tests() -> None:
    lines = [line.split(" | ") for line in PAGE.read_text().splitlines()]
    counts = {cells[0].removeprefix("| "): int(cells[2]) for cells in lines if len(cells) == 4 and cells[2].isdecimal()}
    expected = {*Document.load("v1").operations, *map(str, V1_RULES)}
    assert counts.keys() == expected
    assert [name for name, tests in counts.items() if not tests] == []
