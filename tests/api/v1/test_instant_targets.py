"""Targets of instant messages on the wire: which are valid, whom they mean, what marks show (v1 rules 50 to 56)."""

from typing import Any

import pytest

from clarion.results.model import Counts, Outcome
from tests.api.v1.client import V1Client
from tests.api.v1.shop import Shop

ADA = {"clientId": "C-1"}


@pytest.fixture
async def shop(v1: V1Client) -> Shop:
    """The Android application with three customers, one of whom has two devices."""
    shop = await Shop.open(v1, v1.android)
    await shop.device("d1", clientId="C-1", firstname="Ada", points=3)
    await shop.device("d2", clientId="C-2", firstname="Bob", points=9)
    await shop.device("d3", clientId="C-3", points=5)
    await shop.device("d3-pad", clientId="C-3")
    return shop


# Rule 50


async def test_v1_rule_50_invalid_targets_are_left_out_and_told(shop: Shop) -> None:
    """By their place: of another shape, with unknown fields, without indexed criterion, with no device."""
    parent = await shop.parent()
    targets = [
        {"clientId": ["wrong"]},
        ADA,
        5,
        {},
        {"nothing": "x"},
        {"points": 3},
        {"clientId": "nobody"},
        {"clientId": "C-2", "points": "many"},
        {"clientId": "C-2"},
        {"data": {"a": "b"}},
        {"clientId": "C-2", "points": {"$near": 3}},
        {"clientId": "C-2", "system_optin_notifs": {"$gte": "Y"}},
    ]
    answer = await shop.send({"parentMessageId": parent, "targets": targets})
    assert answer.status == 200
    assert answer.json["rejectedTargets"] == [0, 2, 3, 4, 5, 6, 7, 9, 10, 11]
    assert await shop.texts() == {"d1": "Hello", "d2": "Hello"}


@pytest.mark.parametrize(
    ("target", "label", "named"),
    [
        ({"clientId": ["wrong"]}, "API_ERR_FORMAT", "targets/0/clientId"),
        (5, "API_ERR_FORMAT", "targets/0"),
        ({}, "API_ERR_FORMAT", "targets/0"),
        ({"data": {"a": "b"}}, "API_ERR_FORMAT", "targets/0/data"),
        ({"nothing": "x"}, "API_ERR_FORMAT", "targets/0/nothing"),
        ({"clientId": "C-1", "points": "many"}, "API_ERR_FORMAT", "targets/0/points"),
        ({"clientId": "C-1", "opencount": 2**40}, "API_ERR_FORMAT", "targets/0/opencount"),
        ({"clientId": "C-1", "lastopen": {"$lt": "2031-02-30"}}, "API_ERR_FORMAT", "targets/0/lastopen"),
        ({"clientId": {"$in": ["C-1", ""]}}, "API_ERR_FORMAT", "targets/0/clientId"),
        ({"clientId": "nobody"}, "API_ERR_FORMAT", "targets"),
        ({"segmentId": "abc"}, "API_ERR_FORMAT", "targets/0/segmentId"),
        ({"segmentId": 0}, "API_ERR_FORMAT", "targets/0/segmentId"),
        ({"staticListId": "1.5"}, "API_ERR_FORMAT", "targets/0/staticListId"),
    ],
)
async def test_v1_rule_50_without_a_valid_target_nothing_is_sent(
    shop: Shop, target: Any, label: str, named: str
) -> None:
    parent = await shop.parent()
    answer = await shop.send({"parentMessageId": parent, "targets": [target]})
    assert answer.refused(400, label)
    assert f"`{named}`" in answer.errors[0][1]
    assert await shop.nothing_sent()


async def test_v1_rule_50_at_most_a_hundred_targets(shop: Shop) -> None:
    parent = await shop.parent()
    assert (await shop.send({"parentMessageId": parent, "targets": [ADA] * 101})).refused(400, "API_ERR_FORMAT")
    assert (await shop.send({"parentMessageId": parent, "targets": []})).refused(400, "API_ERR_FORMAT")
    assert await shop.nothing_sent()
    assert (await shop.send({"parentMessageId": parent, "targets": [ADA] * 100})).status == 200
    assert await shop.texts() == {"d1": "Hello"}


# Rule 51

FIELDS = {"clientId": "C-1"}


@pytest.mark.parametrize(
    "targets",
    [
        [FIELDS, {"segmentId": 1}],
        [FIELDS, {"staticListId": 1}],
        [{"segmentId": 1}, {"staticListExternalId": "x"}],
        [FIELDS, {"segmentId": {"not": "valid"}}],
        [{"segmentId": 1, **FIELDS}],
        [{"segmentId": 1, "staticListId": 1}],
        [{"staticListId": 1, "points": []}],
    ],
)
async def test_v1_rule_51_kinds_are_not_mixed_invalid_targets_included(shop: Shop, targets: list[Any]) -> None:
    parent = await shop.parent()
    answer = await shop.send({"parentMessageId": parent, "targets": targets})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert "mixed" in answer.errors[0][1]
    assert await shop.nothing_sent()


async def test_segments_are_planned_ahead_of_bulk_and_deliver_to_their_devices(shop: Shop) -> None:
    parent = await shop.parent("${gift}")
    many = await shop.segment("Many", {"column": "points", "op": "gte", "value": 5})
    named = await shop.segment("Named", {"column": "firstname", "op": "set"})
    await shop.say(parent, {"segmentId": many, "data": {"gift": "a"}}, {"segmentId": str(named), "data": {"gift": "b"}})
    [send] = await shop.sends()
    assert (send.priority, send.numbered) == (10, True)
    assert await shop.texts() == {"d1": "b", "d2": "a", "d3": "a"}, "the first target a device is in wins"
    assert (shop.ended.audience, shop.ended.counts) == (3, Counts(delivered=3))


async def test_unknown_segments_and_lists_are_not_found_or_left_out(shop: Shop) -> None:
    """The contract's 404 when there is nothing else, v1 rule 50 among valid ones."""
    parent = await shop.parent()
    everyone = await shop.segment("Everyone", {"all": []})
    for target in ({"segmentId": 999}, {"staticListId": 999}, {"staticListExternalId": "none"}):
        answer = await shop.send({"parentMessageId": parent, "targets": [target]})
        assert answer.refused(404, "API_ERR_DATA")
    assert await shop.nothing_sent()
    answer = await shop.send({"parentMessageId": parent, "targets": [{"segmentId": 999}, {"segmentId": everyone}]})
    assert answer.json["rejectedTargets"] == [0]


async def test_v1_rule_27_targets_of_another_application_mean_nobody(shop: Shop) -> None:
    """Its devices, by UDID or token, its segments and its lists."""
    theirs = await Shop.open(shop.v1, shop.v1.ios)
    await theirs.device("theirs", clientId="C-7")
    segment = await theirs.segment("Theirs", {"all": []})
    listed = await theirs.static_list("Theirs", {"theirs": None})
    parent = await shop.parent()
    for target, status in (
        ({"deviceId": "theirs"}, 400),
        ({"token": "token-theirs"}, 400),
        ({"clientId": "C-7"}, 400),
        ({"segmentId": segment}, 404),
        ({"staticListId": listed}, 404),
        ({"staticListExternalId": "Theirs"}, 404),
    ):
        assert (await shop.send({"parentMessageId": parent, "targets": [target]})).status == status
    assert await shop.nothing_sent()


# Rule 52


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        ({"clientId": "C-2"}, {"d2"}),
        ({"CLIENTID": "C-2"}, {"d2"}),
        ({"token": "token-d2"}, {"d2"}),
        ({"deviceId": "d2"}, {"d2"}),
        ({"udid": {"$eq": "d2"}}, {"d2"}),
        ({"deviceId": {"$in": ["d1", "d2", "d9"]}}, {"d1", "d2"}),
        ({"token": {"$in": ["token-d1", "token-d2"]}, "points": {"$gt": 3}}, {"d2"}),
        ({"clientId": "C-3"}, {"d3", "d3-pad"}),
        ({"clientId": "C-3", "deviceId": "d3"}, {"d3"}),
    ],
)
async def test_v1_rule_52_devices_are_named_by_indexed_fields_in_any_case(
    shop: Shop, target: Any, reached: set[str]
) -> None:
    await shop.say(await shop.parent(), target)
    assert (await shop.texts()).keys() == reached


@pytest.mark.parametrize(
    "target",
    [
        {"points": 3},
        {"firstname": "Ada", "points": {"$gte": 0}},
        {"clientId": {"$ne": "C-9"}},
        {"clientId": {"$gte": "C-1"}},
        {"clientId": ""},
        {"token": "-"},
    ],
)
async def test_v1_rule_52_an_equality_on_an_indexed_field_is_needed(shop: Shop, target: Any) -> None:
    parent = await shop.parent()
    answer = await shop.send({"parentMessageId": parent, "targets": [target]})
    assert answer.refused(400, "API_ERR_DATA")
    assert "indexed" in answer.errors[0][1]
    assert await shop.nothing_sent()


# Rule 53


@pytest.mark.parametrize(
    ("criteria", "reached"),
    [
        ({"points": 9}, {"d2"}),
        ({"points": "9"}, {"d2"}),
        ({"points": {"$eq": 9.0}}, {"d2"}),
        ({"points": {"$gte": 5}}, {"d2", "d3"}),
        ({"points": {"$gt": 5}}, {"d2"}),
        ({"points": {"$lt": 5}}, {"d1"}),
        ({"points": {"$lte": 5}}, {"d1", "d3"}),
        ({"points": {"$gt": 3, "$lt": 9}}, {"d3"}),
        ({"points": {"$ne": 9}}, {"d1", "d3", "d3-pad"}),
        ({"points": {"$in": [3, "5", 7]}}, {"d1", "d3"}),
        ({"points": {"$gte": 3}, "firstname": {"$ne": "Ada"}}, {"d2", "d3"}),
        ({"firstname": ""}, {"d3", "d3-pad"}),
        ({"firstname": {"$ne": ""}}, {"d1", "d2"}),
        ({"system_optin_notifs": "Y", "points": 3}, {"d1"}),
        ({"system_optin_notifs": True, "points": 3}, {"d1"}),
    ],
)
async def test_v1_rule_53_criteria_of_a_target_must_all_hold(shop: Shop, criteria: Any, reached: set[str]) -> None:
    """An unset field meets `$ne` and no other operator; an empty value is an unset one."""
    await shop.say(await shop.parent(), {"clientId": {"$in": ["C-1", "C-2", "C-3"]}, **criteria})
    assert (await shop.texts()).keys() == reached


async def test_v1_rule_53_a_number_stands_for_the_text_of_its_digits(shop: Shop) -> None:
    await shop.device("d55", clientId="55")
    await shop.say(await shop.parent(), {"clientId": 55})
    assert (await shop.texts()).keys() == {"d55"}


async def test_v1_rule_53_targets_are_alternatives_and_a_device_is_sent_to_once(shop: Shop) -> None:
    """The first target that a device is in gives its values; one whose devices are all in others has matched too."""
    parent = await shop.parent("${n}")
    targets: list[dict[str, Any]] = [
        {"clientId": {"$in": ["C-1", "C-2"]}, "points": {"$gt": 3}},
        ADA,
        {"deviceId": "d2"},
        {"token": "token-d1"},
    ]
    answer = await shop.send(
        {"parentMessageId": parent, "targets": [{**each, "data": {"n": n}} for n, each in enumerate(targets)]}
    )
    assert "rejectedTargets" not in answer.json
    assert await shop.texts() == {"d1": "1", "d2": "0"}
    assert (shop.ended.audience, shop.ended.counts) == (2, Counts(delivered=2))


# Rule 54


async def test_v1_rule_54_target_before_message_before_device(shop: Shop) -> None:
    parent = await shop.parent("${firstname} ${points} ${gift} ${:clientid}")
    await shop.say(
        parent,
        {**ADA, "data": {"firstname": "Target", "gift": "own"}},
        {"clientId": "C-2", "data": {}},
        {"clientId": "C-3"},
        message={"data": {"gift": "shared", "points": 0}},
    )
    assert await shop.texts() == {
        "d1": "Target 0 own C-1",
        "d2": "Bob 0 shared C-2",
        "d3": " 0 shared C-3",
        "d3-pad": " 0 shared C-3",
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [("x", "x"), (5, "5"), (5.0, "5"), (1.25, "1.25"), (True, "true"), (False, "false"), (None, ""), ("", "")],
)
async def test_v1_rule_54_values_are_shown_as_people_read_them(shop: Shop, value: Any, shown: str) -> None:
    """Null is a value as well: an empty text, which hides what the message or the device has."""
    parent = await shop.parent("<${firstname}>")
    await shop.say(parent, {**ADA, "data": {"firstname": value}}, message={"data": {"firstname": "shared"}})
    assert await shop.texts() == {"d1": f"<{shown}>"}


async def test_v1_rule_54_values_are_never_evaluated_twice(shop: Shop) -> None:
    parent = await shop.parent("${a} ${b} ${firstname}")
    await shop.say(parent, {**ADA, "data": {"a": "${b}", "b": '${:firstname} " \\ \n ${a}'}})
    assert await shop.texts() == {"d1": '${b} ${:firstname} " \\ \n ${a} Ada'}


@pytest.mark.parametrize("mark", ["order-id", "order.id", "_x", "Order_1"])
async def test_v1_rules_54_and_93_marks_stand_in_any_text_of_the_message(shop: Shop, mark: str) -> None:
    """Names of values are exact; those of fields are matched in any case."""
    version = {
        "title": f"${{{mark}}}",
        "text": f"${{:{mark}}}",
        "richPushUrl": f"https://shop.example/${{{mark}}}",
        "clickCustomParams": {"p": f"${{{mark}}}${{FirstName}}"},
        "interactiveButtons": {"buttons": [{"id": 1, "title": f"${{:{mark}}}"}]},
    }
    parent = await shop.parent(messages=[version])
    await shop.say(parent, {**ADA, "data": {mark: "!"}})
    payload = (await shop.deliver())["d1"]
    assert (payload["a4stitle"], payload["a4scontent"], payload["a4surl"]) == ("!", "!", "https://shop.example/!")
    assert payload["ccp"] == '{"p":"!Ada"}'
    assert '"title":"!"' in payload["a4sb"]


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ({"order": 1}, {}, {}),
        ({"order": 1}, {"Order": 2}, {}),
        ({"order": 1}, {"orde": 1}, {"x": 1}),
        ({}, {}, {"a": 1}),
    ],
)
async def test_v1_rule_54_a_name_without_value_is_refused_and_nothing_is_sent(
    shop: Shop, first: Any, second: Any, shared: Any
) -> None:
    """Whether or not the target without the value has a device."""
    parent = await shop.parent(messages=[{"text": "Hi"}, {"language": "fr", "text": "${order}"}])
    targets = [{**ADA, "data": first}, {"clientId": "nobody", "data": second}]
    answer = await shop.send({"parentMessageId": parent, "targets": targets, "message": {"data": shared}})
    assert (answer.status, set(answer.labels)) == (400, {"API_ERR_DATA"})
    assert "${order}" in answer.errors[-1][1]
    assert "`targets/1/data`" in answer.errors[-1][1]
    assert await shop.nothing_sent()


async def test_v1_rule_54_a_name_is_needed_only_as_long_as_the_text_has_it(shop: Shop) -> None:
    parent = await shop.parent("${order}")
    await shop.say(parent, ADA, message={"text": "Hello ${firstname}"})
    assert await shop.texts() == {"d1": "Hello Ada"}


# Rule 45


async def test_v1_rule_45_fields_of_a_list_are_shown_when_the_list_is_the_target(shop: Shop) -> None:
    """Members without the field get an empty text; names are exact; values of the call go first."""
    vip = await shop.static_list("VIP", {"d1": {"gift": "scarf", "size": 4}, "d2": {"Gift": "x"}, "d3": None})
    parent = await shop.parent("<${a4p_gift}> <${:a4p_size}>")
    await shop.say(parent, {"staticListId": vip})
    assert await shop.texts() == {"d1": "<scarf> <4>", "d2": "<> <>", "d3": "<> <>"}
    await shop.say(parent, {"staticListId": vip, "data": {"a4p_gift": "own"}}, message={"data": {"a4p_size": "all"}})
    assert set((await shop.texts()).values()) == {"<own> <all>"}


async def test_v1_rule_45_of_several_lists_the_first_with_the_value_gives_it(shop: Shop) -> None:
    await shop.static_list("A", {"d1": {"x": "a"}, "d2": {"y": "a"}})
    await shop.static_list("B", {"d1": {"x": "b", "y": "b"}, "d2": {"x": "b", "y": None}, "d3": {"x": "b"}})
    parent = await shop.parent("${a4p_x}${a4p_y}${n}")
    named = [{"staticListExternalId": name, "data": {"n": name}} for name in ("B", "A")]
    await shop.say(parent, *named)
    assert await shop.texts() == {"d1": "bbB", "d2": "baB", "d3": "bB"}
    await shop.say(parent, *reversed(named))
    assert await shop.texts() == {"d1": "abA", "d2": "baA", "d3": "bB"}


async def test_v1_rule_45_a_list_is_named_by_number_external_id_or_both(shop: Shop) -> None:
    vip = await shop.static_list("VIP", {"d1": None})
    other = await shop.static_list("Other", {"d2": None})
    parent = await shop.parent()
    await shop.say(parent, {"staticListId": str(vip), "staticListExternalId": "VIP"})
    assert await shop.texts() == {"d1": "Hello"}
    body = {"parentMessageId": parent, "targets": [{"staticListId": other, "staticListExternalId": "VIP"}]}
    assert (await shop.send(body)).refused(404, "API_ERR_DATA")


async def test_v1_rule_45_elsewhere_fields_of_a_list_have_no_value(shop: Shop) -> None:
    """Not through a segment that combines the list, not by a device on it, unless the call itself gives them."""
    vip = await shop.static_list("VIP", {"d1": {"gift": "scarf"}})
    combined = await shop.segment("Combined", {"list": vip})
    parent = await shop.parent("${a4p_gift}")
    for target in ({"segmentId": combined}, ADA):
        assert (await shop.send({"parentMessageId": parent, "targets": [target]})).refused(400, "API_ERR_DATA")
    await shop.say(parent, {**ADA, "data": {"a4p_gift": "given"}})
    assert await shop.texts() == {"d1": "given"}


# Rules 55 and 56


async def test_v1_rule_55_it_is_free_of_pressure_but_not_of_what_devices_want(shop: Shop) -> None:
    """Devices that opted out, have no token or bounced are in the audience and suppressed."""
    await shop.device("off", clientId="C-4", system_optin_notifs=False)
    await shop.device("bounced", clientId="C-5", feedback=3)
    await shop.device("bare", clientId="C-6")
    await shop.without_token("bare")
    parent = await shop.parent(usePressure=True)
    await shop.say(parent, ADA, {"clientId": {"$in": ["C-4", "C-5", "C-6"]}})
    [send] = await shop.sends()
    assert send.use_pressure is False
    assert await shop.texts() == {"d1": "Hello"}
    assert (shop.ended.audience, shop.ended.counts) == (4, Counts(delivered=1, suppressed=3))
    outcomes = sorted(outcome for chunk in await shop.journey.chunks(send.id) for outcome in chunk.outcomes)
    assert outcomes == sorted(
        [Outcome.DELIVERED, Outcome.SUPPRESSED_OPT_OUT, Outcome.SUPPRESSED_BOUNCED, Outcome.SUPPRESSED_NO_TOKEN]
    )


VERSIONS = {
    "b3.1.0": True,
    "b3.1": True,
    "b3.0.99": False,
    "b3.10.0": True,
    "b10.0.0": True,
    "b2.99.99": False,
    "b3": False,
    "b4": True,
    "B3.1.0": True,
    "3.1.0": True,
    "b3.1.0-beta": True,
    "b03.01.00": True,
    "b3.1.0.1": True,
    "b": False,
    "": False,
    "unknown": False,
    f"b{'9' * 40}.0": True,
}


@pytest.mark.parametrize("kind", ["fields", "segment", "list"])
async def test_v1_rule_56_old_web_devices_are_left_out_of_the_audience(v1: V1Client, kind: str) -> None:
    """Compared by the numbers after the letter, part by part; a device without version is an old one."""
    shop = await Shop.open(v1, v1.web)
    for number, version in enumerate(VERSIONS):
        await shop.device(f"d{number}", clientId="C-1", sw_version=version)
    targets: dict[str, Any] = {
        "fields": {"clientId": "C-1"},
        "segment": {"segmentId": await shop.segment("Everyone", {"all": []})},
        "list": {"staticListId": await shop.static_list("VIP", {f"d{n}": None for n in range(len(VERSIONS))})},
    }
    await shop.say(await shop.parent(), targets[kind])
    reached = {list(VERSIONS)[int(udid[1:])] for udid in await shop.texts()}
    assert reached == {version for version, new in VERSIONS.items() if new}
    assert shop.ended.audience == len(reached)


async def test_v1_rule_56_a_target_with_old_web_devices_alone_has_none(v1: V1Client) -> None:
    shop = await Shop.open(v1, v1.web)
    await shop.device("d1", clientId="C-1", sw_version="b3.0.0")
    body = {"parentMessageId": await shop.parent(), "targets": [{"clientId": "C-1"}]}
    assert (await shop.send(body)).refused(400, "API_ERR_FORMAT")
    assert await shop.nothing_sent()


async def test_v1_rule_56_is_for_web_devices_only(shop: Shop) -> None:
    await shop.device("old", clientId="C-9", sw_version="b1.0")
    await shop.say(await shop.parent(), {"clientId": "C-9"})
    assert (await shop.texts()).keys() == {"old"}
