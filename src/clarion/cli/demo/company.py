"""The demo's company: an administrator, three applications with their gateways, columns, devices and segments.

Everything is made once; what is there already is taken as it is.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.progress import Progress as Bar

from clarion.apps import declarations
from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, DeclarationKind, Platform
from clarion.assembly.database import sealer
from clarion.audience import service as audience
from clarion.base.errors import ClarionError, Conflict, NotFound
from clarion.cli.apps import connect_stub
from clarion.cli.demo import base
from clarion.cli.demo.stage import Notebook, Stage, keep
from clarion.cli.devices import watched
from clarion.cli.stub_client import StubClient
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices import transfer
from clarion.identity import service as identity
from clarion.identity.model import Role

EMAIL = "demo@shop.example"
PARTNER_IDS = {Platform.ANDROID: "shop-android", Platform.IOS: "shop-ios", Platform.WEB: "shop-web"}
COLLAPSE_KEY = "spring"
BUTTON_TEMPLATE = "offer"
ACTIVE = "Active customers"

_SUBSCRIPTIONS_AT_ONCE = 10_000
_COLUMNS = (
    ("first_name", ColumnKind.TEXT, False),
    ("customer_id", ColumnKind.TEXT, True),
    ("points", ColumnKind.INTEGER, False),
    ("basket", ColumnKind.DECIMAL, False),
    ("birthday", ColumnKind.DATE, False),
    ("vip", ColumnKind.BOOLEAN, False),
)
# Opened within a year: people who said no and devices without a token are among them, and show as suppressed.
_SEGMENTS = {
    ACTIVE: {"column": "lastopen", "op": "within_days", "value": 365},
    "French speakers with points": {
        "all": [
            {"column": "language", "op": "starts", "value": "fr"},
            {"column": "points", "op": "gte", "value": 1000},
            {"column": "system_optin_notifs", "op": "eq", "value": True},
        ]
    },
}


class Company(Struct, frozen=True):
    """What there is to send with: applications by platform, and the segment of active customers of each."""

    apps: dict[Platform, App]
    segments: dict[Platform, int]


async def found_company(stage: Stage, db: Database, notebook: Notebook) -> Company:
    """Make the company, or find the one of an earlier run; the secrets go into the notebook."""
    made: dict[Platform, App] = {}
    segments: dict[Platform, int] = {}
    async with db.transaction() as conn:
        key = await sealer(stage.settings, conn)
        with suppress(NotFound):
            await identity.get_person(conn, EMAIL)
            if not notebook.api_key:
                notebook.api_key = await identity.renew_key(conn, key, EMAIL)
        if not notebook.api_key:
            _, notebook.api_key = await identity.create_person(conn, key, EMAIL, Role.ADMINISTRATOR)
        notebook.email = EMAIL
        for platform, partner_id in PARTNER_IDS.items():
            try:
                made[platform] = await apps.get_app(conn, partner_id)
            except NotFound:
                name = f"The Shop ({platform.value})"
                made[platform], private = await apps.create_app(conn, key, partner_id, platform, name)
                notebook.private_keys[partner_id] = private
                await _furnish(conn, made[platform])
            segments[platform] = await _segments(conn, made[platform])
        keep(stage.settings.data_dir, notebook)
    if missing := set(PARTNER_IDS.values()) - set(notebook.private_keys):
        raise Conflict(
            f"The notebook of this demo lacks the private key of {', '.join(sorted(missing))}.",
            "Begin anew: clarion demo --fresh",
        )
    return Company(made, segments)


async def connect_gateways(stage: Stage, db: Database, stub: StubClient) -> None:
    """Fresh credentials from the stub for each application: its address may differ from the last run's."""
    ca = await asyncio.to_thread(Path(stage.stub.ca_file).read_text)
    async with db.transaction() as conn:
        for partner_id in PARTNER_IDS.values():
            await connect_stub(conn, stage.settings, partner_id, stub, ca)


async def _furnish(conn: Conn, app: App) -> None:
    for name, kind, indexed in _COLUMNS:
        await apps.add_column(conn, app, name, kind, indexed)
    await declarations.declare(conn, app.id, DeclarationKind.COLLAPSE_KEY, COLLAPSE_KEY)
    await declarations.declare(conn, app.id, DeclarationKind.BUTTON_TEMPLATE, BUTTON_TEMPLATE)


async def _segments(conn: Conn, app: App) -> int:
    """The id of the segment of active customers."""
    known = {segment.name: segment.id for segment in await audience.segments(conn, app.id)}
    scheme = await apps.load_scheme(conn, app.id)
    for name, predicate in _SEGMENTS.items():
        if name not in known:
            known[name] = (await audience.create_segment(conn, app.id, scheme, name, predicate)).id
    return known[ACTIVE]


async def import_base(
    stage: Stage, db: Database, stub: StubClient, company: Company, notebook: Notebook, bar: Bar
) -> None:
    """Generate the devices of each application as a CSV file and import it. Raises ClarionError for rejected lines."""
    folder = stage.settings.data_dir / "files"
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    for platform, count in base.split(notebook.devices).items():
        file = folder / f"{PARTNER_IDS[platform]}.csv"
        task = bar.add_task(f"Making up {count:,} devices for {PARTNER_IDS[platform]}", total=None)
        subscriptions = await subscriptions_of(stub, notebook, count) if platform is Platform.WEB else []
        await asyncio.to_thread(base.write, file, platform, count, subscriptions)
        bar.remove_task(task)
        report = watched(bar, f"Importing {PARTNER_IDS[platform]}")
        rejects = file.with_suffix(".rejects.csv")
        result = await transfer.import_csv(db, company.apps[platform], file, rejects=rejects, progress=report)
        if result.rejected:
            raise ClarionError(f"{result.rejected} generated devices were rejected.", f"{rejects} tells why.")


async def subscriptions_of(stub: StubClient, notebook: Notebook, count: int) -> list[base.Subscription]:
    """The first `count` Web Push subscriptions of the stub, at the origin that browsers got them from."""
    found: list[base.Subscription] = []
    while len(found) < count:
        size = min(_SUBSCRIPTIONS_AT_ONCE, count - len(found))
        found += msgspec.convert(await stub.subscriptions(len(found), size), list[base.Subscription])
    if notebook.origin == stub.origin:
        return found
    return [replace(each, endpoint=notebook.origin + each.endpoint.removeprefix(stub.origin)) for each in found]
