"""What an application declares so that messages, triggers and devices may name it.

Collapse keys, button templates, in-app templates, events (by code), views, states, languages. Messages that name
something undeclared are refused (v1 rules 39, 91, 92).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from clarion.apps.model import Declaration, DeclarationKind
from clarion.apps.store import declarations as store
from clarion.base.errors import Finding, Invalid, NotFound
from clarion.db.sql import Conn

LONGEST = 200
"""Characters of a value or name."""


async def declare(
    conn: Conn,
    app_id: int,
    kind: DeclarationKind,
    value: str,
    name: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Declaration:
    """Declare a value, or replace what was said of it; `name` is for people, the value itself when not given.

    The value of an event is its code, a decimal number. Raises Invalid.
    """
    findings = [
        Finding(f"/{member}", member, f"A {member} has 1 to {LONGEST} printable characters.")
        for member, text in (("value", value), ("name", value if name is None else name))
        if not 0 < len(text) <= LONGEST or not text.isprintable()
    ]
    if kind is DeclarationKind.EVENT and not (value.isascii() and value.isdecimal() and int(value) < 2**31):
        findings.append(Finding("/value", "value", "The value of an event is its code, a number under 2147483648."))
    if findings:
        raise Invalid(findings)
    declared = Declaration(kind, value, value if name is None else name, dict(details or {}))
    await store.put(conn, app_id, declared)
    return declared


async def withdraw(conn: Conn, app_id: int, kind: DeclarationKind, value: str) -> None:
    """Take a declaration back; messages that name it already keep it. Raises NotFound."""
    if "\x00" in value or not await store.delete(conn, app_id, kind, value):
        raise NotFound(f"This application declares no {kind.label} {value!r}.")


async def listed(conn: Conn, app_id: int, kind: DeclarationKind) -> list[Declaration]:
    """All of a kind, by value."""
    return await store.listed(conn, app_id, kind)


async def find(conn: Conn, app_id: int, kind: DeclarationKind, wanted: Iterable[str]) -> dict[str, Declaration]:
    """Those of `wanted` that the application declares, by value."""
    asked = {value for value in wanted if "\x00" not in value}
    found = await store.find(conn, app_id, kind, asked) if asked else []
    return {declaration.value: declaration for declaration in found}
