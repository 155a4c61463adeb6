"""The embedded server in everyday life: created, started, stopped, configured, closed to all without a password."""

import asyncio
import os
import stat
from pathlib import Path

import psycopg
import pytest
import uvloop
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clarion.base.errors import ConfigurationError
from clarion.db.embedded import EmbeddedServer
from tests.db.embedded_scenarios import UNSYNCED, add_row, count_rows


async def test_the_first_start_creates_a_database_whose_owner_is_no_superuser(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "new" / "data")
    await server.start()
    try:
        with psycopg.connect(server.conninfo) as conn:
            found = conn.execute(
                "SELECT current_database(), current_user, rolsuper, current_setting('fsync'), getdatabaseencoding()"
                " FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    finally:
        await server.stop()
    assert found == ("clarion", "clarion", False, "on", "UTF8")


async def test_text_sorts_by_code_point_and_letters_of_all_languages_change_case(server: EmbeddedServer) -> None:
    with psycopg.connect(server.conninfo) as conn:
        found = conn.execute("SELECT lower('ÄÉŽΩ'), 'Z' < 'a'").fetchone()
    assert found == ("äéžω", True)


async def test_data_stay_over_stop_and_start(server: EmbeddedServer) -> None:
    add_row(server.conninfo)
    await server.stop()
    await server.start()
    assert count_rows(server.conninfo) == 1


async def test_starting_a_running_server_changes_nothing(server: EmbeddedServer) -> None:
    before = server.pid
    await server.start()
    assert server.pid == before


async def test_stopping_leaves_no_process_and_no_socket_folder(server: EmbeddedServer) -> None:
    pid, sockets = server.pid, Path(str(conninfo_to_dict(server.conninfo)["host"]))
    assert sockets.is_dir()
    await server.stop()
    assert not sockets.exists()
    assert pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    "name",
    ["with spaces and 'quotes'", "größer\\backslash", "/".join(["fifty-characters-of-folder-name-" + "x" * 18] * 5)],
)
async def test_any_path_serves_however_long_or_odd(name: str, tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / name, settings=UNSYNCED)
    await server.start()
    try:
        add_row(server.conninfo)
        assert count_rows(server.conninfo) == 1
    finally:
        await server.stop()


async def test_nobody_is_trusted(server: EmbeddedServer) -> None:
    with psycopg.connect(server.admin_conninfo) as conn:
        methods = conn.execute("SELECT DISTINCT auth_method, error FROM pg_hba_file_rules").fetchall()
    assert methods == [("scram-sha-256", None)]
    for role in ("clarion", "postgres"):
        with pytest.raises(psycopg.OperationalError, match=r"no password supplied|password authentication failed"):
            psycopg.connect(make_conninfo(server.conninfo, user=role, passfile=os.devnull))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(server.conninfo, user=role, password="guessed"))


async def test_there_is_no_network_listener(server: EmbeddedServer) -> None:
    with psycopg.connect(server.admin_conninfo) as conn:
        assert conn.execute("SHOW listen_addresses").fetchone() == ("",)


async def test_the_password_is_in_no_connection_string_and_readable_by_the_owner_alone(
    server: EmbeddedServer, data_dir: Path
) -> None:
    passfile = data_dir / "postgres.pass"
    assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
    password = passfile.read_text().splitlines()[0].rsplit(":", 1)[1]
    assert len(password) > 40
    assert password not in server.conninfo + server.admin_conninfo
    assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700


async def test_a_lost_passfile_is_made_anew(server: EmbeddedServer, data_dir: Path) -> None:
    add_row(server.conninfo)
    await server.stop()
    (data_dir / "postgres.pass").unlink()
    await server.start()
    assert count_rows(server.conninfo) == 1


async def test_a_passfile_of_another_database_is_refused_with_what_to_do(
    server: EmbeddedServer, data_dir: Path
) -> None:
    await server.stop()
    (data_dir / "postgres.pass").write_text("*:*:*:postgres:other\n*:*:*:clarion:other\n")
    with pytest.raises(ConfigurationError, match="delete it"):
        await server.start()


async def test_our_environment_does_not_reach_postgresql(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLARION_SEAL_KEY", "a-secret-of-the-environment")
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    await server.start()
    try:
        with psycopg.connect(server.admin_conninfo) as conn:
            found = conn.execute("SELECT pg_read_binary_file('/proc/self/environ')").fetchone()
    finally:
        await server.stop()
    assert found
    assert b"a-secret" not in found[0]


async def test_ctrl_c_in_the_terminal_does_not_reach_postgresql(server: EmbeddedServer) -> None:
    assert server.pid
    assert os.getsid(server.pid) != os.getsid(0)


async def test_the_operators_settings_win(server: EmbeddedServer, data_dir: Path) -> None:
    await server.stop()
    (data_dir / "postgres.conf").write_text("work_mem = '7MB'\nautovacuum_naptime = 33\n")
    await server.start()
    with psycopg.connect(server.conninfo) as conn:
        assert conn.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert conn.execute("SHOW autovacuum_naptime").fetchone() == ("33s",)


async def test_a_wrong_setting_is_named_and_can_be_corrected(server: EmbeddedServer, data_dir: Path) -> None:
    await server.stop()
    (data_dir / "postgres.conf").write_text("work_memory = '7MB'\n")
    with pytest.raises(ConfigurationError, match=r'"work_memory".*postgres\.conf'):
        await server.start()
    (data_dir / "postgres.conf").unlink()
    await server.start()
    assert count_rows(server.conninfo) == 0


async def test_a_folder_that_is_no_cluster_is_left_alone(tmp_path: Path) -> None:
    something = tmp_path / "postgres" / "thesis.txt"
    something.parent.mkdir()
    something.write_text("years of work")
    with pytest.raises(ConfigurationError, match="not a PostgreSQL cluster"):
        await EmbeddedServer(tmp_path).start()
    assert something.read_text() == "years of work"


async def test_a_failed_start_keeps_neither_lock_nor_process(server: EmbeddedServer, data_dir: Path) -> None:
    await server.stop()
    (data_dir / "postgres.conf").write_text("nonsense\n")
    with pytest.raises(ConfigurationError):
        await server.start()
    assert await asyncio.wait_for(server.wait_died(), 1) != 0 or server.pid is None
    (data_dir / "postgres.conf").unlink()
    another = EmbeddedServer(data_dir, settings=UNSYNCED)
    await another.start()
    await another.stop()


def test_it_runs_under_uvloop(data_dir: Path) -> None:
    async def life() -> int:
        server = EmbeddedServer(data_dir, settings=UNSYNCED)
        await server.start()
        try:
            assert server.pid
            os.kill(server.pid, 9)
            code = await asyncio.wait_for(server.wait_died(), 10)
            await server.start()
            assert count_rows(server.conninfo) == 0
            return code
        finally:
            await server.stop()

    assert uvloop.run(life()) == -9
