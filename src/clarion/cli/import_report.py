"""How the account of an import is shown to people: its files, new columns, lists, history, and the first rejections."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType

from clarion.cli import output
from clarion.migration.model import Brought, FileReport, Proposal, Refusal, TokensReport
from clarion.migration.scheme import described

_MOST_REASONS = 20


def told(result: Brought) -> RenderableType:
    """The account of an import, or of its rehearsal."""
    parts = [_files(result.files)]
    if result.columns:
        parts.append(_columns(result.columns, dry_run=result.dry_run))
    parts += _lists(result.files, dry_run=result.dry_run) + _history(result.files, dry_run=result.dry_run)
    reasons = [(f"{Path(each.file).name}:{reason.line}", reason) for each in result.files for reason in each.reasons]
    if reasons:
        parts.append(_reasons(reasons))
    for each in result.files:
        if each.rejects:
            parts.append(f"{each.rejects} holds every rejected line of its file: {each.rejected:,}.")
        if each.left_out:
            parts.append(f"Left out of {Path(each.file).name}: {', '.join(each.left_out)}.")
    if result.ignored:
        parts.append(
            f"Passed over, for nobody can tell what they hold: {', '.join(result.ignored)}. Say it with --kind."
        )
    if result.dry_run:
        parts.append("This was a dry run: nothing was written.")
    return _spaced(parts)


def told_tokens(result: TokensReport) -> RenderableType:
    """The account of a file of tokens."""
    what = "would be" if result.dry_run else "were"
    parts: list[RenderableType] = [
        f"{result.read:,} lines: {result.created:,} {what} new devices, {result.updated:,} {what} known ones,"
        f" {result.empty:,} without token, {result.rejected:,} rejected."
    ]
    if result.reasons:
        parts.append(_reasons([(str(reason.line), reason) for reason in result.reasons]))
    if result.rejects:
        parts.append(f"{result.rejects} holds every rejected line.")
    return _spaced(parts)


def _files(files: Sequence[FileReport]) -> RenderableType:
    """Every line of a file stands in exactly one of the figures after the first."""
    rows: list[tuple[object, ...]] = [
        (
            Path(each.file).name,
            each.kind.value,
            each.read,
            each.created,
            each.updated + each.unchanged,
            each.unknown,
            each.rejected,
        )
        for each in files
    ]
    return output.table("file", "what", "lines", "new", "known", "of nobody", "rejected", rows=rows)


def _columns(proposals: Sequence[Proposal], *, dry_run: bool) -> RenderableType:
    rows: list[tuple[object, ...]] = [
        (each.name, each.problem or described(each), each.filled, ", ".join(each.examples)) for each in proposals
    ]
    return output.table("missing column" if dry_run else "new column", "kind", "values", "such as", rows=rows)


def _lists(files: Sequence[FileReport], *, dry_run: bool) -> list[RenderableType]:
    made = "to be made" if dry_run else "made"
    rows: list[tuple[object, ...]] = [
        (
            Path(each.file).name,
            each.taken.name,
            "" if each.taken.id is None else str(each.taken.id),
            each.taken.external_id or "",
            made if each.taken.created else "is there",
        )
        for each in files
        if each.taken is not None
    ]
    return [output.table("list file", "list", "id", "external id", "", rows=rows)] if rows else []


def _history(files: Sequence[FileReport], *, dry_run: bool) -> list[RenderableType]:
    """Only what was not on record; targets = delivered + bounced."""
    rows: list[tuple[object, ...]] = [
        (
            str(each.history.day),
            each.history.on_record,
            each.history.messages,
            each.history.created,
            each.history.campaigns,
            each.history.audience,
            each.history.delivered,
            each.history.bounced,
            each.history.clicks,
            each.history.strangers,
        )
        for each in files
        if each.history is not None
    ]
    names = ("messages on record", "to record" if dry_run else "recorded", "of them new", "new campaigns", "targets",
             "delivered", "bounced", "clicks", "devices not here")  # fmt: skip
    return [output.table("sent on", *names, rows=rows)] if rows else []


def _reasons(found: Sequence[tuple[str, Refusal]]) -> RenderableType:
    rows: list[tuple[object, ...]] = [(place, reason.reason) for place, reason in found[:_MOST_REASONS]]
    return output.table("line", "why it is rejected", rows=rows)


def _spaced(parts: Sequence[RenderableType]) -> RenderableType:
    return Group(*(each for part in parts for each in (part, "")))
