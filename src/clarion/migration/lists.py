"""Static lists of another system: the list that a file belongs to, found or made, and its members."""

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from clarion.apps.model import App, Column
from clarion.audience.lists import importing
from clarion.audience.lists import service as lists
from clarion.audience.lists.model import ListImport, StaticList
from clarion.base.errors import Conflict, Finding, Invalid
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices.importing import Names
from clarion.devices.transfer import Report
from clarion.migration.accengage import bare_name
from clarion.migration.model import Choices, ListTaken
from clarion.migration.scheme import decided

EXTERNAL = "ext:"
"""How a list is named by its external id."""

_EXPIRIES = ("expiration", "expirationdate", "expire_at", "expiredate", "expires", "expiresat")
_LONGEST_NAME = 255
_PAGE = 1000


class _Wanted(Struct, frozen=True):
    """What a caller or a file name says of a list: its number, or its external id, or only its name."""

    name: str
    number: int | None = None
    external_id: str | None = None


def names_of(choices: Choices) -> dict[str, str | None]:
    """What names in the header of a list file mean: other names of the expiry, and what the caller says."""
    return {**dict.fromkeys(_EXPIRIES, "expireAt"), **decided(choices)}


async def take(conn: Conn, app_id: int, file: Path, choices: Choices, *, dry_run: bool) -> ListTaken:
    """The list of a file: the one the caller names, or else one of the file's name. It is made when it is missing, or
    in a dry run would be. Raises Invalid for a bad name, Conflict (code `several_lists`) when several have it."""
    wanted = _wanted(file, choices.list_name)
    found = await _find(conn, app_id, wanted)
    if found is not None:
        return ListTaken(found.id, found.name, found.external_id, created=False)
    if dry_run:
        return ListTaken(wanted.number, wanted.name, wanted.external_id, created=True)
    made = await lists.create_list(conn, app_id, wanted.name, wanted.external_id, wanted.number)
    return ListTaken(made.id, made.name, made.external_id, created=True)


async def load(
    db: Database,
    app: App,
    file: Path,
    taken: ListTaken,
    names: Names,
    *,
    rejects: Path,
    progress: Report,
    dry_run: bool,
    proposed: Sequence[Column],
) -> ListImport:
    """Put the devices of a file on its list, or in a dry run look them up."""
    if dry_run or taken.id is None:
        return await importing.check_members(
            db, app, file, rejects=rejects, progress=progress, names=names, proposed=proposed
        )
    return await importing.import_members(db, app, taken.id, file, rejects=rejects, progress=progress, names=names)


def _wanted(file: Path, given: str | None) -> _Wanted:
    stem = bare_name(file)
    if given is None:
        wanted = _Wanted(stem)
    elif re.fullmatch(r"[1-9][0-9]{0,17}", given):
        wanted = _Wanted(stem, number=int(given))
    elif given.startswith(EXTERNAL):
        external_id = given.removeprefix(EXTERNAL)
        wanted = _Wanted(external_id, external_id=external_id)
    else:
        wanted = _Wanted(given)
    if not (0 < len(wanted.name) <= _LONGEST_NAME and wanted.name.isprintable()):
        message = f"The name or external id of a list has 1 to {_LONGEST_NAME} printable characters: --list."
        raise Invalid([Finding("", "list_name", message)])
    return wanted


async def _find(conn: Conn, app_id: int, wanted: _Wanted) -> StaticList | None:
    if wanted.number is not None or wanted.external_id is not None:
        ids = [] if wanted.number is None else [wanted.number]
        external_ids = [] if wanted.external_id is None else [wanted.external_id]
        found = await lists.find_lists(conn, app_id, list_ids=ids, external_ids=external_ids)
        return found[0] if found else None
    same = [each for each in await _all(conn, app_id) if each.name == wanted.name]
    if len(same) > 1:
        numbers = ", ".join(str(each.id) for each in same)
        raise Conflict(
            f"Several lists are called {wanted.name}: {numbers}.", "Say which by its number: --list.",
            code="several_lists",
        )  # fmt: skip
    return same[0] if same else None


async def _all(conn: Conn, app_id: int) -> list[StaticList]:
    found: list[StaticList] = []
    while page := await lists.list_lists(conn, app_id, _PAGE, len(found)):
        found += page
    return found
