"""Files of secrets: private from the first byte, whole, and nothing left beside them."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clarion.base.files import create_private, write_private


def test_a_private_file_replaces_the_old_one_and_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_private(path, b"first")
    create_private(path, b"second")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_who_create_at_once_one_has_its_way(tmp_path: Path) -> None:
    path = tmp_path / "key"

    def create(number: int) -> bytes:
        create_private(path, b"%d" % number * 1000)
        return path.read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(40)))) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    with pytest.raises(OSError):
        write_private(folder, b"x")
    assert list(tmp_path.iterdir()) == [folder]
