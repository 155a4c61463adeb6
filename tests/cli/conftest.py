"""One running installation with stub gateways for all tests of commands, started by the commands themselves."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog
from msgspec import Struct
from typer.testing import CliRunner, Result

from clarion.cli.main import app
from tests.conftest import _memory_disk

_numbers = count(1)


class Clarion:
    """Calls commands in this process, on one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._runner = CliRunner()

    def run(self, *arguments: str, code: int = 0, where: bool = True) -> Result:
        """Run a command that must end with this exit code; `where=False` leaves the data folder out."""
        given = [*arguments, "--data-dir", str(self.data_dir)] if where else list(arguments)
        logging = structlog.get_config()
        try:
            result = self._runner.invoke(app, given, env={"COLUMNS": "200"})
        finally:
            structlog.configure(**logging)  # commands log onto the stream they are run with, which is gone by now
        unexpected = result.exception if not isinstance(result.exception, SystemExit) else None
        assert result.exit_code == code, (arguments, result.output, unexpected)
        assert unexpected is None, unexpected
        return result

    def json(self, *arguments: str) -> Any:
        """The JSON a command answers with; it is the only thing on standard output."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def refused(self, *arguments: str) -> dict[str, Any]:
        """The complaint of a command that must fail: nothing on standard output, one JSON object on standard error."""
        result = self.run(*arguments, "--json", code=1)
        assert result.stdout == ""
        complaint: dict[str, Any] = json.loads(result.stderr.splitlines()[-1])
        assert complaint["error"]
        return complaint

    def new_app(self, platform: str) -> str:
        """The partner id of an application of this test's own."""
        partner_id = f"app-{next(_numbers)}"
        self.run("apps", "create", partner_id, "--platform", platform, "--name", "A name")
        return partner_id

    def new_person(self, *options: str) -> tuple[str, str]:
        """E-mail address and API key of a person of this test's own."""
        made = self.json("users", "create", f"person-{next(_numbers)}@shop.example", *options)
        return made["email"], made["apiKey"]


class Installation(Struct):
    """A server and stub gateways that run for all tests, and the commands on their data folder."""

    clarion: Clarion
    url: str
    ca_file: str
    pids: dict[str, int]
    stub: str
    stub_ca: str


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """The installation, as `clarion serve` and `clarion stub` start it."""
    with tempfile.TemporaryDirectory(prefix="clarion-cli-", dir=_memory_disk()) as folder:
        data_dir = Path(folder) / "data"
        with (
            started("serve", "--port", "0", "--log-level", "warning", data_dir=data_dir) as server,
            started("stub", "--port", "0", data_dir=data_dir) as stub,
        ):
            yield Installation(
                clarion=Clarion(data_dir),
                url=server["urls"]["https"],
                ca_file=server["caFile"],
                pids=server["pids"],
                stub=stub["url"],
                stub_ca=stub["caFile"],
            )


@pytest.fixture
def clarion(installation: Installation) -> Clarion:
    """Commands on the running installation."""
    return installation.clarion


@pytest.fixture
def elsewhere() -> Iterator[Clarion]:
    """Commands on a data folder where nothing is yet."""
    with tempfile.TemporaryDirectory(prefix="clarion-cli-", dir=_memory_disk()) as folder:
        yield Clarion(Path(folder) / "data")


@contextmanager
def started(*arguments: str, data_dir: Path) -> Iterator[Any]:
    """A command that stays up, in a process of its own; the line of JSON it announces itself with."""
    process = subprocess.Popen(
        [sys.executable, "-m", "clarion.cli.main", *arguments, "--json", "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"clarion {' '.join(arguments)} ended with {process.wait()}"
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
