"""`clarion v2`: list, get, create, update and delete for every resource, made from the table of families.

The commands call an installation by its address, as an API client; all others work on the data folder.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from clarion.base.errors import ConfigurationError, Finding, Invalid
from clarion.cli import output
from clarion.cli.options import AsJson
from clarion.cli.v2.connection import Connection, connected
from clarion.cli.v2.families import FAMILIES, Family
from clarion.client.transport import Answer
from clarion.client.v2 import models
from clarion.client.v2.collection import Listing, encoded, must_match, quoted
from clarion.client.v2.errors import ApiError, refusal
from clarion.client.v2.members import read_members, types_of
from clarion.client.v2.tokens import oauth_scopes

app = typer.Typer(
    help="Accounts, sites, services, cases, invoices, webhooks over /v2, as an API client.", no_args_is_help=True
)

_FILTER = re.compile(r"(\w+(?:\[\w+\])?)=(.*)", re.DOTALL)
_MOST_SHOWN = 60

Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="FIELD=VALUE", help="Status=Active, Name[contains]=shop. May be repeated."),
]
Sort = Annotated[str, typer.Option("--sort", metavar="A,-B", help="Sort by these fields, minus for descending.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Most records to show.")]
Everything = Annotated[bool, typer.Option("--all", help="Show all of them, page after page.")]
Raw = Annotated[str, typer.Option("--body", metavar="JSON", help="The body as JSON; @FILE reads a file, @- the input.")]
Key = Annotated[
    str, typer.Option("--key", metavar="KEY", help="An idempotency key: the command can be repeated and acts once.")
]
IfMatch = Annotated[
    str | None, typer.Option("--if-match", metavar="ETAG", help="Only while the record is as this entity tag says.")
]


def _commands(family: Family) -> typer.Typer:
    """The commands of one resource."""
    group = typer.Typer(help=family.help, no_args_is_help=True)
    own = " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in family.placeholders)
    above = " ".join(own.split(" ")[:-1])
    group.command("list", help=_list_help(family, above))(_list(family, above))
    group.command("get", help=f"Show one record.\n\nExample:\n\n    clarion v2 {family.name} get {own}")(
        _get(family, own)
    )
    if family.create:
        group.command("create", help=_create_help(family, above))(_create(family, above))
    if family.patch:
        group.command("update", help=_update_help(family, own))(_update(family, own))
    if family.delete:
        group.command("delete", help=f"Delete a record.\n\nExample:\n\n    clarion v2 {family.name} delete {own}")(
            _delete(family, own)
        )
    return group


def _list(family: Family, above: str) -> Any:
    def command(
        connection: Connection,
        ids: Annotated[list[str] | None, typer.Argument(metavar=above, hidden=not above)] = None,
        filters: Filters = None,
        sort: Sort = "",
        limit: Limit = 25,
        everything: Everything = False,
        as_json: AsJson = False,
    ) -> None:
        path = _path(family, ids or [], above)
        wanted = dict(_filter(text) for text in filters or [])
        records, more = output.run(_listed(connection, path, wanted, sort, None if everything else limit))
        rows: list[tuple[object, ...]] = [
            tuple(_cell(record.get(name)) for name in family.columns) for record in records
        ]
        output.answer(records, output.table(*family.columns, rows=rows, empty="None."), as_json=as_json)
        if more:
            output.note(f"These are the first {limit}: --all shows the others too, --limit more of them.")

    return connected(command)


async def _listed(
    connection: Connection, path: str, filters: dict[str, str], sort: str, limit: int | None
) -> tuple[list[dict[str, Any]], bool]:
    """Records up to a number, and whether there are more."""
    found: list[dict[str, Any]] = []
    async with connection.client() as v2:
        size = 200 if limit is None else min(limit, 200)
        pages = Listing(v2.caller, path, dict[str, Any]).list(filters=filters, sort=sort, limit=size).pages()
        async for page in pages:
            found += page.data
            if limit is not None and len(found) >= limit:
                return found[:limit], len(found) > limit or page.metadata.has_more
    return found, False


def _get(family: Family, own: str) -> Any:
    def command(
        connection: Connection,
        ids: Annotated[list[str], typer.Argument(metavar=own)],
        as_json: AsJson = False,
    ) -> None:
        answer = output.run(_called(connection, "GET", _path(family, ids, own)))
        _show(answer, as_json=as_json)

    return connected(command)


def _create(family: Family, above: str) -> Any:
    def command(
        connection: Connection,
        given: Annotated[list[str] | None, typer.Argument(metavar=f"{above} MEMBER=VALUE...".strip())] = None,
        body: Raw = "",
        key: Key = "",
        as_json: AsJson = False,
    ) -> None:
        ids, members = _split(given or [], above)
        made = _body(members, body, family.create)
        granted = made.get("scopes", []) if models.ApiClientCreate in family.create else []
        path = _path(family, ids, above)
        work = _called(connection, "POST", path, encoded(made), also=oauth_scopes(granted), key=key)
        _show(output.run(work), as_json=as_json)

    return connected(command)


def _update(family: Family, own: str) -> Any:
    def command(
        connection: Connection,
        given: Annotated[list[str], typer.Argument(metavar=f"{own} MEMBER=VALUE...")],
        body: Raw = "",
        key: Key = "",
        if_match: IfMatch = None,
        as_json: AsJson = False,
    ) -> None:
        assert family.patch is not None
        ids, members = _split(given, own)
        made = _body(members, body, (family.patch,))
        path = _path(family, ids, own)
        answer = output.run(_called(connection, "PATCH", path, encoded(made), key=key, if_match=must_match(if_match)))
        _show(answer, as_json=as_json)

    return connected(command)


def _delete(family: Family, own: str) -> Any:
    def command(
        connection: Connection,
        ids: Annotated[list[str], typer.Argument(metavar=own)],
        if_match: IfMatch = None,
        as_json: AsJson = False,
    ) -> None:
        path = _path(family, ids, own)
        output.run(_called(connection, "DELETE", path, if_match=must_match(if_match)))
        output.answer({family.key: ids[-1], "deleted": True}, f"{ids[-1]} is deleted.", as_json=as_json)

    return connected(command)


async def _called(
    connection: Connection, method: str, path: str, body: bytes = b"", *, also: Sequence[str] = (), **headers: str
) -> Answer:
    async with connection.client() as v2:
        answer = await v2.caller.request(method, path, body, also=also, **headers)
    if answer.status >= 300:
        raise _phrased(refusal(f"{method} {path}", answer))
    return answer


def _phrased(error: ApiError) -> Exception:
    """Findings stand each on a line of its own."""
    if error.status == 422 and error.errors:
        return Invalid([Finding(each.place, each.code, each.detail) for each in error.errors])
    return error


def _show(answer: Answer, *, as_json: bool) -> None:
    record = answer.json["data"]
    rows: list[tuple[object, ...]] = [(name, _cell(value)) for name, value in record.items()]
    if "etag" in answer.headers:
        rows.append(("ETag", answer.headers["etag"]))
    output.answer(record, output.table("", "", rows=rows), as_json=as_json)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return msgspec.json.encode(value).decode()


def _path(family: Family, ids: Sequence[str], wanted: str) -> str:
    """The path below which, or at which, a command works. Raises BadParameter for other than the wanted ids."""
    names = wanted.split()
    if len(ids) != len(names):
        raise typer.BadParameter(f"Give {wanted or 'no id'}: there are {len(ids)} arguments.")
    path = family.path
    if len(names) < len(family.placeholders):
        path = path.rpartition("/")[0]
    for placeholder, value in zip(family.placeholders, ids, strict=False):
        path = path.replace(f"{{{placeholder}}}", quoted(value))
    return path


def _split(given: Sequence[str], ids: str) -> tuple[list[str], dict[str, str]]:
    """The ids that stand first, and the members."""
    count = len(ids.split())
    members = {}
    for text in given[count:]:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is no MEMBER=VALUE.")
        members[name] = value
    return list(given[:count]), members


def _body(members: dict[str, str], raw: str, of: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    """A body: what --body says, and the members over it. Raises Invalid for members that are none."""
    values, findings = read_members(members, types_of(*of))
    if findings:
        raise Invalid(findings)
    return {**_read(raw), **values}


def _read(raw: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if raw == "@-" else Path(raw[1:]).read_text() if raw.startswith("@") else raw
    except OSError as error:
        raise ConfigurationError(f"{raw[1:]} cannot be read: {error.strerror}.", "Check the path.") from None
    try:
        return msgspec.json.decode(text, type=dict[str, Any]) if text else {}
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"The body is no JSON object: {error}.") from None


def _filter(text: str) -> tuple[str, str]:
    found = _FILTER.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no filter: write FIELD=VALUE or FIELD[op]=VALUE.")
    return found[1], found[2]


def _list_help(family: Family, above: str) -> str:
    example = f"clarion v2 {family.name} list {above}".strip()
    return f"List records.\n\nExamples:\n\n    {example}\n\n    {example} --all --json"


def _create_help(family: Family, above: str) -> str:
    example = f"clarion v2 {family.name} create {above}".strip()
    names = ", ".join(types_of(*family.create))
    return f"Create a record. Members: {names}.\n\nExample:\n\n    {example} {family.columns[1]}=..."


def _update_help(family: Family, own: str) -> str:
    assert family.patch is not None
    names = ", ".join(types_of(family.patch))
    return (
        f"Change members of a record; `null` clears one. Members: {names}.\n\nExample:\n\n"
        f"    clarion v2 {family.name} update {own} {next(iter(types_of(family.patch)))}=..."
    )


for _family in FAMILIES:
    app.add_typer(_commands(_family), name=_family.name)
