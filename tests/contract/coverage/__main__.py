"""`python -m tests.contract.coverage`: run the tests of `/v1` and write `docs/contract-coverage.md` from what they did.

A test covers an operation when it called it and the answer fitted the contract; it covers a rule when it names it.
"""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from clarion.api.contract.document import Document
from tests.contract.coverage.record import VARIABLE
from tests.contract.coverage.rules import ROOT, named_by_rule
from tests.contract.coverage.titles import NOT_BY_REQUEST, V1_RULES

PAGE = ROOT / "docs" / "contract-coverage.md"
_SHOWN = 4
_GENERATED = ("test_isolation.py", "test_hostile_requests.py", "test_rights.py")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "tests/api/v1"]
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, VARIABLE: folder}, check=False).returncode
        if code:
            print("The page is left as it was: a test failed.", file=sys.stderr)
            return code
        called = _called(Path(folder))
    PAGE.write_text(page(called, named_by_rule()))
    print(f"{PAGE.relative_to(ROOT)} is written.")
    return 0


def _called(folder: Path) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for file in folder.iterdir():
        for line in file.read_text().splitlines():
            operation_id, test = line.split("\t")
            found[operation_id].add(test)
    return {operation_id: sorted(tests) for operation_id, tests in found.items()}


def page(called: dict[str, list[str]], by_rule: dict[int, list[str]]) -> str:
    """The page as Markdown."""
    operations = Document.load("v1").operations
    covered = sum(bool(_own(called.get(operation_id, []))) for operation_id in operations)
    proven = sum(number in by_rule for number in V1_RULES)
    lines = [
        "# What the tests of `/v1` cover",
        "",
        "Made by `python -m tests.contract.coverage`; do not edit. Every answer a test of `tests/api/v1` receives is",
        "checked against the contract: status, media type, headers, body. Besides the tests listed, every operation is",
        "called by generated tests of rights (`test_isolation.py`) and of bad input (`test_hostile_requests.py`), and",
        "by schemathesis (`python -m tests.contract.fuzz`).",
        "",
        f"**{covered} of {len(operations)} operations, {proven} of {len(V1_RULES)} rules.**",
        "",
        "## Operations",
        "",
        "| Operation | Route | Tests | Among them |",
        "|---|---|---|---|",
    ]
    for operation_id, operation in operations.items():
        tests = _own(called.get(operation_id, []))
        lines.append(f"| {operation_id} | `{operation.method} {operation.path}` | {len(tests)} | {_few(tests)} |")
    lines += ["", "## Rules", "", "| Rule | About | Tests | Among them |", "|---|---|---|---|"]
    for number, title in V1_RULES.items():
        tests = by_rule.get(number, [])
        note = f"<br>Not by request alone: {NOT_BY_REQUEST[number]}." if number in NOT_BY_REQUEST else ""
        lines.append(f"| {number} | {title}{note} | {len(tests)} | {_few(tests)} |")
    return "\n".join(lines) + "\n"


def _own(tests: list[str]) -> list[str]:
    return [test for test in tests if not any(name in test for name in _GENERATED)]


def _few(tests: list[str]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests[:_SHOWN])


if __name__ == "__main__":
    sys.exit(main())
