"""The device base on the v1 wire: export, search and update of one device (v1 rules 64 to 67, 69, 70)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind
from clarion.db import retry
from clarion.db.sql import execute
from clarion.devices import service
from clarion.devices.model import DeviceRecord, Value, device_id
from tests.api.v1.client import Answer, V1Client

UDIDS = ["9C1F6E1A-0000-4000-8000-0123456789AB", "F31548D3-F93E-498F-8E01-F18CC4EB2F5F", "A404"]


async def write(v1: V1Client, app: App, devices: Mapping[str, Mapping[str, Value]]) -> None:
    async with v1.database.connection() as conn:
        scheme = await apps.load_scheme(conn, app.id)
    records = []
    for udid, fields in devices.items():
        columns = {name: scheme.find(name) for name in fields}
        records.append(DeviceRecord(udid, {columns[name]: value for name, value in fields.items()}))  # type: ignore[misc]
    await retry.transact(v1.database, lambda conn: service.upsert(conn, app, records))


@pytest.fixture
async def v1d(v1: V1Client) -> V1Client:
    """The client, with three devices and columns of the company's own."""
    async with v1.database.transaction() as conn:
        await apps.add_column(conn, v1.android, "clientId", ColumnKind.TEXT, indexed=True)
        await apps.add_column(conn, v1.android, "score", ColumnKind.INTEGER)
    first, second, third = UDIDS
    day = datetime(2014, 6, 8, 12, 34, 56, tzinfo=UTC)
    await write(
        v1,
        v1.android,
        {
            first: {"token": "AB5F", "language": "fr", "IDFA": 'EA"75;', "firstopen": day, "lastopen": day},
            second: {"token": "AB60", "clientId": "C-1001", "score": 7, "lastopen": day.replace(day=9)},
            third: {"clientId": "C-1002", "system_optin_notifs": False, "model": "two\nlines é"},
        },
    )
    return v1


def in_order(*udids: str) -> list[str]:
    """UDIDs of the Android application as an export has them."""
    return sorted(udids, key=lambda udid: device_id(1, udid))


def exported(answer: Answer) -> list[str]:
    """The UDIDs of an export of that one column."""
    assert answer.status == 200, answer.body
    header, *lines = answer.text.split("\r\n")
    if not lines:
        assert header == ""
        return []
    assert header == "UDID"
    assert lines.pop() == ""
    assert all(line.startswith('"') and line.endswith('"') for line in lines)
    return [line[1:-1] for line in lines]


async def export(v1: V1Client, **params: str) -> list[str]:
    return exported(await v1.get(v1.path("devices"), params={"fields[1]": "UDID", **params}))


async def device(v1: V1Client, udid: str) -> dict[str, object]:
    answer = await v1.get(v1.path("devices/search/by"), params={"UDID": udid})
    assert answer.status == 200, answer.body
    data: dict[str, object] = answer.json["data"]
    return data


async def test_v1_rule_64_every_value_is_quoted_and_lines_end_in_cr_lf(v1d: V1Client) -> None:
    params = [("fields[2]", "IDFA"), ("fields[1]", "udid"), ("fields[3]", "MODEL"), ("fields[]", "system_optin_notifs")]
    answer = await v1d.get(v1d.path("devices"), params=params)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "link" not in answer.headers
    lines = {
        UDIDS[0]: f'"{UDIDS[0]}";"EA""75;";"";"Y"\r\n',
        UDIDS[1]: f'"{UDIDS[1]}";"";"";"Y"\r\n',
        UDIDS[2]: f'"{UDIDS[2]}";"";"two\nlines é";"N"\r\n',
    }
    assert answer.text == "UDID;IDFA;model;system_optin_notifs\r\n" + "".join(lines[u] for u in in_order(*UDIDS))


async def test_v1_rule_64_without_fields_all_columns_are_exported(v1d: V1Client) -> None:
    answer = await v1d.get(v1d.path("devices"))
    header = answer.text.split("\r\n", 1)[0].split(";")
    assert header[:3] == ["UDID", "id", "token"]
    assert header[-2:] == ["clientId", "score"]
    assert '"2014-06-08 12:34:56"' in answer.text


async def test_v1_rule_64_nothing_to_export_is_an_empty_body(v1: V1Client) -> None:
    answer = await v1.get(v1.path("devices"))
    assert (answer.status, answer.body, answer.headers.get("link")) == (200, b"", None)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


async def fill(v1: V1Client, first: int, last: int) -> None:
    query = "INSERT INTO app_1.device (id, udid) SELECT n, 'U' || n FROM generate_series(%s::int, %s::int) AS n"
    async with v1.database.transaction() as conn:
        await execute(conn, query, (first, last))


async def test_v1_rule_64_parts_of_10000_follow_each_other_by_their_links(v1: V1Client) -> None:
    """Only `rel="next"`, absent on the last part; followed with nothing added."""
    await fill(v1, 1, 20001)
    answer = await v1.get(v1.path("devices"), params=[("fields[1]", "UDID"), ("fields[]", "token")])
    seen: list[str] = []
    sizes = []
    while True:
        header, *lines = answer.text.split("\r\n")[:-1]
        assert header == "UDID;token"
        seen += lines
        sizes.append(len(lines))
        link = answer.headers.get("link")
        if link is None:
            break
        # As the one known client reads it: it strips exactly these two pieces of text.
        assert link.startswith("<https://push.test/v1/me/apps/demo-android/devices?")
        assert link.endswith('>; rel="next"')
        assert link.count("rel=") == 1
        answer = await v1.get(link.replace("<", "").replace('>; rel="next"', ""))
    assert sizes == [10000, 10000, 1]
    assert seen == [f'"U{number}";"-"' for number in range(1, 20002)]


async def test_v1_rule_64_a_part_that_is_just_full_is_the_last(v1: V1Client) -> None:
    await fill(v1, 1, 10000)
    answer = await v1.get(v1.path("devices"), params={"fields[]": "UDID"})
    assert len(exported(answer)) == 10000
    assert "link" not in answer.headers


async def test_v1_rule_64_links_keep_the_filters_and_neither_skip_nor_repeat_while_devices_come(v1: V1Client) -> None:
    await fill(v1, 1, 10001)
    async with v1.database.transaction() as conn:
        await execute(conn, "UPDATE app_1.device SET firstopen = '2026-01-02', lastopen = '2026-01-03'")
    params = {"fields[1]": "UDID", "firstOpen": "2026-01-01|2026-02-01", "lastOpen": "2026-01-03 00:00:00"}
    first = await v1.get(v1.path("devices"), params=params)
    query = dict(parse_qsl(urlsplit(first.links["next"]).query))
    assert {name: query[name] for name in params} == params
    assert query["page"] == "2"
    await fill(v1, -5, 0)
    assert exported(await v1.get(first.links["next"])) == ["U10001"]


async def test_v1_rule_30_pages_by_number(v1: V1Client) -> None:
    await fill(v1, 1, 10002)
    second = await v1.get(v1.path("devices"), params={"fields[]": "UDID", "page": 2})
    assert exported(second) == ["U10001", "U10002"]
    assert "link" not in second.headers
    for page in ("0", "-3", "3", "9" * 30):
        answer = await v1.get(v1.path("devices"), params={"page": page})
        assert (answer.status, answer.body, answer.headers.get("link")) == (200, b"", None)
    assert (await v1.get(v1.path("devices"), params={"page": "two"})).refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"firstOpen": "2014-06-08"}, UDIDS[:1]),
        ({"firstOpen": "2014-06-08 12:34:56"}, UDIDS[:1]),
        ({"firstOpen": "2014-06-08 12:34:57"}, []),
        ({"firstOpen": "2014-06-08|2014-06-09"}, UDIDS[:1]),
        ({"firstOpen": "2014-06-08 12:34:56|2014-06-08 12:34:57"}, UDIDS[:1]),
        ({"firstOpen": "2014-06-01|2014-06-08 12:34:56"}, []),
        ({"lastOpen": "2014-06-08 12:34:56"}, UDIDS[:2]),
        ({"lastOpen": "2014-06-09"}, UDIDS[1:2]),
        ({"lastOpen": "2014-06-10"}, []),
        ({"firstOpen": "2014-06-08", "lastOpen": "2014-06-09"}, []),
    ],
)
async def test_v1_rule_65_first_and_last_openings(v1d: V1Client, params: dict[str, str], expected: list[str]) -> None:
    """`firstOpen` and `lastOpen` alone: date <= opening; a range: left <= opening < right."""
    assert await export(v1d, **params) == in_order(*expected)


@pytest.mark.parametrize("name", ["firstOpen", "lastOpen"])
@pytest.mark.parametrize(
    "date", ["", "yesterday", "2014-02-30", "2014-06-08 25:00:00", "2014-6-8", "2014-06-08 12:34:60", "2014-06-08\x00"]
)
async def test_v1_rule_65_a_bad_date_is_400(v1d: V1Client, name: str, date: str) -> None:
    answer = await v1d.get(v1d.path("devices"), params={name: date})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert f"`{name}`" in answer.errors[0][1]


async def test_v1_rules_20_and_65_all_errors_of_an_export_at_once(v1d: V1Client) -> None:
    params = {"fields[1]": "nothing", "fields[2]": "UDID", "firstOpen": "x|2014-06-08", "lastOpen": "a|b", "after": "x"}
    answer = await v1d.get(v1d.path("devices"), params=params)
    assert (answer.status, answer.labels) == (400, ["API_ERR_FORMAT"] * 4)
    for name, (_, message) in zip(("`nothing`", "`firstOpen`", "`lastOpen`", "`after`"), answer.errors, strict=True):
        assert name in message
    answer = await v1d.get(v1d.path("devices"), params={**params, "page": "x"})
    assert [message.split("`")[1] for _, message in answer.errors] == ["page", "firstOpen", "lastOpen"]
    for after in ("9223372036854775808", "1e3", ""):
        assert (await v1d.get(v1d.path("devices"), params={"after": after})).refused(400, "API_ERR_FORMAT")


async def test_v1_rule_66_search_by_indexed_fields(v1d: V1Client) -> None:
    first, second, _ = UDIDS
    for params, udid in (
        ({"UDID": first}, first),
        ({"deviceid": first}, first),
        ({"TOKEN": "AB60"}, second),
        ({"clientId": "C-1001", "token": "AB60"}, second),
    ):
        answer = await v1d.get(v1d.path("devices/search/by"), params=params)
        assert answer.json["data"]["UDID"] == udid
    found = await device(v1d, first)
    assert (found["language"], found["lastopen"], found["system_optin_notifs"]) == ("fr", "2014-06-08 12:34:56", "Y")
    assert found["clientId"] is None


async def test_v1_rule_66_what_is_refused_and_what_is_not_found(v1d: V1Client) -> None:
    search = v1d.path("devices/search/by")
    assert (await v1d.get(search)).refused(400, "API_ERR_FORMAT")
    assert (await v1d.get(search, params={"language": "fr"})).refused(400, "API_ERR_DATA")
    assert (await v1d.get(search, params={"nonIndexedField": "1400"})).refused(400, "API_ERR_DATA")
    assert (await v1d.get(search, params={"id": "many"})).refused(400, "API_ERR_FORMAT")
    assert (await v1d.get(search, params={"token": "a\x00"})).refused(400, "API_ERR_FORMAT")
    several = await v1d.get(search, params={"language": "fr", "id": "many"})
    assert (several.status, several.labels) == (400, ["API_ERR_FORMAT", "API_ERR_DATA"])
    for params in ({"UDID": "nobody"}, {"token": "-"}, {"token": ""}, {"UDID": UDIDS[0], "token": "AB60"}):
        assert (await v1d.get(search, params=params)).refused(404, "API_ERR_DATA")


async def test_devices_of_another_application_are_not_seen(v1d: V1Client, stranger: V1Client) -> None:
    assert (await v1d.get(v1d.path("devices", v1d.ios))).body == b""
    search = v1d.path("devices/search/by", v1d.ios)
    assert (await v1d.get(search, params={"UDID": UDIDS[0]})).refused(404, "API_ERR_DATA")
    update = v1d.path(f"devices/{UDIDS[0]}", v1d.ios)
    assert (await v1d.put(update, {"language": "de"})).refused(404, "API_ERR_DATA")
    assert (await stranger.get(v1d.path("devices"))).refused(403, "API_ERR_FORBIDDEN")


async def test_v1_rule_67_fields_are_written_whatever_their_case(v1d: V1Client) -> None:
    """v1 rule 69."""
    body = {"CLIENTID": "C-9", "Score": 12, "language": None, "system_optin_notifs": "N", "lastopen": "2020-01-02"}
    answer = await v1d.put(v1d.path(f"devices/{UDIDS[0]}"), body)
    assert (answer.status, answer.body) == (200, b"")
    found = await device(v1d, UDIDS[0])
    assert (found["clientId"], found["score"], found["language"]) == ("C-9", 12, None)
    assert (found["system_optin_notifs"], found["lastopen"]) == ("N", "2020-01-02 00:00:00")


async def test_v1_rule_67_no_field_is_204(v1d: V1Client) -> None:
    answer = await v1d.put(v1d.path(f"devices/{UDIDS[0]}"), {})
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("name", ["id", "UDID", "udid", "deviceId", "ID"])
async def test_v1_rule_67_id_and_udid_cannot_be_written(v1d: V1Client, name: str) -> None:
    answer = await v1d.put(v1d.path(f"devices/{UDIDS[0]}"), {name: "X", "language": "de"})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert f"`{name}`" in answer.errors[0][1]
    assert (await device(v1d, UDIDS[0]))["language"] == "fr", "nothing was written"


async def test_v1_rule_67_unknown_fields_are_500_with_the_words_the_sdk_looks_for(v1d: V1Client) -> None:
    answer = await v1d.put(v1d.path(f"devices/{UDIDS[0]}"), {"shoe": 44, "hat": "M", "language": "de"})
    assert answer.refused(500, "API_ERR_DB")
    assert answer.errors[0][1] == "Unknown fields: `shoe`, `hat`"
    assert (await device(v1d, UDIDS[0]))["language"] == "fr"
    flood = await v1d.put(v1d.path(f"devices/{UDIDS[0]}"), {f"shoe{number}": 1 for number in range(5000)})
    assert flood.refused(500, "API_ERR_DB")
    assert flood.errors[0][1] == f"Unknown fields: {', '.join(f'`shoe{number}`' for number in range(100))}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("opencount", "many"),
        ("opencount", 2**31),
        ("score", 2**63 - 1 + 10**30),
        ("score", 1.5),
        ("score", True),
        ("lat", "north"),
        ("lat", "1e999"),
        ("model", 5),
        ("model", "a\x00b"),
        ("model", "x" * 5000),
        ("clientId", "x" * 600),
        ("lastopen", "soon"),
        ("system_optin_notifs", "perhaps"),
    ],
)
async def test_v1_rule_22_a_value_of_the_wrong_type_is_400_and_names_the_field(
    v1d: V1Client, name: str, value: object
) -> None:
    answer = await v1d.put(v1d.path(f"devices/{UDIDS[0]}"), {name: value})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert f"`{name}`" in answer.errors[0][1]


@pytest.mark.parametrize("body", [b'{"model":"\\ud800"}', b'{"score":1e400}', b'{"\\ud800":1}', b"[]", b'{"model":{}}'])
async def test_a_body_the_database_would_choke_on_is_400(v1d: V1Client, body: bytes) -> None:
    assert (await v1d.put(v1d.path(f"devices/{UDIDS[0]}"), body=body)).refused(400, "API_ERR_FORMAT")


async def test_v1_rules_20_and_107_all_errors_of_an_update_at_once(v1d: V1Client) -> None:
    body = {"shoe": 44, "opencount": "many", "id": 3, "Language": "fr", "language": "de"}
    answer = await v1d.put(v1d.path("devices/nobody"), body)
    labels = ["API_ERR_FORMAT"] * 3 + ["API_ERR_DATA", "API_ERR_DB"]
    assert (answer.status, answer.labels) == (400, labels)


async def test_v1_rule_67_an_unknown_device_is_404(v1d: V1Client) -> None:
    for udid in ("nobody", UDIDS[0].lower(), "x" * 300):
        assert (await v1d.put(v1d.path(f"devices/{udid}"), {"language": "de"})).refused(404, "API_ERR_DATA")


async def test_v1_rule_70_a_token_that_is_put_leaves_its_old_profile(v1d: V1Client) -> None:
    answer = await v1d.put(v1d.path(f"devices/{UDIDS[2]}"), {"token": "AB5F"})
    assert answer.status == 200
    assert (await device(v1d, UDIDS[2]))["token"] == "AB5F"
    assert (await device(v1d, UDIDS[0]))["token"] == "-"
    found = await v1d.get(v1d.path("devices/search/by"), params={"token": "AB5F"})
    assert found.json["data"]["UDID"] == UDIDS[2]
    lines = (await v1d.get(v1d.path("devices"), params={"fields[1]": "UDID", "fields[2]": "token"})).text.split("\r\n")
    assert f'"{UDIDS[0]}";"-"' in lines
    assert (await v1d.get(v1d.path("devices/search/by"), params={"token": "-"})).refused(404, "API_ERR_DATA")
    await v1d.put(v1d.path(f"devices/{UDIDS[2]}"), {"token": "-"})
    assert (await device(v1d, UDIDS[2]))["token"] == "-"


async def test_a_viewer_reads_and_does_not_write(v1d: V1Client, viewer: V1Client) -> None:
    assert len(await export(viewer)) == 3
    assert (await viewer.put(v1d.path(f"devices/{UDIDS[0]}"), {"language": "de"})).refused(403, "API_ERR_FORBIDDEN")
