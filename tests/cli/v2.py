"""Commands over /v2 in tests: as which API client they call, and what they answer."""

import json
from itertools import count
from typing import Any

from tests.cli.conftest import Installation

_numbers = count(1)


def as_client(installation: Installation, scopes: str, *options: str) -> dict[str, str]:
    """Id and secret of a new API client that may call often."""
    made: dict[str, str] = installation.clarion.json("clients", "create", "Tests", "--scopes", scopes, *options)
    plenty = ("--reads", "100000", "--reads-a-second", "100000", "--writes-a-minute", "100000")
    installation.clarion.run("clients", "limits", made["clientId"], *plenty)
    return made


def where(installation: Installation, client: dict[str, str]) -> list[str]:
    """The options of a connection."""
    given = ["--url", installation.url, "--ca", installation.ca_file]
    return [*given, "--client-id", client["clientId"], "--client-secret", client["clientSecret"]]


def called(installation: Installation, client: dict[str, str], *arguments: str, code: int = 0) -> Any:
    """The JSON of a command that calls as a client: its answer, or its complaint when it must fail."""
    result = installation.clarion.run(*arguments, *where(installation, client), "--json", code=code, where=False)
    return json.loads(result.stdout if code == 0 else result.stderr.splitlines()[-1])


def call_v2(installation: Installation, client: dict[str, str], *arguments: str, code: int = 0) -> Any:
    """The same for a command of `clarion v2`."""
    return called(installation, client, "v2", *arguments, code=code)


def new_reference(prefix: str) -> str:
    """An external reference that nobody has used."""
    return f"{prefix}-{next(_numbers)}"
