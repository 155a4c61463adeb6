"""Which tests name which rule: read from the names and docstrings of test functions."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
_MENTION = re.compile(r"\b(v1 )?rules? ((?:\d+(?:, | and | to )?)+)")
_NAME = re.compile(r"(v1_)?rules?_((?:\d+(?:_and_|_to_|_)?)+)")
_V2_MENTION = re.compile(r"\b(?:v2 )?[Rr]ules? ((?:\d+\.\d+(?:, | and | to )?)+|19\b)")
_V2_NAME = re.compile(r"v2_rules?_(\d+_\d+(?:_(?:and|to)_\d+_\d+)*|19(?=_))")


def named_by_rule() -> dict[int, list[str]]:
    """Test ids by number of the v1 rule they name, `path::function`, in order.

    In `tests/api/v1` "rule 16" means v1's; everywhere else only "v1 rule 16" does.
    """
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        own = "tests/api/v1" in path.as_posix()
        for function in _functions(ast.parse(path.read_text())):
            for number in sorted(_named(function, own=own)):
                found[number].append(f"{path.relative_to(ROOT).as_posix()}::{function.name}")
    return dict(found)


def named_by_v2_rule() -> dict[str, list[str]]:
    """Test ids by the v2 rule they name, such as `5.11`, in order.

    In `tests/api/v2` docstrings may say "rule 5.11" without more; everywhere else it is "v2 rule 5.11".
    """
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        own = "tests/api/v2" in path.as_posix()
        for function in _functions(ast.parse(path.read_text())):
            for number in sorted(_v2_named(function, own=own)):
                found[number].append(f"{path.relative_to(ROOT).as_posix()}::{function.name}")
    return dict(found)


def _v2_named(function: ast.FunctionDef | ast.AsyncFunctionDef, *, own: bool) -> set[str]:
    text = (ast.get_docstring(function) or "").replace("\n", " ")
    found = [match[1] for match in _V2_MENTION.finditer(text) if own or match[0].startswith("v2 ")]
    found += [
        re.sub(r"(\d+)_(\d+)", r"\1.\2", numbers).replace("_and_", " and ").replace("_to_", " to ")
        for numbers in _V2_NAME.findall(function.name)
    ]
    return {number for numbers in found for number in _v2_numbers(numbers)}


def _v2_numbers(text: str) -> Iterator[str]:
    """The numbers of `5.9, 5.10 and 7.1 to 7.3`; a range stays within its section."""
    for first, last in re.findall(r"(\d+(?:\.\d+)?)(?: to (\d+\.\d+))?", text):
        section, _, begin = first.partition(".")
        end = last.partition(".")[2] or begin
        yield from (f"{section}.{number}" for number in range(int(begin), int(end) + 1)) if begin else (first,)


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def _named(function: ast.FunctionDef | ast.AsyncFunctionDef, *, own: bool) -> set[int]:
    text = (ast.get_docstring(function) or "").replace("\n", " ")
    found = [numbers for prefix, numbers in _MENTION.findall(text) if prefix or own]
    found += [
        numbers.replace("_and_", " and ").replace("_to_", " to ").replace("_", ", ")
        for prefix, numbers in _NAME.findall(function.name)
        if prefix or own
    ]
    return {number for numbers in found for number in _numbers(numbers)}


def _numbers(text: str) -> Iterator[int]:
    """The numbers of `45, 46 and 50 to 53`."""
    for first, last in re.findall(r"(\d+)(?: to (\d+))?", text):
        yield from range(int(first), int(last or first) + 1)
