"""The house rules that a linter of the shelf does not know: clocks, SQL owners, sizes of files, where SQL may stand."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "clarion"
FILES = sorted(SOURCE.rglob("*.py"))

# Tables that belong to an application; a statement that names one must name its owner too.
MIGRATIONS = "".join(path.read_text() for path in sorted((SOURCE / "db/migrations/versions").glob("0*.py")))
CREATED = re.findall(r"CREATE TABLE clarion\.(\w+) \((.*?)\n\)", MIGRATIONS, re.DOTALL)
OWNED = {name for name, body in CREATED if re.match(r"\s*(app_id|account_id)\b", body)} - {"audit"}
OWNER = re.compile(r"\b(app_id|account_id)\b")
STATEMENT = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|TRUNCATE|MERGE|COPY)\b")
NAMED = re.compile(r"\bclarion\.(\w+)")

CLOCKS_IN_SQL = re.compile(r"(?<![\w.])(now\(\)|CURRENT_(?:TIMESTAMP|DATE|TIME)|LOCALTIME(?:STAMP)?)", re.IGNORECASE)
CLOCKS_IN_PYTHON = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every string of a module that is not a docstring, with its line; parts of one f-string are joined."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def test_the_list_of_owned_tables_is_read_from_the_migrations() -> None:
    assert {"campaign", "message", "send", "send_chunk", "push_token", "segment", "event"} <= OWNED
    assert "person" not in OWNED


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_statement_reads_an_owned_table_without_its_owner(path: Path) -> None:
    if "migrations" in path.parts:
        return
    for line, text in literals(parsed(path)):
        tables = set(NAMED.findall(text)) & OWNED
        if STATEMENT.search(text) and tables:
            assert OWNER.search(text), f"{path}:{line}: a statement on {', '.join(sorted(tables))} without its owner"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_stores_speak_sql(path: Path) -> None:
    """Besides stores: the database floor, and the compiler of predicates, which makes SQL for a living."""
    allowed = path.name in {"store.py", "compile.py"} or path.is_relative_to(SOURCE / "db") or "store" in path.parts
    if allowed:
        return
    for line, text in literals(parsed(path)):
        assert not (STATEMENT.search(text) and re.search(r"\b(FROM|INTO|SET|TABLE)\b", text)), f"{path}:{line}: SQL"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_there_is_one_clock(path: Path) -> None:
    if path == SOURCE / "base/clock.py" or "migrations" in path.parts:
        return
    tree = parsed(path)
    for line, text in literals(tree):
        if STATEMENT.search(text):
            found = CLOCKS_IN_SQL.search(text)
            assert not found, f"{path}:{line}: {found and found.group()} in SQL; use clarion.now()"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in CLOCKS_IN_PYTHON, (
                f"{path}:{node.lineno}: {node.value.id}.{node.attr}; use clarion.base.clock"
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_stays_small_enough_to_be_one_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 600


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_opens_with_what_it_is_for(path: Path) -> None:
    tree = parsed(path)
    assert not tree.body or ast.get_docstring(tree), f"{path} has no docstring"
