"""`python -m tests.contract.coverage [v1|v2]`: run the tests of a surface and write `docs/contract-coverage.md`, or
`docs/contract-coverage-v2.md`, from what they did.

A test covers an operation when it called it and the answer fitted the contract; it covers a rule when it names it.
"""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clarion.api.contract.document import Document
from clarion.api.not_yet_built import NOT_YET_BUILT
from clarion.api.reference.rules import V1_RULES, V2_RULES
from tests.contract.coverage.record import VARIABLE
from tests.contract.coverage.rules import ROOT, named_by_rule, named_by_v2_rule
from tests.contract.coverage.titles import NOT_BY_REQUEST
from tests.contract.coverage.titles_v2 import WAITING

PAGES = {"v1": ROOT / "docs" / "contract-coverage.md", "v2": ROOT / "docs" / "contract-coverage-v2.md"}
_SHOWN = 4
_GENERATED = ("test_isolation.py", "test_hostile_requests.py", "test_rights.py", "test_tenancy.py", "test_hostile.py")
_OPENING = {
    "v1": [
        "Made by `python -m tests.contract.coverage`; do not edit. Every answer a test of `tests/api/v1` receives is",
        "checked against the contract: status, media type, headers, body. Besides the tests listed, every operation is",
        "called by generated tests of rights (`test_isolation.py`) and of bad input (`test_hostile_requests.py`), and",
        "by schemathesis (`python -m tests.contract.fuzz`).",
    ],
    "v2": [
        "Made by `python -m tests.contract.coverage v2`; do not edit. Every answer a test of `tests/api/v2` gets is",
        "checked against the contract: status, media type, headers, body. Besides the tests listed, every operation is",
        "called by generated tests of tenancy and scopes (`test_tenancy.py`) and by schemathesis",
        "(`python -m tests.contract.fuzz --surface v2`). Sections 13 to 17 are of releases to come.",
    ],
}


def main() -> int:
    surface = sys.argv[1] if len(sys.argv) > 1 else "v1"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", f"tests/api/{surface}"]
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, VARIABLE: folder}, check=False).returncode
        if code:
            print("The page is left as it was: a test failed.", file=sys.stderr)
            return code
        called = _called(Path(folder))
    if surface == "v1":
        text = page(surface, called, V1_RULES, named_by_rule(), NOT_BY_REQUEST, "Not by request alone")
    else:
        text = page(surface, called, V2_RULES, named_by_v2_rule(), WAITING, "In part")
    PAGES[surface].write_text(text)
    print(f"{PAGES[surface].relative_to(ROOT)} is written.")
    return 0


def _called(folder: Path) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for file in folder.iterdir():
        for line in file.read_text().splitlines():
            operation_id, test = line.split("\t")
            found[operation_id].add(test)
    return {operation_id: sorted(tests) for operation_id, tests in found.items()}


def page(
    surface: str,
    called: Mapping[str, list[str]],
    rules: Mapping[Any, str],
    by_rule: Mapping[Any, Sequence[str]],
    notes: Mapping[Any, str],
    noted: str,
) -> str:
    """The page as Markdown."""
    operations = Document.load(surface).operations
    unbuilt = NOT_YET_BUILT.get(surface, frozenset())
    built = [operation_id for operation_id in operations if operation_id not in unbuilt]
    covered = sum(bool(_own(called.get(operation_id, []))) for operation_id in built)
    proven = sum(number in by_rule for number in rules)
    lines = [
        f"# What the tests of `/{surface}` cover",
        "",
        *_OPENING[surface],
        "",
        f"**{covered} of {len(built)} operations, {proven} of {len(rules)} rules.**",
        "",
        "## Operations",
        "",
        "| Operation | Route | Tests | Among them |",
        "|---|---|---|---|",
    ]
    for operation_id, operation in operations.items():
        tests = _own(called.get(operation_id, []))
        among = "not built yet" if operation_id in unbuilt else _few(tests)
        lines.append(f"| {operation_id} | `{operation.method} {operation.path}` | {len(tests)} | {among} |")
    lines += ["", "## Rules", "", "| Rule | About | Tests | Among them |", "|---|---|---|---|"]
    for number, title in rules.items():
        tests = list(by_rule.get(number, []))
        note = f"<br>{noted}: {notes[number]}." if number in notes else ""
        lines.append(f"| {number} | {title}{note} | {len(tests)} | {_few(tests)} |")
    return "\n".join(lines) + "\n"


def _own(tests: list[str]) -> list[str]:
    return [test for test in tests if not any(name in test for name in _GENERATED)]


def _few(tests: list[str]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests[:_SHOWN])


if __name__ == "__main__":
    sys.exit(main())
