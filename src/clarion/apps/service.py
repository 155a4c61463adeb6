"""The rules of applications: making them, finding them, who may manage them, their gateways.

The columns a company adds to its devices have a room of their own, `columns`, and so has what it declares for messages
to name, `declarations`.
"""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from clarion.apps.columns import add_column, remove_column
from clarion.apps.model import GATEWAY_OF, App, GatewayConfig, GatewayStatus, Platform, Scheme
from clarion.apps.store import applications as store
from clarion.apps.store.columns import own_columns
from clarion.base.errors import Conflict, Finding, Invalid, NotFound
from clarion.base.sealing import Sealer
from clarion.base.secrets import new_token, same
from clarion.db import app_schema
from clarion.db.sql import Conn
from clarion.gateways.registry import check_credentials

__all__ = [
    "add_column",
    "check_private_key",
    "create_app",
    "gateway_of",
    "gateway_status",
    "get_app",
    "get_app_by_id",
    "get_granted_app",
    "grant",
    "grants_of",
    "ids_of",
    "list_apps",
    "load_scheme",
    "may_manage",
    "page_of_apps",
    "partner_ids",
    "remove_column",
    "revoke",
    "set_gateway",
    "update_app",
]

_PARTNER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST_NAME = 200
_LONGEST_ADDRESS = 2000


async def create_app(conn: Conn, sealer: Sealer, partner_id: str, platform: Platform, name: str) -> tuple[App, str]:
    """A new application with its device tables, and the private key its SDK registers with, shown this once.

    Raises Invalid for a malformed partner id or name, Conflict (code `partner_id_taken`) when the partner id is used.
    """
    findings = []
    if not _PARTNER_ID.fullmatch(partner_id):
        message = (
            "A partner id is 1 to 64 letters, digits, dots, dashes or underscores and begins with a letter or digit."
        )
        findings.append(Finding("/partnerId", "partner_id", message))
    findings += _check_name(name)
    if findings:
        raise Invalid(findings)
    app_id = await store.next_app_id(conn)
    key = new_token()
    if not await store.insert_app(conn, app_id, partner_id, platform, name, sealer.seal(key.encode(), _key_of(app_id))):
        raise Conflict(
            f"The partner id {partner_id} belongs to another application.", "Choose another.", code="partner_id_taken"
        )
    await app_schema.create(conn, app_id)
    return App(app_id, partner_id, name, platform), key


async def update_app(conn: Conn, app: App, name: str, click_address: str | None) -> App:
    """Give an application another name, and the address that a click on a web notification without one opens.

    Raises Invalid.
    """
    findings = _check_name(name)
    if click_address is not None and not _is_web_address(click_address):
        message = f"A click address is an absolute http or https address of at most {_LONGEST_ADDRESS} characters."
        findings.append(Finding("/click_address", "click_address", message))
    if findings:
        raise Invalid(findings)
    await store.update_app(conn, app.id, name, click_address)
    return App(app.id, app.partner_id, name, app.platform, click_address)


async def get_app(conn: Conn, partner_id: str) -> App:
    """The application with this partner id; NotFound when there is none."""
    found = await store.app_by_partner(conn, partner_id) if "\x00" not in partner_id else None
    if found is None:
        raise NotFound(f"No application has the partner id {partner_id}.", "`clarion apps create` makes one.")
    return found


async def get_granted_app(conn: Conn, partner_id: str, person_id: int) -> App:
    """As `get_app`, of those that this person may manage (v1 rule 12)."""
    found = await store.granted_app(conn, partner_id, person_id) if "\x00" not in partner_id else None
    if found is None:
        raise NotFound(f"No application that person {person_id} manages has the partner id {partner_id}.")
    return found


async def get_app_by_id(conn: Conn, app_id: int) -> App:
    """The application with this id; NotFound when there is none."""
    found = await store.app_by_id(conn, app_id)
    if found is None:
        raise NotFound(f"There is no application {app_id}.")
    return found


async def list_apps(conn: Conn) -> list[App]:
    """All applications, by ascending partner id."""
    return await store.apps(conn)


async def page_of_apps(
    conn: Conn, *, person_id: int | None = None, after: str | None = None, limit: int | None = None
) -> list[App]:
    """Applications by ascending partner id, from above `after` on; with `person_id` those granted to this person."""
    return await store.page(conn, after, limit, person_id)


async def ids_of(conn: Conn, partner_ids: Collection[str]) -> list[int]:
    """The ids of those of these applications that exist, ascending."""
    return await store.ids_of(conn, partner_ids)


async def partner_ids(conn: Conn, app_ids: Collection[int]) -> dict[int, str]:
    """The partner ids of those of these applications that exist."""
    return dict(await store.partner_ids(conn, app_ids))


async def check_private_key(conn: Conn, sealer: Sealer, app: App, key: str) -> bool:
    """Whether `key` is the application's private key; compared in constant time."""
    sealed = await store.private_key(conn, app.id)
    return sealed is not None and same(sealer.open(sealed, _key_of(app.id)), key.encode(errors="surrogatepass"))


async def load_scheme(conn: Conn, app_id: int) -> Scheme:
    """The standard columns and the company's own, as they are now."""
    return Scheme(await own_columns(conn, app_id))


async def may_manage(conn: Conn, app_id: int, person_id: int) -> bool:
    """Whether this person was given the application (v1 rule 12)."""
    return await store.is_manager(conn, app_id, person_id)


async def grant(conn: Conn, app_id: int, person_id: int) -> None:
    """Give a person the application. Safe to repeat."""
    await store.insert_manager(conn, app_id, person_id)


async def revoke(conn: Conn, app_id: int, person_id: int) -> None:
    """Take the application from a person. Safe to repeat."""
    await store.delete_manager(conn, app_id, person_id)


async def grants_of(conn: Conn, person_ids: Collection[int]) -> dict[int, list[str]]:
    """The partner ids granted to each of these people, ascending; administrators need none."""
    found: dict[int, list[str]] = {person_id: [] for person_id in person_ids}
    for person_id, partner_id in await store.grants_of(conn, person_ids):
        found[person_id].append(partner_id)
    return found


async def set_gateway(
    conn: Conn, sealer: Sealer, app: App, secret: bytes, endpoint: str | None = None, ca: str | None = None
) -> None:
    """Set the credentials of the application's gateway; the kind follows the platform.

    `secret` is the JSON that kind's credentials take, `endpoint` another address than the true service, `ca` the
    PEM text of the authorities that vouch for it. Raises ConfigurationError, with what to do, when the credentials do
    not read.
    """
    kind = GATEWAY_OF[app.platform]
    check_credentials(kind, secret)
    await store.put_gateway(conn, app.id, kind, sealer.seal(secret, _gateway_of(app.id)), endpoint, ca)


async def gateway_of(conn: Conn, sealer: Sealer, app_id: int) -> GatewayConfig | None:
    """The gateway of an application with its credentials opened; None when none was set."""
    found = await store.gateway(conn, app_id)
    if found is None:
        return None
    opened = sealer.open(found.secret, _gateway_of(app_id))
    return GatewayConfig(found.kind, opened, found.endpoint, found.ca, found.revision)


async def gateway_status(conn: Conn, app_id: int) -> GatewayStatus | None:
    """What may be told of an application's gateway; None when none was set."""
    return await store.gateway_status(conn, app_id)


def _check_name(name: str) -> list[Finding]:
    if 0 < len(name) <= _LONGEST_NAME and name.isprintable():
        return []
    return [Finding("/name", "name", f"A name has 1 to {_LONGEST_NAME} printable characters.")]


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            len(text) <= _LONGEST_ADDRESS
            and text.isprintable()
            and " " not in text
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
        )
    except ValueError:
        return False


def _key_of(app_id: int) -> bytes:
    return f"app-private-key:{app_id}".encode()


def _gateway_of(app_id: int) -> bytes:
    return f"gateway:{app_id}".encode()
