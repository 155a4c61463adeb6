"""Instant messages on the v1 wire: for one application, and for several at once (v1 rules 47 to 57)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from clarion.api import trail
from clarion.api.exchange import Response
from clarion.api.v1 import errors, message_wire
from clarion.api.v1.authenticate import application
from clarion.api.v1.call import Call, json_answer
from clarion.api.v1.errors import Label, Problem, V1Error, format_problems, spelled
from clarion.api.v1.target_wire import read_data, read_number, read_targets
from clarion.apps.model import App, Platform
from clarion.base.errors import Finding, Invalid
from clarion.base.telemetry import get_logger
from clarion.content.languages import tag
from clarion.content.model import Content, Message
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.identity.model import AuditEntry
from clarion.sending.instant import service as instant
from clarion.sending.instant.model import Accepted, Instant, Target

log = get_logger(__name__)

MOST_APPS = 100
"""Applications of one call."""

_SCHEMA = {Platform.ANDROID: "AndroidMessage", Platform.IOS: "iOSMessage", Platform.WEB: "WebMessage"}
_NOT_OVERRIDES = frozenset({"language", "data"})
_OF_VERSION = re.compile(r"/contents/[0-9]+")


class _Result(Struct, rename="camel", omit_defaults=True):
    message_id: int
    rejected_targets: list[int] = []


class _Entry(Struct, rename="camel"):
    status_code: int
    body: _Result | Raw


async def send_instant_message(call: Call) -> Response:
    """Say a message again at once to the targets of this call; 200 means accepted (v1 rule 48)."""
    targets = read_targets(call.contract, call.operation, call.body)
    return json_answer(await _send(call, call.app, call.body, targets, call.line))


async def send_instant_message_multi_app(call: Call) -> Response:
    """The same for several applications, each with its own parent and its own answer (v1 rule 57)."""
    entries: Mapping[str, Any] = call.body["apps"]
    if len(entries) > MOST_APPS:
        raise V1Error(400, Label.FORMAT, f"Malformed field `apps`: more than {MOST_APPS} members")
    targets = read_targets(call.contract, call.operation, call.body, fields_only=True)
    return json_answer({"apps": {name: await _of_app(call, name, entry, targets) for name, entry in entries.items()}})


async def _of_app(call: Call, partner_id: str, entry: Any, targets: Sequence[Target]) -> _Entry:
    """What the route of one application would answer. Nothing that goes wrong here keeps other applications back."""
    app = None
    try:
        async with call.services.db.connection() as conn:
            app = await application(conn, call.person, partner_id)
        if app is None:
            raise V1Error(403, Label.FORBIDDEN, "No right on this application")
        answer = _Entry(200, await _send(call, app, _checked(call, app, entry), targets))
    except Exception as error:
        body = entry | {"targets": call.body["targets"]} if isinstance(entry, dict) else None
        problems = errors.problems_of(error, body)
        if problems is None:
            log.exception("request_failed", reference=call.request.reference, path=call.request.path, app=partner_id)
            problems = [errors.failure(error, call.request.reference)]
        refusal = errors.answer(problems)
        answer = _Entry(refusal.status, Raw(refusal.body))
    if app is not None:
        operation, path = call.operation.operation_id, call.request.path
        line = AuditEntry("v1", operation, path, answer.status_code, call.person.id, app.id)
        await trail.record(call.services.db, line)
    return answer


def _checked(call: Call, app: App, entry: Any) -> Mapping[str, Any]:
    """The part of an application, as the contract wants it for its platform. Raises V1Error."""
    if isinstance(entry, dict) and "message" in entry:
        entry = entry | {"message": message_wire.fold_case(entry["message"])}
    findings = call.contract.check("MultiAppParent", entry, app.platform.value, unusual=False)
    if findings:
        raise V1Error.several(format_problems(findings))
    checked: Mapping[str, Any] = entry
    return checked


async def _send(
    call: Call, app: App, body: Mapping[str, Any], targets: Sequence[Target], line: trail.Line | None = None
) -> _Result:
    """Accept a valid message, with its line of the audit trail. Raises what `sending.instant` does, in the spelling of
    the wire."""
    parent_id = _parent_id(body)
    override: Mapping[str, Any] = body.get("message", {})

    async def work(conn: Conn) -> Accepted:
        ground = await instant.look_up(conn, app.id, parent_id, body.get("parentMessageExternalId"))
        contents = _contents(call, app, ground.parent, override)
        wanted = Instant(ground, contents, targets, read_data(override.get("data")))
        try:
            begun = await instant.begin(conn, app, wanted)
        except Invalid as error:
            raise Invalid(_of_message(error.findings)) from None
        if line is not None:
            await line.join(conn, 200)
        return begun

    with spelled(message_wire.places(app.platform), named_is_404=True):
        accepted = await retry.transact(call.services.db, work, pipelined=True)
    if line is not None:
        line.written = True
    read = {target.at for target in targets}
    unread = (at for at in range(len(call.body["targets"])) if at not in read)
    return _Result(accepted.message_id, sorted([*accepted.left_out, *unread]))


def _parent_id(body: Mapping[str, Any]) -> int | None:
    given: int | str | None = body.get("parentMessageId")
    if given is None:
        return None
    number = read_number(given)
    if number is None:
        raise V1Error(400, Label.FORMAT, "Malformed field `parentMessageId`: expected a number above 0")
    return number


def _contents(call: Call, app: App, parent: Message, message: Mapping[str, Any]) -> tuple[Content, ...]:
    """What the parent says once `message` has overridden it, field by field (v1 rule 47). Raises V1Error.

    With `language` it is that version alone; without, every version is overridden.
    """
    versions = parent.draft.contents
    language: str | None = message.get("language")
    if language is not None:
        versions = tuple(each for each in versions if tag(each.language or "") == tag(language))
    if not versions:
        sentence = f"Unacceptable field `message/language`: message {parent.id} has no such language version"
        raise V1Error(400, Label.DATA, sentence)
    override = {name: value for name, value in message.items() if name not in _NOT_OVERRIDES}
    if not override:
        return versions
    written = msgspec.to_builtins(message_wire.write(app.platform, versions))
    entries = [entry | override for entry in written]
    problems = [
        Problem(400, Label.FORMAT, finding.message.replace("`", "`message/", 1))
        for finding in call.contract.check(_SCHEMA[app.platform], entries[0], unusual=False)
        if finding.pointer.split("/")[1] in override
    ]
    if problems:
        raise V1Error.several(problems)
    return message_wire.read(app.platform, entries)


def _of_message(findings: Sequence[Finding]) -> list[Finding]:
    """Findings about versions of the contents are findings about what overrode them, each told once."""
    moved = [Finding(_OF_VERSION.sub("/message", each.pointer), each.code, each.message) for each in findings]
    return list({(each.pointer, each.code): each for each in moved}.values())
