"""Install the clients and servers of others that benches measure beside ours, each from its lock.

    python -m bench.peers

Node packages go to `bench/node_modules`, Python packages to `bench/.venv`: never into the environment that Clarion runs
in. `NODE_MODULES` and `PYTHON` say where they are; `missing` says what a bench lacks.
"""

import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

BENCH = Path(__file__).parent
NODE_MODULES = BENCH / "node_modules"
PYTHON = BENCH / ".venv" / "bin" / "python"
_LOCK = BENCH.parent / "requirements" / "bench.lock"


def missing(node: Sequence[str] = (), python: Sequence[str] = ()) -> list[str]:
    """What of these Node packages and Python modules is not installed, each with the way to do it."""
    lacks = []
    if node and shutil.which("node") is None:
        lacks.append("node 20 or newer with npm")
    if absent := [name for name in node if not (NODE_MODULES / name).exists()]:
        lacks.append(f"{', '.join(absent)} (python -m bench.peers)")
    if python:
        check = [str(PYTHON), "-c", f"import {', '.join(python)}"]
        if not PYTHON.exists() or subprocess.run(check, capture_output=True, check=False).returncode:
            lacks.append(f"{', '.join(python)} (python -m bench.peers)")
    return lacks


def main() -> int:
    """Install all peers. Returns the exit status."""
    if shutil.which("npm") is None:
        print("This needs npm, with node 20 or newer.", file=sys.stderr)
        return 2
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--prefix", str(BENCH)], check=True)
    if not PYTHON.exists():
        venv.create(PYTHON.parents[1], with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--require-hashes", "-r", str(_LOCK)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
