"""Regular expressions for devices: what can be read, what is refused, and that reading is quick."""

import re
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.content.triggered.patterns import LONGEST, problem


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^sun.*",
        "(sun|rain)?",
        "(?i)blue",
        "(?i:blue)sky",
        "(?i-s:x)",
        "(?:a+b)+",
        "([a-z]+-)*x",
        "(\\d+,)*\\d+",
        "(a+)?",
        "(a+){3}",
        "(a)\\1",
        "(?<n>a)\\k<n>",
        "(?=a)b(?!c)",
        "(?<=a)b(?<!c)",
        "(?>a+)+",
        "(a++)+",
        "[\\]a-]",
        "[-a]",
        "[\\d-]",
        "[\\x41-\\x5A\\u00e9]",
        "\\p{L}+",
        "a{2}b{2,}c{2,3}?",
        "a||b",
        "\\.\\/\\n\\\\",
        "a]}",
        "é",
    ],
)
def test_what_all_devices_know_is_taken(pattern: str) -> None:
    assert problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "not closed"),
        ("a)", "not opened"),
        ("[", "not closed"),
        ("[a-", "not closed"),
        ("[]", "brackets"),
        ("[[a]]", "brackets"),
        ("[a&&b]", "brackets"),
        ("[z-a]", "higher"),
        ("[\\d-z]", "higher"),
        ("*", "nothing to repeat"),
        ("a|{2}", "nothing to repeat"),
        ("^*", "nothing to repeat"),
        ("\\b+", "nothing to repeat"),
        ("(?i)?", "nothing to repeat"),
        ("a**", "follows another"),
        ("a{3,2}", "ascend"),
        ("a{1001}", "1000"),
        ("\\", "at the end"),
        ("[\\", "at the end"),
        ("\\q", "not known"),
        ("\\0", "not known"),
        ("\\x4", "not known"),
        ("\\1", "no such group"),
        ("\\k<n>", "no such group"),
        ("(?P<n>a)", "not known"),
        ("(?#a)", "not known"),
        ("(?)", "not known"),
        ("(?<n>a)(?<n>b)", "two groups"),
        ("(" * 21 + ")" * 21, "nested"),
        ("a" * (LONGEST + 1), "500"),
    ],
)
def test_what_not_all_devices_know_is_refused_with_its_reason(pattern: str, said: str) -> None:
    assert said in (problem(pattern) or "")


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a*)*", "((a+)b?)+", "(x|a+)*", "((a+))*", "(a{2,})+", "(.*)*", "(a+){10}", "(a+){2,50}"]
)
def test_a_repetition_of_a_repetition_alone_is_refused(pattern: str) -> None:
    assert "for ever" in (problem(pattern) or "")


@settings(max_examples=500)
@given(st.text(alphabet="ab01,.-^$|()[]{}*+?\\dwb", max_size=20))
def test_what_is_taken_compiles(pattern: str) -> None:
    if problem(pattern) is None:
        re.compile(pattern)


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_any_text_gets_an_answer(pattern: str) -> None:
    found = problem(pattern)
    assert found is None or found.isprintable() or not pattern.isprintable()


@pytest.mark.parametrize("part", ["[\\u0000-\\uffff]", "(a|b)", "\\p{L}{900}", "(?:(?:a{9}){9}){9}"])
def test_reading_takes_no_longer_than_its_length(part: str) -> None:
    """A compiler would take a third of a second for some of these."""
    pattern = "(?i)" + part * (LONGEST // len(part) - 1)
    before = process_time()
    assert problem(pattern) is None
    assert process_time() - before < 0.1
