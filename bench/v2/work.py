"""Requests that both sides get alike."""

import random
from collections.abc import Iterator, Mapping

from bench.ingest.requests import request

FIRST_ID = 100_000_001


class Side:
    """A server with so many accounts, and the requests that it gets."""

    def __init__(self) -> None:
        self._chance = random.Random(7)
        self._headers: dict[str, str] = {}
        self._ids: list[str] = []
        self._new = 0

    def know(self, made: int, token: str) -> None:
        """The accounts are those of the first ids; the token lets everything in."""
        self._headers = {"Authorization": f"Bearer {token}"}
        self._ids = [f"ACC-{FIRST_ID + number}" for number in range(made)]

    def singles(self) -> Iterator[bytes]:
        """An account chosen at random."""
        while True:
            yield _read(f"/v2/accounts/{self._chance.choice(self._ids)}", self._headers)

    def lists(self) -> Iterator[bytes]:
        """A page of 25 accounts that begins anywhere."""
        while True:
            offset = self._chance.randrange(len(self._ids) - 25)
            yield _read(f"/v2/accounts?page%5Boffset%5D={offset}&page%5Blimit%5D=25", self._headers)

    def creations(self) -> Iterator[bytes]:
        """An account that is new."""
        while True:
            self._new += 1
            yield request("POST", "/v2/accounts", self._headers, _account(self._new))

    def updates(self) -> Iterator[bytes]:
        """Another name for an account chosen at random."""
        while True:
            body = {"name": f"Name {self._chance.getrandbits(40)}"}
            yield request("PATCH", f"/v2/accounts/{self._chance.choice(self._ids)}", self._headers, body)


def _read(path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _account(number: int) -> dict[str, object]:
    return {
        "name": f"New {number}",
        "legalName": f"New {number} B.V.",
        "externalReference": f"NEW-{number}",
        "currency": "EUR",
        "language": "en-GB",
        "timeZone": "Europe/Amsterdam",
    }
