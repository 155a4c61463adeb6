"""The cluster: created once, configured anew at every start, and its passwords.

Everything a start decides (sizes, sockets, who may log in) is written again each time, so that a new release or a
bigger machine takes effect; the operator's own settings in `postgres.conf` are appended and win. Nobody is trusted:
both roles log in with a random password over the unix socket (SCRAM), read by libpq from the passfile.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from psycopg.conninfo import make_conninfo

from clarion.base.errors import ConfigurationError, Unavailable
from clarion.db.embedded.account import Account, hand_over
from clarion.db.embedded.binaries import Binaries
from clarion.db.embedded.failures import explain_failure
from clarion.db.embedded.folder import DataFolder, explain
from clarion.db.embedded.lock import FileLock
from clarion.db.embedded.process import ended, spawn
from clarion.db.embedded.replica import for_initdb
from clarion.db.embedded.sizing import MB, machine_memory, shared_memory_device, sized_settings

SUPERUSER, ROLE, DATABASE = "postgres", "clarion", "clarion"
PORT = 5432
MINIMUM_FREE = 200 * MB
"""A new cluster is refused on a disk with less room than this (bytes): it takes 46 MB, its log up to 80 MB more."""

_BUILTIN_LOCALE_SINCE = 17

_HBA = """\
# Written by Clarion at every start: changes here are lost.
local all         all scram-sha-256
local replication all scram-sha-256
"""

_FIXED_SETTINGS = {
    "listen_addresses": "",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "lc_messages": "C",
    "client_connection_check_interval": "10s",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_file_mode": "0600",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Statements and the details of errors carry what people entered; the log keeps neither.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def major_version(folder: DataFolder) -> int | None:
    """The major version of the cluster in the folder; None when there is no cluster yet."""
    try:
        return int((folder.cluster / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise explain(error, folder.cluster) from error
    except ValueError as error:
        raise ConfigurationError(
            f"{folder.cluster} does not hold a usable PostgreSQL cluster.", "Restore it from a backup."
        ) from error


async def create(folder: DataFolder, account: Account, binaries: Binaries, alive: FileLock, *, durable: bool) -> None:
    """Create the cluster with a new password for its superuser. Whatever an interrupted attempt left is removed.

    Raises Unavailable when the disk lacks room, ConfigurationError when the folder cannot be used.
    """
    free = shutil.disk_usage(folder.path).free
    if free < MINIMUM_FREE:
        raise Unavailable(
            f"The disk that holds {folder.path} has {free // MB} MB free; "
            f"a new database needs {MINIMUM_FREE // MB} MB.",
            "Free some space there, or name a folder on another disk with --data-dir.",
        )
    if folder.cluster.exists() and any(folder.cluster.iterdir()):
        raise ConfigurationError(
            f"{folder.cluster} exists and is not a PostgreSQL cluster.", "Move it away, or name another --data-dir."
        )
    password = secrets.token_urlsafe(32)
    draft = folder.unfinished_cluster
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        hand_over(draft, account)
        with for_initdb(binaries, account, folder) as usable:
            await _initdb(folder, account, usable, alive, password, durable=durable)
        write_password(folder, password)
        draft.rename(folder.cluster)
        _sync(folder.path)
    except OSError as error:
        raise explain(error, draft) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


async def _initdb(
    folder: DataFolder, account: Account, binaries: Binaries, alive: FileLock, password: str, *, durable: bool
) -> None:
    draft = folder.unfinished_cluster
    command: list[str | Path] = [
        *(binaries.program("initdb"), "--pgdata", draft, "--username", SUPERUSER),
        *(["--locale-provider=builtin"] if binaries.major >= _BUILTIN_LOCALE_SINCE else []),
        *("--locale=C.UTF-8", "--encoding=UTF8", "--auth=scram-sha-256", "--pwfile=/dev/stdin", "--data-checksums"),
        *([] if durable else ["--no-sync"]),
    ]
    what = "The database could not be created"
    await _run(folder, account, command, draft, alive, stdin=f"{password}\n", what=what)


def configure(folder: DataFolder, account: Account, settings: Mapping[str, str]) -> None:
    """Write `postgresql.conf` and `pg_hba.conf`; `settings` go over ours, the operator's file goes over both."""
    sized = sized_settings(machine_memory(), shared_memory_device())
    # After a crash every file is flushed before recovery: one by one that takes long for many applications.
    flush = {"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}
    chosen = {**sized, **_FIXED_SETTINGS, **flush, **settings}
    lines = ["# Written by Clarion at every start: put your own settings into postgres.conf of the data folder."]
    lines += [f"{name} = '{value}'" for name, value in chosen.items()]
    lines += ["", f"# From {folder.operator_settings.name}:", folder.read(folder.operator_settings)]
    conf, hba = folder.cluster / "postgresql.conf", folder.cluster / "pg_hba.conf"
    folder.replace(conf, "\n".join(lines) + "\n", uid=account.uid, gid=account.gid)
    folder.replace(hba, _HBA, uid=account.uid, gid=account.gid)


def write_password(folder: DataFolder, password: str) -> None:
    """Keep the password of both roles in the passfile."""
    uid, gid = folder.owner()
    lines = [f"*:*:*:{role}:{password}\n" for role in (SUPERUSER, ROLE)]
    folder.replace(folder.passfile, "".join(lines), uid=uid, gid=gid)


def read_password(folder: DataFolder) -> str | None:
    """The password in the passfile; None when the file is missing or empty."""
    for line in folder.read(folder.passfile).splitlines():
        if line.startswith(f"*:*:*:{ROLE}:"):
            return line.rsplit(":", 1)[1]
    return None


def conninfo_for(folder: DataFolder, socket_folder: Path, *, role: str, database: str) -> str:
    """A libpq connection string without a secret in it: it names the passfile."""
    return make_conninfo(
        host=str(socket_folder), port=PORT, dbname=database, user=role, passfile=str(folder.passfile), sslmode="disable"
    )


async def reset_password(folder: DataFolder, account: Account, binaries: Binaries, alive: FileLock) -> None:
    """Give the superuser of a stopped cluster a new password, in single-user mode: for a passfile that was lost."""
    password = secrets.token_urlsafe(32)
    with for_initdb(binaries, account, folder) as usable:
        command: list[str | Path] = [usable.program("postgres"), "--single", "-D", folder.cluster]
        command += ["-c", "logging_collector=off", "postgres"]
        statement = f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n"
        what = "The lost database password could not be replaced"
        await _run(folder, account, command, folder.cluster, alive, stdin=statement, what=what)
    write_password(folder, password)


async def _run(
    folder: DataFolder,
    account: Account,
    command: Sequence[str | Path],
    place: Path,
    alive: FileLock,
    *,
    stdin: str,
    what: str,
) -> None:
    """Run a PostgreSQL program to its end in `place`; an error that begins with `what` when it fails."""
    output = os.fdopen(folder.open(folder.start_output, os.O_RDWR | os.O_TRUNC), "rb+")
    with output, _pipe_holding(stdin, account) as source:
        process = spawn(account, command, folder=place, output=output, stdin=source, keep=[alive.fd])
        try:
            code = await ended(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        output.seek(0)
        if code != 0:
            raise explain_failure(what, output.read().decode(errors="replace"), folder)


def _pipe_holding(text: str, account: Account) -> IO[bytes]:
    """The reading end of a pipe with a short text in it, which the account may open."""
    reading, writing = os.pipe()
    if account.foreign:
        os.fchown(reading, account.uid, account.gid)
    os.write(writing, text.encode())
    os.close(writing)
    return os.fdopen(reading, "rb")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
