"""`clarion serve`: the whole installation under its supervisor, or one kind of process beside others."""

import asyncio
import os
import signal
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from msgspec import Struct

from clarion.assembly import listeners, roles, scraping, supervisor, work
from clarion.assembly.database import conninfo_of, files_of
from clarion.assembly.supervisor import Running
from clarion.base import certificates, metrics, telemetry
from clarion.base.errors import ConfigurationError
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, installation
from clarion.db import migrate

DEFAULT_HTTP_PORT = 8080


class Role(StrEnum):
    """The kinds of process."""

    API = "api"
    SENDER = "sender"


class Started(Struct, frozen=True, rename="camel"):
    """What a started installation tells; `ca_file` is what callers have to trust, "" for a public certificate."""

    urls: dict[str, str]
    ca_file: str
    pids: dict[str, int]
    metrics: str


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="HTTPS port; 0 takes a free one.")] = 8443,
    http: Annotated[
        bool, typer.Option("--http", help=f"Listen on loopback without TLS too (port {DEFAULT_HTTP_PORT}).")
    ] = False,
    http_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the plain listener; implies --http.")] = 0,
    insecure_v2: Annotated[bool, typer.Option("--insecure-v2", help="Let /v2 answer on the plain listener.")] = False,
    role: Annotated[
        Role | None, typer.Option("--role", help="Run one kind of process only, on the database of an installation.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer requests.")] = 1,
    senders: Annotated[int, typer.Option(min=0, max=64, help="Processes that plan and deliver.")] = 1,
    public_url: Annotated[str, typer.Option(help="The address callers use, when a proxy stands before.")] = "",
    certificate: Annotated[str, typer.Option(metavar="FILE", help="PEM certificate. Default: a generated one.")] = "",
    certificate_key: Annotated[str, typer.Option(metavar="FILE", help="Its private key, PEM.")] = "",
    trusted_proxy: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Network of a proxy whose forwarding headers count.")
    ] = None,
    cors_origin: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Web origin whose pages may call /v2.")
    ] = None,
    token_life: Annotated[
        int, typer.Option(min=1, max=86_400, help="Seconds that the tokens of API clients live.")
    ] = 3600,
    webhook_network: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Network that webhooks may lead into though not public.")
    ] = None,
    webhook_ca: Annotated[
        str, typer.Option(metavar="FILE", help="PEM authorities that webhook hosts may have, besides public ones.")
    ] = "",
    reply_life: Annotated[
        int, typer.Option(min=86_400, max=2_592_000, help="Seconds /v2 keeps answers under idempotency keys.")
    ] = 86_400,
    v1_time_window: Annotated[
        int, typer.Option(min=0, help="Seconds a v1 signature's time may be off, at least 50400; 0: any time.")
    ] = 0,
    wait_time_freshness: Annotated[
        int, typer.Option(min=10, max=86400, help="Seconds after which a report of wait times is stale.")
    ] = 900,
    purge_days: Annotated[
        int, typer.Option(min=0, max=36500, help="Days without opening after which bounced profiles go; 0 keeps all.")
    ] = 365,
    purge_bounces: Annotated[
        int, typer.Option(min=0, max=1000, help="Refusals of the gateway a purged profile has more than.")
    ] = 2,
    case_closes_after_days: Annotated[
        int, typer.Option(min=0, max=36500, help="Days after which a resolved case closes by itself; 0 leaves it.")
    ] = 7,
    metrics_host: Annotated[
        str, typer.Option(help="Address of /metrics; another than loopback wants a token.")
    ] = "127.0.0.1",
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of /metrics; 0 takes a free one.")] = 0,
    metrics_token_file: Annotated[
        str, typer.Option(metavar="FILE", help="Holds the bearer token that callers of /metrics must bring.")
    ] = "",
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.")] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Run an installation: PostgreSQL when embedded, the API, the senders. Ctrl-C stops it in order.

    Examples:

        clarion serve

        clarion serve --data-dir /var/lib/clarion --host 0.0.0.0 --certificate tls.pem --certificate-key tls.key

        clarion serve --role sender --database-url postgresql://clarion@db.example/clarion
    """
    if log_level not in ("debug", "info", "warning", "error"):
        raise ConfigurationError(f"There is no log level {log_level}.", "Use debug, info, warning or error.")
    found = installation(data_dir, database_url)
    settings = Settings(
        data_dir=found.data_dir,
        database_url=found.database_url,
        host=host,
        port=port,
        http_port=http_port or (DEFAULT_HTTP_PORT if http else 0),
        insecure_v2=insecure_v2,
        public_url=public_url,
        workers=workers,
        senders=senders,
        certificate=certificate,
        certificate_key=certificate_key,
        trusted_proxies=tuple(trusted_proxy or ()),
        cors_origins=tuple(cors_origin or ()),
        token_life=token_life,
        webhook_networks=tuple(webhook_network or ()),
        webhook_ca=webhook_ca,
        reply_life=reply_life,
        v1_time_window=v1_time_window,
        wait_time_freshness=wait_time_freshness,
        purge_days=purge_days,
        purge_bounces=purge_bounces,
        case_closes_after_days=case_closes_after_days,
        metrics_host=metrics_host,
        metrics_port=metrics_port,
        metrics_token_file=metrics_token_file,
        log_json=log_json,
        log_level=log_level,
    )
    work.outbound(settings)  # what is wrong with its settings is told before anything starts
    telemetry.configure(json=log_json, level=log_level, process=role.value if role else "supervisor")

    def announce(running: Running) -> None:
        started = Started(running.urls, running.ca_file, running.pids, running.metrics)
        output.answer(started, _told(running, settings), as_json=as_json)

    if role is None:
        output.run(supervisor.serve(settings, announce=announce))
    else:
        output.run(_run_role(role, settings, announce))


def _told(running: Running, settings: Settings) -> str:
    lines = [f"Clarion listens on {' and '.join(running.urls.values()) or 'nothing'}. Ctrl-C stops it."]
    if running.ca_file:
        lines.append(f"Its certificate is a generated one; callers trust it with {running.ca_file}")
    lines.append(f"Metrics: {running.metrics}")
    if settings.embedded:
        lines.append(f"Data: {settings.data_dir}")
    return "\n".join(lines)


async def _run_role(role: Role, settings: Settings, announce: Callable[[Running], None]) -> None:
    """One process in the foreground; its supervisor is whoever called it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if not settings.embedded:
        await migrate.require_current(settings.database_url)
    conninfo = await conninfo_of(settings)
    page = scraping.Page(settings, listener := scraping.bind(settings), partial(_alone, role))
    bound = listeners.bind(settings) if role is Role.API else []
    ca_file = ""
    if bound:
        folder = settings.data_dir / "tls"
        with files_of(settings):
            ca_file = certificates.find(settings.certificate, settings.certificate_key, folder, settings.host).ca_file

    def ready() -> None:
        urls = {scheme: listeners.url(scheme, listener) for scheme, listener in bound}
        announce(Running(urls, ca_file, {role.value: os.getpid()}, scraping.url(listener)))

    page.open(conninfo)
    try:
        await roles.ATTACHED[role.value](roles.Context(settings, conninfo, os.getpid(), bound, ready), stop)
    finally:
        await page.aclose()
        for _, shared in bound:
            shared.close()


async def _alone(role: Role) -> list[scraping.Process]:
    """What a role that runs alone counts."""
    return [scraping.Process(role.value, role.value, 0, metrics.collected())]
