"""An application to be brought over, and the exports of the vendor in a folder."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import Conn, tuples
from clarion.devices import service as devices
from clarion.devices.model import TransferProgress
from clarion.devices.transfer import Report
from clarion.migration import accengage, service
from clarion.migration.model import Brought, Choices, FileKind

Cell = str | int | float | bool | None


class Move(Struct):
    """A company on its way: its application, its files, and what was noted in the audit trail."""

    database: Database
    app: App
    folder: Path
    noted: list[str]

    def file(self, name: str, *lines: str) -> Path:
        """A file of the folder; every value of its lines, which have no quotes, between quotes, as the vendor does."""
        text = "".join('"' + line.replace(";", '";"') + '"\r\n' for line in lines)
        return self.written(name, text)

    def written(self, name: str, text: str) -> Path:
        """A file of the folder as it is."""
        path = self.folder / name
        path.write_bytes(text.encode())
        return path

    async def bring(
        self,
        *paths: Path,
        choices: Choices | None = None,
        dry_run: bool = False,
        kind: FileKind | None = None,
        app: str | None = None,
    ) -> Brought:
        """Bring files over; without any, all of the folder."""
        async with self.database.connection() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
        exports, ignored = accengage.gather(paths or [self.folder], scheme, kind=kind, app=app)
        return await service.bring_over(
            self.database,
            self.app,
            exports,
            choices or Choices(),
            ignored=ignored,
            dry_run=dry_run,
            watch=_unwatched,
            audit=self._note,
        )

    async def _note(self, _conn: Conn, operation: str, what: str) -> None:
        self.noted.append(f"{operation} {what}")

    async def shown(self, *names: str) -> dict[Cell, tuple[Cell, ...]]:
        """These columns of all devices as the wire shows them, by UDID; None for no push token, which it shows as -."""
        async with self.database.connection() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
            found = [column for name in ("UDID", *names) if (column := scheme.find(name)) is not None]
            ids = [number for (number,) in await tuples(conn, f"SELECT id FROM app_{self.app.id}.device")]
            rows = await devices.columns_of(conn, self.app.id, ids, found)
        assert len(found) == 1 + len(names)
        return {
            row["UDID"]: tuple(None if value == "-" else value for value in tuple(row.values())[1:])
            for row in rows.values()
        }

    async def columns(self) -> dict[str, str]:
        """The kinds of the company's own columns, with a mark behind those that are indexed."""
        async with self.database.connection() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
        return {
            column.name: column.kind.value + ("+" if column.indexed else "")
            for column in scheme.columns
            if not column.standard
        }

    async def everything(self) -> list[Sequence[object]]:
        """All that an import may write, to be compared."""
        async with self.database.connection() as conn:
            own = [f"app_{self.app.id}.device", f"app_{self.app.id}.list_member"]
            shared = ["message", "campaign", "send", "send_chunk", "event", "stat_day", "static_list", "app_column"]
            found: list[Sequence[object]] = []
            for table in [*own, *(f"clarion.{name}" for name in shared), "clarion.push_token"]:
                rows = await tuples(conn, f"SELECT t::text FROM {table} AS t ORDER BY 1")
                found += [(table, *row) for row in rows]
        return found


def _unwatched(_title: str) -> Report:
    def report(_progress: TransferProgress) -> None:
        """Nobody watches a test."""

    return report


async def moved(database: Database, folder: Path, platform: Platform) -> Move:
    """The move of an application of this platform."""
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, Sealer(bytes(32)), f"shop-{platform.value}", platform, "Shop")
    return Move(database, app, folder, [])


@pytest.fixture
async def move(database: Database, tmp_path: Path) -> Move:
    """The move of an iOS application."""
    return await moved(database, tmp_path, Platform.IOS)
