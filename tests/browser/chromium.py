"""A headless Chromium over its DevTools protocol: pages are opened, scripts run in them, pictures taken.

Where no Chromium is installed the tests that need one say so and are not run.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support import until

BINARY = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
_PATIENCE = 60.0
"""Seconds until a browser that does not answer fails a test."""
NOT_RUN = "NOT RUN: no Chromium is installed (Debian: apt-get install chromium)"
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--ignore-certificate-errors",
    "--hide-scrollbars",
)


class ScriptFailed(Exception):
    """A script run in the page raised."""


class Page:
    """One tab. `complaints` are what the browser wrote to its console as errors, refusals of the policy included;
    `addresses` are those of all requests."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []
        self.addresses: list[str] = []

    async def listen(self) -> None:
        """Take what the browser sends, until it closes the tab."""
        async for message in self._socket:
            read = json.loads(message.data)
            if "id" in read:
                self._waiting.pop(read["id"]).set_result(read)
            elif read["method"] == "Log.entryAdded" and read["params"]["entry"]["level"] == "error":
                self.complaints.append(read["params"]["entry"]["text"])
            elif read["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(read["params"]["exceptionDetails"])[:500])
            elif read["method"] == "Network.requestWillBeSent":
                self.addresses.append(read["params"]["request"]["url"])

    async def command(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol."""
        number = next(self._numbers)
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = found
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(found, _PATIENCE)
        if "error" in answer:
            raise ScriptFailed(answer["error"]["message"])
        return answer["result"]

    async def open(self, url: str, heading: str) -> None:
        """Go to an address and wait until the page's heading holds a text."""
        await self.command("Page.navigate", url=url)
        await self.wait(f"document.querySelector('h1')?.textContent.includes({json.dumps(heading)})")

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited when it is a promise. Raises ScriptFailed."""
        result = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise ScriptFailed(json.dumps(result["exceptionDetails"])[:800])
        return result["result"].get("value")

    async def wait(self, script: str) -> None:
        """Wait until an expression is true."""

        async def holds() -> bool:
            try:
                return bool(await self.run(script))
            except ScriptFailed:
                return False

        await until(holds, seconds=_PATIENCE)

    async def fill(self, label: str, text: str) -> None:
        """Type into the field with a label, in the order of the page."""
        script = f"""(() => {{
            const named = (each) => each.textContent.trim().startsWith({json.dumps(label)});
            const field = [...document.querySelectorAll("label")].find(named).querySelector("input, textarea, select");
            field.value = {json.dumps(text)};
            field.dispatchEvent(new Event("input", {{ bubbles: true }}));
        }})()"""
        await self.run(script)

    async def press(self, label: str) -> None:
        """Press the button with a label."""
        await self.run(
            f"[...document.querySelectorAll('button')].find((each) => each.textContent === {json.dumps(label)}).click()"
        )

    async def key(self, key: str) -> None:
        """Press a key."""
        text = key if len(key) == 1 else ""
        await self.command("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        await self.command("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def picture(self, path: Path) -> None:
        """Save what is seen as PNG."""
        path.write_bytes(base64.b64decode((await self.command("Page.captureScreenshot", format="png"))["data"]))

    async def size(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """The size of the window in CSS pixels, and the theme of the system."""
        await self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )
        scheme = "dark" if dark else "light"
        await self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """A tab of a browser of its own."""
    assert BINARY is not None, NOT_RUN
    with tempfile.TemporaryDirectory(prefix="clarion-chromium-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            BINARY,
            *_FLAGS,
            f"--user-data-dir={folder}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port_file = Path(folder) / "DevToolsActivePort"

            async def started() -> bool:
                return port_file.exists() and port_file.read_text().count("\n") >= 1

            await until(started, seconds=_PATIENCE)
            port = port_file.read_text().splitlines()[0]
            async with aiohttp.ClientSession() as session:
                async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
                    target = await answer.json()
                async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    listening = asyncio.create_task(page.listen())
                    for domain in ("Page", "Runtime", "Log", "Network"):
                        await page.command(f"{domain}.enable")
                    try:
                        yield page
                    finally:
                        await page.command("Browser.close")  # its other processes end with it
                        listening.cancel()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
