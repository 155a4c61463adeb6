"""What is wrong with a draft of an inbox message: all of it, found before anything is written.

Pointers of findings follow the member names of `InboxDraft`; a hundred of a kind are listed. Codes about form:
`same_language`, `two_fallbacks`, `too_many`, `too_large`, `button_id`, `same_button`, `missing_target`, `missing_data`,
`buttons_not_allowed`, `expires_too_early`. Codes about data: `unknown_event`, `unknown_campaign`, `unknown_segment`,
`unknown_list`, `external_id_taken`.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import msgspec

from clarion.apps import declarations
from clarion.apps.model import App, DeclarationKind
from clarion.base import clock
from clarion.base.errors import Finding, external_id_taken
from clarion.content import languages
from clarion.content.checks import LONGEST_BUTTON_ID, MOST_LANGUAGES, check_reach
from clarion.content.inbox import store
from clarion.content.inbox.model import WITH_BODY, InboxButton, InboxContent, InboxContentKind, InboxDraft
from clarion.content.render.fitness import MAX_SOURCE
from clarion.content.store import campaigns
from clarion.db.sql import Conn

MOST_BUTTONS = 100
_EVENT = "event"
_MOST_FINDINGS = 100
_WITHOUT_DATA = frozenset({"close", "text"})


async def check(conn: Conn, app: App, draft: InboxDraft, message_id: int | None = None) -> list[Finding]:
    """Everything wrong with a draft; `message_id` is the message it would replace."""
    if len(draft.contents) > MOST_LANGUAGES:
        return [Finding("/contents", "too_many", f"more than {MOST_LANGUAGES} languages")]
    findings = list(islice(_form(draft.contents), _MOST_FINDINGS))
    now = clock.now()
    if draft.expires_at is not None and draft.expires_at <= max(draft.send_at or now, now):
        message = "the message would expire before anybody gets it"
        findings.append(Finding("/expires_at", "expires_too_early", message))
    if draft.external_id is not None:
        holder = await store.of_external_id(conn, app.id, draft.external_id)
        if holder not in (None, message_id):
            findings.append(external_id_taken(draft.external_id))
    if draft.campaign_id is not None and not await campaigns.hold(conn, app.id, draft.campaign_id):
        findings.append(
            Finding("/campaign_id", "unknown_campaign", f"this application has no campaign {draft.campaign_id}")
        )
    findings += await check_reach(conn, app.id, draft.test_segments, draft.campaign_segments, draft.lists)
    return findings + await _check_events(conn, app.id, draft.contents)


def _form(contents: tuple[InboxContent, ...]) -> Iterator[Finding]:
    repeated = languages.repeated([content.language for content in contents])
    for n, content in enumerate(contents):
        at = f"/contents/{n}"
        if n in repeated:
            yield repeated[n]
        size = len(msgspec.json.encode(content))
        if size > MAX_SOURCE:
            yield Finding(at, "too_large", f"this language has {size} bytes, and {MAX_SOURCE} are allowed")
        if content.kind is InboxContentKind.WEB and not content.body:
            yield Finding(f"{at}/body", "missing_target", "a page needs its address")
        if content.kind not in WITH_BODY:
            if not content.target:
                yield Finding(f"{at}/target", "missing_target", f"the type {content.kind.value} needs what it opens")
            if content.buttons:
                message = f"the type {content.kind.value} has no buttons; text and web have"
                yield Finding(f"{at}/buttons", "buttons_not_allowed", message)
        if len(content.buttons) > MOST_BUTTONS:
            yield Finding(f"{at}/buttons", "too_many", f"more than {MOST_BUTTONS} buttons")
        else:
            yield from _buttons(f"{at}/buttons", content.buttons)


def _buttons(at: str, buttons: tuple[InboxButton, ...]) -> Iterator[Finding]:
    seen: Counter[str] = Counter()
    for n, button in enumerate(buttons):
        seen[button.id] += 1
        if not 0 < len(button.id) <= LONGEST_BUTTON_ID:
            yield Finding(f"{at}/{n}/id", "button_id", f"an id has 1 to {LONGEST_BUTTON_ID} characters")
        elif seen[button.id] > 1:
            yield Finding(f"{at}/{n}/id", "same_button", "another button has the same id")
        if button.action not in _WITHOUT_DATA and not button.data:
            yield Finding(f"{at}/{n}/data", "missing_data", f"the action {button.action} needs what it opens")


async def _check_events(conn: Conn, app_id: int, contents: tuple[InboxContent, ...]) -> list[Finding]:
    """Codes of events that the application does not declare (v1 rule 99)."""
    named = [(f"/contents/{n}/target", c.target) for n, c in enumerate(contents) if c.kind is InboxContentKind.EVENT]
    named += [
        (f"/contents/{n}/buttons/{at}/data", button.data)
        for n, content in enumerate(contents)
        for at, button in enumerate(content.buttons)
        if button.action == _EVENT
    ]
    codes = {code for _, code in named if code}
    known = await declarations.find(conn, app_id, DeclarationKind.EVENT, codes) if codes else {}
    unknown = [pointer for pointer, code in named if code and code not in known]
    message = "this application has no event of this code"
    return [Finding(pointer, "unknown_event", message) for pointer in unknown[:_MOST_FINDINGS]]
