"""What an operator can set. One immutable value, made by the command line and handed to every process as JSON."""

import os
import socket
from pathlib import Path

import msgspec
from msgspec import Struct

from clarion.base.errors import ConfigurationError

VARIABLE = "CLARION_SETTINGS"


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting with its default. Lives and freshness are in seconds, sizes in bytes.

    `database_url` empty means the embedded PostgreSQL in `data_dir`. `http_port` 0 means no plain listener.
    `trusted_proxies` are networks whose forwarding headers count. `v1_time_window` 0 means any time (v1 rule 10).

    Of `/v2`: `cors_origins` are web origins whose pages may call (v2 rule 1.11), `token_life` is that of its tokens
    (rule 3.6), `reply_life` that of answers under idempotency keys (rule 8.9), `wait_time_freshness` that of reported
    wait times (rule 14.6). Cases resolved for `case_closes_after_days` close by themselves, 0 leaves them (rule 11.8).
    Webhooks may lead into `webhook_networks` although these are not public (rule 18.6), and to hosts whose certificates
    an authority in the file `webhook_ca` signed.

    Profiles last opened `purge_days` ago, with more than `purge_bounces` refusals of the gateway, are taken away daily
    (v1 rule 71); 0 days keeps all. Metrics are served on `metrics_host`:`metrics_port` (0 takes a free port), to
    whoever brings the token of `metrics_token_file` where one is set.
    """

    data_dir: Path
    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8443
    http_port: int = 0
    insecure_v2: bool = False
    public_url: str = ""
    workers: int = 1
    senders: int = 1
    certificate: str = ""
    certificate_key: str = ""
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    token_life: int = 3600
    wait_time_freshness: int = 900
    webhook_networks: tuple[str, ...] = ()
    webhook_ca: str = ""
    reply_life: int = 86400
    v1_time_window: int = 0
    purge_days: int = 365
    purge_bounces: int = 2
    case_closes_after_days: int = 7
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    metrics_token_file: str = ""
    log_json: bool = False
    log_level: str = "info"

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one."""
        return not self.database_url

    @property
    def address(self) -> str:
        """The address at which callers reach the installation, as far as it knows: `public_url`, else its listener."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = socket.gethostname() if self.host in ("", "0.0.0.0", "::") else self.host  # noqa: S104 - compared
        return f"https://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def seal_key_file(self) -> Path:
        """Where the sealing key lies unless the environment gives it: beside the data, never in the database."""
        return self.data_dir / "seal.key"

    @property
    def snapshots(self) -> Path:
        """Where snapshots of device columns lie: a cache that may be deleted, and no part of a backup."""
        return self.data_dir / "snapshots"


def to_environment(settings: Settings) -> dict[str, str]:
    """The environment that carries the settings to a child process."""
    return {VARIABLE: msgspec.json.encode(settings, enc_hook=str).decode()}


def from_environment() -> Settings:
    """The settings a parent process handed over. Raises ConfigurationError when there are none."""
    text = os.environ.get(VARIABLE)
    if not text:
        raise ConfigurationError("This process is started by `clarion serve`, not by hand.", "Run: clarion serve")
    return msgspec.json.decode(text, type=Settings, dec_hook=lambda kind, value: kind(value))


def default_data_dir() -> Path:
    """`CLARION_DATA_DIR`, or `.clarion` in the folder the command is called in."""
    return Path(os.environ.get("CLARION_DATA_DIR") or ".clarion").absolute()
