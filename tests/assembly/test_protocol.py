"""The head of a request is bounded in size and in time, whoever sends it (design section 8)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from clarion.api.exchange import Message, Receive, Response, Send, send_response
from clarion.assembly.protocol import BoundedProtocol

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


class Impatient(BoundedProtocol):
    """With bounds a test can reach."""

    max_head = 2000
    head_seconds = 0.2


async def echo(_scope: Message, receive: Receive, send: Send) -> None:
    """Answers with the size of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send_response(send, Response(200, [], str(size).encode()), head=False)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that speaks the protocol."""
    server = uvicorn.Server(
        uvicorn.Config(echo, port=0, http=Impatient, loop="none", lifespan="off", log_config=None, ws="none")
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
    finally:
        server.should_exit = True
        await serving


async def status(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, which is read whole."""
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
    return int(head.split()[1])


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server closes the connection without a further word."""
    async with asyncio.timeout(10):
        return await reader.read() == b""


@pytest.mark.parametrize("piece", [b"X-A: b\r\n", b"a"])
async def test_a_head_without_end_is_answered_431(piece: bytes) -> None:
    async with connected() as (reader, writer):
        writer.write(HEAD + b"X-Long: ")
        for _ in range(30):
            writer.write(piece * (100 // len(piece)))
            await writer.drain()
        assert await status(reader) == 431
        assert await ended(reader)


async def test_half_a_head_is_given_up() -> None:
    async with connected() as (reader, writer):
        writer.write(HEAD)
        assert await ended(reader)


async def test_a_connection_without_a_head_is_given_up() -> None:
    async with connected() as (reader, _):
        assert await ended(reader)


async def test_later_heads_of_a_connection_are_bounded_too() -> None:
    async with connected() as (reader, writer):
        for _ in range(3):
            writer.write(HEAD + b"X-A: " + b"a" * 900 + b"\r\n\r\n")
            assert await status(reader) == 200
        writer.write(HEAD)
        assert await ended(reader)


async def test_bodies_and_pipelined_requests_pass() -> None:
    """A body is as long as it is and takes its time; a piece that ends a body and begins a head is no head."""
    body = b"b" * 50_000
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n"
    async with connected() as (reader, writer):
        writer.write(post + body[:10])
        other, idle = await asyncio.open_connection(*writer.get_extra_info("peername"))
        assert await ended(other), "by now a head would have been given up"
        idle.close()
        writer.write(body[10:] + post + body + HEAD[:10])
        assert [await status(reader), await status(reader)] == [200, 200]
        writer.write(HEAD[10:] + b"\r\n")
        assert await status(reader) == 200
