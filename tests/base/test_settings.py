"""Settings travel to child processes as they are."""

import socket
from pathlib import Path

import pytest

from clarion.base import settings as base_settings
from clarion.base.errors import ConfigurationError
from clarion.base.settings import Settings


def test_a_child_process_reads_what_its_parent_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(data_dir=Path("/var/lib/clarion"), trusted_proxies=("10.0.0.0/8",), senders=3, log_json=True)
    for name, text in base_settings.to_environment(given).items():
        monkeypatch.setenv(name, text)
    assert base_settings.from_environment() == given


def test_without_a_parent_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(base_settings.VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match="clarion serve"):
        base_settings.from_environment()


def test_a_url_replaces_the_embedded_database() -> None:
    assert Settings(data_dir=Path("d")).embedded
    assert not Settings(data_dir=Path("d"), database_url="postgresql://db/clarion").embedded


def test_the_address_is_the_public_one_or_that_of_the_listener() -> None:
    assert Settings(data_dir=Path("d"), public_url="https://push.example/").address == "https://push.example"
    assert Settings(data_dir=Path("d")).address == "https://127.0.0.1:8443"
    assert Settings(data_dir=Path("d"), host="::1", port=9443).address == "https://[::1]:9443"
    assert Settings(data_dir=Path("d"), host="0.0.0.0").address == f"https://{socket.gethostname()}:8443"
