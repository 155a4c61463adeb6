"""Every operation and every numbered rule has a test that names it, and the pages that say so are not stale."""

from clarion.api.contract.document import Document
from clarion.api.reference.rules import V1_RULES, V2_RULES
from tests.contract.coverage.__main__ import PAGES
from tests.contract.coverage.rules import named_by_rule, named_by_v2_rule
from tests.contract.coverage.titles import NOT_BY_REQUEST
from tests.contract.coverage.titles_v2 import WAITING


def test_every_rule_of_v1_is_named_by_a_test() -> None:
    named = named_by_rule()
    assert list(V1_RULES) == list(range(1, 108))
    assert [number for number in V1_RULES if number not in named] == []
    assert named.keys() <= V1_RULES.keys()
    assert NOT_BY_REQUEST.keys() <= V1_RULES.keys()


def _counts(surface: str) -> dict[str, int]:
    """How many tests the page of a surface lists, by operation and rule."""
    lines = [line.split(" | ") for line in PAGES[surface].read_text().splitlines()]
    return {cells[0].removeprefix("| "): int(cells[2]) for cells in lines if len(cells) == 4 and cells[2].isdecimal()}


def test_the_page_lists_every_operation_and_rule_with_tests() -> None:
    counts = _counts("v1")
    expected = {*Document.load("v1").operations, *map(str, V1_RULES)}
    assert counts.keys() == expected
    assert [name for name, tests in counts.items() if not tests] == []


def test_every_rule_of_v2_is_named_by_a_test() -> None:
    named = named_by_v2_rule()
    assert [number for number in V2_RULES if number not in named] == []
    assert {number for number in named if int(number.partition(".")[0]) not in range(13, 18)} <= V2_RULES.keys()
    assert WAITING.keys() <= V2_RULES.keys()


def test_the_page_of_v2_lists_every_operation_and_rule() -> None:
    assert _counts("v2").keys() == {*Document.load("v2").operations, *V2_RULES}


def test_names_of_v2_rules_are_read() -> None:
    named = named_by_v2_rule()
    here = "tests/api/v2/test_lists.py::test_v2_rules_5_4_and_5_10_any_text_goes_through_the_query_and_the_links"
    assert here in named["5.4"]
    assert here in named["5.10"]
    model = "tests/db/test_records.py::test_v2_rules_5_9_to_5_11_agree_with_a_plain_model"
    assert {number for number in named if model in named[number]} == {"5.9", "5.10", "5.11"}
