"""Sessions of people on the administration API: signing in with address and API key, and what ends them.

A session lives 12 hours and is kept as a digest. Whoever fails to sign in too often has to wait: 10 failures for one
person from one network address, 100 from one address for whomever, within 15 minutes. Every attempt is counted before
it is judged, so that many at once gain nothing; one that succeeds is taken back.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from msgspec import Struct

from clarion.base import clock, secrets
from clarion.base.errors import ClarionError
from clarion.base.network import subscriber
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity.model import KeyHolder, Person
from clarion.identity.store import people
from clarion.identity.store import sessions as store

LIFE: Final = timedelta(hours=12)
WINDOW: Final = timedelta(minutes=15)
MOST_FOR_PERSON: Final = 10
MOST_FROM_ADDRESS: Final = 100

# Compared with when nobody has the address given, so that the answer takes as long.
_NOBODYS_KEY: Final = secrets.new_token(24)


class Session(Struct, frozen=True):
    """A session that was begun; its token is shown this once."""

    person: Person
    token: str
    expires_at: datetime


class WrongCredentials(ClarionError):
    """Address and API key do not belong together. `person_id` is for the audit trail, never for the caller."""

    def __init__(self, person_id: int | None) -> None:
        super().__init__("The e-mail address or the API key is wrong.", "An administrator can give a new key.")
        self.person_id = person_id


class TooManyAttempts(ClarionError):
    """Too many failed attempts to sign in; `seconds` until the next one is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many attempts to sign in have failed.", f"Try again in {seconds} seconds.")
        self.seconds = seconds


async def sign_in(db: Database, sealer: Sealer, email: str, api_key: str, address: str) -> Session:
    """A new session of the person with this e-mail address, for a caller at a network address.

    Raises WrongCredentials, which is the same for unknown and shut out people and for wrong keys, and TooManyAttempts
    without a look at the credentials.
    """
    now = clock.now()
    origin = subscriber(address)
    for_person, from_address = _source(email.lower(), origin), _source(origin)
    async with db.transaction() as conn:
        counts = await store.count_attempt(conn, [for_person, from_address], now, now - WINDOW)
    most = {for_person: MOST_FOR_PERSON, from_address: MOST_FROM_ADDRESS}
    until = max((each.since + WINDOW for each in counts if each.attempts > most[each.source]), default=None)
    if until is not None:
        raise TooManyAttempts(max(1, int((until - now).total_seconds()) + 1))
    async with db.transaction() as conn:
        holder = await people.holder_of_email(conn, email)
        if not _matches(sealer, holder, api_key) or holder is None:
            raise WrongCredentials(None if holder is None else holder.person.id)
        await store.forget_attempts(conn, for_person)
        await store.take_attempt_back(conn, from_address)
        token = secrets.new_token()
        await store.insert(conn, secrets.digest(token), holder.person.id, now + LIFE)
    return Session(holder.person, token, now + LIFE)


async def holder_of(conn: Conn, token: str) -> Person | None:
    """Whose session a token stands for; None when it has ended or never was, or its person was shut out."""
    return await store.holder(conn, secrets.digest(token), clock.now())


async def end(conn: Conn, token: str) -> None:
    """End one session. Safe to repeat."""
    await store.delete(conn, secrets.digest(token))


async def purge(conn: Conn) -> int:
    """Forget what has ended: sessions, and attempts nobody counts any more. For a timer."""
    now = clock.now()
    return await store.delete_ended(conn, now) + await store.delete_attempts_since_before(conn, now - WINDOW)


def _matches(sealer: Sealer, holder: KeyHolder | None, api_key: str) -> bool:
    known = _NOBODYS_KEY if holder is None else identity.open_key(sealer, holder)
    return secrets.same(secrets.digest(known), secrets.digest(api_key))


def _source(*parts: str) -> bytes:
    return sha256("\n".join(parts).encode()).digest()
