"""The payload of a device: its language, its values, the shape its platform's SDK reads, and what gateways take."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.apps.model import App, Column, ColumnKind, Platform, Scheme
from clarion.content.model import Button, Content
from clarion.content.render import DELIVERY, Renderer, Scalar, as_text, unsendable
from clarion.devices.model import Value
from clarion.gateways.stub import fcm_message

OWN = [
    Column("firstname", "c1", ColumnKind.TEXT, standard=False),
    Column("points", "c2", ColumnKind.INTEGER, standard=False),
    Column("price", "c3", ColumnKind.DECIMAL, standard=False),
    Column("since", "c4", ColumnKind.DATE, standard=False),
    Column("vip", "c5", ColumnKind.BOOLEAN, standard=False),
]
SCHEME = Scheme(OWN)
APPS = {platform: App(1, f"demo-{platform}", "Shop", platform) for platform in Platform}
DELIVERY_ID = bytes(range(16))


def renderer(platform: Platform, *contents: Content, message_id: int = 7) -> Renderer:
    return Renderer(APPS[platform], SCHEME, contents, message_id)


def payload(
    platform: Platform, content: Content, values: dict[str, Value] | None = None, language: str | None = None
) -> dict[str, Any]:
    """The payload of a device with these columns, decoded."""
    made = renderer(platform, content)
    row = [(values or {}).get(column.name) for column in made.columns]
    found: dict[str, Any] = json.loads(made.render(language, row, DELIVERY_ID))
    return found


# Languages


def chosen(contents: Sequence[Content], language: str | None) -> str:
    made = renderer(Platform.ANDROID, *contents)
    text: str = json.loads(made.render(language, (), DELIVERY_ID))["a4scontent"]
    return text


FR, CA, PLAIN = Content(text="fr", language="fr"), Content(text="fr-CA", language="fr-CA"), Content(text="plain")


@pytest.mark.parametrize(
    ("contents", "language", "wanted"),
    [
        ([PLAIN, FR], "fr", "fr"),
        ([PLAIN, FR], "FR", "fr"),
        ([FR, PLAIN], "de", "plain"),
        ([FR, PLAIN], None, "plain"),
        ([FR, PLAIN], "", "plain"),
        ([CA, FR], "de", "fr-CA"),
        ([FR, CA], None, "fr"),
        ([FR, CA, PLAIN], "fr-CA", "fr-CA"),
        ([FR, CA, PLAIN], "fr_ca", "fr-CA"),
        ([FR, CA, PLAIN], "fr-BE", "fr"),
        ([FR, CA, PLAIN], "fr-CA-x-quebec", "fr-CA"),
        ([CA, PLAIN], "fr", "plain"),
        ([Content(text="empty", language=""), FR], "de", "empty"),
        ([FR, PLAIN], "fr" + "-x" * 2000, "fr"),
        ([FR, PLAIN], "-", "plain"),
    ],
)
def test_v1_rule_38_a_device_gets_its_language_else_the_fallback_else_the_first(
    contents: list[Content], language: str | None, wanted: str
) -> None:
    assert chosen(contents, language) == wanted


@given(st.lists(st.text(max_size=6), max_size=5, unique=True), st.text(max_size=8) | st.none())
def test_v1_rule_38_every_language_gets_one_of_the_versions(languages: list[str], language: str | None) -> None:
    contents = [Content(text=f"text {number}", language=each) for number, each in enumerate(languages)]
    assert chosen(contents or [PLAIN], language) in {content.text for content in contents or [PLAIN]}


def test_languages_that_devices_make_up_do_not_pile_up() -> None:
    made = renderer(Platform.ANDROID, FR, PLAIN)
    for number in range(3000):
        made.render(f"x{number}", (), DELIVERY_ID)
    assert len(made._chosen) <= 1000
    assert json.loads(made.render("fr", (), DELIVERY_ID))["a4scontent"] == "fr"


def test_what_goes_with_a_version_goes_with_the_language() -> None:
    loud = Content(text="now", language="en", collapse_key="news", priority=2)
    quiet = Content(text="", language="fr", content_available=True)
    slow = Content(text="later", priority=-1)
    made = renderer(Platform.IOS, loud, quiet, slow)
    assert [made.version(each).content.collapse_key for each in ("en", "fr", "de")] == ["news", None, None]
    assert [made.version(each).silent for each in ("en", "fr", "de")] == [False, True, False]
    assert [made.version(each).urgent for each in ("en", "fr", "de")] == [True, False, False]


# Values


@pytest.mark.parametrize("platform", Platform)
def test_v1_rule_46_columns_are_asked_for_once_and_in_any_case(platform: Platform) -> None:
    made = renderer(platform, Content(text="${firstname} ${FirstName} ${udid}", title="${points}"))
    assert {column.name for column in made.columns} == {"firstname", "points", "UDID"}
    assert len(made.columns) == 3
    assert made.unknown == ()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("firstname", "Zoé", "Zoé"),
        ("firstname", "${points}", "${points}"),
        ("firstname", None, ""),
        ("points", -12, "-12"),
        ("points", None, ""),
        ("price", 12.5, "12.5"),
        ("price", 3.0, "3"),
        ("price", 1e300, "1e+300"),
        ("since", datetime(2031, 3, 2, 9, tzinfo=timezone(timedelta(hours=2))), "2031-03-02 07:00:00"),
        ("vip", True, "true"),
        ("vip", False, "false"),
        ("enabled_notifs", True, "Y"),
        ("enabled_notifs", False, "N"),
    ],
)
def test_v1_rule_46_a_value_is_shown_as_people_read_it(name: str, value: Value, shown: str) -> None:
    found = payload(Platform.ANDROID, Content(text=f"<${{{name}}}>"), {name: value})
    assert found["a4scontent"] == f"<{shown}>"


def test_v1_rule_45_a_field_of_a_list_is_empty_unless_it_is_given() -> None:
    made = renderer(Platform.ANDROID, Content(text="Hi ${a4p_gift}, ${firstname}, ${modl}, ${A4P_x}"))
    assert made.unknown == ("A4P_x", "a4p_gift", "modl")
    assert made.list_fields == ("a4p_gift",)
    assert json.loads(made.render(None, ("Zoe",), DELIVERY_ID))["a4scontent"] == "Hi , Zoe, , "
    given = json.loads(made.render(None, ("Zoe",), DELIVERY_ID, {"a4p_gift": "x"}))
    assert given["a4scontent"] == "Hi x, Zoe, , "


def test_v1_rule_54_what_is_given_goes_before_what_is_shared_before_the_column() -> None:
    content = Content(text="${firstname} ${points} ${gift} ${FirstName}")
    made = Renderer(APPS[Platform.ANDROID], SCHEME, (content,), 7, {"points": "shared", "gift": "shared"})
    assert [column.name for column in made.columns] == ["firstname"]
    assert made.unknown == ()
    shown = json.loads(made.render(None, ("Zoe",), DELIVERY_ID, {"gift": "${points}", "firstname": ""}))
    assert shown["a4scontent"] == " shared ${points} Zoe"
    assert json.loads(made.render(None, ("Zoe",), DELIVERY_ID))["a4scontent"] == "Zoe shared shared Zoe"


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (None, ""), (True, "true"), (False, "false"), (5, "5"), (5.0, "5"), (-0.5, "-0.5"), (1e300, "1e+300")],
)
def test_v1_rule_54_values_of_a_call_are_shown_as_people_read_them(value: Scalar, text: str) -> None:
    assert as_text(value) == text


def test_v1_rule_93_a_colon_before_the_name_is_passed_over() -> None:
    assert payload(Platform.WEB, Content(text="${:firstname}"), {"firstname": "Zoe"})["body"] == "Zoe"


def test_v1_rule_46_marks_of_places_are_left_to_the_device() -> None:
    assert payload(Platform.IOS, Content(text="Near #{name}"))["aps"]["alert"]["body"] == "Near #{name}"


# Delivery id


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("text", ["plain", "Hi ${firstname}"])
def test_every_payload_carries_the_id_of_its_delivery(platform: Platform, text: str) -> None:
    content = Content(text=text, display_params={DELIVERY: "mine", "other": "kept"})
    made = renderer(platform, content)
    raw = made.render(None, ["x"] * len(made.columns), DELIVERY_ID)
    assert raw.count(DELIVERY.encode()) == 1
    assert json.loads(raw)[DELIVERY] == "000102030405060708090a0b0c0d0e0f"
    assert json.loads(raw)["other"] == "kept"


# Shapes

TEXT = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["${firstname}", '"', "\\", "\n"]),
    max_size=4,
).map("".join)
PARAMS = st.dictionaries(TEXT, TEXT, max_size=3)
MAYBE = st.none() | TEXT
BUTTONS = st.lists(
    st.builds(
        Button, id=TEXT, action=TEXT, url=MAYBE, title=MAYBE, icon=MAYBE, destructive=st.booleans(), params=PARAMS
    ),
    max_size=3,
).map(tuple)
CONTENTS = st.builds(
    Content,
    text=TEXT,
    title=MAYBE,
    subtitle=MAYBE,
    long_text=MAYBE,
    big_picture=MAYBE,
    icon=MAYBE,
    small_icon=MAYBE,
    template=MAYBE,
    badge=st.none() | st.integers(0, 99).map(str) | st.integers(1, 9).map(lambda n: f"+{n}"),
    accent_color=MAYBE,
    priority=st.integers(-2, 2),
    channel=MAYBE,
    foreground=st.booleans(),
    sound=st.sampled_from(["none", "default", "custom"]),
    sound_name=MAYBE,
    action_button_label=MAYBE,
    rich_url=MAYBE,
    rich_in=st.sampled_from(["webview", "browser"]),
    content_available=st.booleans(),
    media_url=MAYBE,
    popup=st.booleans(),
    popup_ok=MAYBE,
    popup_cancel=MAYBE,
    collapse_key=MAYBE,
    button_template=MAYBE,
    buttons=BUTTONS,
    require_interaction=st.booleans(),
    url=MAYBE,
    click_params=PARAMS,
    display_params=PARAMS,
    aps=st.none() | st.dictionaries(st.sampled_from(["thread-id", "alert", "badge"]), TEXT).map(json.dumps),
)


def strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs), "a member is written twice"
    return dict(pairs)


def rendered(platform: Platform, content: Content, name: str) -> dict[str, Any]:
    made = renderer(platform, content)
    raw = made.render(None, [name] * len(made.columns), DELIVERY_ID)
    found: dict[str, Any] = json.loads(raw, object_pairs_hook=strict)
    return found


@given(CONTENTS, TEXT)
def test_android_payloads_are_texts_only_whatever_the_message(content: Content, name: str) -> None:
    data = rendered(Platform.ANDROID, content, name)
    assert all(isinstance(value, str) for value in data.values())
    filled = {text: text.replace("${firstname}", name) for text in (content.text, content.title or "Shop")}
    assert data["a4scontent"] == filled[content.text]
    assert data["a4stitle"] == filled[content.title or "Shop"]
    assert data["a4sid"] == "7"
    buttons = json.loads(data["a4sb"]) if "a4sb" in data and content.buttons else []
    assert [button["id"] for button in buttons] == [b.id.replace("${firstname}", name) for b in content.buttons]
    if content.click_params:
        params = {key: text.replace("${firstname}", name) for key, text in content.click_params.items()}
        assert json.loads(data["ccp"]) == params


@given(CONTENTS, TEXT)
def test_ios_payloads_have_a_sound_aps_whatever_the_message(content: Content, name: str) -> None:
    found = rendered(Platform.IOS, content, name)
    aps = found["aps"]
    assert isinstance(aps, dict)
    if not content.aps:
        assert isinstance(aps.get("badge", 0), int)
        assert set(aps.get("alert", {})) <= {"title", "subtitle", "body", "action-loc-key"}
        assert not ("sound" in aps and "alert" not in aps)
    made = renderer(Platform.IOS, content)
    assert made.version(None).silent == (
        aps.get("content-available") == 1 and not {"alert", "badge", "sound"} & set(aps)
    )
    assert found["a4sid"] == "7"


@given(CONTENTS, TEXT)
def test_web_payloads_are_what_the_service_worker_shows(content: Content, name: str) -> None:
    found = rendered(Platform.WEB, content, name)
    assert found["body"] == content.text.replace("${firstname}", name)
    assert isinstance(found["onClick"], dict)
    assert [button["id"] for button in found.get("a4sb", [])] in (
        [button.id.replace("${firstname}", name) for button in content.buttons],
        [],
    )


@given(CONTENTS)
def test_the_strict_stub_of_fcm_takes_every_android_payload_that_fits(content: Content) -> None:
    made = renderer(Platform.ANDROID, content)
    data = made.render(None, [""] * len(made.columns), DELIVERY_ID).decode()
    if not unsendable(APPS[Platform.ANDROID], (content,)):
        fcm_message.parse(f'{{"message":{{"token":"abc","data":{data}}}}}'.encode())


def test_an_android_message_in_full() -> None:
    content = Content(
        text="Text",
        title="Title",
        long_text="Long",
        big_picture="https://img.example/a.png",
        icon="https://img.example/i.png",
        small_icon="ic_small",
        accent_color="#ff0000",
        template="BigTextStyle",
        priority=1,
        channel="orders",
        badge="3",
        foreground=True,
        sound="custom",
        sound_name="ding.wav",
        rich_url="https://shop.example/rich",
        rich_in="browser",
        popup=True,
        popup_ok="Yes",
        popup_cancel="No",
        collapse_key="news",
        button_template="two",
        buttons=(Button("1", "browser", "https://shop.example", "Open", "ic_yes", False, {"a": "b"}), Button("2")),
        click_params={"screen": "basket"},
        display_params={"promo": "SPRING"},
    )
    found = payload(Platform.ANDROID, content)
    assert json.loads(found.pop("a4sb")) == [
        {
            "id": "1",
            "title": "Open",
            "icon": "ic_yes",
            "action": "browser",
            "url": "https://shop.example",
            "ccp": {"a": "b"},
            "destructive": False,
        },
        {"id": "2", "action": "close", "destructive": True},
    ]
    assert json.loads(found.pop("ccp")) == {"screen": "basket"}
    assert found == {
        "promo": "SPRING",
        "a4sid": "7",
        "a4stitle": "Title",
        "a4scontent": "Text",
        "a4sbigcontent": "Long",
        "a4sbigpicture": "https://img.example/a.png",
        "a4sicon": "https://img.example/i.png",
        "a4ssmalliconname": "ic_small",
        "a4saccentcolor": "#ff0000",
        "a4sbigtemplate": "BigTextStyle",
        "a4spriority": "1",
        "a4scategory": "two",
        "acc_channel": "orders",
        "a4sbadgecount": "3",
        "a4sforeground": "true",
        "a4snotifsound": "ding.wav",
        "a4surl": "https://shop.example/rich",
        "openWithSafari": "true",
        "a4spopup": "true",
        "a4sok": "Yes",
        "a4scancel": "No",
        "a4ssysid": "news",
        DELIVERY: DELIVERY_ID.hex(),
    }


def test_an_ios_message_in_full() -> None:
    content = Content(
        text="Text",
        title="Title",
        subtitle="Sub",
        badge="+2",
        sound="custom",
        sound_name="ding.caf",
        action_button_label="OPEN",
        button_template="two",
        buttons=(Button("1", "browser", "https://shop.example", params={"a": "b"}), Button("2")),
        rich_url="https://shop.example/rich",
        media_url="https://img.example/a.png",
        click_params={"screen": "basket"},
        display_params={"promo": "SPRING"},
        aps='{"thread-id": "orders", "sound": {"critical": 1}}',
    )
    assert payload(Platform.IOS, content) == {
        "promo": "SPRING",
        "aps": {
            "alert": {"title": "Title", "subtitle": "Sub", "body": "Text", "action-loc-key": "OPEN"},
            "sound": {"critical": 1},
            "category": "two",
            "mutable-content": 1,
            "thread-id": "orders",
        },
        "a4sid": "7",
        "a4sbadge": "+2",
        "a4surl": "https://shop.example/rich",
        "openWithSafari": "false",
        "a4sb": [
            {"bid": "1", "action": "browser", "url": "https://shop.example", "ccp": {"a": "b"}},
            {"bid": "2", "action": "close"},
        ],
        "acc-atts": [{"url": "https://img.example/a.png"}],
        "ccp": {"screen": "basket"},
        DELIVERY: DELIVERY_ID.hex(),
    }


def test_a_web_message_in_full() -> None:
    content = Content(
        text="Text",
        title="Title",
        icon="https://img.example/i.png",
        big_picture="https://img.example/a.png",
        require_interaction=True,
        buttons=(Button("1", "browser", "https://shop.example", "Open", "https://img.example/b.png"),),
        url="https://shop.example/${firstname}",
        click_params={"a": "b"},
    )
    assert payload(Platform.WEB, content, {"firstname": "Zoe"}) == {
        "a4sid": "7",
        "title": "Title",
        "body": "Text",
        "icon": "https://img.example/i.png",
        "a4sbigpicture": "https://img.example/a.png",
        "requireInteraction": True,
        "a4sb": [{"id": "1", "title": "Open", "icon": "https://img.example/b.png", "url": "https://shop.example"}],
        "onClick": {"url": "https://shop.example/Zoe", "params": {"a": "b"}},
        DELIVERY: DELIVERY_ID.hex(),
    }


def test_v1_rule_42_badges_and_sounds_of_ios() -> None:
    def aps(**members: Any) -> dict[str, Any]:
        found: dict[str, Any] = payload(Platform.IOS, Content(**{"text": "x", **members}))["aps"]
        return found

    assert aps(badge="5")["badge"] == 5
    assert "badge" not in aps(badge="+5")
    assert aps()["sound"] == "default"
    assert "sound" not in aps(sound="none")
    assert aps(sound="custom", sound_name="a.caf")["sound"] == "a.caf"


@pytest.mark.parametrize(
    ("members", "silent"),
    [
        ({"text": "", "content_available": True}, True),
        ({"text": "x", "content_available": True}, False),
        ({"text": "", "title": "x", "content_available": True}, False),
        ({"text": "", "content_available": True, "badge": "3"}, False),
        ({"text": "", "content_available": True, "badge": "+3"}, True),
        ({"text": "", "content_available": True, "aps": '{"sound": "a"}'}, False),
        ({"text": "", "content_available": True, "aps": '{"content-available": 0}'}, False),
        ({"text": ""}, False),
    ],
)
def test_only_what_shows_nothing_goes_out_as_a_background_notification(members: dict[str, Any], silent: bool) -> None:
    """APNs refuses background notifications with an alert, a badge or a sound."""
    assert renderer(Platform.IOS, Content(**members)).version(None).silent is silent


def test_a_web_message_without_address_opens_that_of_the_application() -> None:
    app = App(1, "web", "Shop", Platform.WEB, "https://shop.example/")
    raw = Renderer(app, SCHEME, (Content(text="x"),), 1).render(None, (), DELIVERY_ID)
    assert json.loads(raw)["onClick"] == {"url": "https://shop.example/"}
    assert json.loads(raw)["title"] == "Shop"


# Sizes and names


def longest(platform: Platform, limit: int) -> int:
    """The length of the longest text that still fits."""
    low, high = 0, 2 * limit
    while low < high:
        middle = (low + high + 1) // 2
        if unsendable(APPS[platform], (Content(text="x" * middle),)):
            high = middle - 1
        else:
            low = middle
    return low


@pytest.mark.parametrize(("platform", "limit"), [(Platform.ANDROID, 4096), (Platform.IOS, 4096), (Platform.WEB, 3993)])
def test_a_payload_of_just_the_size_the_gateway_takes_fits(platform: Platform, limit: int) -> None:
    size = longest(platform, limit)
    made = Renderer(APPS[platform], SCHEME, (Content(text="x" * size),), 10**18)
    raw = made.render(None, (), DELIVERY_ID)
    if platform is Platform.ANDROID:
        assert sum(len(key) + len(text) for key, text in json.loads(raw).items()) == limit
    else:
        assert len(raw) == limit


@pytest.mark.parametrize("platform", Platform)
def test_the_language_that_is_too_large_is_named(platform: Platform) -> None:
    findings = unsendable(APPS[platform], (Content(text="x"), Content(text="é" * 2100, language="fr")))
    assert [(finding.pointer, finding.code) for finding in findings] == [("/contents/1", "too_large")]


def test_marks_count_as_empty_because_values_may_be() -> None:
    text = "${firstname}" * 500
    assert unsendable(APPS[Platform.IOS], (Content(text=text),)) == []


@pytest.mark.parametrize("name", ["from", "message_type", "google", "google.sent_time", "gcm.x"])
def test_names_that_fcm_keeps_for_itself_are_found(name: str) -> None:
    content = Content(text="x", display_params={name: "y", "fromage": "z"})
    findings = unsendable(APPS[Platform.ANDROID], (content,))
    assert [(f.pointer, f.code) for f in findings] == [(f"/contents/0/display_params/{name}", "reserved_name")]
    assert unsendable(APPS[Platform.IOS], (content,)) == []


def test_the_longest_message_id_fits_what_was_checked() -> None:
    content = Content(text="x" * longest(Platform.IOS, 4096))
    made = Renderer(APPS[Platform.IOS], SCHEME, (content,), 2**63 - 1)
    assert len(made.render(None, (), DELIVERY_ID)) == 4096
