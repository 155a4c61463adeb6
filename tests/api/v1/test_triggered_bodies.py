"""In-apps and alarms of any content: valid ones come back as they were, whatever else is sent gets a clean answer."""

import string
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.v1.client import V1Client
from tests.api.v1.triggered import BODIES, build_places, declare

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
COUNTS = st.integers(0, 2**63 - 1) | st.integers(0, 5)
FLAGS = st.booleans()
ADDRESSES = st.sampled_from(["https://shop.example", "shop://cart", "mailto:a@shop.example"])
PARAMS = st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=2)
DATES = st.sampled_from(["2031-03-01T08:00:00Z", "2031-03-01T08:00:00.5Z", "2031-06-30T23:59:59Z"])
OFFSET_DATES = st.sampled_from(["2031-03-01T08:00:00+01:00", "2031-12-31T23:30:00-05:30", "2031-03-01T08:00:00Z"])
PATTERNS = st.sampled_from(["^a", "sun|rain", "(?i)blue", "\\d{3}-\\d+", "[^a-z]$"])
ACTIONS = ["browser", "email", "phone", "store", "sms", "urlscheme", "webview", "request"]


def members(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An object with these members, the optional ones or not."""
    return st.fixed_dictionaries(required, optional=optional)


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """A short list that is not empty."""
    return st.lists(of, min_size=1, max_size=3)


def both(of: st.SearchStrategy[Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Inclusions and exclusions, each or neither."""
    return members({}, inclusion=some(of), exclusion=some(of), **optional)


def matches(**name: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions on a value."""
    return members(name, contains=TEXTS, equals=TEXTS, regex=PATTERNS)


def places(**optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """The place of the fixture by one of its names."""
    names: list[dict[str, Any]] = [{"externalId": "store"}, {"geogroupId": "all"}, {"geogroupExternalId": "store"}]
    return st.builds(
        lambda name, rest: {**name, **rest},
        st.sampled_from(names),
        members({"transition": st.sampled_from(["enter", "exit"])}, **optional),
    )


TRIGGERS = members(
    {},
    displayCapping=COUNTS,
    globalClickCapping=COUNTS,
    sessionClickCapping=COUNTS,
    priority=COUNTS,
    cappingDelay=COUNTS,
    offlineDisplay=FLAGS,
    usePressure=FLAGS,
    useDelay=FLAGS,
    timer=members({"duration": COUNTS, "type": st.sampled_from(["lifetime", "session"])}),
    geolocations=both(places()),
    beacons=both(places(accuracy=st.sampled_from(["immediate", "near", "far", "unknown"]))),
    events=both(st.just(1005) | matches(code=st.just(1005)), displayOnceByEvent=FLAGS, allEventsTriggered=FLAGS),
    views=both(st.just("checkout")),
    states=both(matches(name=st.just("weather")), allStatesActive=FLAGS),
    connection=st.sampled_from(["any", "wifi", "cell"]),
    startDate=DATES.filter(lambda date: date < "2031-06"),
    endDate=st.just("2031-06-30T23:59:59Z"),
)
BUTTONS = st.one_of(
    members({"title": TEXTS, "action": st.just("close")}, icon=TEXTS, clickCustomParams=PARAMS),
    members({"title": TEXTS, "action": st.sampled_from(ACTIONS), "url": ADDRESSES}, icon=TEXTS),
)
LANDINGS = st.one_of(
    members({"type": st.just("none")}, title=TEXTS),
    members(
        {"type": st.sampled_from(["webview", "browser", "urlscheme", "request"]), "url": ADDRESSES},
        templateValue=st.just("gold"),
        title=TEXTS,
        body=TEXTS,
    ),
)
TEMPLATES = st.one_of(
    some(members({"type": st.just("popup"), "title": TEXTS, "text": TEXTS}, buttons=some(BUTTONS))),
    some(members({"type": st.just("browser"), "url": ADDRESSES})),
    some(
        members(
            {"type": st.just("custom"), "templateValue": st.just("gold"), "interstitial": FLAGS},
            title=TEXTS,
            body=TEXTS,
            url=ADDRESSES,
            autoclose=COUNTS,
            inAnimation=TEXTS,
            outAnimation=TEXTS,
            action=LANDINGS,
        )
    ),
)
VERSION = members({}, title=TEXTS, displayCustomParams=PARAMS, clickCustomParams=PARAMS)
INAPP_MESSAGES = st.builds(
    lambda templates, rest: [
        {**rest, "language": string.ascii_lowercase[n], "template": template} for n, template in enumerate(templates)
    ],
    TEMPLATES,
    VERSION,
)
ALARM_MESSAGES = some(
    members(
        {"text": TEXTS},
        title=TEXTS,
        sound=st.sampled_from([{"sound": "none"}, {"sound": "custom", "soundName": "bell.wav"}]),
        openRichPushIn=st.sampled_from(["webview", "browser"]),
        richPushUrl=ADDRESSES,
        delayTimerForAppliOff=FLAGS,
        clickCustomParams=PARAMS,
        displayCustomParams=PARAMS,
    )
).map(lambda entries: [{**entry, "language": string.ascii_lowercase[n]} for n, entry in enumerate(entries)])
PROGRAMMATIONS = st.one_of(
    members({"type": st.just("timer"), "duration": COUNTS, "useLocalDate": FLAGS}, allowUpdate=FLAGS),
    members({"type": st.just("date"), "date": OFFSET_DATES, "useLocalDate": FLAGS}, allowUpdate=FLAGS),
)
RANGES = st.one_of(
    members({"days": some(st.integers(1, 6)), "useLocalDate": FLAGS}),
    members({"startTime": st.just("08:00"), "endTime": st.just("09:30"), "useLocalDate": FLAGS}),
    members({"startDate": st.just("2031-01-01T00:00:00Z"), "endDate": OFFSET_DATES, "useLocalDate": FLAGS}),
)
FRAME: dict[str, Any] = {"triggers": TRIGGERS, "segments": st.just({}), "isActive": FLAGS}
INAPPS = members({"name": TEXTS, "messages": INAPP_MESSAGES}, **FRAME)
ALARMS = members(
    {
        "name": TEXTS,
        "messages": ALARM_MESSAGES,
        "settings": members({"programmation": PROGRAMMATIONS}, exclusionRanges=some(RANGES)),
    },
    webservice=members({"url": ADDRESSES}),
    **FRAME,
)
GIVEN = st.one_of(st.tuples(st.just("inapps"), INAPPS), st.tuples(st.just("alarms"), ALARMS))

ODD_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 1e300, 2**31, 2**63, -(2**63) - 1, 10**30, "", "-", "x" * 5000, "a\x00b", "😀", "\u202e",
    "${udid}", "'; --", "\\", "(a+)+", "2031-03-02", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "all",
    [], {}, [{}], [[]], {"": ""}, {"id": 1}, {"externalId": "a\x00"}, {"geogroupId": 10**30}, {"code": 2**62}, [2**62],
]  # fmt: skip
ODD = st.sampled_from(ODD_VALUES)


@pytest.fixture
async def shop(v1: V1Client) -> V1Client:
    """An iOS application, which knows all templates, with everything declared that bodies name."""
    await declare(v1, v1.ios, event="1005", view="checkout", state="weather", inapp_template="gold")
    await build_places(v1, v1.ios)
    return v1


def lacking(given: Any, shown: Any, at: str = "") -> list[str]:
    """Where an answer does not say what was given."""
    if isinstance(given, dict) and isinstance(shown, dict):
        return [
            place
            for name, value in given.items()
            for place in (lacking(value, shown[name], f"{at}/{name}") if name in shown else [f"{at}/{name}"])
        ]
    if isinstance(given, list) and isinstance(shown, list) and len(given) == len(shown):
        pairs = enumerate(zip(given, shown, strict=True))
        return [place for n, (one, other) in pairs for place in lacking(one, other, f"{at}/{n}")]
    return [] if given == shown or (given, shown) == ("2031-03-01T08:00:00.5Z", "2031-03-01T08:00:00.500000Z") else [at]


def places_in(body: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values of a body."""
    children = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return [at, *(place for name, child in children for place in places_in(child, (*at, name)))]


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a body with another value at a path."""
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = changed(body[path[0]], path[1:], value)
    return copy


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(GIVEN)
async def test_what_was_given_comes_back(shop: V1Client, asked: tuple[str, dict[str, Any]]) -> None:
    kind, body = asked
    path = shop.path(kind, shop.ios)
    created = (await shop.post(path, body)).id
    shown = (await shop.get(f"{path}/{created}")).json
    assert lacking(body, shown) == []
    assert (await shop.put(f"{path}/{created}", shown)).id == created
    assert (await shop.get(f"{path}/{created}")).json == shown


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(GIVEN, st.data())
async def test_whatever_is_sent_gets_a_clean_answer(
    shop: V1Client, asked: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    kind, body = asked
    where = data.draw(st.lists(st.sampled_from(places_in(body)), min_size=1, max_size=1))
    odd = changed(body, where[0], data.draw(ODD))
    path = shop.path(kind, data.draw(st.sampled_from([shop.android, shop.ios, shop.web])))
    created = (await shop.post(path, BODIES[kind])).id
    for answer in (await shop.post(path, odd), await shop.put(f"{path}/{created}", odd)):
        assert answer.status in (200, 400, 404), (odd, answer.body)
        if answer.status == 200:
            assert (await shop.get(f"{path}/{answer.id}")).status == 200
