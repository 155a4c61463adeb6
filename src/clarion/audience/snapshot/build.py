"""Reads all devices of an application into the files of a base, in a process of its own that gives way to others.

Apart, because it keeps a core busy for seconds to a minute, and takes memory that goes back when it ends. `worker`
starts it with an `Order` on standard input and gets what it `Built` on standard output.
"""

import os
import sys
from pathlib import Path

import msgspec
import psycopg

from clarion.audience.snapshot import files, frames
from clarion.audience.snapshot.model import Base, Built, Order
from clarion.audience.snapshot.store import reading
from clarion.base import priority

_PAGES = 8192
"""Pages of a piece: 64 MiB of the table, about 120,000 devices."""


def build(order: Order, *, pages: int = _PAGES, parent: int | None = None) -> Built:
    """Read piece by piece, each a statement of its own. Ends early when the process `parent` is gone."""
    name = files.base_name()
    home = files.made(files.made(files.app_folder(Path(order.folder), order.app_id)) / name)
    encoder = frames.Encoder(order.forms, {})
    written: list[str] = []
    rows = 0
    with psycopg.connect(order.conninfo, autocommit=True, options="-c timezone=UTC") as conn:
        for first in range(0, max(1, reading.pages(conn, order.app_id)), pages):
            if parent is not None and os.getppid() != parent:
                raise SystemExit(1)
            frame = encoder.encode(reading.piece(conn, order.app_id, order.forms, first, first + pages))
            written.append(f"{len(written):04}.arrow")
            rows += frame.height
            frames.write(frame, home / written[-1])
    return Built(Base(name, tuple(written), rows), encoder.forms, encoder.words)


def main() -> None:
    """The process."""
    parent = os.getppid()
    priority.give_way(priority.BULK)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(build(order, parent=parent)))


if __name__ == "__main__":
    main()
