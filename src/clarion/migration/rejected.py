"""Rejected lines of a file: where they are kept, and the first of them for a report."""

import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from clarion.base.errors import Finding, Invalid
from clarion.migration.accengage import REJECTS
from clarion.migration.model import Refusal

_FIRST = 5


@contextmanager
def kept(file: Path, folder: Path | None, *, dry_run: bool) -> Iterator[Path]:
    """Where the rejected lines of a file go: into `folder`, else beside the file; in a dry run nowhere for long."""
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="clarion-import-") as scratch:
            yield Path(scratch) / "rejects.csv"
    else:
        yield (folder or file.parent) / f"{file.name}{REJECTS}"


def first_of(rejects: Path) -> list[Refusal]:
    """The first rejected lines and why, in the order in which they were found."""
    if not rejects.exists():
        return []
    found: list[Refusal] = []
    # A line may be longer than what the csv module reads, and then it is not shown.
    with rejects.open(encoding="utf-8", newline="") as file, suppress(csv.Error):
        for line, reason, _ in islice(csv.reader(file, delimiter=";"), 1, 1 + _FIRST):
            found.append(Refusal(int(line), reason))
    return found


@contextmanager
def told(file: Path) -> Iterator[None]:
    """Whatever is wrong with a file is told with its name."""
    try:
        yield
    except Invalid as error:
        findings = [
            Finding(
                each.pointer,
                each.code,
                each.message if str(file) in each.message else f"{file}: {each.message}",
            )
            for each in error.findings
        ]
        raise Invalid(findings) from error
