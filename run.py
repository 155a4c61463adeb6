#!/usr/bin/env python3
"""The two commands of a fresh clone. Each does all the set-up it needs, in an environment of its own (`.venv`).

    python3 run.py demo [options]   install, then run the main job: server, demo company, a delivered campaign
    python3 run.py test [options]   install what tests need, then run the whole suite on all cores; with options,
                                    they go to pytest as they are
    python3 run.py check            the linters and type checker that CI runs before the tests
    python3 run.py clarion ...      any `clarion` command in that environment

Needs CPython 3.11 or newer and pip, nothing else. Uses only the standard library itself.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
LOCKS = {"clarion": ROOT / "requirements/clarion.lock", "dev": ROOT / "requirements/dev.lock"}


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        print(f"Clarion needs CPython 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "demo":
        install("clarion")
        return call([str(BIN / "clarion"), "demo", *rest])
    if command == "clarion":
        install("clarion")
        return call([str(BIN / "clarion"), *rest])
    if command == "test":
        install("dev")
        return call([str(PYTHON), "-m", "pytest", *(rest or ["-n", "auto"])])
    if command == "check":
        install("dev")
        return check()
    print(__doc__)
    return 0 if command in ("", "-h", "--help", "help") else 2


def check() -> int:
    steps = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"], ["lint-imports"])
    for step in steps:
        print(f"$ {' '.join(step)}", flush=True)
        code = call([str(BIN / step[0]), *step[1:]])
        if code:
            return code
    return 0


def install(which: str) -> None:
    """Bring `.venv` to the state of the lock, unless a stamp says that it is there already."""
    lock = LOCKS[which]
    wanted = hashlib.sha256(lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / f".installed-{which}"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing into {VENV.relative_to(ROOT)} ...", file=sys.stderr, flush=True)
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    must([*pip, "--require-hashes", "-r", str(lock)])
    must([*pip, "--require-hashes", "-r", str(ROOT / "requirements/build.lock")])
    must([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    stamp.write_text(wanted)


def must(command: list[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(f"This step of the installation failed: {' '.join(command)}")


def call(command: list[str]) -> int:
    """Run a command in the project's root and hand its exit code on; Ctrl-C goes to the child, which ends itself."""
    child = subprocess.Popen(command, cwd=ROOT)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
