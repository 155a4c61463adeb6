"""From what PostgreSQL printed to the error a person can act on."""

import re
from pathlib import Path

from clarion.base.errors import ClarionError, ConfigurationError, Unavailable
from clarion.db.embedded.folder import DataFolder, disk_full

_TAIL = 8192


class LogMark:
    """The ends of PostgreSQL's logs before a start, so that later only what that start wrote is read."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._sizes = {path: path.stat().st_size for path in self._files() if path != folder.start_output}

    def news(self) -> str:
        """What was logged since, the start's own output first."""
        parts = []
        for path in self._files():
            with path.open("rb") as file:
                size = path.stat().st_size
                before = self._sizes.get(path, 0)
                file.seek(max(before if before <= size else 0, size - _TAIL))
                parts.append(file.read().decode(errors="replace"))
        return "\n".join(parts)

    def _files(self) -> list[Path]:
        found = sorted((self._folder.cluster / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        return [path for path in (self._folder.start_output, *found) if path.is_file()]


def explain_failure(what: str, output: str, folder: DataFolder) -> ClarionError:
    """The error for a program that ended badly. `what` begins the sentence ("PostgreSQL did not start")."""
    if re.search(r"^(?!.*shared memory).*(No space left on device|Disk quota exceeded)", output, re.MULTILINE):
        return disk_full(folder.path)
    reason = _reason(output)
    if re.search(r"shared memory|Cannot allocate memory|out of memory", reason):
        return Unavailable(
            f"{what}: {reason}", f"Give the machine more memory, or lower shared_buffers in {folder.operator_settings}."
        )
    if "configuration file" in output or "invalid value for parameter" in output:
        return ConfigurationError(
            f"{what}: {reason}",
            f"Correct {folder.operator_settings}, or the settings made with ALTER SYSTEM in "
            f"{folder.cluster / 'postgresql.auto.conf'}.",
        )
    return Unavailable(
        f"{what}: {reason}", f"More is in {folder.start_output} and in the folder {folder.cluster / 'log'}."
    )


def _reason(output: str) -> str:
    """The line that tells most: the first one about the configuration, or the last fatal one, or simply the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for pattern, which in ((r"configuration file .* line|parameter \"", 0), (r"PANIC:|FATAL:|error:", -1)):
        telling = [line for line in lines if re.search(pattern, line)]
        if telling:
            return re.sub(r"^.*?(?:PANIC|FATAL|LOG|error):\s*", "", telling[which])
    return lines[-1] if lines else "it ended without a word"
