"""Which tests name which rule: read from the names and docstrings of test functions."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
_MENTION = re.compile(r"\b(v1 )?rules? ((?:\d+(?:, | and | to )?)+)")
_NAME = re.compile(r"(v1_)?rules?_((?:\d+(?:_and_|_to_|_)?)+)")


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
