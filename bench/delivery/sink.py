"""The independent sink: nginx on loopback, HTTP/2 over TLS, that answers every push with success.

It stands in for APNs, for FCM and for the token endpoint of Google's accounts, under the names that clients which
cannot be told another address insist on.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clarion.base import priority
from clarion.base.authority import CA_FILE, Authority

_NAMES = ("localhost", "fcm.googleapis.com", "api.push.apple.com")
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    http2_max_concurrent_streams {streams};
    server {{
        listen 127.0.0.1:{port} ssl http2;
        server_name localhost;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        default_type application/json;
        location /3/device/ {{ add_header apns-id $http_apns_id; return 200; }}
        location /v1/projects/ {{ return 200 '{{"name":"projects/clarion-bench/messages/0:1700000000000000%a"}}'; }}
        location /token {{ return 200 '{{"access_token":"{token}","expires_in":3599,"token_type":"Bearer"}}'; }}
    }}
}}
"""
ACCESS_TOKEN = "ya29." + "t" * 180
"""As long as Google's."""


def nginx_program() -> str | None:
    """The path of nginx; it often lies outside of a user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def running_sink(folder: Path, *, streams: int, niceness: int = 0) -> Iterator[int]:
    """Start nginx in `folder`, with `ca.pem` there for clients to trust; gives its port."""
    program = nginx_program()
    if program is None:
        raise FileNotFoundError("nginx")
    authority = Authority.create("Clarion bench authority")
    issued = authority.server_certificate("Sink", _NAMES)
    (folder / CA_FILE).write_bytes(authority.pem)
    (folder / "server.pem").write_bytes(issued.certificate)
    (folder / "server.key").write_bytes(issued.key)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, streams=streams, token=ACCESS_TOKEN))
    command = [program, "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log")]
    process = subprocess.Popen(["nice", f"-n{niceness}", *command], start_new_session=True)
    priority.give_way(niceness, process.pid)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("nginx does not listen; see its messages above") from None
            time.sleep(0.05)
