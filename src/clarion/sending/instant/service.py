"""Taking an instant message: everything of it is done in the caller's transaction, delivery follows as jobs.

Devices that are named by their fields are looked up and frozen at once, so that their chunk can go straight to a
sender. Segments and static lists are planned as those of a campaign are, ahead of everything else.
"""

from collections.abc import Mapping, Sequence

from clarion.apps import service as apps
from clarion.apps.model import App, Scheme
from clarion.audience import predicate as predicates
from clarion.audience import service as audience
from clarion.audience.model import AnyOf
from clarion.base.errors import Finding, Invalid
from clarion.base.telemetry import get_logger
from clarion.content import instants
from clarion.content.model import Guarantee
from clarion.content.render import Renderer
from clarion.db.sql import Conn, together
from clarion.queue import Line, put
from clarion.results.store import freezing
from clarion.results.store.freezing import FrozenTargets
from clarion.sending import planning, store
from clarion.sending.instant.audiences import Understood, understand
from clarion.sending.instant.model import Accepted, ByList, Ground, Instant, Target
from clarion.sending.model import INSTANT, PLAN_JOB, QUEUE, URGENT_QUEUE, NewSend, SendKind, Whole
from clarion.sending.service import NOW_OR_NEVER_WINDOW

log = get_logger(__name__)

_MOST_FINDINGS = 100
_MOST_NAMED = 5


async def look_up(conn: Conn, app_id: int, message_id: int | None, external_id: str | None) -> Ground:
    """What an instant message of the parent with this id, this external id or both is made of, in one round trip where
    the caller's transaction is pipelined. Raises as `content.instants.find_parent`."""
    parent, scheme, reserved = await together(
        instants.find_parent(conn, app_id, message_id, external_id),
        apps.load_scheme(conn, app_id),
        instants.reserve(conn, app_id, message_id, external_id),
    )
    return Ground(parent, scheme, *reserved)


async def begin(conn: Conn, app: App, instant: Instant) -> Accepted:
    """Make the instant message and begin to send it; the send runs when the caller's transaction commits.

    Raises Invalid, and nothing is sent: what is wrong with the contents (`content.instants.check`, at
    `/contents/<n>`); when no target means anybody what is wrong with each (`audiences.understand`, at
    `/targets/<place>`), or `no_target` when none of them has a device; a mark for which a target has no text (code
    `no_value`, at `/targets/<place>/data`, v1 rule 54).
    """
    ground, contents = instant.ground, instant.contents
    parent, scheme, message_id, campaign_id = ground.parent, ground.scheme, ground.message_id, ground.campaign_id
    findings = [] if contents == parent.draft.contents else await instants.check(conn, app, parent, contents)
    found = await understand(conn, app, scheme, instant.targets)
    if not found.targets:
        findings += found.findings
    renderer = Renderer(app, scheme, contents, parent.id, instant.texts)
    findings += _holes(renderer, found.targets)
    if findings:
        raise Invalid(findings[:_MOST_FINDINGS])
    shared, by_target = _texts(renderer.names, instant.texts, found.targets)
    await instants.create(conn, app.id, (message_id, campaign_id), parent, contents)
    new = NewSend(
        message_id=message_id,
        campaign_id=campaign_id,
        kind=SendKind.INSTANT,
        revision=parent.revision,
        contents=contents,
        predicate=_definition(scheme, found),
        guarantee=Guarantee.AT_LEAST_ONCE,
        priority=INSTANT,
        time_to_live=parent.draft.time_to_live,
        lists=tuple(dict.fromkeys(found.lists)),
        shared=shared,
        by_target=by_target,
    )
    left_out = {target.at for target in instant.targets} - {target.at for target in found.targets}
    window = new.time_to_live or NOW_OR_NEVER_WINDOW
    if found.named:
        frozen = await _freeze(conn, app.id, found, new)
        left_out |= {target.at for no, target in enumerate(found.targets) if no not in frozen.matched}
        send_id = frozen.send_id
        await store.insert_frozen(conn, app.id, new, window, Whole(send_id, frozen.chunks, frozen.devices))
        # What is more than one chunk is no small thing: it must not keep those waiting that are.
        queue = URGENT_QUEUE if frozen.chunks == 1 else QUEUE
        await planning.put_chunks(conn, app.id, send_id, range(frozen.chunks), queue=queue, priority=INSTANT)
    else:
        send_id = await store.insert(conn, app.id, new, window)
        await _plan(conn, app.id, send_id)
    log.info("send_begun", app=app.id, message=message_id, parent=parent.id, send=send_id, kind=new.kind.value)
    return Accepted(message_id, send_id, sorted(left_out))


async def _freeze(conn: Conn, app_id: int, found: Understood, new: NewSend) -> FrozenTargets:
    """Freeze the devices that targets name, before their send is written. Raises Invalid when there are none."""
    frozen = await freezing.freeze_targets(
        conn,
        app_id,
        new.message_id,
        new.campaign_id,
        audience.targets_selection(app_id, found.named),
        send_id=store.NEXT_ID,
        chunk_size=planning.Sizes().chunk,
        keep=new.by_target is not None,
    )
    if not frozen.matched:
        raise Invalid([Finding("/targets", "no_target", "none of the targets has a device that can be reached")])
    return frozen


async def _plan(conn: Conn, app_id: int, send_id: int) -> None:
    await put(
        conn,
        PLAN_JOB,
        {"app": app_id, "send": send_id},
        queue=QUEUE,
        priority=INSTANT - 1,
        key=f"plan:{app_id}:{send_id}",
        line=Line(app_id, send_id),
    )


def _definition(scheme: Scheme, found: Understood) -> dict[str, object]:
    """The audience as planning reads it, its parts in the order of the targets. By which fields devices were named is
    not kept: they are frozen at once. Raises Invalid when segments are too large to be planned together."""
    definition = predicates.dump(AnyOf(tuple(found.parts)))
    try:
        predicates.parse(definition, scheme)
    except Invalid as error:
        raise Invalid([Finding("/targets", "too_large", f"the segments cannot be used together: {error}")]) from None
    return definition


def _holes(renderer: Renderer, targets: Sequence[Target]) -> list[Finding]:
    """Marks that a target has no text for: not its own, none of the call, no column (v1 rule 54). A column that is
    unset is an empty text, and so is the field of a static list for members that do not have it (v1 rule 45)."""
    findings = []
    for target in targets:
        listed = renderer.list_fields if isinstance(target.whom, ByList) else ()
        missing = [name for name in renderer.unknown if name not in target.texts and name not in listed]
        if missing:
            names = ", ".join(f"${{{name[:60]}}}" for name in missing[:_MOST_NAMED])
            findings.append(Finding(f"/targets/{target.at}/data", "no_value", f"no value for {names}"))
    return findings


def _texts(
    names: frozenset[str], shared: Mapping[str, str], targets: Sequence[Target]
) -> tuple[dict[str, str], list[dict[str, str]] | None]:
    """The texts that marks ask for: those that all devices get, and those of each target, None when they are alike."""
    common = {name: text for name, text in shared.items() if name in names}
    own = [{name: text for name, text in target.texts.items() if name in names} for target in targets]
    if all(texts == own[0] for texts in own):
        return common | own[0], None
    return common, own
