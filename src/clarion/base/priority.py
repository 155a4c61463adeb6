"""Giving way: a process that works in bulk has the machine only while nobody else wants it.

On Linux with autogroups a nice value counts only among the processes of one session, and every session has the same
share of the machine, whatever its processes are called (sched(7)). Our processes, and PostgreSQL's, have sessions of
their own, so that the session has to be made to give way as well.
"""

import contextlib
import os
from pathlib import Path

BULK = 10
"""How nice (0 to 19) bulk work is: a tenth of the share of what people wait for, so that it still comes forward."""


def give_way(niceness: int, pid: int = 0) -> None:
    """Make a process of this machine, 0 for this one, and the session it leads, so nice. What the system does not
    permit is left undone: it is a matter of speed."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    with contextlib.suppress(OSError):
        if os.getsid(pid) == (pid or os.getpid()):
            Path(f"/proc/{pid or os.getpid()}/autogroup").write_text(str(niceness))
