"""`clarion stub`: the stub gateways on their own, for rehearsals."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from clarion.base import telemetry
from clarion.cli import output
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, installation
from clarion.gateways.stub import StubServer, serve_stub

DEFAULT_PORT = 8444


class Started(Struct, frozen=True, rename="camel"):
    """Where the stub listens and the CA file its callers have to trust."""

    url: str
    ca_file: str


def stub(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = DEFAULT_PORT,
    attached: Annotated[
        bool, typer.Option("--attached", hidden=True, help="End when standard input ends: with the caller.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Run stub gateways (APNs, FCM, Web Push) that speak the true protocols and are as strict as the real ones.

    Prints the address and the CA file. Credentials, knobs and counts are under /stub.

    Examples:

        clarion stub

        clarion apps set-gateway shop-ios --stub https://127.0.0.1:8444

        curl --http2 --cacert .clarion/stub/ca.pem https://127.0.0.1:8444/stub/stats
    """
    settings = installation(data_dir, database_url)

    def announce(server: StubServer) -> None:
        human = f"Stub gateways listen on {server.url}. Ctrl-C stops them.\nCA file: {server.ca_file}"
        output.answer(Started(server.url, str(server.ca_file)), human, as_json=as_json)

    telemetry.configure(json=False, level="warning", process="stub")
    output.run(_serve(settings.data_dir / "stub", host, port, announce, attached=attached))


async def _serve(folder: Path, host: str, port: int, announce: Callable[[StubServer], None], *, attached: bool) -> None:
    """Run until a signal; `attached`, also until the caller has closed our standard input or is gone."""
    loop = asyncio.get_running_loop()
    serving = asyncio.ensure_future(serve_stub(folder, host, port, ready=announce))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    if attached:
        loop.add_reader(sys.stdin.fileno(), serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving
