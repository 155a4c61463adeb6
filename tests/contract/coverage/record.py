"""Notes which test called which operation, when a folder for notes is given."""

import os
from pathlib import Path

VARIABLE = "CLARION_COVERAGE_NOTES"


def note(operation_id: str) -> None:
    """The test that runs has called the operation, and the answer fitted the contract."""
    folder, test = os.environ.get(VARIABLE), os.environ.get("PYTEST_CURRENT_TEST")
    if folder and test:
        name = test.rpartition(" ")[0].partition("[")[0]
        with (Path(folder) / str(os.getpid())).open("a") as notes:
            notes.write(f"{operation_id}\t{name}\n")
