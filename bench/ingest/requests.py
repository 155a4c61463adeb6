"""What both sides need: requests as bytes, and to know when a server answers."""

import asyncio
from collections.abc import Mapping

import aiohttp
import msgspec


def request(method: str, path: str, headers: Mapping[str, str], body: object) -> bytes:
    """A request with a JSON body."""
    content = msgspec.json.encode(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


async def until_answered(url: str) -> None:
    """Wait until a server answers 200 there, a minute at most."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)
