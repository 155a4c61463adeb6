"""An embedded PostgreSQL: found, created, started, watched and stopped by Clarion itself, over a unix socket.

`EmbeddedServer` is for the one process that owns a data folder, `attach` for every other process, `borrow` for a
command that needs the database whether or not a server runs. Pools, SQL and migrations are other rooms of `clarion.db`.
"""

from clarion.db.embedded.binaries import Binaries, find_binaries
from clarion.db.embedded.server import EmbeddedServer
from clarion.db.embedded.sharing import attach, borrow

__all__ = ["Binaries", "EmbeddedServer", "attach", "borrow", "find_binaries"]
