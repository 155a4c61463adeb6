"""JSON with holes: any text with any values gives valid JSON that reads back as exactly the substituted text."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.content.render.template import Nested, Template, Tree

NAMES = ("firstname", "a", "X_1", "_u", "order-id", "order.id")
MARK = re.compile(r"\$\{:?([A-Za-z_][A-Za-z0-9_.-]*)\}")

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TRICKY = st.sampled_from(
    ['"', "\\", "\n", "\x00", "\x7f", "</", "é", "😀", "\u2028", "${", "}", "$", "${}", "${1a}", "#{key}"]
)
MARKS = st.sampled_from([f"${{{name}}}" for name in NAMES] + [f"${{:{name}}}" for name in NAMES])
TEXTS = st.lists(ANY_TEXT | TRICKY | MARKS, max_size=6).map("".join)
VALUES = st.fixed_dictionaries(dict.fromkeys(NAMES, TEXTS))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3) | st.builds(Nested, inner),
    max_leaves=12,
)


def substituted(text: str, values: Mapping[str, str]) -> str:
    return MARK.sub(lambda mark: values.get(mark.group(1), "nobody"), text)


def expected(tree: Tree, found: Any, values: Mapping[str, str]) -> bool:
    """Whether decoded JSON is the tree with its marks replaced; a nested tree is a text that is JSON itself."""
    if isinstance(tree, Nested):
        return isinstance(found, str) and expected(tree.tree, json.loads(found), values)
    if isinstance(tree, str):
        return bool(found == substituted(tree, values))
    if isinstance(tree, Mapping):
        return list(found) == list(tree) and all(expected(tree[name], found[name], values) for name in tree)
    if isinstance(tree, list):
        return len(found) == len(tree) and all(expected(*pair, values) for pair in zip(tree, found, strict=True))
    return type(found) is type(tree) and found == tree


@given(TREES, VALUES)
def test_v1_rule_46_any_text_with_any_values_reads_back_as_the_substituted_text(
    tree: Tree, values: dict[str, str]
) -> None:
    assert expected(tree, json.loads(Template(tree).fill(lambda name: values.get(name, "nobody"))), values)


@given(TEXTS, VALUES)
def test_marks_in_values_are_not_evaluated(text: str, values: dict[str, str]) -> None:
    asked: list[str] = []

    def value_of(name: str) -> str:
        asked.append(name)
        return "${a}${:firstname}"

    filled = json.loads(Template({"text": text, "nested": Nested([text])}).fill(value_of))
    assert filled["text"] == MARK.sub(lambda _mark: "${a}${:firstname}", text)
    assert json.loads(filled["nested"]) == [filled["text"]]
    assert len(asked) == 2 * len(MARK.findall(text))


@given(TREES)
def test_the_names_are_those_of_the_marks(tree: Tree) -> None:
    asked: set[str] = set()

    def value_of(name: str) -> str:
        asked.add(name)
        return ""

    template = Template(tree)
    template.fill(value_of)
    assert template.names == asked


@pytest.mark.parametrize("text", ["${a}", "${:a}"])
def test_v1_rule_93_a_mark_may_be_spelt_with_a_colon(text: str) -> None:
    assert json.loads(Template(text).fill({"a": "x"}.__getitem__)) == "x"


@pytest.mark.parametrize(
    "text", ["${}", "${:}", "${::a}", "${1a}", "${-a}", "${a b}", "${a", "$ {a}", "$a", "#{name}", "${é}", "{a}"]
)
def test_v1_rule_46_other_signs_are_text(text: str) -> None:
    template = Template(text)
    assert template.names == frozenset()
    assert json.loads(template.fill(lambda _name: "filled")) == text


def test_member_names_hold_no_marks() -> None:
    assert json.loads(Template({"${a}": "${a}"}).fill({"a": "x"}.__getitem__)) == {"${a}": "x"}


def test_a_mark_three_strings_deep_is_escaped_three_times() -> None:
    tree = Nested({"b": Nested(["${a}"])})
    once = json.loads(Template(tree).fill({"a": '"\\\n'}.__getitem__))
    assert json.loads(json.loads(once)["b"]) == ['"\\\n']


@pytest.mark.timeout(20)
def test_making_a_template_ready_takes_time_in_proportion() -> None:
    """A text of marks and escapes only, as large as a body can be."""
    template = Template({"a": '${a}"' * 200_000})
    assert len(template.fill(lambda _name: "x")) == 200_000 * 3 + len('{"a":""}')
