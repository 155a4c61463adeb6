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
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | parts:
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


def test_a_table_is_named_by_one_package_only() -> None:
    """Others ask its owner. Exceptions: the database floor, and what it makes per application; predicates count events
    in the same statement; jobs are due by the clock."""
    named: dict[str, set[str]] = {}
    for path in FILES:
        for _, text in literals(parsed(path)):
            if STATEMENT.search(text) and "migrations" not in path.parts:
                for table in set(NAMED.findall(text)) & {name for name, _ in CREATED}:
                    named.setdefault(table, set()).add(path.relative_to(SOURCE).parts[0])
    shared = {table: packages for table, packages in named.items() if len(packages) > 1}
    assert shared == {"app": {"apps", "db"}, "event": {"tracking", "audience"}, "clock_offset": {"db", "queue"}}


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
    for line, name in clocks(tree):
        raise AssertionError(f"{path}:{line}: {name}; use clarion.base.clock")


def clocks(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every use of a clock of the standard library, however it was imported."""
    aliases = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom | ast.Import)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
            if (aliases.get(owner, owner), node.attr) in CLOCKS_IN_PYTHON:
                yield node.lineno, f"{owner}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from ((node.lineno, alias.name) for alias in node.names if ("time", alias.name) in CLOCKS_IN_PYTHON)


@pytest.mark.parametrize(
    "source",
    [
        "datetime.now(UTC)",
        "import datetime\ndatetime.datetime.now()",
        "import datetime as dt\ndt.date.today()",
        "from datetime import datetime as d\nd.utcnow()",
        "import time as t\nt.time()",
        "from time import monotonic, time_ns",
    ],
)
def test_no_spelling_of_a_clock_is_overlooked(source: str) -> None:
    assert len(list(clocks(ast.parse(source)))) == 1


def test_clocks_of_ours_and_durations_are_none() -> None:
    assert not list(clocks(ast.parse("from time import monotonic\nclock.now()\nmonotonic()\ntime.monotonic()")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_stays_small_enough_to_be_one_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 600


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_opens_with_what_it_is_for(path: Path) -> None:
    tree = parsed(path)
    assert not tree.body or ast.get_docstring(tree), f"{path} has no docstring"
