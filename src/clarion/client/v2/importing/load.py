"""Records of a file brought into an installation: found by external reference, created or changed only where they
differ, so that a file can be loaded again and again.

A record that is refused stops none of the others. Idempotency keys are derived from what is written and from the state
it is written on: a run that is repeated after it broke off does nothing twice.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from clarion.client.transport import Answer
from clarion.client.v2.calling import Caller
from clarion.client.v2.collection import Listing, encoded, quoted
from clarion.client.v2.errors import ApiError, RateLimitedError, TokenError, refusal
from clarion.client.v2.importing.lines import differing_lines, satisfied
from clarion.client.v2.importing.model import Became, FileKind, Item, Name, Outcome, Parent
from clarion.client.v2.members import required_of, same_value, types_of

BATCH: Final = 50
"""So many records are looked up with one call."""

Shown = dict[str, Any]


class Refusal(Exception):
    """A record of the file cannot be taken; the message tells why."""


class Loader:
    """Brings the records of one kind in. With `dry_run` everything is looked up and nothing is written."""

    def __init__(self, caller: Caller, kind: FileKind, *, dry_run: bool = False) -> None:
        self._caller = caller
        self._kind = kind
        self._dry_run = dry_run
        self._parents: dict[Name, list[Shown]] = {}
        self._create_types = types_of(kind.create)
        self._patch_types = types_of(kind.patch)

    async def load(self, items: Sequence[Item]) -> AsyncIterator[Outcome]:
        """What becomes of each record, in the order of the file.

        Raises Unavailable when the server cannot be reached, and TokenError, ForbiddenError or RateLimitedError when
        this client may not go on: what came before is written, and the file can be loaded again.
        """
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            await self._learn_parents(batch)
            found = await self._find(batch)
            for item in batch:
                try:
                    yield Outcome(item, await self._bring(item, found))
                except Refusal as refused:
                    yield Outcome(item, Became.REFUSED, str(refused))
                except ApiError as error:
                    if isinstance(error, TokenError | RateLimitedError) or error.code == "insufficient_scope":
                        raise
                    yield Outcome(item, Became.REFUSED, _told(error))

    # Looking up

    async def _learn_parents(self, batch: Sequence[Item]) -> None:
        names = {item.parent for item in batch if item.parent} | {
            name for item in batch for above in item.line_parents for name in above.values()
        }
        wanted: dict[tuple[Parent, bool], list[Name]] = {}
        for name in sorted(names - self._parents.keys(), key=lambda name: name.text):
            wanted.setdefault((name.parent, name.by_id), []).append(name)
        for (parent, by_id), group in wanted.items():
            member = parent.key if by_id else "externalReference"
            shown = await self._with(parent.path, member, [name.text for name in group])
            for name in group:
                self._parents[name] = [each for each in shown if each[member] == name.text]

    async def _find(self, batch: Sequence[Item]) -> dict[tuple[str, str], Shown]:
        """Records that are there, by account and external reference; accounts have one name space (v2 rule 10.3)."""
        references = sorted({item.reference for item in batch if item.reference})
        shown = await self._with(self._kind.path, "externalReference", references)
        return {(self._owner_of(each), each["externalReference"]): each for each in shown}

    async def _with(self, path: str, member: str, values: Sequence[str]) -> list[Shown]:
        """All records whose member has one of the values."""
        listing = Listing(self._caller, path, dict[str, Any])
        field = member[0].upper() + member[1:]
        # A backslash cannot be told from an escaped comma in a list of values.
        plain = [value for value in values if "\\" not in value]
        found = await listing.list(filters={f"{field}[in]": plain}, limit=200).collect() if plain else []
        for value in values:
            if "\\" in value:
                found += await listing.list(filters={field: value}, limit=200).collect()
        return found

    def _owner_of(self, shown: Shown) -> str:
        return str(shown["accountId"]) if self._kind.parent else ""

    def _parent_of(self, name: Name) -> Shown:
        found = self._parents[name]
        if not found:
            raise Refusal(f"There is no {name.parent.key.removesuffix('Id')} {name.text!r}, or not for this client.")
        if len(found) > 1:
            raise Refusal(f"{name.text!r} names {len(found)} records: name yours by {name.parent.member}.")
        return found[0]

    # Writing

    async def _bring(self, item: Item, found: dict[tuple[str, str], Shown]) -> Became:
        if item.findings:
            raise Refusal("; ".join(item.findings))
        values = dict(item.values)
        owner = ""
        if item.parent is not None:
            parent = self._parent_of(item.parent)
            owner = parent["accountId"]
            values[item.parent.parent.member] = parent[item.parent.parent.key]
        lines = [
            {**line, **{member: self._parent_of(name)[name.parent.key] for member, name in above.items()}}
            for line, above in zip(item.lines, item.line_parents, strict=True)
        ]
        for line in lines:
            _check_whole(line, self._kind.lines, "line.")
        known = found.get((owner, item.reference))
        if known is None:
            created = await self._create(values, lines)
            if created is not None:
                found[owner, item.reference] = created
            return Became.CREATED
        return Became.CHANGED if await self._change(known, values, lines) else Became.UNCHANGED

    async def _create(self, values: dict[str, Any], lines: list[dict[str, Any]]) -> Shown | None:
        """The new record; what only a change may set is set after that, such as the status of an invoice."""
        body = {name: value for name, value in values.items() if name in self._create_types}
        _check_whole(body, self._kind.create, "")
        later = {name: value for name, value in values.items() if name not in self._create_types}
        if lines:
            body["lineDetails"] = lines
        if self._dry_run:
            return None
        created = await self._write("POST", self._kind.path, body)
        if later:
            try:
                await self._patch(created, later)
            except ApiError as error:
                raise Refusal(f"It was created, and then: {_told(error)}") from None
        return created

    async def _change(self, known: Shown, values: dict[str, Any], lines: list[dict[str, Any]]) -> bool:
        """Whether anything had to be changed, members before lines and what only a change may set at last."""
        wrong = [
            name
            for name, value in values.items()
            if name not in self._patch_types and not same_value(known[name], value, self._create_types[name])
        ]
        if wrong:
            told = ", ".join(f"{name} is {known[name]} and stays so" for name in wrong)
            raise Refusal(f"{known[self._kind.key]} is there already: {told}.")
        differing = {
            name: value
            for name, value in values.items()
            if name in self._patch_types
            and not same_value(known[name], value, self._patch_types[name])
            and not satisfied(self._kind, known, name, value)
        }
        first = {name: value for name, value in differing.items() if name in self._create_types}
        later = {name: value for name, value in differing.items() if name not in self._create_types}
        changed = bool(differing)
        if first:
            known = await self._patch(known, first)
        if lines and self._kind.lines:
            changed = await self._change_lines(known, lines, self._kind.lines) or changed
        if later:
            await self._patch(known, later)
        return changed

    async def _change_lines(self, known: Shown, lines: list[dict[str, Any]], of: type[msgspec.Struct]) -> bool:
        path = f"{self._kind.path}/{quoted(known[self._kind.key])}/invoice-line-details"
        shown = await Listing(self._caller, path, dict[str, Any]).list(limit=200).collect()
        missing, extra = differing_lines(shown, lines, types_of(of))
        if (missing or extra) and known["status"] != "Draft":
            raise Refusal(f"Its lines differ, and it is {known['status']}: lines change in a draft only.")
        if self._dry_run:
            return bool(missing or extra)
        for each in extra:
            answer = await self._caller.request("DELETE", f"{path}/{quoted(each['invoiceLineDetailId'])}")
            if answer.status not in (204, 404):
                raise refusal(f"DELETE {path}", answer)
        for number, line in enumerate(missing):
            await self._write("POST", path, line, state=f"{len(shown)} {number} {known['lastModifiedDate']}")
        return bool(missing or extra)

    async def _patch(self, known: Shown, differing: dict[str, Any]) -> Shown:
        if self._dry_run:
            return known
        target = f"{self._kind.path}/{quoted(known[self._kind.key])}"
        return await self._write("PATCH", target, differing, state=known["lastModifiedDate"])

    async def _write(self, method: str, target: str, body: dict[str, Any], *, state: str = "") -> Shown:
        """The record after a write under a key made of it and of the state that it is written on.

        A saved answer that does not hold any more is passed over: a refusal whose cause may be gone, or a record that
        was deleted since.
        """
        raw = encoded(body)
        key = hashlib.sha256("\n".join([method, target, state, raw.decode()]).encode()).hexdigest()
        answer = await self._caller.request(method, target, raw, key=f"import-{key}")
        if "idempotent-replayed" in answer.headers and not await self._holds(answer):
            answer = await self._caller.request(method, target, raw, key=f"import-{uuid4().hex}")
        if answer.status >= 300:
            raise refusal(f"{method} {target}", answer)
        shown: Shown = answer.json["data"]
        return shown

    async def _holds(self, answer: Answer) -> bool:
        if answer.status >= 300:
            return False
        target = answer.json["links"]["self"]
        return (await self._caller.request("GET", "/v2/" + target.partition("/v2/")[2])).status == 200


def _check_whole(body: dict[str, Any], of: type[msgspec.Struct] | None, prefix: str) -> None:
    missing = [name for name in required_of(of) if name not in body] if of else []
    if missing:
        raise Refusal("; ".join(f"{prefix}{name} is missing." for name in missing))


def _told(error: ApiError) -> str:
    """Why a record was refused, in the words of the answer."""
    findings = "; ".join(f"{item.place}: {item.detail}" for item in error.errors)
    return f"{error.code or error.status}: {findings or error.detail or error.message}"
