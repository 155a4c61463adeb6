"""The rules of people and their v1 tokens, and the audit trail.

A person is made with an API key that is shown once and kept sealed. A token is random, lives 24 hours and is kept as
a digest; asking again leaves older ones alone (v1 rules 12 to 15). Which applications a person manages is `apps`';
sessions on the administration API have a room of their own, `sessions`. Functions that change somebody take them by
e-mail address or by id.
"""

import re
from datetime import timedelta

from clarion.base import clock, secrets
from clarion.base.errors import Conflict, Finding, Invalid, NotFound
from clarion.base.sealing import Sealer
from clarion.db.sql import Conn
from clarion.identity.model import (
    AuditEntry,
    AuditFilter,
    AuditLine,
    KeyHolder,
    Person,
    PersonRecord,
    Role,
    TokenHolder,
)
from clarion.identity.store import audit, sessions
from clarion.identity.store import people as store

TOKEN_LIFE = timedelta(hours=24)
# An ended token is still told apart from an unknown one (401, not 400) for this long.
_ENDED_TOKENS_KEPT = timedelta(days=30)
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@.\x00-\x1f\x7f]+(\.[^\s@.\x00-\x1f\x7f]+)*")


def check_email(email: str) -> str:
    """The address without surrounding blanks. Raises Invalid when it has not the shape of one."""
    address = email.strip()
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise Invalid([Finding("/email", "email", f"{email[:80]!r} is not an e-mail address.")])
    return address


async def create_person(conn: Conn, sealer: Sealer, email: str, role: Role) -> tuple[Person, str]:
    """A new person and their API key, which cannot be read again. Raises Conflict when the address is taken."""
    person = Person(id=await store.next_person_id(conn), email=check_email(email), role=role)
    api_key = secrets.new_token(24)
    if not await store.insert_person(conn, person, _seal(sealer, person.id, api_key)):
        raise Conflict(
            f"{person.email} is known already.", "Choose another address, or give this person a new key.", code="email"
        )
    return person, api_key


async def renew_key(conn: Conn, sealer: Sealer, who: str | int) -> str:
    """A new API key for a person; the old one and every token and session end at once. Raises NotFound, also for
    somebody who is shut out."""
    person = await get_record(conn, who)
    if person.disabled_at is not None:
        raise _nobody()
    api_key = secrets.new_token(24)
    await store.set_key(conn, person.id, _seal(sealer, person.id, api_key))
    await _end_access(conn, person.id)
    return api_key


async def get_person(conn: Conn, email: str) -> Person:
    """The person with this address, in any case, who is not shut out. Raises NotFound."""
    return (await key_holder(conn, email)).person


async def get_record(conn: Conn, who: str | int) -> PersonRecord:
    """A person, shut out or not. Raises NotFound."""
    found = await (store.by_id(conn, who) if isinstance(who, int) else store.by_email(conn, who))
    if found is None:
        raise _nobody()
    return found


async def list_people(conn: Conn) -> list[Person]:
    """Everybody who may call, by e-mail address."""
    return await store.list_people(conn)


async def people(conn: Conn, after: int | None = None, limit: int | None = None) -> list[PersonRecord]:
    """Everybody with an id above `after`, those who are shut out included, by ascending id."""
    return await store.page(conn, after, limit)


async def set_role(conn: Conn, who: str | int, role: Role) -> None:
    """Give a person another role, from their next request on. Raises NotFound, and Conflict as `disable` does."""
    person = await get_record(conn, who)
    if role is not Role.ADMINISTRATOR:
        await _keep_an_administrator(conn, person.id)
    await store.set_role(conn, person.id, role)


async def disable(conn: Conn, who: str | int) -> None:
    """Shut a person out at once, tokens and sessions included.

    Raises NotFound, and Conflict with code `last_administrator` when nobody would be left to let people in.
    """
    person = await get_record(conn, who)
    await _keep_an_administrator(conn, person.id)
    await store.disable(conn, person.id)
    await _end_access(conn, person.id)


async def enable(conn: Conn, who: str | int) -> None:
    """Let a person in again, with the key they had; no token or session of before comes back. Safe to repeat.

    Raises NotFound.
    """
    person = await get_record(conn, who)
    if person.disabled_at is not None:
        await _end_access(conn, person.id)
        await store.enable(conn, person.id)


async def _keep_an_administrator(conn: Conn, person_id: int) -> None:
    if await store.lock_administrators(conn) == [person_id]:
        raise Conflict(
            "This is the last administrator.", "Make somebody else an administrator first.", code="last_administrator"
        )


async def _end_access(conn: Conn, person_id: int) -> None:
    await store.delete_tokens(conn, person_id)
    await sessions.delete_of_person(conn, person_id)


async def key_holder(conn: Conn, email: str) -> KeyHolder:
    """The person of this address with their sealed key. Raises NotFound (v1 rule 15)."""
    holder = await store.holder_of_email(conn, email)
    if holder is None:
        raise _nobody()
    return holder


async def any_key_holder(conn: Conn) -> KeyHolder | None:
    """Somebody whose API key was sealed, disabled or not; None before the first person is created."""
    return await store.any_holder(conn)


def open_key(sealer: Sealer, holder: KeyHolder) -> str:
    """The API key in the clear, for one signature check; never keep or log it."""
    return sealer.open(holder.sealed_key, _context(holder.person.id)).decode()


async def issue_token(conn: Conn, person: Person) -> str:
    """A fresh token of this person, good for 24 hours; those handed out before keep working (v1 rule 14)."""
    token = secrets.new_token()
    await store.insert_token(conn, secrets.digest(token), person.id, clock.now() + TOKEN_LIFE)
    return token


async def token_holder(conn: Conn, token: str) -> TokenHolder | None:
    """Whose token this is, ended ones included; None when it is unknown or its person was shut out."""
    return await store.holder_of_token(conn, secrets.digest(token))


async def purge_tokens(conn: Conn) -> int:
    """Forget tokens that ended 30 days ago; the number forgotten. For a timer."""
    return await store.delete_tokens_ended_before(conn, clock.now() - _ENDED_TOKENS_KEPT)


async def record_audit(conn: Conn, entry: AuditEntry) -> None:
    """Append one write to the audit trail."""
    await audit.insert(conn, entry)


async def last_audit_entries(conn: Conn, limit: int = 100) -> list[AuditEntry]:
    """The newest lines of the audit trail, newest first."""
    return await audit.latest(conn, limit)


async def audit_lines(conn: Conn, keep: AuditFilter, before: int | None = None, limit: int = 100) -> list[AuditLine]:
    """The lines with an id below `before` that `keep` lets through, newest first."""
    return await audit.page(conn, keep, before, limit)


def _nobody() -> NotFound:
    return NotFound("No user has this e-mail address.", "Ask an administrator to open API access for it.")


def _seal(sealer: Sealer, person_id: int, api_key: str) -> bytes:
    return sealer.seal(api_key.encode(), _context(person_id))


def _context(person_id: int) -> bytes:
    return f"api-key:{person_id}".encode()
