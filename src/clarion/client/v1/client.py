"""`V1Client`: one method for each operation, over one caller."""

from types import TracebackType
from typing import Self

from clarion.client.v1.calling import Answer, Caller
from clarion.client.v1.resources import Operations


class V1Client(Operations):
    """The v1 API as one person sees it.

    `ca_file` holds the authorities to trust, "" those of the machine; `timeout` is in seconds and for one exchange.
    Belongs to the event loop in which it is first used; `async with` closes its connections at the end.
    Raises ConfigurationError for an address or a CA file that is none.
    """

    def __init__(self, base_url: str, email: str, api_key: str, *, ca_file: str = "", timeout: float = 60.0) -> None:
        super().__init__(Caller(base_url, email, api_key, ca_file=ca_file, timeout=timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        await self._caller.aclose()

    async def request(self, method: str, target: str, body: bytes = b"") -> Answer:
        """A signed call of your own: path and query from `/v1` on, the raw body; the answer whatever its status.

        Raises Unavailable when the server cannot be reached, ApiError when it gives no token.
        """
        return await self._caller.request(method, target, body)
