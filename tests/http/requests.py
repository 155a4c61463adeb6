"""Requests for tests, and a collector of their results."""

from collections.abc import Sequence

from clarion.http.h2 import Answer, Channel, Failure, Headers
from tests.http.peer import until


def post(path: str, *more: tuple[bytes, bytes]) -> Headers:
    """The fields of a POST."""
    return (
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"localhost"),
        (b":path", path.encode()),
        *more,
    )


class Results:
    """Submits requests and keeps what each of them came to; two results for one request show as two entries."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.of: dict[str, list[Answer | Failure]] = {}

    def submit(self, path: str, body: bytes = b"", *, timeout: float | None = None) -> None:
        results = self.of.setdefault(path, [])
        self._channel.submit(post(path), body, results.append, timeout=timeout)

    async def all(self, seconds: float = 20.0) -> list[Answer | Failure]:
        """Wait until every request has a result: the results in order of submission."""
        await until(lambda: all(self.of.values()), seconds)
        return [results[0] for results in self.of.values()]

    @property
    def doubles(self) -> Sequence[str]:
        return [path for path, results in self.of.items() if len(results) > 1]


def statuses(results: Sequence[Answer | Failure]) -> set[int]:
    """The statuses of answers; a failure fails the test with its reason."""
    for result in results:
        assert isinstance(result, Answer), result
    return {result.status for result in results if isinstance(result, Answer)}
