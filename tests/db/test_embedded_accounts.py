"""Under which account PostgreSQL runs: root's, an ordinary user's, one without a name, and whose files they may use.

Run by root these tests really change accounts; run by an ordinary user they go the same ways as far as he may.
"""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clarion.base.errors import ConfigurationError
from clarion.db.embedded import Binaries, EmbeddedServer, find_binaries, replica
from clarion.db.embedded.account import Account, choose_account
from clarion.db.embedded.folder import DataFolder
from clarion.db.embedded.replica import within_reach
from tests.db.embedded_scenarios import (
    NOBODY,
    UNSYNCED,
    WITHOUT_NAME,
    count_rows,
    live,
    live_without_name,
    own,
    running,
)

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every account may enter (pytest's own are closed to others)."""
    place = Path(tempfile.mkdtemp(prefix="clarion-open-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def home_of(uid: int, place: Path) -> Path:
    """An empty folder that belongs to the uid."""
    home = place / "home"
    home.mkdir(mode=0o700)
    if IS_ROOT:
        os.chown(home, uid, uid)
    return home


async def test_root_runs_postgresql_under_an_ordinary_account_in_a_folder_only_root_may_enter(
    server: EmbeddedServer, data_dir: Path
) -> None:
    account = choose_account(DataFolder.at(data_dir))
    assert account.uid != 0
    assert account.foreign == IS_ROOT
    assert (data_dir / "postgres").stat().st_uid == account.uid
    assert data_dir.stat().st_uid == os.geteuid()
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert Path(f"/proc/{server.pid}").stat().st_uid == account.uid


async def test_an_ordinary_user_runs_it_under_his_own_account(open_folder: Path) -> None:
    with running(live, home_of(NOBODY, open_folder) / "data", NOBODY) as user:
        told = await user.told()
    uid = NOBODY if IS_ROOT else os.geteuid()
    assert told == {"uid": uid, "owner": uid, "counted": 1}


async def test_a_uid_without_passwd_entry_creates_and_runs_a_database(open_folder: Path) -> None:
    with running(live_without_name, home_of(WITHOUT_NAME, open_folder) / "data", WITHOUT_NAME) as user:
        told = await user.told()
    assert told["counted"] == 1
    assert told["owner"] == told["uid"] == (WITHOUT_NAME if IS_ROOT else os.geteuid())
    assert list((open_folder / "home" / "data").glob(".postgresql-*")) == [], "the copied programs are removed"


async def test_root_works_for_the_owner_of_the_data_folder(open_folder: Path) -> None:
    """A container that starts as root on a volume that belongs to the application's account."""
    home = home_of(WITHOUT_NAME, open_folder)
    server = EmbeddedServer(home, settings=UNSYNCED)
    await server.start()
    await server.stop()
    with running(own, home, WITHOUT_NAME) as owner:
        told = await owner.told()
        assert count_rows(told["conninfo"]) == 0
        await owner.finish()


async def test_files_that_root_restored_are_given_back_to_the_account(server: EmbeddedServer, data_dir: Path) -> None:
    await server.stop()
    subprocess.run(["chown", "-R", f"{os.geteuid()}", data_dir], check=True)
    await server.start()
    assert count_rows(server.conninfo) == 0
    assert (data_dir / "postgres").stat().st_uid != 0


async def test_somebody_elses_cluster_is_refused_and_its_owner_named(open_folder: Path) -> None:
    home = home_of(NOBODY, open_folder)
    (home / "postgres").symlink_to("/")
    with running(live, home, NOBODY) as user:
        told = await user.told()
    assert told["error"] == "ConfigurationError"
    assert "belongs to user" in told["message"]
    assert "Run this command as that user" in told["message"]


async def test_a_data_folder_that_may_not_be_written_is_refused_with_what_to_do(open_folder: Path) -> None:
    with running(live, Path("/proc/clarion"), NOBODY) as user:
        told = await user.told()
    assert told["error"] == "ConfigurationError"
    assert "--data-dir" in told["message"]


def test_programs_out_of_reach_are_copied_once(
    tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root installed Clarion below /root, umask 077."""
    monkeypatch.delenv("CLARION_PG_BIN", raising=False)
    stranger = Account(uid=WITHOUT_NAME, gid=WITHOUT_NAME, foreign=True)
    private = tmp_path / "site-packages"
    replica._replicate(find_binaries(), private, shutil.copytree, shutil.copy2)
    subprocess.run(["chmod", "-R", "go-rwx", tmp_path], check=True)
    closed = find_binaries_in(private)
    monkeypatch.setattr(replica, "CACHE", open_folder / "cache")

    copied = within_reach(closed, stranger)
    assert copied.version == closed.version
    assert copied.folder.is_relative_to(open_folder)
    assert stranger.may_enter(copied.program("initdb"))
    assert (copied.folder.parent / "share" / "postgres.bki").stat().st_mode & 0o004
    said = subprocess.run([copied.program("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    assert copied.version in said

    before = copied.program("postgres").stat().st_ino
    assert within_reach(closed, stranger).program("postgres").stat().st_ino == before


def find_binaries_in(place: Path) -> Binaries:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLARION_PG_BIN", str(place / "package" / "install" / "bin"))
        return find_binaries()


def test_programs_that_cannot_be_copied_are_an_error_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "CACHE", Path("/proc/clarion"))
    monkeypatch.setattr(Account, "may_enter", lambda *_: False)
    with pytest.raises(ConfigurationError, match="/opt/clarion"):
        within_reach(find_binaries(), Account(uid=NOBODY, gid=NOBODY, foreign=True))
