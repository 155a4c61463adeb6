"""Bringing an application over from Accengage: its exports checked as a whole, then loaded one by one.

Everything that can be told from headers and names is refused before anything is written. Devices come first, so that
lists find them; history comes last. A run that was broken off is simply run again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import App, Column, Scheme
from clarion.audience.lists import importing as members
from clarion.base import clock
from clarion.base.errors import Finding, Invalid
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices import transfer
from clarion.devices.importing import Plan, with_columns
from clarion.devices.model import TransferProgress
from clarion.devices.transfer import Report
from clarion.migration import lists, reactions, scheme
from clarion.migration.model import Brought, Choices, Export, FileKind, FileReport, Proposal
from clarion.migration.rejected import first_of, kept, told

Watch = Callable[[str], Report]
"""Begins to show the progress of a file."""
Audit = Callable[[Conn, str, str], Awaitable[None]]
"""Notes an operation and what it was done to, in a transaction."""


async def bring_over(
    db: Database,
    app: App,
    exports: Sequence[Export],
    choices: Choices,
    *,
    ignored: Sequence[Path] = (),
    dry_run: bool,
    watch: Watch,
    audit: Audit,
) -> Brought:
    """Load export files, in their order; `dry_run` goes through every line and writes nothing.

    Raises Invalid, before anything is written, for headers that cannot be loaded, columns that are missing, decisions
    that fit no file.
    """
    async with db.connection() as conn:
        found = await apps.load_scheme(conn, app.id)
    devices = [export for export in exports if export.kind is FileKind.DEVICES]
    flat = [export for export in exports if export.kind is not FileKind.REACTIONS]
    scheme.check_choices(app, flat, found, choices)
    proposals = await _propose(app, devices, found, choices, watch)
    if not dry_run:
        scheme.check_missing(proposals, choices)
    run = _Run(db, app, found, choices, proposals, dry_run, watch, audit)
    _check(run, exports)
    if proposals and not dry_run:
        await run.make_columns()
    reports, remarks = [], _remarks(exports, proposals, choices, dry_run=dry_run)
    for export in exports:
        with told(export.path):
            report, said = await _LOADERS[export.kind](run, export)
        reports.append(report)
        remarks += [f"{export.path.name}: {each}" for each in said]
        if not dry_run:
            await run.note("import.accengage", export.path.name)
    return Brought(dry_run, reports, proposals, [str(path) for path in ignored], remarks)


class _Run(Struct, frozen=True):
    """What all files of one run share."""

    db: Database
    app: App
    scheme: Scheme
    choices: Choices
    proposals: Sequence[Proposal]
    dry_run: bool
    watch: Watch
    audit: Audit

    @property
    def proposed(self) -> list[Column]:
        """The columns to be made, for those who cannot find them yet."""
        return scheme.prospective(self.proposals)

    async def make_columns(self) -> None:
        """Make the columns that are missing."""
        async with self.db.transaction() as conn:
            await scheme.create(conn, self.app, self.proposals)
            for each in self.proposals:
                await self.audit(conn, "columns.add", each.name)

    async def note(self, operation: str, what: str) -> None:
        """A line of the audit trail."""
        async with self.db.transaction() as conn:
            await self.audit(conn, operation, what)


async def _propose(
    app: App, exports: Sequence[Export], found: Scheme, choices: Choices, watch: Watch
) -> list[Proposal]:
    if not exports:
        return []
    report = watch("Columns of devices")
    proposals = await asyncio.to_thread(scheme.propose, app, exports, found, choices)
    report(TransferProgress(1, 0, 0, 1))
    return proposals


def _check(run: _Run, exports: Sequence[Export]) -> None:
    """Raises Invalid for what can be told to be wrong before the first line is read."""
    expected = with_columns(run.scheme, run.proposed)
    listed = [export for export in exports if export.kind is FileKind.LIST]
    if run.choices.list_name is not None and len(listed) != 1:
        message = f"--list names the list of one file; there are {len(listed)} list files. Load them one by one."
        raise Invalid([Finding("", "several_files", message)])
    for export in exports:
        with told(export.path):
            if export.kind is FileKind.DEVICES:
                Plan(run.app, expected, export.header, _names_of(run, export))
            elif export.kind is FileKind.LIST:
                members.check_header(expected, export.header, names=lists.names_of(run.choices))
            else:
                reactions.check_header(export.header)
                reactions.check_day(run.choices.day or export.day, clock.now().date())


def _names_of(run: _Run, export: Export) -> dict[str, str | None]:
    """What the header of a device file means; a dry run leaves out what no column can be called."""
    names = scheme.names_of(export.header, run.scheme, run.choices)
    bad = {each.name.lower() for each in run.proposals if each.problem}
    keys = [name.lower() for name in export.header]
    return names | {key: None for key in keys if (names.get(key, key) or "").lower() in bad}


async def _load_devices(run: _Run, export: Export) -> tuple[FileReport, list[str]]:
    names = _names_of(run, export)
    progress = run.watch(f"Devices of {export.path.name}")
    with kept(export.path, run.choices.rejects, dry_run=run.dry_run) as rejects:
        load = partial(transfer.check_csv, proposed=run.proposed) if run.dry_run else transfer.load_csv
        account = await load(run.db, run.app, export.path, rejects=rejects, progress=progress, names=names)
        report = FileReport(
            file=str(export.path),
            kind=export.kind,
            read=account.read,
            created=account.created,
            updated=account.updated,
            rejected=account.rejected,
            rejects=_rejects(rejects, run),
            reasons=first_of(rejects),
            left_out=scheme.left_out(export.header, names),
        )
    return report, []


async def _load_list(run: _Run, export: Export) -> tuple[FileReport, list[str]]:
    names = lists.names_of(run.choices)
    async with run.db.transaction() as conn:
        taken = await lists.take(conn, run.app.id, export.path, run.choices, dry_run=run.dry_run)
        if taken.created and not run.dry_run:
            await run.audit(conn, "lists.create", taken.name)
    progress = run.watch(f"List {taken.name}")
    with kept(export.path, run.choices.rejects, dry_run=run.dry_run) as rejects:
        account = await lists.load(
            run.db,
            run.app,
            export.path,
            taken,
            names,
            rejects=rejects,
            progress=progress,
            dry_run=run.dry_run,
            proposed=run.proposed,
        )
        report = FileReport(
            file=str(export.path),
            kind=export.kind,
            read=account.read,
            updated=account.written,
            unknown=account.unknown,
            rejected=account.rejected,
            rejects=_rejects(rejects, run),
            reasons=first_of(rejects),
            left_out=scheme.left_out(export.header, names),
            taken=taken,
        )
    said = []
    if account.unknown and not run.dry_run:
        said.append(f"{account.unknown:,} of {account.read:,} lines name no device here and were passed over.")
    return report, said


async def _load_reactions(run: _Run, export: Export) -> tuple[FileReport, list[str]]:
    day = reactions.check_day(run.choices.day or export.day, clock.now().date())
    progress = run.watch(f"Reactions of {day}")
    with kept(export.path, run.choices.rejects, dry_run=run.dry_run) as rejects:
        account = await reactions.load(
            run.db, run.app, export.path, day, rejects=rejects, progress=progress, dry_run=run.dry_run
        )
        report = FileReport(
            file=str(export.path),
            kind=export.kind,
            read=account.read,
            created=account.created,
            unchanged=account.unchanged,
            rejected=account.rejected,
            rejects=_rejects(rejects, run),
            reasons=first_of(rejects),
            history=account.history,
        )
    return report, account.remarks


_LOADERS = {
    FileKind.DEVICES: _load_devices,
    FileKind.LIST: _load_list,
    FileKind.REACTIONS: _load_reactions,
}


def _rejects(rejects: Path, run: _Run) -> str | None:
    return str(rejects) if rejects.exists() and not run.dry_run else None


def _remarks(exports: Sequence[Export], proposals: Sequence[Proposal], choices: Choices, *, dry_run: bool) -> list[str]:
    """What a caller should know whatever the files hold."""
    remarks = []
    kinds = {export.kind for export in exports}
    devices = sum(export.kind is FileKind.DEVICES for export in exports)
    if dry_run and devices > 1:
        remarks.append("Each file of devices is compared with the base as it is now, not with the files before it.")
    if dry_run and devices and len(kinds) > 1:
        remarks.append("Lists and reactions, too, are compared with the base as it is now: devices that these files"
                       " would bring count as unknown.")  # fmt: skip
    if dry_run and proposals:
        try:
            scheme.check_missing(proposals, choices)
        except Invalid as error:
            reasons = " ".join(each.message for each in error.findings[:-1])
            remarks.append(f"Without this dry run the import would be refused. {reasons}")
    if not dry_run and any(each.indexed for each in proposals):
        remarks.append("The indexes of new columns are built by the server in the background.")
    return remarks
