"""The way of a call: with a token, and again where the API says that it is worth it (v2 rule 6.5).

Every POST and PATCH carries an idempotency key, a new one unless the caller has its own: what is sent again after a
lost connection, a 500, a 503 or a 429 is done once (v2 section 8).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from clarion.client.transport import Answer, BrokenOff, Transport
from clarion.client.v2.errors import problem_of, retry_after
from clarion.client.v2.tokens import Tokens

ATTEMPTS = 5
"""How often a request is tried in all while connections fail or the server does."""
_FIRST_PAUSE = 0.2

Pause = Callable[[float], Awaitable[None]]


class Caller:
    """Calls of one API client to one installation. Belongs to the event loop in which it is first used.

    `patience` is how long one request may wait in all, in seconds; `pause` is how it waits.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        scopes: Sequence[str] = (),
        ca_file: str = "",
        timeout: float = 60.0,
        patience: float = 180.0,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._transport = Transport(base_url, ca_file=ca_file, timeout=timeout)
        self.base_url = self._transport.base_url
        self._tokens = Tokens(client_id, client_secret, scopes, self._ask)
        self._patience = patience
        self._pause = pause

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        await self._transport.aclose()

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        key: str = "",
        if_match: str = "",
        if_none_match: str = "",
        accept: str = "application/json",
        also: Sequence[str] = (),
    ) -> Answer:
        """A call to `target`, path and query from `/v2` on; the answer whatever its status. `also` are scopes its token
        must have besides.

        A DELETE whose answer was lost and that finds nothing the second time has been done: 204. A key that has a 500
        saved for it is given up for a new one, as nothing was changed under it (v2 rule 8.5).

        Raises Unavailable when the server cannot be reached, TokenError when it gives no token.
        """
        headers = {"Accept": accept}
        if body:
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        if if_match:
            headers["If-Match"] = if_match
        if if_none_match:
            headers["If-None-Match"] = if_none_match
        if method in ("POST", "PATCH"):
            headers["Idempotency-Key"] = key or uuid4().hex
        trouble = _Trouble(self._patience, self._pause)
        renewed = lost = False
        while True:
            token = await self._tokens.current(method, target, also)
            try:
                answer = await self._transport.send(
                    method, target, {**headers, "Authorization": f"Bearer {token}"}, body
                )
            except BrokenOff as broken:
                lost = lost or broken.reached
                if not await trouble.wait():
                    raise
                continue
            if answer.status == 401 and not renewed:
                self._tokens.forget(token)
                renewed = True
                continue
            if answer.status == 404 and method == "DELETE" and lost:
                return Answer(204, answer.headers, b"")
            if not await trouble.wait(answer):
                return answer
            if answer.status == 500 and "idempotent-replayed" in answer.headers:
                headers["Idempotency-Key"] = uuid4().hex

    async def _ask(self, form: bytes, headers: dict[str, str]) -> Answer:
        """The answer of the token endpoint; asking again leaves earlier tokens valid (v2 rule 3.6)."""
        trouble = _Trouble(self._patience, self._pause)
        while True:
            try:
                answer = await self._transport.send("POST", "/oauth2/token", headers, form)
            except BrokenOff:
                if not await trouble.wait():
                    raise
                continue
            if not await trouble.wait(answer):
                return answer


class _Trouble:
    """What went wrong with one request so far."""

    def __init__(self, patience: float, pause: Pause) -> None:
        self._left = patience
        self._failures = 0
        self._pause = pause

    async def wait(self, answer: Answer | None = None) -> bool:
        """Wait until the request is worth another try, None for a lost connection; False when it is not worth it, was
        tried often enough, or the wait would be longer than patience allows."""
        seconds = 0.0 if answer is None else float(retry_after(answer.headers))
        if answer is None or answer.status in (500, 503):
            self._failures += 1
            if self._failures == ATTEMPTS:
                return False
            seconds = max(seconds, _FIRST_PAUSE * 2**self._failures * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        elif not (answer.status == 429 or _still_runs(answer)):
            return False
        seconds = max(seconds, _FIRST_PAUSE)
        if seconds > self._left:
            return False
        self._left -= seconds
        await self._pause(seconds)
        return True


def _still_runs(answer: Answer) -> bool:
    return answer.status == 409 and problem_of(answer).code == "idempotency_request_in_progress"
