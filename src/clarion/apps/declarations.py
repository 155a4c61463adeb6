"""What an application declares so that messages, triggers and devices may name it.

Collapse keys, button templates, in-app templates, events (by code), views, states, languages. Messages that name
something undeclared are refused (v1 rules 39, 91, 92). Some button templates are there for every application
(`templates`): they are found and known like those it declared.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from clarion.apps.details import check_details
from clarion.apps.model import Declaration, DeclarationKind
from clarion.apps.store import declarations as store
from clarion.apps.templates import BUILT_IN
from clarion.base.errors import Conflict, Finding, Invalid, NotFound
from clarion.db.sql import Conn

LONGEST = 200
"""Characters of a value or name."""

_CODE = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,7}", re.ASCII)


async def declare(
    conn: Conn,
    app_id: int,
    kind: DeclarationKind,
    value: str,
    name: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Declaration:
    """Declare a value, or replace what was said of it; `name` is for people, the value itself when not given.

    The value of an event is its code, a decimal number without leading zeros (those of one's own begin at 1001), that
    of a language a tag such as `fr` or `fr-CA`; `details` are as `details.check_details` says. Raises Invalid.
    """
    findings = [
        Finding(f"/{member}", member, f"A {member} has 1 to {LONGEST} printable characters.")
        for member, text in (("value", value), ("name", value if name is None else name))
        if not 0 < len(text) <= LONGEST or not text.isprintable()
    ]
    if kind is DeclarationKind.EVENT and not (_CODE.fullmatch(value) and int(value) < 2**31):
        message = "The value of an event is its code, a number under 2147483648 without leading zeros."
        findings.append(Finding("/value", "value", message))
    if kind is DeclarationKind.LANGUAGE and not _LANGUAGE.fullmatch(value):
        findings.append(Finding("/value", "value", "The value of a language is its tag, such as fr or fr-CA."))
    findings += check_details(kind, details or {})
    if findings:
        raise Invalid(findings)
    declared = Declaration(kind, value, value if name is None else name, dict(details or {}))
    await store.put(conn, app_id, declared)
    return declared


async def withdraw(conn: Conn, app_id: int, kind: DeclarationKind, value: str) -> None:
    """Take a declaration back; messages that name it already keep it.

    Raises NotFound, and Conflict with code `built_in` for what every application has.
    """
    if "\x00" in value or not await store.delete(conn, app_id, kind, value):
        if value in _built_in(kind):
            raise Conflict(f"The {kind.label} {value} belongs to every application.", code="built_in")
        raise NotFound(f"This application declares no {kind.label} {value!r}.")


async def listed(conn: Conn, app_id: int, kind: DeclarationKind) -> list[Declaration]:
    """All of a kind that the application declares itself, by value."""
    return await store.listed(conn, app_id, kind)


async def known(conn: Conn, app_id: int, kind: DeclarationKind) -> list[Declaration]:
    """All of a kind that the application may name, by value: its own, and what is there for every application."""
    found = {**_built_in(kind), **{each.value: each for each in await store.listed(conn, app_id, kind)}}
    return [found[value] for value in sorted(found)]


async def find(conn: Conn, app_id: int, kind: DeclarationKind, wanted: Iterable[str]) -> dict[str, Declaration]:
    """Those of `wanted` that the application may name, by value; what it declares goes before what is built in."""
    asked = {value for value in wanted if "\x00" not in value}
    found = {value: there for value, there in _built_in(kind).items() if value in asked}
    own = await store.find(conn, app_id, kind, asked) if asked else []
    return {**found, **{declaration.value: declaration for declaration in own}}


def _built_in(kind: DeclarationKind) -> Mapping[str, Declaration]:
    return BUILT_IN if kind is DeclarationKind.BUTTON_TEMPLATE else {}
