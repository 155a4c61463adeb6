"""The rules of campaigns and push messages: what may be written, changed and deleted, and what lists show.

Everything wrong with a draft is found before anything is written and raised at once as `Invalid`; the pointers of its
findings follow the member names of `MessageDraft` and `CampaignDraft`. Codes of findings about form:
`end_before_start`, `same_language`, `two_fallbacks`, `same_button`, `missing_url`, `missing_sound_name`,
`wrong_badge`, `empty_text`, and `render`'s about size. Codes about data: `unknown_campaign`, `unknown_segment`,
`unknown_list`, `unknown_collapse_key`, `unknown_button_template`, `external_id_taken`. Sends are `sending`'s.
"""

import re

from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.audience import service as audience
from clarion.base.errors import Conflict, Finding, Invalid, NotFound
from clarion.content import render, store
from clarion.content.model import (
    Action,
    ActionKind,
    Button,
    Campaign,
    CampaignDraft,
    Content,
    Message,
    MessageDraft,
    MessageState,
)
from clarion.db.sql import Conn

_BADGE = re.compile(r"\+?[0-9]{1,9}", re.ASCII)


class MessageFilter(Struct, frozen=True):
    """Which messages a list shows; `%` stands for any characters, case does not matter, both must hold (v1 rule 36)."""

    external_id: str | None = None
    title: str | None = None


async def create_campaign(conn: Conn, app_id: int, draft: CampaignDraft) -> int:
    """The id of the new campaign. Raises Invalid."""
    await _refuse_campaign(conn, app_id, draft, None)
    created = await store.insert_campaign(conn, app_id, draft)
    if created is None:
        raise Invalid([_external_id_taken(draft.external_id)])
    return created


async def update_campaign(conn: Conn, app_id: int, campaign_id: int, draft: CampaignDraft) -> None:
    """Replace a campaign by another description of it. Raises NotFound, Invalid."""
    await get_campaign(conn, app_id, campaign_id)
    await _refuse_campaign(conn, app_id, draft, campaign_id)
    if not await store.update_campaign(conn, app_id, campaign_id, draft):
        raise Invalid([_external_id_taken(draft.external_id)])


async def get_campaign(conn: Conn, app_id: int, campaign_id: int) -> Campaign:
    """One campaign. Raises NotFound, also for one of another application (v1 rule 27)."""
    found = await store.find_campaign(conn, app_id, campaign_id)
    if found is None:
        raise NotFound(f"This application has no campaign {campaign_id}.")
    return found


async def list_campaigns(conn: Conn, app_id: int, limit: int, offset: int) -> list[Campaign]:
    """Campaigns by ascending id (v1 rule 33)."""
    return await store.list_campaigns(conn, app_id, limit, offset)


async def delete_campaign(conn: Conn, app_id: int, campaign_id: int) -> None:
    """Delete a campaign for good; its messages stay, with no campaign (v1 rule 35). Raises NotFound."""
    if not await store.delete_campaign(conn, app_id, campaign_id):
        raise NotFound(f"This application has no campaign {campaign_id}.")


async def campaign_is_elsewhere(conn: Conn, app_id: int, campaign_id: int) -> bool:
    """Whether the campaign is another application's (v1 rule 27, clicks and targets)."""
    return await store.campaign_is_elsewhere(conn, app_id, campaign_id)


async def create_message(conn: Conn, app: App, draft: MessageDraft) -> int:
    """The id of the new message, in state draft. Raises Invalid."""
    _raise_any(await check_message(conn, app, draft))
    created = await store.insert_message(conn, app.id, draft)
    if created is None:
        raise Invalid([_external_id_taken(draft.external_id)])
    await store.ensure_actions(conn, app.id, created, actions_in(draft.contents))
    return created


async def update_message(conn: Conn, app: App, message_id: int, draft: MessageDraft) -> None:
    """Write the next revision of a message; its state stays.

    Raises NotFound, Conflict with code `sending` while it is being sent, Invalid.
    """
    _refuse_while_sending(await lock_message(conn, app.id, message_id))
    _raise_any(await check_message(conn, app, draft, message_id))
    if not await store.update_message(conn, app.id, message_id, draft):
        raise Invalid([_external_id_taken(draft.external_id)])
    await store.ensure_actions(conn, app.id, message_id, actions_in(draft.contents))


async def get_message(conn: Conn, app_id: int, message_id: int) -> Message:
    """One message. Raises NotFound, also for one of another application (v1 rule 27)."""
    return _found(await store.find_message(conn, app_id, message_id), message_id)


async def lock_message(conn: Conn, app_id: int, message_id: int) -> Message:
    """As `get_message`, and locked until the transaction ends."""
    return _found(await store.lock_message(conn, app_id, message_id), message_id)


async def list_messages(conn: Conn, app_id: int, keep: MessageFilter, limit: int, offset: int) -> list[Message]:
    """Messages by ascending id (v1 rule 33) that `keep` lets through."""
    return await store.list_messages(
        conn,
        app_id,
        external_id=_like(keep.external_id),
        title=_like(keep.title),
        limit=limit,
        offset=offset,
    )


async def delete_message(conn: Conn, app_id: int, message_id: int) -> None:
    """Delete a message for good. Raises NotFound, Conflict with code `sending` while it is being sent."""
    _refuse_while_sending(await lock_message(conn, app_id, message_id))
    await store.delete_message(conn, app_id, message_id)


async def set_state(conn: Conn, app_id: int, message_id: int, state: MessageState) -> None:
    """Move a message to another state (v1 rule 63); the caller holds its lock."""
    await store.set_state(conn, app_id, message_id, state)


async def message_of_external_id(conn: Conn, app_id: int, external_id: str) -> int | None:
    """The id of the message a caller named so, or None."""
    return await store.message_of_external_id(conn, app_id, external_id)


async def messages_of_campaign(conn: Conn, app_id: int, campaign_id: int) -> list[int]:
    """The ids of the campaign's messages, ascending."""
    return await store.messages_of_campaign(conn, app_id, campaign_id)


async def message_is_elsewhere(conn: Conn, app_id: int, message_id: int) -> bool:
    """Whether the message is another application's."""
    return await store.message_is_elsewhere(conn, app_id, message_id)


async def actions(conn: Conn, app_id: int, message_id: int) -> list[Action]:
    """What can or could be pressed in a message, with the ids that clicks carry (v1 rule 81).

    A button keeps its id over updates and languages; buttons that an update took away are still listed.
    """
    return await store.list_actions(conn, app_id, message_id)


def actions_in(contents: tuple[Content, ...]) -> set[tuple[ActionKind, str]]:
    """What can be pressed in these contents."""
    found = {(ActionKind.BUTTON, button.id) for content in contents for button in content.buttons}
    if any(content.rich_url for content in contents):
        found.add((ActionKind.RICH, ""))
    return found


async def check_message(conn: Conn, app: App, draft: MessageDraft, message_id: int | None = None) -> list[Finding]:
    """Everything wrong with a draft; `message_id` is the message it would replace."""
    findings = _check_contents(app, draft.contents)
    findings += render.unsendable(app, draft.contents)
    if draft.external_id is not None:
        holder = await store.message_of_external_id(conn, app.id, draft.external_id)
        if holder not in (None, message_id):
            findings.append(_external_id_taken(draft.external_id))
    if draft.campaign_id is not None and not await store.hold_campaign(conn, app.id, draft.campaign_id):
        findings.append(
            Finding("/campaign_id", "unknown_campaign", f"this application has no campaign {draft.campaign_id}")
        )
    findings += await _check_audience(conn, app, draft)
    return findings + await _check_names(conn, app, draft.contents)


async def _check_audience(conn: Conn, app: App, draft: MessageDraft) -> list[Finding]:
    findings = []
    wanted = {*draft.test_segments, *draft.campaign_segments}
    known = {segment.id for segment in await audience.segments(conn, app.id, sorted(wanted))} if wanted else set()
    for member, ids in (("test_segments", draft.test_segments), ("campaign_segments", draft.campaign_segments)):
        findings += [
            Finding(f"/{member}/{n}", "unknown_segment", f"this application has no segment {segment_id}")
            for n, segment_id in enumerate(ids)
            if segment_id not in known
        ]
    for n, list_id in enumerate(draft.lists):
        if await audience.find_list(conn, app.id, list_id=list_id) is None:
            findings.append(Finding(f"/lists/{n}", "unknown_list", f"this application has no static list {list_id}"))
    return findings


async def _check_names(conn: Conn, app: App, contents: tuple[Content, ...]) -> list[Finding]:
    findings = []
    for n, content in enumerate(contents):
        key, template = content.collapse_key, content.button_template
        if key is not None and not await apps.has_collapse_key(conn, app.id, key):
            findings.append(
                Finding(
                    f"/contents/{n}/collapse_key", "unknown_collapse_key", "this application has no such collapse key"
                )
            )
        if template is not None and not await apps.has_button_template(conn, app.id, template):
            findings.append(
                Finding(
                    f"/contents/{n}/button_template",
                    "unknown_button_template",
                    "this application has no such button template",
                )
            )
    return findings


def _check_contents(app: App, contents: tuple[Content, ...]) -> list[Finding]:
    findings = []
    seen: set[str] = set()
    for n, content in enumerate(contents):
        language = (content.language or "").lower()
        if language in seen and language:
            findings.append(Finding(f"/contents/{n}/language", "same_language", "another entry has the same language"))
        elif language in seen:
            findings.append(
                Finding(f"/contents/{n}/language", "two_fallbacks", "only one entry may be without language")
            )
        seen.add(language)
        if not content.text and not content.content_available:
            findings.append(Finding(f"/contents/{n}/text", "empty_text", "only a silent message may have no text"))
        if content.sound == "custom" and not content.sound_name:
            findings.append(
                Finding(f"/contents/{n}/sound_name", "missing_sound_name", "a custom sound needs its file name")
            )
        if content.badge is not None and not _BADGE.fullmatch(content.badge):
            findings.append(
                Finding(f"/contents/{n}/badge", "wrong_badge", "a badge is a number, or + and the number to add")
            )
        findings += _check_buttons(app, f"/contents/{n}/buttons", content.buttons)
    return findings


def _check_buttons(app: App, pointer: str, buttons: tuple[Button, ...]) -> list[Finding]:
    findings = []
    seen: set[str] = set()
    for n, button in enumerate(buttons):
        if button.id in seen:
            findings.append(Finding(f"{pointer}/{n}/id", "same_button", "another button has the same id"))
        seen.add(button.id)
        if app.platform is not Platform.WEB and button.action != "close" and not button.url:
            findings.append(
                Finding(f"{pointer}/{n}/url", "missing_url", f"the action {button.action} needs an address")
            )
    return findings


async def _refuse_campaign(conn: Conn, app_id: int, draft: CampaignDraft, campaign_id: int | None) -> None:
    findings = []
    if draft.external_id is not None:
        holder = await store.campaign_of_external_id(conn, app_id, draft.external_id)
        if holder not in (None, campaign_id):
            findings.append(_external_id_taken(draft.external_id))
    if draft.start_date and draft.end_date and draft.end_date < draft.start_date:
        findings.append(Finding("/end_date", "end_before_start", "the end lies before the start"))
    _raise_any(findings)


def _refuse_while_sending(message: Message) -> None:
    if message.state is MessageState.SENDING:
        raise Conflict(f"Message {message.id} is being sent.", "Try again when the sending has ended.", code="sending")


def _found(message: Message | None, message_id: int) -> Message:
    if message is None:
        raise NotFound(f"This application has no message {message_id}.")
    return message


def _external_id_taken(external_id: str | None) -> Finding:
    return Finding("/external_id", "external_id_taken", f"{external_id!r} is the external id of another object")


def _raise_any(findings: list[Finding]) -> None:
    if findings:
        raise Invalid(findings)


def _like(pattern: str | None) -> str | None:
    """A LIKE pattern in which only `%` is special."""
    return None if pattern is None else pattern.replace("\\", "\\\\").replace("_", "\\_")
