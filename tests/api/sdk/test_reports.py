"""Reports: recorded once, judged one by one, acknowledged when durable."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.api.contract.instants import parse_instant
from clarion.api.sdk.reports import read_instant
from clarion.apps.model import App
from clarion.base import clock
from clarion.db.sql import tuples
from clarion.tracking.model import EventKind
from tests.api.sdk.client import REPORTS, Phone, SdkClient, findings, report


async def stats(sdk: SdkClient, app: App) -> tuple[int, ...]:
    """(installs, opens, displays, clicks) of an application, all days together."""
    async with sdk.database.connection() as conn:
        [found] = await tuples(
            conn,
            """
            SELECT coalesce(sum(installs), 0)::int, coalesce(sum(opens), 0)::int,
                   coalesce(sum(push_displays), 0)::int, coalesce(sum(push_clicks), 0)::int
            FROM clarion.stat_day WHERE app_id = %s
            """,
            (app.id,),
        )
    return found


async def test_every_kind_is_recorded_with_its_particulars(sdk: SdkClient, phone: Phone) -> None:
    receipt = await sdk.send(
        phone,
        report("open"),
        report("open", messageId=7),
        report("displayed", messageId=7),
        report("clicked", messageId=7),
        report("clicked", messageId=7, button=""),
        report("clicked", messageId=7, button="2"),
        report("custom", code=1001),
        report("custom", code=2**31 - 1, value={"basket": 3, "name": "é", "paid": False}, messageId=2**63 - 1),
    )
    assert receipt == {"accepted": 8, "duplicates": 0, "rejected": [], "reportInterval": 60}
    assert await sdk.events(sdk.app()) == [
        (phone.id, EventKind.OPEN, 0, 7, None, None),
        (phone.id, EventKind.OPEN, 0, None, None, None),
        (phone.id, EventKind.DISPLAYED, 0, 7, None, None),
        (phone.id, EventKind.CLICKED, 0, 7, None, None),
        (phone.id, EventKind.CLICKED, 0, 7, None, None),
        (phone.id, EventKind.CLICKED, 0, 7, "2", None),
        (phone.id, EventKind.CUSTOM, 1001, None, None, None),
        (phone.id, EventKind.CUSTOM, 2**31 - 1, 2**63 - 1, None, {"basket": 3, "name": "é", "paid": False}),
    ]
    assert await stats(sdk, sdk.app()) == (1, 2, 1, 3)
    assert (await sdk.profile(phone))["opencount"] == 2


async def test_a_batch_sent_again_changes_nothing(sdk: SdkClient, phone: Phone) -> None:
    batch = [report("open"), report("displayed", messageId=7)]
    assert (await sdk.send(phone, *batch))["accepted"] == 2
    before = (await sdk.events(sdk.app()), await stats(sdk, sdk.app()), await sdk.profile(phone))
    for _ in range(3):
        receipt = await sdk.send(phone, *batch)
        assert (receipt["accepted"], receipt["duplicates"]) == (0, 2)
    assert (await sdk.events(sdk.app()), await stats(sdk, sdk.app()), await sdk.profile(phone)) == before


async def test_a_batch_sent_several_times_at_once_counts_once(sdk: SdkClient, phone: Phone) -> None:
    batch = [report("open") for _ in range(50)]
    receipts = await asyncio.gather(*(sdk.send(phone, *batch) for _ in range(6)))
    assert sum(receipt["accepted"] for receipt in receipts) == 50
    assert sum(receipt["duplicates"] for receipt in receipts) == 250
    assert (await sdk.profile(phone))["opencount"] == 50


async def test_what_was_acknowledged_is_seen_by_everybody(sdk: SdkClient, phone: Phone) -> None:
    """200 comes after the commit: another connection finds the reports."""
    for count in range(1, 4):
        await sdk.send(phone, report("open"))
        assert len(await sdk.events(sdk.app())) == count


async def test_the_id_of_a_report_belongs_to_its_device(sdk: SdkClient, phone: Phone) -> None:
    same = report("open")
    neighbour, stranger = await sdk.register(), await sdk.register(name="other")
    for each in (phone, neighbour, stranger):
        assert (await sdk.send(each, same))["accepted"] == 1
    assert [(await sdk.profile(each))["opencount"] for each in (phone, neighbour, stranger)] == [1, 1, 1]
    assert await stats(sdk, sdk.app("other")) == (1, 1, 0, 0)


async def test_the_case_of_an_id_does_not_make_two(sdk: SdkClient, phone: Phone) -> None:
    first = report("open")
    receipt = await sdk.send(phone, first, {**first, "id": first["id"].upper()})
    assert (receipt["accepted"], receipt["duplicates"]) == (1, 1)


async def test_a_wrong_report_does_not_cost_the_others(sdk: SdkClient, phone: Phone) -> None:
    wrong: list[Any] = [
        report("opened"),
        report("displayed"),
        report("clicked", messageId="7"),
        report("custom", code=1000),
        report("open", at="2031-03-02T09:00:60Z"),
        {**report("open"), "id": "not-a-uuid"},
        report("open", button="1"),
        report("custom", code=1001, value=[1]),
        report("open", mesageId=7),
        None,
        [],
        {},
        report("clicked", messageId=7, button="a\x00b"),
        report("custom", code=1001, value={"a": 2**64}),
        report("displayed", messageId=2**63),
    ]
    batch = [each for bad in wrong for each in (bad, report("open"))]
    receipt = await sdk.send(phone, *batch)
    assert (receipt["accepted"], receipt["duplicates"]) == (len(wrong), 0)
    found = {
        entry["index"]: [(item["code"], item["pointer"]) for item in entry["errors"]] for entry in receipt["rejected"]
    }
    assert found == {
        0: [("invalid_value", "#/reports/0/type")],
        2: [("required", "#/reports/2/messageId")],
        4: [("invalid_type", "#/reports/4/messageId")],
        6: [("out_of_range", "#/reports/6/code")],
        8: [("invalid_format", "#/reports/8/at")],
        10: [("invalid_format", "#/reports/10/id")],
        12: [("inconsistent", "#/reports/12/button")],
        14: [("invalid_type", "#/reports/14/value")],
        16: [("unknown_field", "#/reports/16/mesageId")],
        18: [("invalid_type", "#/reports/18")],
        20: [("invalid_type", "#/reports/20")],
        22: [("required", "#/reports/22/id"), ("required", "#/reports/22/type"), ("required", "#/reports/22/at")],
        24: [("invalid_format", "#/reports/24/button")],
        26: [("out_of_range", "#/reports/26/value/a")],
        28: [("out_of_range", "#/reports/28/messageId")],
    }
    assert (await sdk.profile(phone))["opencount"] == len(wrong)


async def test_a_batch_of_nothing_but_wrong_reports_is_acknowledged(sdk: SdkClient, phone: Phone) -> None:
    receipt = await sdk.send(phone, *([{"id": 1}] * 500))
    assert (receipt["accepted"], receipt["duplicates"]) == (0, 0)
    assert [entry["index"] for entry in receipt["rejected"]] == list(range(500))
    assert len(json.dumps(receipt)) < 200_000
    assert await sdk.events(sdk.app()) == []


async def test_a_wrong_value_among_many_wrong_reports_is_still_found(sdk: SdkClient, phone: Phone) -> None:
    receipt = await sdk.send(phone, *([{}] * 60), report("clicked", messageId=7, button="a\x00b"), report("open"))
    assert [entry["index"] for entry in receipt["rejected"]] == list(range(61))
    assert receipt["accepted"] == 1


async def test_an_empty_batch_is_acknowledged(sdk: SdkClient, phone: Phone) -> None:
    assert await sdk.send(phone) == {"accepted": 0, "duplicates": 0, "rejected": [], "reportInterval": 60}


async def test_a_batch_holds_at_most_500_reports(sdk: SdkClient, phone: Phone) -> None:
    batch = [report("open") for _ in range(501)]
    answer = await sdk.call("POST", REPORTS, {"reports": batch}, authorization=phone.authorization)
    assert findings(answer) == [("too_long", "#/reports")]
    assert (await sdk.send(phone, *batch[:500]))["accepted"] == 500


@pytest.mark.parametrize("body", [{}, {"reports": None}, {"reports": {}}])
async def test_a_body_that_is_no_batch_is_refused(sdk: SdkClient, phone: Phone, body: object) -> None:
    answer = await sdk.call("POST", REPORTS, body, authorization=phone.authorization)
    [(code, place)] = findings(answer)
    assert (code, place) in (("required", "#/reports"), ("invalid_type", "#/reports"))


@pytest.mark.parametrize("off", [timedelta(days=400), timedelta(hours=1), -timedelta(days=31), -timedelta(days=20_000)])
async def test_a_wrong_clock_is_set_right(sdk: SdkClient, phone: Phone, off: timedelta) -> None:
    before = clock.now()
    await sdk.send(phone, report("open", at=(clock.now() + off).isoformat()))
    async with sdk.database.connection() as conn:
        [(ts, occurred)] = await tuples(
            conn, "SELECT ts, occurred_at FROM clarion.event WHERE app_id = %s", (phone.app.id,)
        )
    assert ts == occurred
    assert before - timedelta(seconds=1) <= occurred <= clock.now() + timedelta(seconds=1)


@pytest.mark.parametrize(
    "at", ["2031-03-02T09:00:00", "2031-03-02 09:00:00Z", "2031-03-02", "0000-01-01T00:00:00Z", "now", ""]
)
async def test_a_time_without_its_offset_is_no_time(sdk: SdkClient, phone: Phone, at: str) -> None:
    receipt = await sdk.send(phone, report("open", at=at))
    assert [item["code"] for item in receipt["rejected"][0]["errors"]] == ["invalid_format"]


async def test_an_offset_and_fractions_are_understood(sdk: SdkClient, phone: Phone) -> None:
    moment = clock.now() - timedelta(hours=1)
    shown = (moment + timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat()
    await sdk.send(phone, report("open", at=f"{shown}+05:30"))
    async with sdk.database.connection() as conn:
        [(occurred,)] = await tuples(conn, "SELECT occurred_at FROM clarion.event WHERE app_id = %s", (phone.app.id,))
    assert occurred == moment


@pytest.mark.parametrize(
    "value",
    ["x" * 1000, "", 0, -1.5, 1e300, True, {}, {"k" * 100: "x" * 1000}, {str(n): n for n in range(50)}],
)
async def test_values_of_events_within_their_limits_are_taken(sdk: SdkClient, phone: Phone, value: object) -> None:
    assert (await sdk.send(phone, report("custom", code=1001, value=value)))["accepted"] == 1
    [(_, _, _, _, _, kept)] = await sdk.events(sdk.app())
    assert kept == value or float(kept) == value


@pytest.mark.parametrize(
    "value",
    ["x" * 1001, None, [], {"a": {}}, {"a": None}, {"k" * 101: 1}, {str(n): n for n in range(51)}, {"a": "x" * 1001}],
)
async def test_values_of_events_beyond_them_are_rejected(sdk: SdkClient, phone: Phone, value: object) -> None:
    receipt = await sdk.send(phone, report("custom", code=1001, value=value))
    assert [entry["index"] for entry in receipt["rejected"]] == [0]


async def test_the_time_of_a_device_that_was_offline_for_weeks_is_believed(sdk: SdkClient, phone: Phone) -> None:
    at = clock.now() - timedelta(days=29)
    await sdk.send(phone, report("open", at=at.isoformat()))
    assert (await sdk.profile(phone))["lastopen"] == f"{at:%Y-%m-%d %H:%M:%S}"


async def test_an_id_made_twice_by_one_device_counts_once(sdk: SdkClient, phone: Phone) -> None:
    report_id = str(uuid4())
    receipt = await sdk.send(phone, report("open", id=report_id), report("displayed", messageId=7, id=report_id))
    assert (receipt["accepted"], receipt["duplicates"]) == (1, 1)
    assert [kind for _, kind, *_ in await sdk.events(sdk.app())] == [EventKind.OPEN]


async def test_what_would_mean_something_to_the_database_is_kept_as_it_is(sdk: SdkClient, phone: Phone) -> None:
    odd = ["\\N", "\\", "a\tb", "a\nb\r", "\\.", "\\t", '"', "{}", "\u2028", ""]
    reports = [report("custom", code=number, value={"x": text}) for number, text in enumerate(odd, 1001)]
    reports += [report("clicked", messageId=7, button=text) for text in odd if text]
    assert (await sdk.send(phone, *reports))["accepted"] == len(reports)
    events = await sdk.events(sdk.app())
    assert sorted((code, value["x"]) for _, _, code, _, _, value in events if value) == list(enumerate(odd, 1001))
    assert sorted(button for *_, button, _ in events if button) == sorted(text for text in odd if text)


async def test_devices_that_report_at_once_get_their_own_receipts(sdk: SdkClient) -> None:
    phones = [await sdk.register() for _ in range(5)]
    receipts = await asyncio.gather(
        *(
            sdk.send(phone, *(report("open") for _ in range(number)), *([{"id": "x"}] if number == 3 else []))
            for number, phone in enumerate(phones)
        )
    )
    assert [receipt["accepted"] for receipt in receipts] == [0, 1, 2, 3, 4]
    assert [len(receipt["rejected"]) for receipt in receipts] == [0, 0, 0, 1, 0]


@given(
    st.datetimes(),
    st.sampled_from(["Z", "z", "+00:00", "-00:00", "+01:00", "-05:30", "+23:59", "-23:59"]),
    st.sampled_from("Tt"),
    st.none() | st.text("0123456789", min_size=1, max_size=12),
)
def test_a_checked_time_is_read_as_the_contract_reads_it(
    at: datetime, offset: str, separator: str, fraction: str | None
) -> None:
    seconds = at.isoformat(separator, "seconds") + (f".{fraction}" if fraction else "")
    text = seconds + offset
    expected = parse_instant(text)
    if expected is not None:
        assert read_instant(text) == expected
        assert read_instant(text).utcoffset() == timedelta(0)
