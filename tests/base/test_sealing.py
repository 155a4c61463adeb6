"""Secrets at rest: what opens them, what does not, and the key file."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clarion.base.errors import ConfigurationError
from clarion.base.sealing import Sealer, load_key

KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLARION_SEAL_KEY", raising=False)


def test_what_was_sealed_opens_under_its_key_and_context_alone() -> None:
    sealed = Sealer(KEY).seal(b"opensesame", b"api-key:1")
    assert b"opensesame" not in sealed
    assert Sealer(KEY).open(sealed, b"api-key:1") == b"opensesame"
    for key, context, value in (
        (bytes(32), b"api-key:1", sealed),
        (KEY, b"api-key:2", sealed),
        (KEY, b"api-key:1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
    ):
        with pytest.raises(ConfigurationError, match="does not open"):
            Sealer(key).open(value, context)


def test_the_same_secret_is_sealed_differently_every_time() -> None:
    assert Sealer(KEY).seal(b"x", b"c") != Sealer(KEY).seal(b"x", b"c")


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "seal.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(path), range(8)))
    assert len(keys) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["seal.key"]
    assert load_key(path) in keys


def test_a_key_file_others_can_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    load_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_key(path)


@pytest.mark.parametrize("text", ["", "xyz", "ab" * 31, "ab" * 33])
def test_a_malformed_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path = tmp_path / "seal.key"
    load_key(path)
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
        load_key(path)
    if text:
        monkeypatch.setenv("CLARION_SEAL_KEY", text)
        with pytest.raises(ConfigurationError, match="CLARION_SEAL_KEY"):
            load_key(path)


def test_the_environment_wins_and_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLARION_SEAL_KEY", KEY.hex())
    assert load_key(tmp_path / "seal.key") == KEY
    assert not (tmp_path / "seal.key").exists()
