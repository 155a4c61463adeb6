"""`clarion geofences import` and `clarion beacons import` (v1 rule 88)."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Clarion

FILES = {
    "geofences": (
        "name;latitude;longitude;radius;externalId;city\n"
        "Lyon;45,764;4.8357;150;store-69;Lyon\n"
        "Nice;43.7;7.26;80;store-06;\n"
        "Nowhere;0;0;1;;\n"
    ),
    "beacons": (
        "name;uuid;major;minor;externalId;floor\n"
        "Shoes;0f9d2b6c-1111-4222-8333-444455556666;1;12;shoes;2\n"
        "Hats;0F9D2B6C-1111-4222-8333-444455556666;1;13;hats;\n"
        "Any;0F9D2B6C-1111-4222-8333-444455556666;;;;\n"
    ),
}
each_kind = pytest.mark.parametrize("kind", list(FILES))


def account(created: int = 0, updated: int = 0, unchanged: int = 0, **further: Any) -> dict[str, Any]:
    read = created + updated + unchanged
    told = {"read": read, "created": created, "updated": updated, "unchanged": unchanged, "unnamed": 1, "dryRun": False}
    return {**told, **further}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "places.csv"


@each_kind
def test_v1_rule_88_a_file_is_loaded_and_loaded_again(clarion: Clarion, file: Path, kind: str) -> None:
    partner_id = clarion.new_app("ios")
    arguments = (kind, "import", partner_id, str(file))
    file.write_text(FILES[kind])
    assert clarion.json(*arguments, "--dry-run") == account(created=3, dryRun=True)
    assert clarion.json(*arguments) == account(created=3), "a dry run wrote nothing"
    assert clarion.json(*arguments, "--dry-run") == account(created=1, unchanged=2, dryRun=True)
    file.write_text(FILES[kind].replace("Nice", "Old port").replace("Hats", "Caps"))
    assert clarion.json(*arguments) == account(created=1, updated=1, unchanged=1)
    shown = clarion.run(*arguments)
    assert f"3 {kind}: 1 were created, 0 updated, 2 are there as given." in shown.stdout
    assert "1 line has no externalId" in shown.stderr


@each_kind
def test_lines_that_do_not_fit_are_named_and_nothing_is_written(clarion: Clarion, file: Path, kind: str) -> None:
    partner_id = clarion.new_app("ios")
    first, *lines = FILES[kind].splitlines()
    broken = ";".join(["", *lines[1].split(";")[1:]])
    file.write_text("\n".join([first, lines[0], broken, lines[2], "x;y"]))
    complaint = clarion.refused(kind, "import", partner_id, str(file))
    assert [finding["message"][:7] for finding in complaint["findings"]] == ["Line 3:", "Line 5:", "2 lines"]
    assert complaint == clarion.refused(kind, "import", partner_id, str(file), "--dry-run")
    file.write_text(FILES[kind])
    assert clarion.json(kind, "import", partner_id, str(file)) == account(created=3)


@each_kind
def test_what_cannot_be_used_is_named(clarion: Clarion, file: Path, kind: str) -> None:
    partner_id = clarion.new_app("ios")
    assert "places.csv" in clarion.refused(kind, "import", partner_id, str(file))["error"]
    file.write_text(FILES[kind])
    assert "nobody" in clarion.refused(kind, "import", "nobody", str(file))["error"]
    file.write_text("name\nx\n")
    assert "does not name the column" in clarion.refused(kind, "import", partner_id, str(file))["error"]


def test_v1_rule_88_no_file_makes_more_geofences_than_there_may_be(clarion: Clarion, file: Path) -> None:
    partner_id = clarion.new_app("ios")
    head = "name;latitude;longitude;radius\n"
    file.write_text(head + "x;1;2;3\n" * 25_001)
    assert "25,001" in clarion.refused("geofences", "import", partner_id, str(file))["error"]
    file.write_text(head + "x;1;2;3\n" * 25_000)
    assert clarion.json("geofences", "import", partner_id, str(file), "--dry-run")["created"] == 25_000
