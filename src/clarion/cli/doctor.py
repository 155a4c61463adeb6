"""`clarion doctor`: looks at everything an installation needs and says what is wrong and what to do.

It changes nothing. A database that is not running is started for the look and stopped again.
"""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from cryptography import x509
from msgspec import Struct
from rich.text import Text

from clarion.apps import service as apps
from clarion.assembly.database import conninfo_of, sealer
from clarion.base import certificates, clock
from clarion.base.errors import ClarionError, ConfigurationError, Unavailable
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, installation
from clarion.cli.running import running_of
from clarion.db import embedded, migrate
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.gateways.registry import check_credentials
from clarion.identity import service as identity

_ROOM = 1 << 30
_SKEW = timedelta(seconds=2)
_SOON = timedelta(days=21)


class State(StrEnum):
    """How a check ended. A warning needs no action now; what is skipped could not be looked at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(Struct, frozen=True):
    """One thing looked at; `hint` tells what to do."""

    check: str
    state: State
    detail: str
    hint: str = ""


class _Warning(ClarionError):
    """Something that works now and deserves a look."""


def doctor(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The HTTPS port that `serve` is to use.")] = 8443,
    host: Annotated[str, typer.Option(help="The address that `serve` is to listen on.")] = "127.0.0.1",
    certificate: Annotated[str, typer.Option(metavar="FILE", help="The certificate `serve` is to use.")] = "",
    certificate_key: Annotated[str, typer.Option(metavar="FILE", help="Its private key.")] = "",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Check what an installation needs: Python, folder, disk, PostgreSQL, keys, certificate, credentials, port.

    Exit code 1 when a check failed.

    Example:

        clarion doctor --data-dir /var/lib/clarion --port 443
    """
    found = installation(data_dir, database_url)
    settings = Settings(
        data_dir=found.data_dir,
        database_url=found.database_url,
        host=host,
        port=port,
        certificate=certificate,
        certificate_key=certificate_key,
    )
    checks = output.run(examine(settings))
    styles = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red", State.SKIPPED: "dim"}
    rows: list[tuple[object, ...]] = [
        (Text(each.state.value, style=styles[each.state]), each.check, f"{each.detail} {each.hint}".strip())
        for each in checks
    ]
    output.answer(checks, output.table("", "check", "", rows=rows), as_json=as_json)
    if _failed(checks):
        raise typer.Exit(1)


async def examine(settings: Settings) -> list[Check]:
    """All checks, in the order in which they build on each other."""
    checks = [
        await _check("python", _python),
        await _check("data folder", lambda: _data_folder(settings)),
        await _check("disk space", lambda: _disk(settings)),
    ]
    if settings.embedded:
        checks.append(await _check("PostgreSQL programs", _binaries))
    checks += await _database(settings)
    checks.append(await _check("certificate", lambda: _certificate(settings)))
    checks.append(await _check("port", lambda: _port(settings)))
    return checks


async def _check(name: str, look: Callable[[], str] | Callable[[], Awaitable[str]]) -> Check:
    try:
        said = look()
        return Check(name, State.OK, said if isinstance(said, str) else await said)
    except _Warning as warning:
        return Check(name, State.WARNING, warning.message, warning.hint)
    except ClarionError as error:
        return Check(name, State.FAILED, error.message, error.hint)


def _python() -> str:
    said = f"{sys.implementation.name} {sys.version.split()[0]}"
    if sys.implementation.name != "cpython":
        raise _Warning(f"{said} is not what Clarion is tested with.", "Use CPython 3.11 or newer.")
    return said


def _data_folder(settings: Settings) -> str:
    folder = settings.data_dir
    if not folder.exists():
        raise _Warning(f"{folder} does not exist yet.", "`clarion serve` makes it.")
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{folder} is not a folder this user can write to.", "Change its owner, or choose another with --data-dir."
        )
    return str(folder)


def _disk(settings: Settings) -> str:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        raise _Warning(f"Only {free / 1e9:.1f} GB are free at {folder}.", "A million devices take about 0.6 GB.")
    return f"{free / 1e9:.0f} GB free"


def _binaries() -> str:
    found = embedded.find_binaries()
    return f"{found.version} in {found.folder}"


async def _database(settings: Settings) -> list[Check]:
    """Everything that is read from the database; skipped as a whole when there is none to ask."""
    names = ("revision", "clock", "sealing key", "gateway credentials")
    if settings.embedded and not (settings.data_dir / "postgres").exists():
        absent = Check("database", State.SKIPPED, "There is none yet.", "`clarion serve` makes it.")
        return [absent, *(Check(name, State.SKIPPED, "needs the database") for name in names)]
    async with AsyncExitStack() as stack:
        try:
            conninfo, how = await stack.enter_async_context(_reached(settings))
            db = await Database.open(conninfo, size=1, application_name="clarion doctor")
        except ClarionError as error:
            failed = Check("database", State.FAILED, error.message, error.hint)
            return [failed, *(Check(name, State.SKIPPED, "needs the database") for name in names)]
        stack.push_async_callback(db.close)
        checks = [Check("database", State.OK, how), await _check("revision", lambda: _revision(db))]
        if _failed(checks):
            return [*checks, *(Check(name, State.SKIPPED, "needs the schema") for name in names[1:])]
        checks.append(await _check("clock", lambda: _clock(db)))
        checks.append(await _check("sealing key", lambda: _sealing(settings, db)))
        if _failed(checks):
            return [*checks, Check(names[3], State.SKIPPED, "needs the sealing key")]
        return [*checks, await _check("gateway credentials", lambda: _credentials(settings, db))]


def _failed(checks: list[Check]) -> bool:
    return any(each.state is State.FAILED for each in checks)


@asynccontextmanager
async def _reached(settings: Settings) -> AsyncIterator[tuple[str, str]]:
    """Connection string, and how the database was reached."""
    try:
        conninfo = await conninfo_of(settings)
    except Unavailable:
        if not settings.embedded:
            raise
    else:
        yield conninfo, "reachable"
        return
    async with embedded.borrow(settings.data_dir) as conninfo:
        yield conninfo, "starts; it is not running now"


async def _revision(db: Database) -> str:
    at, wanted = await migrate.current(db.conninfo), migrate.newest()
    if at != wanted:
        raise ConfigurationError(
            f"The schema is at revision {at or 'none'}, this release needs {wanted}.", "Run: clarion db migrate"
        )
    return at


async def _clock(db: Database) -> str:
    """Clocks of this machine and the database side by side, the test offset left out."""
    async with db.connection() as conn:
        before = clock.now()
        theirs: datetime = await value(conn, "SELECT clarion.now()")
        after = clock.now()
    apart = abs(theirs - (before + (after - before) / 2))
    if apart > _SKEW:
        raise ConfigurationError(
            f"The clocks of this machine and the database are {apart.total_seconds():.0f} s apart.",
            "Keep both in step with NTP: leases, tokens and schedules depend on it.",
        )
    return f"{apart.total_seconds() * 1000:.0f} ms apart"


async def _sealing(settings: Settings, db: Database) -> str:
    """The key is there, and opens what was sealed with it."""
    given = "CLARION_SEAL_KEY" in os.environ
    async with db.connection() as conn:
        secrets = await identity.any_key_holder(conn) or await apps.list_apps(conn)
        if not secrets and not given and not settings.seal_key_file.exists():
            raise _Warning("There is none yet.", "It is made with the first secret.")
        await sealer(settings, conn)
    return "from the environment" if given else str(settings.seal_key_file)


async def _credentials(settings: Settings, db: Database) -> str:
    missing, checked = [], 0
    async with db.connection() as conn:
        opener = await sealer(settings, conn)
        for app in await apps.list_apps(conn):
            config = await apps.gateway_of(conn, opener, app.id)
            if config is None:
                missing.append(app.partner_id)
                continue
            try:
                check_credentials(config.kind, config.secret)
            except ConfigurationError as error:
                raise ConfigurationError(f"{app.partner_id}: {error.message}", error.hint) from None
            checked += 1
    if missing:
        raise _Warning(f"None for {', '.join(missing)}.", "Run: clarion apps set-gateway PARTNER_ID --credentials FILE")
    return f"{checked} checked" if checked else "no application yet"


def _certificate(settings: Settings) -> str:
    generated = not settings.certificate
    if generated and not (settings.data_dir / "tls" / "server.pem").exists():
        return "one is generated at the first start"
    found = certificates.find(settings.certificate, settings.certificate_key, settings.data_dir / "tls", settings.host)
    try:
        certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    except ValueError:
        raise ConfigurationError(f"{found.certificate} is not a PEM certificate.", "Give the right file.") from None
    ends = certificate.not_valid_after_utc
    left = ends - clock.now()
    if left <= timedelta(0):
        raise ConfigurationError(f"The certificate ended on {ends:%Y-%m-%d}.", "Renew it.")
    if left < _SOON:
        raise _Warning(f"The certificate ends on {ends:%Y-%m-%d}, in {left.days} days.", "Renew it.")
    return f"{'generated' if generated else found.certificate}, valid until {ends:%Y-%m-%d}"


async def _port(settings: Settings) -> str:
    running = running_of(settings)
    if running is not None and running.urls.get("https", "").endswith(f":{settings.port}"):
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
        try:
            async with asyncio.timeout(2):
                _, writer = await asyncio.open_connection(host, settings.port)
        except (OSError, TimeoutError):
            raise Unavailable(
                f"The server of this installation does not answer on port {settings.port}.", "See its log."
            ) from None
        writer.close()
        return f"{settings.port} answers"
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise ConfigurationError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.",
            "Stop the program that uses it, or choose another port.",
        ) from None
    return f"{settings.port} is free"
