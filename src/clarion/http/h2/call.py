"""One request on its way: what was asked, whom to tell, and what has come back so far."""

from msgspec import Struct

from clarion.base.telemetry import get_logger
from clarion.http.h2.model import Answer, Completion, Failure, Headers

log = get_logger(__name__)


class Call(Struct, eq=False, gc=False):
    """A request between `submit` and its completion. Too short-lived to be shown to the garbage collector.

    It lies in exactly one place at a time, the channel's queue or one connection's table of streams; whoever takes it
    out of there must put it into the other or finish it, which is how every completion is called exactly once.
    """

    headers: Headers
    body: bytes
    done: Completion
    timeout: float
    deadline: float
    attempts: int = 0
    head: tuple[tuple[bytes, bytes], ...] = ()
    content: bytes = b""
    parts: list[bytes] | None = None
    size: int = 0
    ended: bool = False

    def finish(self, result: Answer | Failure) -> None:
        """Hand the result over. A completion that raises is logged: it must not stop the answers behind it."""
        try:
            self.done(result)
        except Exception:
            log.exception("completion_failed")
