"""What is wrong with a draft of a campaign or message: all of it, found before anything is written.

Pointers of findings follow the member names of `MessageDraft` and `CampaignDraft`; a hundred of a kind are listed.
Codes about form: `end_before_start`, `too_many`, `same_language`, `two_fallbacks`, `button_id`, `same_button`,
`missing_url`, `missing_sound_name`, `wrong_badge`, `empty_text`, and `render`'s about size. Codes about data:
`unknown_campaign`, `unknown_segment`, `unknown_list`, `unknown_collapse_key`, `unknown_button_template`,
`external_id_taken`.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from clarion.apps import declarations
from clarion.apps.model import App, DeclarationKind, Platform
from clarion.audience import service as audience
from clarion.base.errors import Finding, external_id_taken
from clarion.content import languages, render
from clarion.content.model import Button, CampaignDraft, Content, MessageDraft
from clarion.content.store import campaigns, messages
from clarion.db.sql import Conn

MOST_LANGUAGES = 500
LONGEST_BUTTON_ID = 255
"""Characters: a device reports a click with the id of the button, and no longer one."""
_MOST_FINDINGS = 100
_BADGE = re.compile(r"\+?[0-9]{1,9}", re.ASCII)


async def check_campaign(
    conn: Conn, app_id: int, draft: CampaignDraft, campaign_id: int | None = None
) -> list[Finding]:
    """Everything wrong with a draft; `campaign_id` is the campaign it would replace."""
    findings = []
    if draft.external_id is not None:
        holder = await campaigns.of_external_id(conn, app_id, draft.external_id)
        if holder not in (None, campaign_id):
            findings.append(external_id_taken(draft.external_id))
    if draft.start_date and draft.end_date and draft.end_date < draft.start_date:
        findings.append(Finding("/end_date", "end_before_start", "the end lies before the start"))
    return findings


async def check_message(conn: Conn, app: App, draft: MessageDraft, message_id: int | None = None) -> list[Finding]:
    """Everything wrong with a draft; `message_id` is the message it would replace."""
    if len(draft.contents) > MOST_LANGUAGES:
        return [Finding("/contents", "too_many", f"more than {MOST_LANGUAGES} languages")]
    findings = check_versions(app, draft.contents)
    if draft.external_id is not None:
        holder = await messages.of_external_id(conn, app.id, draft.external_id)
        if holder not in (None, message_id):
            findings.append(external_id_taken(draft.external_id))
    if draft.campaign_id is not None and not await campaigns.hold(conn, app.id, draft.campaign_id):
        findings.append(
            Finding("/campaign_id", "unknown_campaign", f"this application has no campaign {draft.campaign_id}")
        )
    findings += await check_reach(conn, app.id, draft.test_segments, draft.campaign_segments, draft.lists)
    return findings + await check_names(conn, app, draft.contents)


def check_versions(app: App, contents: tuple[Content, ...]) -> list[Finding]:
    """What is wrong with language versions in themselves, whatever the application declares."""
    return list(islice(_check_contents(app, contents), _MOST_FINDINGS)) + render.unsendable(app, contents)


async def check_reach(
    conn: Conn, app_id: int, test_segments: Sequence[int], campaign_segments: Sequence[int], lists: Sequence[int]
) -> list[Finding]:
    """Segments and lists that the application does not have, for messages of every kind (v1 rules 43, 99)."""
    findings = []
    wanted = {*test_segments, *campaign_segments}
    known = {segment.id for segment in await audience.segments(conn, app_id, sorted(wanted))} if wanted else set()
    for member, ids in (("test_segments", test_segments), ("campaign_segments", campaign_segments)):
        unknown = [(n, segment_id) for n, segment_id in enumerate(ids) if segment_id not in known]
        findings += [
            Finding(f"/{member}/{n}", "unknown_segment", f"this application has no segment {segment_id}")
            for n, segment_id in unknown[:_MOST_FINDINGS]
        ]
    found = await audience.find_lists(conn, app_id, list_ids=lists) if lists else []
    missing = set(lists) - {each.id for each in found}
    strange = [(n, list_id) for n, list_id in enumerate(lists) if list_id in missing]
    findings += [
        Finding(f"/lists/{n}", "unknown_list", f"this application has no static list {list_id}")
        for n, list_id in strange[:_MOST_FINDINGS]
    ]
    return findings


async def check_names(conn: Conn, app: App, contents: tuple[Content, ...]) -> list[Finding]:
    """Collapse keys and button templates that the contents name and the application does not declare (v1 rule 39)."""
    keys = {content.collapse_key for content in contents if content.collapse_key is not None}
    templates = {content.button_template for content in contents if content.button_template is not None}
    known_keys = await declarations.find(conn, app.id, DeclarationKind.COLLAPSE_KEY, keys)
    known_templates = await declarations.find(conn, app.id, DeclarationKind.BUTTON_TEMPLATE, templates)
    findings = []
    for n, content in enumerate(contents):
        if content.collapse_key is not None and content.collapse_key not in known_keys:
            message = "this application has no such collapse key"
            findings.append(Finding(f"/contents/{n}/collapse_key", "unknown_collapse_key", message))
        if content.button_template is not None and content.button_template not in known_templates:
            message = "this application has no such button template"
            findings.append(Finding(f"/contents/{n}/button_template", "unknown_button_template", message))
    return findings


def _check_contents(app: App, contents: tuple[Content, ...]) -> Iterator[Finding]:
    repeated = languages.repeated([content.language for content in contents])
    for n, content in enumerate(contents):
        if n in repeated:
            yield repeated[n]
        if not content.text and not content.content_available:
            yield Finding(f"/contents/{n}/text", "empty_text", "only a silent message may have no text")
        if content.sound == "custom" and not content.sound_name:
            yield Finding(f"/contents/{n}/sound_name", "missing_sound_name", "a custom sound needs its file name")
        if content.badge is not None and not _BADGE.fullmatch(content.badge):
            yield Finding(f"/contents/{n}/badge", "wrong_badge", "a badge is a number, or + and the number to add")
        yield from _check_buttons(app, f"/contents/{n}/buttons", content.buttons)


def _check_buttons(app: App, pointer: str, buttons: tuple[Button, ...]) -> Iterator[Finding]:
    seen: set[str] = set()
    for n, button in enumerate(buttons):
        if not 0 < len(button.id) <= LONGEST_BUTTON_ID:
            yield Finding(f"{pointer}/{n}/id", "button_id", f"an id has 1 to {LONGEST_BUTTON_ID} characters")
        elif button.id in seen:
            yield Finding(f"{pointer}/{n}/id", "same_button", "another button has the same id")
        seen.add(button.id)
        if app.platform is not Platform.WEB and button.action != "close" and not button.url:
            yield Finding(f"{pointer}/{n}/url", "missing_url", f"the action {button.action} needs an address")
