"""What is wrong with a draft of an in-app or alarm: all of it, found before anything is written.

Pointers of findings follow the member names of `InAppDraft` and `AlarmDraft`; a hundred of a kind are listed. Codes
about form: those of `content.checks` about language versions, and `too_large`, `too_many`, `other_template`,
`template_type`, `not_on_this_platform`, `missing_member`, `missing_url`, `address`, `pattern`, `end_before_start`,
`half_a_range`, `no_day`, `never_due`. Codes about data: those of `content.checks` about campaigns, segments and lists,
and `unknown_inapp_template`, `unknown_geolocation`, `unknown_beacon`, `unknown_event`, `unknown_view`, `unknown_state`.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from clarion.apps import declarations
from clarion.apps.model import App, Declaration, DeclarationKind, Platform
from clarion.base import clock
from clarion.base.errors import Finding, external_id_taken
from clarion.content import languages
from clarion.content.checks import MOST_LANGUAGES, check_names, check_reach, check_versions
from clarion.content.store import campaigns
from clarion.content.triggered import patterns, programmation, store, templates
from clarion.content.triggered.model import (
    AlarmDraft,
    AlarmSettings,
    Browser,
    Custom,
    Draft,
    ExclusionRange,
    InAppContent,
    InAppDraft,
    Landing,
    Popup,
    Triggered,
    Triggers,
    kind_of,
)
from clarion.db.sql import Conn
from clarion.places import service as places

MOST_BYTES = 32_768
"""Of one language version, and of the triggers of a message, as JSON: a device holds all of them."""
LONGEST_ADDRESS = 2048
"""Characters."""
_MOST_FINDINGS = 100
_WITH_ADDRESS = frozenset({"browser", "urlscheme", "request"})


async def check(conn: Conn, app: App, draft: Draft, present: Triggered | None = None) -> list[Finding]:
    """Everything wrong with a draft; `present` is the message it would replace."""
    if len(draft.contents) > MOST_LANGUAGES:
        return [Finding("/contents", "too_many", f"more than {MOST_LANGUAGES} languages")]
    findings = await _check_frame(conn, app.id, draft, present)
    if isinstance(draft, InAppDraft):
        findings += list(islice(_check_versions(app, draft.contents), _MOST_FINDINGS))
        findings += _same_type(draft, present)
        findings += list(islice(await _check_templates(conn, app.id, draft.contents), _MOST_FINDINGS))
    else:
        findings += check_versions(app, draft.contents) + await check_names(conn, app, draft.contents)
        findings += list(islice(_check_alarm(app, draft), _MOST_FINDINGS))
    findings += list(islice(_check_triggers(draft.triggers), _MOST_FINDINGS))
    return findings + await _check_resources(conn, app.id, draft.triggers)


async def _check_frame(conn: Conn, app_id: int, draft: Draft, present: Triggered | None) -> list[Finding]:
    findings = []
    if draft.external_id is not None:
        holder = await store.of_external_id(conn, app_id, kind_of(draft), draft.external_id)
        if holder not in (None, present.id if present else None):
            findings.append(external_id_taken(draft.external_id))
    if draft.campaign_id is not None and not await campaigns.hold(conn, app_id, draft.campaign_id):
        message = f"this application has no campaign {draft.campaign_id}"
        findings.append(Finding("/campaign_id", "unknown_campaign", message))
    return findings + await check_reach(conn, app_id, draft.test_segments, draft.campaign_segments, draft.lists)


def _check_versions(app: App, contents: tuple[InAppContent, ...]) -> Iterator[Finding]:
    """In-apps in themselves, whatever the application declares (v1 rule 91)."""
    repeated = languages.repeated([content.language for content in contents])
    first = contents[0].template
    for n, content in enumerate(contents):
        at = f"/contents/{n}"
        if n in repeated:
            yield repeated[n]
        yield from _size(at, content)
        template = content.template
        if type(template) is not type(first):
            yield Finding(f"{at}/template/type", "other_template", "all languages use the same type of template")
        elif (
            isinstance(template, Custom)
            and isinstance(first, Custom)
            and template.template_value != first.template_value
        ):
            yield Finding(f"{at}/template/template_value", "other_template", "all languages use the same template")
        match template:
            case Popup(buttons=buttons):
                for place, button in enumerate(buttons):
                    if button.action != "close" and not button.url:
                        message = f"the action {button.action} needs an address"
                        yield Finding(f"{at}/template/buttons/{place}/url", "missing_url", message)
            case Browser(url=url):
                if app.platform is not Platform.IOS:
                    message = "the template browser is for iOS only"
                    yield Finding(f"{at}/template/type", "not_on_this_platform", message)
                if not url:
                    yield Finding(f"{at}/template/url", "missing_url", "the template browser needs an address")
            case Custom(action=Landing() as landing):
                yield from _check_landing(f"{at}/template/action", landing)


def _check_landing(at: str, landing: Landing) -> Iterator[Finding]:
    if landing.kind in _WITH_ADDRESS and not landing.url:
        yield Finding(f"{at}/url", "missing_url", f"the action {landing.kind} needs an address")
    if landing.kind == "webview" and not (landing.url or landing.body):
        yield Finding(f"{at}/url", "missing_url", "the action webview needs an address, or a text to show")


def _same_type(draft: InAppDraft, present: Triggered | None) -> list[Finding]:
    """The type of the template stays what it was (v1 rule 91)."""
    if present is None or not isinstance(present.draft, InAppDraft):
        return []
    kept = present.draft.contents[0].template
    if type(draft.contents[0].template) is type(kept):
        return []
    message = f"the type of the template cannot change; it is {kept.__struct_config__.tag}"
    return [Finding("/contents/0/template/type", "template_type", message)]


async def _check_templates(conn: Conn, app_id: int, contents: tuple[InAppContent, ...]) -> Iterator[Finding]:
    """In-app templates that are not declared, and what a declared one demands and does not get."""
    used: list[tuple[str, str, Custom | Landing]] = []
    for n, content in enumerate(contents):
        if isinstance(content.template, Custom):
            used.append((f"/contents/{n}/template", content.template.template_value, content.template))
            landing = content.template.action
            if landing is not None and landing.template_value is not None:
                used.append((f"/contents/{n}/template/action", landing.template_value, landing))
    names = {name for _, name, _ in used}
    declared = await declarations.find(conn, app_id, DeclarationKind.INAPP_TEMPLATE, names)
    return (finding for at, name, user in used for finding in _check_template(at, declared.get(name), user))


def _check_template(at: str, declared: Declaration | None, user: Custom | Landing) -> Iterator[Finding]:
    if declared is None:
        yield Finding(f"{at}/template_value", "unknown_inapp_template", "this application has no such in-app template")
        return
    for name in templates.missing(declared, user):
        yield Finding(f"{at}/{name}", "missing_member", f"mandatory with the template {declared.value}")


def _check_alarm(app: App, draft: AlarmDraft) -> Iterator[Finding]:
    """What an alarm has besides its language versions (v1 rules 92 and 97)."""
    first = draft.contents[0]
    for n, content in enumerate(draft.contents):
        if content.template != first.template:
            yield Finding(f"/contents/{n}/template", "other_template", "all languages use the same template")
        if content.button_template != first.button_template:
            message = "all languages use the same button template"
            yield Finding(f"/contents/{n}/button_template", "other_template", message)
    if draft.webservice is not None:
        if app.platform is Platform.WEB:
            yield Finding("/webservice", "not_on_this_platform", "a webservice is for Android and iOS only")
        if not 0 < len(draft.webservice.strip()) <= LONGEST_ADDRESS:
            message = f"the address of a webservice has 1 to {LONGEST_ADDRESS} characters"
            yield Finding("/webservice/url", "address", message)
    yield from _check_settings(draft.settings)


def _check_settings(settings: AlarmSettings) -> Iterator[Finding]:
    at = "/settings/exclusion_ranges"
    if len(settings.exclusion_ranges) > programmation.MOST_RANGES:
        yield Finding(at, "too_many", f"more than {programmation.MOST_RANGES} periods")
        return
    wrong = [f for n, each in enumerate(settings.exclusion_ranges) for f in _check_range(f"{at}/{n}", each)]
    yield from wrong
    if not wrong and programmation.due(settings, clock.now()) is None:
        yield Finding(at, "never_due", "these periods leave the alarm no time to ring")


def _check_range(at: str, each: ExclusionRange) -> Iterator[Finding]:
    for start, end in (("start_time", "end_time"), ("start_date", "end_date")):
        if (getattr(each, start) is None) != (getattr(each, end) is None):
            missing = start if getattr(each, start) is None else end
            yield Finding(f"{at}/{missing}", "half_a_range", "a period has a start and an end")
    if each.start_date is not None and each.end_date is not None and each.end_date < each.start_date:
        yield Finding(f"{at}/end_date", "end_before_start", "the end lies before the start")
    if each.days is not None and not each.days:
        yield Finding(f"{at}/days", "no_day", "no day is named; leave the member out to mean every day")


def _check_triggers(triggers: Triggers) -> Iterator[Finding]:
    if triggers.start_date and triggers.end_date and triggers.end_date < triggers.start_date:
        yield Finding("/triggers/end_date", "end_before_start", "the end lies before the start")
    too_large = list(_size("/triggers", triggers))
    if too_large:
        yield from too_large
        return
    for name, matches in (
        ("events/inclusion", triggers.events.inclusion),
        ("events/exclusion", triggers.events.exclusion),
        ("states/inclusion", triggers.states.inclusion),
        ("states/exclusion", triggers.states.exclusion),
    ):
        for n, match in enumerate(matches):
            problem = None if match.regex is None else patterns.problem(match.regex)
            if problem is not None:
                yield Finding(f"/triggers/{name}/{n}/regex", "pattern", problem)


async def _check_resources(conn: Conn, app_id: int, triggers: Triggers) -> list[Finding]:
    """What triggers name and the application does not have (v1 rules 91 and 92)."""
    events, states, views = triggers.events, triggers.states, triggers.views
    findings: list[Finding] = []
    for kind, code, place, named in (
        (DeclarationKind.EVENT, "unknown_event", "events/inclusion/{}/code", [f"{e.code}" for e in events.inclusion]),
        (DeclarationKind.EVENT, "unknown_event", "events/exclusion/{}/code", [f"{e.code}" for e in events.exclusion]),
        (DeclarationKind.VIEW, "unknown_view", "views/inclusion/{}", views.inclusion),
        (DeclarationKind.VIEW, "unknown_view", "views/exclusion/{}", views.exclusion),
        (DeclarationKind.STATE, "unknown_state", "states/inclusion/{}/name", [s.name for s in states.inclusion]),
        (DeclarationKind.STATE, "unknown_state", "states/exclusion/{}/name", [s.name for s in states.exclusion]),
    ):
        known = await declarations.find(conn, app_id, kind, named) if named else {}
        unknown = [n for n, name in enumerate(named) if name not in known]
        findings += _unknown(unknown, f"/triggers/{place}", code, kind.label)
    for member, group in (
        ("inclusion", triggers.geolocations.inclusion),
        ("exclusion", triggers.geolocations.exclusion),
    ):
        unknown = await places.unknown_geolocations(conn, app_id, [each.place for each in group]) if group else []
        findings += _unknown(
            unknown, f"/triggers/geolocations/{member}/{{}}", "unknown_geolocation", "geofence or group"
        )
    for member, group in (("inclusion", triggers.beacons.inclusion), ("exclusion", triggers.beacons.exclusion)):
        unknown = await places.unknown_beacons(conn, app_id, [each.place for each in group]) if group else []
        findings += _unknown(unknown, f"/triggers/beacons/{member}/{{}}", "unknown_beacon", "beacon or group")
    return findings


def _unknown(indexes: Iterable[int], place: str, code: str, what: str) -> list[Finding]:
    message = f"this application has no such {what}"
    return [Finding(place.format(n), code, message) for n in islice(indexes, _MOST_FINDINGS)]


def _size(at: str, part: InAppContent | Triggers) -> Iterator[Finding]:
    size = len(msgspec.json.encode(part))
    if size > MOST_BYTES:
        yield Finding(at, "too_large", f"this part has {size} bytes as it is stored, and {MOST_BYTES} are allowed")
