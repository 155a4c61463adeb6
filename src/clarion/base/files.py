"""Files that hold secrets: readable by their owner only from the first byte, and whole or not there at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 in one step, in place of whatever bears the name."""
    with _beside(path, content) as scratch:
        scratch.replace(path)


def create_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 in one step unless there is one: of several processes the first has its way."""
    with _beside(path, content) as scratch:
        try:
            os.link(scratch, path)
        except FileExistsError:
            return


@contextmanager
def _beside(path: Path, content: bytes) -> Iterator[Path]:
    """The content, safe on disk, in a file of the same folder, which is gone afterwards."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    scratch = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)
