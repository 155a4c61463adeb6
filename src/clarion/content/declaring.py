"""Declaring what messages name, with details that the messages concerned can read."""

from collections.abc import Mapping
from typing import Any

from clarion.apps import declarations
from clarion.apps.model import Declaration, DeclarationKind
from clarion.base.errors import Invalid
from clarion.content.triggered import templates
from clarion.db.sql import Conn


async def declare(
    conn: Conn,
    app_id: int,
    kind: DeclarationKind,
    value: str,
    name: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Declaration:
    """As `apps.declarations.declare`; details of an in-app template must read as in-apps read them. Raises Invalid."""
    findings = templates.check_details(details or {}) if kind is DeclarationKind.INAPP_TEMPLATE else []
    if findings:
        raise Invalid(findings)
    return await declarations.declare(conn, app_id, kind, value, name, details)
