"""`clarion serve` and `clarion stub`: processes that stay up."""

import os
import signal
import socket
import ssl
import subprocess
import sys
from http.client import HTTPSConnection
from pathlib import Path

from clarion.assembly.supervisor import lives
from clarion.base.settings import Settings
from clarion.cli.running import running_of
from tests.cli.conftest import Clarion, Installation, started


def status_of(url: str, ca_file: str, path: str) -> int:
    host, _, port = url.removeprefix("https://").partition(":")
    connection = HTTPSConnection(host, int(port), context=ssl.create_default_context(cafile=ca_file), timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_an_installation_announces_where_it_listens(installation: Installation) -> None:
    assert status_of(installation.url, installation.ca_file, "/healthz") == 200
    assert status_of(installation.url, installation.ca_file, "/readyz") == 200


def test_a_port_in_use_is_told_before_anything_starts(installation: Installation, elsewhere: Clarion) -> None:
    port = installation.url.rpartition(":")[2]
    complaint = elsewhere.refused("serve", "--port", port)
    assert port in complaint["error"]
    assert "--port" in complaint["hint"]
    assert not (elsewhere.data_dir / "postgres").exists()


def test_the_plain_listener_is_on_loopback_and_on_demand(elsewhere: Clarion) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    arguments = ("serve", "--port", "0", "--http-port", port, "--log-level", "warning")
    with started(*arguments, data_dir=elsewhere.data_dir) as server:
        assert server["urls"]["http"] == f"http://127.0.0.1:{port}"
        elsewhere.run("users", "create", "a@shop.example")
        assert elsewhere.run("curl", "GET", "/v1/me", "--base-url", server["urls"]["http"]).stdout == "Welcome\n"


def test_a_data_folder_has_one_owner(installation: Installation) -> None:
    complaint = installation.clarion.refused("serve", "--port", "0")
    assert "already run" in complaint["error"]


def test_one_role_attaches_to_a_running_installation(installation: Installation) -> None:
    data_dir = installation.clarion.data_dir
    with started("serve", "--role", "api", "--port", "0", "--log-level", "warning", data_dir=data_dir) as second:
        assert second["urls"]["https"] != installation.url
        assert status_of(second["urls"]["https"], second["caFile"], "/readyz") == 200
    with started("serve", "--role", "sender", "--log-level", "warning", data_dir=data_dir) as third:
        assert third["urls"] == {}
        told = running_of(Settings(data_dir=data_dir))
        assert told is not None
        assert told.urls["https"] == installation.url, "the word stays with the installation itself"
        assert lives(third["pids"]["sender"])
    assert running_of(Settings(data_dir=data_dir)) == told


def test_a_role_needs_a_running_database(elsewhere: Clarion) -> None:
    assert "clarion serve" in elsewhere.refused("serve", "--role", "sender")["hint"]


def test_an_unknown_log_level_is_refused(elsewhere: Clarion) -> None:
    assert "loud" in elsewhere.refused("serve", "--log-level", "loud")["error"]


def test_settings_of_webhooks_are_looked_at_before_anything_starts(elsewhere: Clarion) -> None:
    assert "10.0.0.0/99" in elsewhere.refused("serve", "--webhook-network", "10.0.0.0/99")["error"]
    assert "absent.pem" in elsewhere.refused("serve", "--webhook-ca", "absent.pem")["error"]


def test_the_stub_cannot_share_a_port(elsewhere: Clarion) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert "cannot listen" in elsewhere.refused("stub", "--port", str(other.getsockname()[1]))["error"]


def test_an_attached_stub_ends_with_its_caller(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "clarion.cli.main", "stub", "--attached", "--json", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--data-dir", str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout, process.stdin:
        assert '"caFile"' in process.stdout.readline()
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_stub_ends_in_order_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "clarion.cli.main", "stub", "--port", "0", "--data-dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline().startswith("Stub gateways listen on https://127.0.0.1:")
        assert process.stdout.readline() == f"CA file: {tmp_path / 'stub' / 'ca.pem'}\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
