"""Whom a message is for on the v1 wire: members `segments` and `lists` of messages, in-apps, alarms, inboxes."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from clarion.audience import service as audience
from clarion.base.errors import Finding
from clarion.db.sql import Conn

_MOST_FINDINGS = 100

MEMBERS = {"test_segments": "segments/testSegments", "campaign_segments": "segments/campaignSegments"}
"""Where the members of a draft stand on the wire (for `errors.spelled`)."""


class Segments(Struct, rename="camel"):
    """Segments by technical id: those of a test send, those of the real one (v1 rule 43)."""

    test_segments: list[int] = []
    campaign_segments: list[int] = []


class ListName(Struct, rename="camel", omit_defaults=True):
    """A static list by number or external id; both when answered."""

    list_id: int | None = None
    external_id: str | None = None


async def read_lists(conn: Conn, app_id: int, entries: Sequence[ListName]) -> tuple[tuple[int, ...], list[Finding]]:
    """The ids of the lists named, each once, and what is wrong with the others (`unknown_list` at `/lists/<n>`)."""
    numbers = [entry.list_id for entry in entries if entry.list_id is not None]
    names = [entry.external_id for entry in entries if entry.list_id is None and entry.external_id is not None]
    known = await audience.find_lists(conn, app_id, list_ids=numbers, external_ids=names) if entries else []
    by_number = {found.id: found for found in known}
    by_name = {found.external_id: found for found in known}
    ids: list[int] = []
    findings: list[Finding] = []
    for at, entry in enumerate(entries):
        found = by_name.get(entry.external_id) if entry.list_id is None else by_number.get(entry.list_id)
        if found is not None and entry.external_id in (None, found.external_id):
            ids.append(found.id)
        elif len(findings) < _MOST_FINDINGS:
            findings.append(Finding(f"/lists/{at}", "unknown_list", "this application has no such static list"))
    return tuple(dict.fromkeys(ids)), findings


async def name_lists(conn: Conn, app_id: int, ids: Iterable[int]) -> Mapping[int, ListName]:
    """How the lists with these ids are answered."""
    wanted = sorted(set(ids))
    found = await audience.find_lists(conn, app_id, list_ids=wanted) if wanted else []
    external = {each.id: each.external_id for each in found}
    return {list_id: ListName(list_id, external.get(list_id)) for list_id in wanted}
