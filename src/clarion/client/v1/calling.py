"""The way of a call: signed, with a token, tried again where that can do no harm.

A token is fetched with the first call and renewed once when the server says that it is over (v1 rules 3 to 16).
Requests that change nothing are tried again when the connection fails; the others only when it was never made.
"""

import asyncio
import hashlib
import random

import msgspec

from clarion.base import clock
from clarion.client.transport import Answer, BrokenOff, Transport
from clarion.client.v1.errors import errors_of, refusal

__all__ = ["ATTEMPTS", "Answer", "Caller", "signature"]

ATTEMPTS = 3
"""How often a request is tried in all while the connection fails."""
_FIRST_PAUSE = 0.2


def signature(body: bytes, api_key: str, time: str) -> str:
    """SHA-1 over raw body, API key and digits of the time, in hexadecimal (v1 rule 5)."""
    return hashlib.sha1(body + api_key.encode() + time.encode(), usedforsecurity=False).hexdigest()


class Caller:
    """Calls of one person to one installation. Belongs to the event loop in which it is first used."""

    def __init__(self, base_url: str, email: str, api_key: str, *, ca_file: str = "", timeout: float = 60.0) -> None:
        self._transport = Transport(base_url, ca_file=ca_file, timeout=timeout)
        self.base_url = self._transport.base_url
        self._email = email
        self._api_key = api_key
        self._token = ""
        self._fetching = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        await self._transport.aclose()

    async def request(self, method: str, target: str, body: bytes = b"", *, token: bool = True) -> Answer:
        """A signed call to `target`, path and query from `/v1` on; the answer whatever its status.

        Raises Unavailable when the server cannot be reached or breaks off, ApiError when it gives no token.
        """
        if not token:
            return await self._sent(method, target, body, "")
        used = await self._current_token()
        answer = await self._sent(method, target, body, used)
        if _token_is_over(answer):
            if self._token == used:
                self._token = ""
            answer = await self._sent(method, target, body, await self._current_token())
        return answer

    async def _current_token(self) -> str:
        async with self._fetching:
            if not self._token:
                body = msgspec.json.encode({"email": self._email})
                answer = await self._sent("POST", "/v1/access_token", body, "")
                if answer.status != 200:
                    raise refusal("An access token", answer.status, answer.body)
                self._token = answer.json["access_token"]
            return self._token

    async def _sent(self, method: str, target: str, body: bytes, token: str) -> Answer:
        attempt = 1
        while True:
            try:
                return await self._transport.send(method, target, self._headers(method, body, token), body)
            except BrokenOff as broken:
                if attempt == ATTEMPTS or (broken.reached and method != "GET"):
                    raise
            await asyncio.sleep(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            attempt += 1

    def _headers(self, method: str, body: bytes, token: str) -> dict[str, str]:
        time = str(int(clock.now().timestamp()))
        signed = b"" if method == "GET" else body
        headers = {"Accengage-Time": time, "Accengage-Signature": signature(signed, self._api_key, time)}
        if body:
            headers["Content-Type"] = "application/json"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers


def _token_is_over(answer: Answer) -> bool:
    """Expired (401), or not known any more (400): in both cases a new one helps (v1 rules 14 and 24)."""
    return answer.status in (400, 401) and any(error.label == "API_ERR_TOKEN" for error in errors_of(answer.body))
