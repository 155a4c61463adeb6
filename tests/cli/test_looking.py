"""`clarion status`, `clarion doctor`, `clarion db`, and what all commands have in common."""

import fcntl
import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from clarion import __version__
from clarion.cli.main import app
from clarion.db import migrate
from tests.cli.conftest import Clarion, Installation


def checks_of(text: str) -> dict[str, str]:
    return {each["check"]: each["state"] for each in json.loads(text)}


def commands() -> Iterator[tuple[str, ...]]:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    yield from below(root)


def below(group: TyperGroup) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from ((name, *inner) for inner in below(command))
        else:
            yield (name,)


@pytest.mark.parametrize("command", sorted(commands()), ids=" ".join)
def test_the_help_of_every_command_teaches_by_an_example(command: tuple[str, ...]) -> None:
    shown = Clarion(Path("unused")).run(*command, "--help", where=False).stdout
    assert re.search(rf"Examples?:\s+clarion {' '.join(command)}\b", shown), shown
    assert "--json" in shown
    assert ("--url" if command[0] == "v2" else "--data-dir") in shown


def test_the_version_is_told() -> None:
    assert Clarion(Path("unused")).run("--version", where=False).stdout == f"clarion {__version__}\n"


def test_wrong_usage_is_exit_code_2(clarion: Clarion) -> None:
    clarion.run("users", "create", code=2)
    clarion.run("no-such-command", code=2, where=False)
    clarion.run("segments", "create", "shop", "name", code=2)


def test_a_complaint_is_red_text_for_people_and_json_for_machines(clarion: Clarion) -> None:
    text = clarion.run("columns", "list", "nobody", code=1)
    assert text.stdout == ""
    assert "No application has the partner id nobody." in text.stderr
    complaint = clarion.refused("columns", "list", "nobody")
    assert complaint == {"error": complaint["error"], "hint": complaint["hint"]}
    assert complaint["hint"]


def test_brackets_in_names_are_shown_as_they_are(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    clarion.run("segments", "create", partner_id, "[bold]odd[/bold]", "--where", '{"any": []}')
    assert "[bold]odd[/bold]" in clarion.run("segments", "list", partner_id).stdout


def test_commands_work_without_a_running_server_and_say_that_they_make_a_database(elsewhere: Clarion) -> None:
    first = elsewhere.run("apps", "create", "shop", "--platform", "ios", "--name", "Shop")
    assert "no installation" in first.stderr
    second = elsewhere.run("apps", "list")
    assert "shop" in second.stdout
    assert second.stderr == ""


def test_the_status_of_a_running_installation(installation: Installation) -> None:
    shown = installation.clarion.json("status")
    assert shown["running"] is True
    assert shown["urls"] == {"https": installation.url}
    processes = {each["name"]: each for each in shown["processes"]}
    assert {name: each["pid"] for name, each in processes.items()} == installation.pids
    assert all(each["alive"] and each["memory"] > 10_000_000 for each in processes.values())
    assert shown["database"] == "reachable"
    assert shown["deadJobs"] == 0
    assert installation.url in installation.clarion.run("status").stdout


def test_the_server_tells_where_its_metrics_are(installation: Installation) -> None:
    found = json.loads((installation.clarion.data_dir / "supervisor.json").read_bytes())["metrics"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", found)


def test_the_status_tells_how_far_sends_are(installation: Installation, tmp_path: Path) -> None:
    """Design principle 5: the sums of a closed send reach its audience."""
    clarion = installation.clarion
    partner_id = clarion.new_app("android")
    clarion.run("apps", "set-gateway", partner_id, "--stub", installation.stub)
    (tmp_path / "devices.csv").write_text("UDID;token\nA;token-a\nB;token-b\nC;\n")
    clarion.run("devices", "import", partner_id, str(tmp_path / "devices.csv"))
    segment = clarion.json("segments", "create", partner_id, "All", "--where", '{"all": []}')["id"]
    email, _ = clarion.new_person("--apps", partner_id)
    message = {"name": "M", "segments": {"campaignSegments": [segment]}, "messages": [{"text": "Hello"}]}
    root = f"/v1/me/apps/{partner_id}/messages"
    made = clarion.run("curl", "POST", root, "--email", email, "--json", json.dumps(message))
    clarion.run("curl", "POST", f"{root}/{json.loads(made.stdout)['id']}/send", "--email", email)
    deadline = time.monotonic() + 30
    while True:
        [send] = [each for each in clarion.json("status")["sends"] if each["partnerId"] == partner_id]
        if send["state"] == "closed" or time.monotonic() > deadline:
            break
    assert (send["state"], send["audience"], send["pending"]) == ("closed", 3, 0)
    assert sum(send["counts"].values()) == 3
    assert (send["counts"]["delivered"], send["counts"]["suppressed"]) == (2, 1)
    line = f"{partner_id}, send {send['send']}: closed, audience 3: 2 delivered, 1 suppressed"
    assert line in clarion.run("status").stdout


def test_the_status_of_an_installation_that_does_not_run(elsewhere: Clarion) -> None:
    shown = elsewhere.json("status")
    assert (shown["running"], shown["processes"], shown["sends"]) == (False, [], [])
    assert "No database runs" in shown["database"]
    assert "No server" in elsewhere.run("status").stdout
    assert not elsewhere.data_dir.exists()


def test_a_sound_installation_passes_every_check(installation: Installation) -> None:
    port = installation.url.rpartition(":")[2]
    result = installation.clarion.run("doctor", "--port", port, "--json")
    found = checks_of(result.stdout)
    assert set(found) == {
        *("python", "data folder", "disk space", "PostgreSQL programs", "database", "revision", "clock"),
        *("sealing key", "gateway credentials", "certificate", "port"),
    }
    assert {state for name, state in found.items() if name != "gateway credentials"} == {"ok"}


def test_before_the_first_start_there_is_little_to_check(elsewhere: Clarion) -> None:
    found = checks_of(elsewhere.run("doctor", "--port", "0", "--json").stdout)
    assert found["database"] == found["revision"] == "skipped"
    assert found["data folder"] == "warning"
    assert not elsewhere.data_dir.exists()


def test_a_lost_sealing_key_and_a_port_in_use_are_found(elsewhere: Clarion) -> None:
    elsewhere.run("users", "create", "a@shop.example")
    (elsewhere.data_dir / "seal.key").unlink()
    assert "seal.key" in elsewhere.refused("users", "create", "b@shop.example")["error"]
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = elsewhere.run("doctor", "--port", port, "--json", code=1)
        assert port in elsewhere.run("doctor", "--port", port, code=1).stdout
    found = checks_of(result.stdout)
    assert found["sealing key"] == found["port"] == "failed"
    assert found["gateway credentials"] == "skipped"
    assert not (elsewhere.data_dir / "seal.key").exists()


def test_a_certificate_that_is_none_is_found(elsewhere: Clarion, tmp_path: Path) -> None:
    (tmp_path / "tls.pem").write_text("no certificate")
    given = ("--certificate", str(tmp_path / "tls.pem"), "--certificate-key", str(tmp_path / "tls.pem"))
    assert checks_of(elsewhere.run("doctor", "--port", "0", "--json", *given, code=1).stdout)["certificate"] == "failed"


def test_the_embedded_database_is_at_the_newest_revision(clarion: Clarion) -> None:
    newest = migrate.newest()
    assert clarion.json("db", "migrate") == {"revision": newest, "before": newest}


def test_a_database_by_url_is_migrated_when_told(empty_database: str, elsewhere: Clarion) -> None:
    where = ("--database-url", empty_database)
    complaint = elsewhere.refused("apps", "list", *where)
    assert "clarion db migrate" in complaint["hint"]
    assert elsewhere.json("db", "migrate", *where) == {"revision": migrate.newest(), "before": None}
    assert elsewhere.json("apps", "list", *where) == []
    assert elsewhere.json("db", "migrate", *where)["before"] == migrate.newest()


def test_a_database_that_does_not_answer_is_named(elsewhere: Clarion) -> None:
    complaint = elsewhere.refused("apps", "list", "--database-url", "postgresql://nobody@127.0.0.1:9/none")
    assert "PostgreSQL cannot be reached" in complaint["error"]


def test_a_live_view_needs_a_terminal_and_is_no_json(clarion: Clarion) -> None:
    assert "terminal" in clarion.run("status", "--live", code=1).stderr
    assert "not both" in clarion.refused("status", "--live")["hint"]


def test_the_live_view_shows_a_running_installation_and_leaves_the_terminal_as_it_was(
    installation: Installation,
) -> None:
    """In a terminal of 80 columns by 24 lines, ended with `q`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "clarion.cli.main",
            "status",
            "--live",
            "--data-dir",
            str(installation.clarion.data_dir),
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    shown = b""
    try:
        while b"sender-1" not in shown:
            assert select.select([ours], [], [], 60)[0], shown
            shown += os.read(ours, 65536)
        os.write(ours, b"q")
        while process.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                shown += os.read(ours, 65536)
        assert process.returncode == 0, shown
        while select.select([ours], [], [], 0)[0]:
            shown += os.read(ours, 65536)
        assert b"\x1b[?1049h" in shown, "the alternate screen is used"
        assert b"\x1b[?1049l" in shown, "and left"
        assert b"running" in shown
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)
