"""One log stream for all processes: structlog, JSON for machines or coloured lines for people, on standard error.

A processor drops anything whose name says it is a secret, as a last line of defence: secrets are not logged at all.
"""

import logging
import sys
from typing import Any

import structlog

_SECRET_WORDS = (
    "secret", "password", "api_key", "private_key", "authorization", "signature", "token", "credential", "conninfo",
)  # fmt: skip


def configure(*, json: bool, level: str = "info", process: str = "") -> None:
    """Set up logging for this process. `process` is added to every line ("api-1", "sender-2", "supervisor")."""
    coloured = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    renderer: Any = structlog.processors.JSONRenderer() if json else coloured
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    if process:
        structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `module=name`; events are snake_case words, facts are keyword arguments."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(module=name)
    return logger


def _hide_secrets(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = "[hidden]"
    return event
