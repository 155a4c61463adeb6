"""The stub as a server: one TLS port for APNs, FCM, Google's token endpoint, Web Push and the control endpoints."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clarion.base.authority import CA_FILE, Authority
from clarion.base.errors import ConfigurationError
from clarion.base.telemetry import get_logger
from clarion.gateways.stub import keys
from clarion.gateways.stub.board import Stats
from clarion.gateways.stub.certificate import server_context
from clarion.gateways.stub.knobs import Knobs
from clarion.gateways.stub.pacing import Pacer
from clarion.gateways.stub.parsing import convert
from clarion.gateways.stub.switchboard import Switchboard
from clarion.gateways.stub.wire import Wire

log = get_logger(__name__)

LEDGER_LIMIT = 5_000_000


class StubServer:
    """Stub gateways on one port. `state_dir` keeps CA, seed and issued credentials over restarts; `port` 0 takes a
    free one; `ledger_limit` bounds the delivery ids remembered for each gateway."""

    def __init__(
        self, state_dir: Path, host: str = "127.0.0.1", port: int = 0, *, ledger_limit: int = LEDGER_LIMIT
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._state_dir = state_dir
        self._host = host
        self._port = port
        self._limit = ledger_limit
        self._authority = Authority.kept(state_dir, "Clarion stub gateways CA")
        self._server: asyncio.Server | None = None
        self._board: Switchboard | None = None
        self._pacer: Pacer | None = None

    @property
    def ca_file(self) -> Path:
        """PEM file of the CA that clients must trust."""
        return self._state_dir / CA_FILE

    @property
    def port(self) -> int:
        """The port in use."""
        return self._port

    @property
    def url(self) -> str:
        """`https://host:port`, an address a client on this machine can use."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self._host, self._host)  # noqa: S104
        return f"https://[{host}]:{self._port}" if ":" in host else f"https://{host}:{self._port}"

    @property
    def seed(self) -> bytes:
        """What subscriptions derive from (see `derive_subscriptions`)."""
        return self._running.keys.seed

    @property
    def _running(self) -> Switchboard:
        if self._board is None:
            raise ConfigurationError("The stub is not running.", "Await start() first.")
        return self._board

    async def start(self) -> None:
        """Listen. Raises ConfigurationError when the address cannot be used."""
        loop = asyncio.get_running_loop()
        self._pacer = Pacer(loop)
        board = Switchboard(self._state_dir, self._authority, self._pacer, self._limit)
        context = server_context(self._authority, self._state_dir, self._host)
        try:
            self._server = await loop.create_server(
                lambda: Wire(board),
                self._host,
                self._port,
                ssl=context,
                ssl_handshake_timeout=10,
                ssl_shutdown_timeout=2,
                backlog=512,
            )
        except OSError as error:
            raise ConfigurationError(
                f"The stub cannot listen on {self._host} port {self._port}: {error.strerror or error}.",
                "Choose another port, or 0 for a free one.",
            ) from None
        self._board = board
        self._port = self._server.sockets[0].getsockname()[1]
        log.info("stub_listening", url=self.url, ca_file=str(self.ca_file))

    async def stop(self) -> None:
        """Tell every connection goodbye and stop listening. Answers that wait by the knobs are not given."""
        if self._server is None or self._board is None or self._pacer is None:
            return
        self._server.close()
        self._pacer.stop()
        wires = list(self._board.wires)
        for wire in wires:
            wire.close()
        try:
            async with asyncio.timeout(1):
                for wire in wires:
                    await wire.gone.wait()
        except TimeoutError:
            for wire in wires:
                wire.abort()
        await self._server.wait_closed()
        self._server = None

    def issue(self, kind: str, name: str = "app", **more: str) -> keys.Document:
        """`POST /stub/credentials` without the network: members of `keys.Wanted`. Raises Invalid."""
        wanted = convert({"kind": kind, "name": name, **more}, keys.Wanted)
        return self._running.keys.issue(wanted, self.url)

    def set_knobs(self, document: Mapping[str, Any]) -> Knobs:
        """`PUT /stub/knobs` without the network. Raises Invalid."""
        return self._running.set_knobs(dict(document))

    def stats(self) -> Stats:
        """`GET /stub/stats` without the network."""
        return self._running.stats()

    def arrivals(self, kind: str) -> dict[int, int]:
        """Requests by the tenth of a second (epoch) they came in, for about the last hour of traffic, in that order."""
        return dict(self._running.courses[kind].tally.arrivals)

    def reset(self) -> None:
        """`POST /stub/reset` without the network."""
        self._running.reset()


async def serve_stub(
    state_dir: Path, host: str = "127.0.0.1", port: int = 0, *, ready: Callable[[StubServer], None] | None = None
) -> None:
    """Run the stub until cancelled; `ready` is called once it listens."""
    server = StubServer(state_dir, host, port)
    await server.start()
    try:
        if ready is not None:
            ready(server)
        await asyncio.Event().wait()
    finally:
        await server.stop()
