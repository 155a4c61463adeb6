"""The SQL of people and their v1 tokens."""

from datetime import datetime

from clarion.db.sql import Conn, execute, row, rows, value, values
from clarion.identity.model import KeyHolder, Person, PersonRecord, Role, TokenHolder


class _KeyRow(Person, frozen=True):
    api_key: bytes

    def holder(self) -> KeyHolder:
        return KeyHolder(Person(self.id, self.email, self.role), self.api_key)


class _TokenRow(_KeyRow, frozen=True):
    expires_at: datetime


async def next_person_id(conn: Conn) -> int:
    """An id reserved for a new person, so that the key can be sealed for it before the row exists."""
    reserved: int = await value(conn, "SELECT nextval(pg_get_serial_sequence('clarion.person', 'id'))")
    return reserved


async def insert_person(conn: Conn, person: Person, sealed_key: bytes) -> bool:
    """False when the e-mail address is taken already, in any case."""
    inserted = await execute(
        conn,
        """
        INSERT INTO clarion.person (id, email, role, api_key) VALUES (%s, %s, %s, %s)
        ON CONFLICT (lower(email)) DO NOTHING
        """,
        (person.id, person.email, person.role.value, sealed_key),
    )
    return inserted == 1


async def list_people(conn: Conn) -> list[Person]:
    """Everybody who is not disabled, by e-mail address."""
    return await rows(
        conn,
        "SELECT id, email, role FROM clarion.person WHERE disabled_at IS NULL ORDER BY lower(email)",
        of=Person,
    )


async def page(conn: Conn, after: int | None, limit: int | None) -> list[PersonRecord]:
    """Everybody with an id above `after`, disabled ones included, by ascending id."""
    return await rows(
        conn,
        """
        SELECT id, email, role, created_at, disabled_at FROM clarion.person
         WHERE %(after)s::bigint IS NULL OR id > %(after)s ORDER BY id LIMIT %(limit)s
        """,
        {"after": after, "limit": limit},
        of=PersonRecord,
    )


async def by_id(conn: Conn, person_id: int) -> PersonRecord | None:
    """The person with this id, disabled or not."""
    query = "SELECT id, email, role, created_at, disabled_at FROM clarion.person WHERE id = %s"
    return await row(conn, query, (person_id,), of=PersonRecord)


async def by_email(conn: Conn, email: str) -> PersonRecord | None:
    """The person with this address, in any case, disabled or not."""
    query = "SELECT id, email, role, created_at, disabled_at FROM clarion.person WHERE lower(email) = lower(%s)"
    return await row(conn, query, (email,), of=PersonRecord)


async def lock_administrators(conn: Conn) -> list[int]:
    """The ids of the administrators who are not disabled; none of them changes before the transaction ends."""
    return await values(
        conn,
        """
        SELECT id FROM clarion.person WHERE role = 'administrator' AND disabled_at IS NULL ORDER BY id FOR UPDATE
        """,
    )


async def holder_of_email(conn: Conn, email: str) -> KeyHolder | None:
    """The person with this address, in any case, who is not disabled."""
    found = await row(
        conn,
        """
        SELECT id, email, role, api_key FROM clarion.person
         WHERE lower(email) = lower(%s) AND disabled_at IS NULL
        """,
        (email,),
        of=_KeyRow,
    )
    return None if found is None else found.holder()


async def any_holder(conn: Conn) -> KeyHolder | None:
    """The first person there is."""
    found = await row(conn, "SELECT id, email, role, api_key FROM clarion.person ORDER BY id LIMIT 1", of=_KeyRow)
    return None if found is None else found.holder()


async def holder_of_token(conn: Conn, digest: bytes) -> TokenHolder | None:
    """The person a token belongs to, also after the token's end; None for disabled people and unknown tokens."""
    found = await row(
        conn,
        """
        SELECT p.id, p.email, p.role, p.api_key, t.expires_at
          FROM clarion.v1_token AS t JOIN clarion.person AS p ON p.id = t.person_id
         WHERE t.digest = %s AND p.disabled_at IS NULL
        """,
        (digest,),
        of=_TokenRow,
    )
    return None if found is None else TokenHolder(holder=found.holder(), expires_at=found.expires_at)


async def set_key(conn: Conn, person_id: int, sealed_key: bytes) -> None:
    """Replace the sealed API key of a person."""
    await execute(conn, "UPDATE clarion.person SET api_key = %s WHERE id = %s", (sealed_key, person_id))


async def set_role(conn: Conn, person_id: int, role: Role) -> None:
    """Replace the role of a person."""
    await execute(conn, "UPDATE clarion.person SET role = %s WHERE id = %s", (role.value, person_id))


async def disable(conn: Conn, person_id: int) -> None:
    """Shut a person out; the row stays for the audit trail."""
    await execute(
        conn,
        "UPDATE clarion.person SET disabled_at = clarion.now() WHERE id = %s AND disabled_at IS NULL",
        (person_id,),
    )


async def enable(conn: Conn, person_id: int) -> None:
    """Let a person in again."""
    await execute(conn, "UPDATE clarion.person SET disabled_at = NULL WHERE id = %s", (person_id,))


async def insert_token(conn: Conn, digest: bytes, person_id: int, expires_at: datetime) -> None:
    """Keep the digest of a token that was handed out."""
    await execute(
        conn,
        "INSERT INTO clarion.v1_token (digest, person_id, expires_at) VALUES (%s, %s, %s)",
        (digest, person_id, expires_at),
    )


async def delete_tokens(conn: Conn, person_id: int) -> int:
    """Forget every token of a person; the number forgotten."""
    return await execute(conn, "DELETE FROM clarion.v1_token WHERE person_id = %s", (person_id,))


async def delete_tokens_ended_before(conn: Conn, instant: datetime) -> int:
    """Forget tokens that ended before `instant`; the number forgotten."""
    return await execute(conn, "DELETE FROM clarion.v1_token WHERE expires_at < %s", (instant,))
