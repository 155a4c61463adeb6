"""The rules of in-apps and alarms: what may be written, the switch, how often an application lets them show.

Which of them a device gets is `serving`'s. Everything wrong with a draft is raised at once as `Invalid` (`checks`).
"""

from clarion.apps.model import App
from clarion.base.errors import Finding, Invalid, NotFound, external_id_taken
from clarion.content.model import ActionKind
from clarion.content.service import actions_in
from clarion.content.store import messages
from clarion.content.triggered import store
from clarion.content.triggered.checks import check
from clarion.content.triggered.model import (
    AlarmDraft,
    Custom,
    Draft,
    GlobalCapping,
    Popup,
    Triggered,
    TriggeredKind,
)
from clarion.db.sql import Conn

__all__ = [
    "check",
    "create",
    "get",
    "global_capping",
    "id_of",
    "listed",
    "lock",
    "pressable",
    "set_active",
    "set_global_capping",
    "update",
]

_HIGHEST = 2**31 - 1


async def create(conn: Conn, app: App, draft: Draft, *, active: bool = False) -> int:
    """The id of the new message, switched off unless `active` (v1 rule 98). Raises Invalid."""
    _raise_any(await check(conn, app, draft))
    created = await store.insert(conn, app.id, draft, active=active)
    if created is None:
        raise Invalid([external_id_taken(draft.external_id)])
    await messages.ensure_actions(conn, app.id, created, pressable(draft))
    await store.revise(conn, app.id)
    return created


async def update(conn: Conn, app: App, present: Triggered, draft: Draft, *, active: bool | None = None) -> None:
    """Replace the whole of a message, which the caller holds locked; its switch stays unless `active` says where.

    Raises Invalid, also when the type of an in-app's template would change (v1 rule 91).
    """
    _raise_any(await check(conn, app, draft, present))
    switch = present.active if active is None else active
    if not await store.update(conn, app.id, present.id, draft, active=switch):
        raise Invalid([external_id_taken(draft.external_id)])
    await messages.ensure_actions(conn, app.id, present.id, pressable(draft))
    await store.revise(conn, app.id)


async def get(conn: Conn, app_id: int, kind: TriggeredKind, message_id: int) -> Triggered:
    """One message of the kind. Raises NotFound, also for one of another kind or application (v1 rules 27, 98)."""
    return _found(await store.find(conn, app_id, kind, message_id), kind, message_id)


async def lock(conn: Conn, app_id: int, kind: TriggeredKind, message_id: int) -> Triggered:
    """As `get`, and locked until the transaction ends."""
    return _found(await store.lock(conn, app_id, kind, message_id), kind, message_id)


async def id_of(conn: Conn, app_id: int, kind: TriggeredKind, external_id: str) -> int:
    """The id of the message that its owner named so (v1 rule 90). Raises NotFound."""
    found = await store.of_external_id(conn, app_id, kind, external_id)
    if found is None:
        raise NotFound(f"This application has no {kind.label} with this external id.")
    return found


async def listed(conn: Conn, app_id: int, kind: TriggeredKind, limit: int, offset: int) -> list[Triggered]:
    """Messages of the kind by ascending id (v1 rule 33)."""
    return await store.page(conn, app_id, kind, limit, offset)


async def set_active(conn: Conn, app_id: int, kind: TriggeredKind, message_id: int, active: bool) -> bool:
    """Turn the switch of a message; False when it stood so already (v1 rule 98). Raises NotFound."""
    changed = await store.set_active(conn, app_id, kind, message_id, active)
    if changed:
        await store.revise(conn, app_id)
    else:
        await get(conn, app_id, kind, message_id)
    return changed


async def set_global_capping(conn: Conn, app_id: int, kind: TriggeredKind, frequency: int, duration: int) -> None:
    """At most `frequency` displays in `duration` seconds, for all messages of the kind together (v1 rule 102).

    A frequency of 0 takes the limit away. Raises Invalid.
    """
    if frequency == 0:
        await store.delete_capping(conn, app_id, kind)
        return
    findings = [
        Finding(f"/{name}", name, f"The {name} of a capping is a number from 1 to {_HIGHEST}.")
        for name, number in (("frequency", frequency), ("duration", duration))
        if not 0 < number <= _HIGHEST
    ]
    _raise_any(findings)
    await store.put_capping(conn, app_id, kind, GlobalCapping(frequency, duration))


async def global_capping(conn: Conn, app_id: int) -> dict[TriggeredKind, GlobalCapping]:
    """The global cappings that are set, by kind (v1 rule 102)."""
    return await store.cappings(conn, app_id)


def pressable(draft: Draft) -> set[tuple[ActionKind, str]]:
    """What can be pressed in a message: the buttons of a pop-up by their place from 1, the page a press opens."""
    if isinstance(draft, AlarmDraft):
        return actions_in(draft.contents)
    found: set[tuple[ActionKind, str]] = set()
    for content in draft.contents:
        match content.template:
            case Popup(buttons=buttons):
                found |= {(ActionKind.BUTTON, str(place)) for place in range(1, len(buttons) + 1)}
            case Custom(action=action) if action is not None and action.kind != "none":
                found.add((ActionKind.RICH, ""))
    return found


def _found(message: Triggered | None, kind: TriggeredKind, message_id: int) -> Triggered:
    if message is None:
        raise NotFound(f"This application has no {kind.label} {message_id}.")
    return message


def _raise_any(findings: list[Finding]) -> None:
    if findings:
        raise Invalid(findings)
