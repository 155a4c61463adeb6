"""Invoices: their life, their references, who sees and writes them (v2 sections 4, 10 and 12)."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clarion.assembly import work
from clarion.base import clock
from clarion.base.settings import Settings
from clarion.db.sql import execute
from clarion.desk.invoices import overdue
from tests.api.v2.billing import LINE, account, draft, events, invoice, issued, site_and_service
from tests.api.v2.client import Api, Client

pytestmark = pytest.mark.usefixtures("subscriber")


async def test_v2_rule_10_1_an_invoice_is_created_read_changed_and_deleted(operator: Client) -> None:
    account_id = await account(operator)
    made = await operator.create("/v2/invoices", draft(account_id))
    path = f"/v2/invoices/{made['invoiceId']}"
    assert (made["status"], made["invoiceCurrency"], made["lineCount"]) == ("Draft", "EUR", 0)
    assert (made["totalAmount"], made["paidAmount"], made["remainingAmount"]) == ("0.00", "0.00", "0.00")
    assert await operator.get(path) == {"data": made, "links": {"self": f"https://push.example{path}"}}
    changed = await operator.change(path, {"invoiceDate": "2026-04-01", "dueDate": "2026-04-30"})
    assert (changed["invoiceDate"], changed["dueDate"]) == ("2026-04-01", "2026-04-30")
    assert (await operator.call("DELETE", path)).status == 204
    assert await operator.refused("DELETE", path) == (404, "not_found")


async def test_v2_rule_10_2_a_patch_that_changes_nothing_leaves_tag_and_date(operator: Client) -> None:
    path = await issued(operator, await account(operator), periodStart="2026-03-01")
    before = await operator.call("GET", path)
    same = {"status": "Issued", "paidAmount": "0", "invoiceReference": "2026-1", "periodStart": "2026-03-01"}
    answer = await operator.call("PATCH", path, same)
    assert (answer.status, answer.headers["etag"]) == (200, before.headers["etag"])
    assert answer.body == before.body


async def test_v2_rule_10_3_an_external_reference_is_taken_once_per_account(operator: Client) -> None:
    first, second = await account(operator), await account(operator)
    await operator.create("/v2/invoices", draft(first, "1", externalReference="E-1"))
    clash = draft(first, "2", externalReference="E-1")
    assert await operator.refused("POST", "/v2/invoices", clash) == (409, "duplicate_external_reference")
    await operator.create("/v2/invoices", draft(second, "2", externalReference="E-1"))
    path = await issued(operator, first, "3")
    refused = await operator.refused("PATCH", path, {"externalReference": "E-1"})
    assert refused == (409, "duplicate_external_reference")


async def test_v2_rule_12_4_a_reference_is_taken_once_per_account(operator: Client) -> None:
    first, second = await account(operator), await account(operator)
    await operator.create("/v2/invoices", draft(first, "2026-1"))
    assert await operator.refused("POST", "/v2/invoices", draft(first, "2026-1")) == (409, "duplicate_value")
    await operator.create("/v2/invoices", draft(second, "2026-1"))
    other = await invoice(operator, first, "2026-2")
    assert await operator.refused("PATCH", other, {"invoiceReference": "2026-1"}) == (409, "duplicate_value")


async def test_v2_rule_12_1_amounts_are_never_accepted_from_a_client(operator: Client) -> None:
    account_id = await account(operator)
    body = draft(account_id, totalAmount="1.00", paidAmount="1.00")
    assert await operator.findings("POST", "/v2/invoices", body) == {
        ("#/totalAmount", "unknown_field"),
        ("#/paidAmount", "unknown_field"),
    }
    path = await invoice(operator, account_id)
    body = {"taxAmount": "1.00", "remainingAmount": "0.00"}
    assert await operator.findings("PATCH", path, body) == {
        ("#/taxAmount", "unknown_field"),
        ("#/remainingAmount", "unknown_field"),
    }


async def test_v2_rule_12_1_amounts_have_the_digits_of_their_currency(operator: Client) -> None:
    account_id = await account(operator, currency="JPY")
    shown = {}
    for currency in ("JPY", "EUR", "KWD", "CLF"):
        body = draft(account_id, currency, invoiceCurrency=currency, lineDetails=[{**LINE, "unitPrice": "12.5"}])
        made = await operator.create("/v2/invoices", body)
        shown[currency] = (made["totalAmount"], made["taxAmount"], made["paidAmount"])
    assert shown == {
        "JPY": ("12", "0", "0"),
        "EUR": ("12.50", "0.00", "0.00"),
        "KWD": ("12.500", "0.000", "0.000"),
        "CLF": ("12.5000", "0.0000", "0.0000"),
    }
    assert (await operator.create("/v2/invoices", draft(account_id, "default")))["invoiceCurrency"] == "JPY"


async def test_an_unknown_currency_is_refused(operator: Client) -> None:
    account_id = await account(operator, currency="QQQ")
    wrong = {("#/invoiceCurrency", "invalid_value")}
    assert await operator.findings("POST", "/v2/invoices", draft(account_id)) == wrong
    assert await operator.findings("POST", "/v2/invoices", draft(account_id, invoiceCurrency="XAU")) == wrong
    path = await invoice(operator, account_id, invoiceCurrency="EUR")
    assert await operator.findings("PATCH", path, {"invoiceCurrency": "XXX"}) == wrong


async def test_v2_rule_12_1_another_currency_rounds_the_lines_of_a_draft_anew(operator: Client) -> None:
    lines = [{**LINE, "unitPrice": "0.4"}, {**LINE, "unitPrice": "0.5"}, {**LINE, "unitPrice": "1.5", "taxRate": "50"}]
    path = await invoice(operator, await account(operator), lineDetails=lines)
    changed = await operator.change(path, {"invoiceCurrency": "JPY"})
    assert (changed["taxExcludedAmount"], changed["taxAmount"], changed["totalAmount"]) == ("2", "1", "3")
    rows = (await operator.get(f"{path}/invoice-line-details"))["data"]
    assert [(row["invoiceCurrency"], row["totalAmount"]) for row in rows] == [("JPY", "0"), ("JPY", "0"), ("JPY", "3")]
    changed = await operator.change(path, {"invoiceCurrency": "EUR"})
    assert (changed["taxExcludedAmount"], changed["taxAmount"], changed["totalAmount"]) == ("2.40", "0.75", "3.15")


async def test_v2_rule_12_2_an_invoice_is_issued_paid_in_parts_and_paid(operator: Client) -> None:
    path = await invoice(operator, await account(operator))
    steps = [
        ({"status": "Issued"}, "Issued", "0.00", "100.00"),
        ({"paidAmount": "40"}, "PartiallyPaid", "40.00", "60.00"),
        ({"paidAmount": "100.00"}, "Paid", "100.00", "0.00"),
        ({"paidAmount": "99.99"}, "PartiallyPaid", "99.99", "0.01"),
        ({"paidAmount": "0"}, "Issued", "0.00", "100.00"),
    ]
    for body, status, paid, remaining in steps:
        changed = await operator.change(path, body)
        assert (changed["status"], changed["paidAmount"], changed["remainingAmount"]) == (status, paid, remaining)


async def test_v2_rule_12_2_issuing_needs_a_line(operator: Client) -> None:
    path = await invoice(operator, await account(operator), lineDetails=[])
    assert await operator.refused("PATCH", path, {"status": "Issued"}) == (409, "invalid_state_transition")
    await operator.create(f"{path}/invoice-line-details", LINE)
    assert (await operator.change(path, {"status": "Issued", "paidAmount": "1"}))["status"] == "PartiallyPaid"


async def test_v2_rule_12_2_what_is_paid_lies_between_nothing_and_the_total(operator: Client) -> None:
    path = await issued(operator, await account(operator))
    for amount, code in (("100.01", "out_of_range"), ("-1", "out_of_range"), ("1.005", "invalid_value")):
        assert await operator.findings("PATCH", path, {"paidAmount": amount}) == {("#/paidAmount", code)}
    assert (await operator.get(path))["data"]["paidAmount"] == "0.00"


async def test_v2_rule_12_2_a_draft_is_not_paid_and_not_voided(operator: Client) -> None:
    path = await invoice(operator, await account(operator))
    assert await operator.refused("PATCH", path, {"paidAmount": "10"}) == (409, "invalid_state_transition")
    assert await operator.refused("PATCH", path, {"status": "Void"}) == (409, "invalid_state_transition")


async def test_v2_rule_12_2_void_is_possible_until_paid_and_final(operator: Client) -> None:
    account_id = await account(operator)
    path = await issued(operator, account_id)
    await operator.change(path, {"paidAmount": "10"})
    assert await operator.findings("PATCH", path, {"status": "Void", "paidAmount": "20"}) == {
        ("#/paidAmount", "inconsistent")
    }
    assert (await operator.change(path, {"status": "Void"}))["status"] == "Void"
    for body in ({"status": "Issued"}, {"paidAmount": "20"}):
        assert await operator.refused("PATCH", path, body) == (409, "invalid_state_transition")
    assert (await operator.change(path, {"status": "Void", "externalReference": "E"}))["externalReference"] == "E"
    paid = await issued(operator, account_id, "2026-2")
    await operator.change(paid, {"paidAmount": "100"})
    for status in ("Void", "Issued"):
        assert await operator.refused("PATCH", paid, {"status": status}) == (409, "invalid_state_transition")


async def test_v2_rule_12_2_an_invoice_of_credits_is_settled_at_its_total(operator: Client) -> None:
    credit = {**LINE, "chargeType": "Credit", "unitPrice": "-50"}
    path = await issued(operator, await account(operator), lineDetails=[credit])
    for amount in ("-10", "-60", "10"):
        assert await operator.findings("PATCH", path, {"paidAmount": amount}) == {("#/paidAmount", "out_of_range")}
    changed = await operator.change(path, {"paidAmount": "-50"})
    assert (changed["status"], changed["remainingAmount"]) == ("Paid", "0.00")
    free = await issued(operator, changed["accountId"], "free", lineDetails=[{**LINE, "unitPrice": "0"}])
    assert (await operator.change(free, {"paidAmount": "0"}))["status"] == "Paid"


async def test_v2_rule_12_3_after_issue_only_four_members_change(operator: Client) -> None:
    path = await issued(operator, await account(operator))
    body = {
        "invoiceReference": "X",
        "invoiceDate": "2026-01-01",
        "invoiceCurrency": "USD",
        "periodStart": "2026-01-01",
        "periodEnd": "2026-01-31",
        "dueDate": "2026-05-01",
    }
    immutable = {(f"#/{name}", "immutable_field") for name in body if name != "dueDate"}
    assert await operator.findings("PATCH", path, body) == immutable
    assert await operator.findings("PATCH", path, {**body, "paidAmount": "101"}) == immutable | {
        ("#/paidAmount", "out_of_range")
    }
    changed = await operator.change(
        path, {"dueDate": "2026-05-01", "externalReference": "E-9", "paidAmount": "1", "invoiceReference": "2026-1"}
    )
    assert (changed["dueDate"], changed["externalReference"], changed["status"]) == (
        "2026-05-01",
        "E-9",
        "PartiallyPaid",
    )


async def test_v2_rule_12_3_only_drafts_are_deleted(operator: Client) -> None:
    path = await issued(operator, await account(operator))
    assert await operator.refused("DELETE", path) == (409, "invoice_not_draft")
    await operator.get(path)


async def test_a_period_does_not_end_before_it_starts(operator: Client) -> None:
    account_id = await account(operator)
    period = {"periodStart": "2026-03-02", "periodEnd": "2026-03-01"}
    body = draft(account_id, **period, lineDetails=[LINE, {**LINE, **period}])
    assert await operator.findings("POST", "/v2/invoices", body) == {
        ("#/periodEnd", "inconsistent"),
        ("#/lineDetails/1/periodEnd", "inconsistent"),
    }
    path = await invoice(operator, account_id, periodStart="2026-03-02")
    assert await operator.findings("PATCH", path, {"periodEnd": "2026-03-01"}) == {("#/periodEnd", "inconsistent")}


async def test_v2_rule_12_5_lines_are_created_with_the_invoice_or_nothing_is(operator: Client, api: Api) -> None:
    account_id, other = await account(operator), await account(operator)
    site_id, service_id = await site_and_service(api, account_id)
    _, foreign = await site_and_service(api, other)
    good = {**LINE, "serviceId": service_id, "siteId": site_id, "taxRate": "21"}
    body = draft(account_id, lineDetails=[good, good, {**good, "quantity": "-1"}, {**good, "serviceId": foreign}])
    assert await operator.findings("POST", "/v2/invoices", body) == {("#/lineDetails/2/quantity", "invalid_format")}
    body["lineDetails"][2] = {**good, "unitPrice": "-1", "siteId": "SIT-99999999"}
    assert await operator.findings("POST", "/v2/invoices", body) == {
        ("#/lineDetails/2/unitPrice", "inconsistent"),
        ("#/lineDetails/2/siteId", "reference_not_found"),
        ("#/lineDetails/3/serviceId", "reference_not_found"),
    }
    assert (await operator.get("/v2/invoices"))["data"] == []
    made = await operator.create("/v2/invoices", draft(account_id, lineDetails=[good, good]))
    assert (made["lineCount"], made["totalAmount"]) == (2, "242.00")
    rows = (await operator.get(f"/v2/invoices/{made['invoiceId']}/invoice-line-details"))["data"]
    assert [(row["lineNumber"], row["serviceId"], row["siteId"]) for row in rows] == [
        (1, service_id, site_id),
        (2, service_id, site_id),
    ]


async def test_v2_rule_12_5_a_thousand_lines_are_created_at_once(operator: Client) -> None:
    lines = [{**LINE, "unitPrice": f"0.{number:04d}", "taxRate": "7"} for number in range(1000)]
    made = await operator.create("/v2/invoices", draft(await account(operator), lineDetails=lines))
    assert made["lineCount"] == 1000
    page = await operator.get(f"/v2/invoices/{made['invoiceId']}/invoice-line-details?page[offset]=990&page[limit]=10")
    assert [row["lineNumber"] for row in page["data"]] == list(range(991, 1001))
    assert page["metadata"] == {"offset": 990, "limit": 10, "hasMore": False, "total": 1000, "sort": ["LineNumber"]}


async def test_v2_rule_2_4_an_invoice_names_an_account_that_exists(operator: Client) -> None:
    body = draft("ACC-99999999", lineDetails=[{**LINE, "unitPrice": "-1"}])
    assert await operator.findings("POST", "/v2/invoices", body) == {
        ("#/accountId", "reference_not_found"),
        ("#/lineDetails/0/unitPrice", "inconsistent"),
    }


async def test_v2_rule_4_7_all_writes_to_invoices_are_the_operators(operator: Client, api: Api) -> None:
    account_id = await account(operator)
    path = await issued(operator, account_id)
    hidden = await invoice(operator, account_id, "2026-2")
    own = await api.client(account_id=account_id)
    [line] = (await own.get(f"{path}/invoice-line-details"))["data"]
    calls = [
        ("POST", "/v2/invoices", draft(account_id, "3")),
        ("POST", "/v2/invoices", {"wrong": 1}),
        ("PATCH", path, {"paidAmount": "1"}),
        ("PATCH", hidden, {"status": "Issued"}),
        ("DELETE", path, None),
        ("POST", f"{path}/invoice-line-details", LINE),
        ("DELETE", f"{path}/invoice-line-details/{line['invoiceLineDetailId']}", None),
    ]
    for method, target, body in calls:
        assert await own.refused(method, target, body) == (403, "insufficient_scope"), (method, target)


async def test_v2_rule_4_7_an_account_client_never_sees_drafts(operator: Client, api: Api) -> None:
    account_id, other = await account(operator), await account(operator)
    hidden = await invoice(operator, account_id, "draft")
    seen = await issued(operator, account_id, "issued")
    foreign = await issued(operator, other, "foreign")
    own = await api.client(account_id=account_id)
    assert [row["invoiceReference"] for row in (await own.get("/v2/invoices"))["data"]] == ["issued"]
    assert (await own.get("/v2/invoices?filter[Status]=Draft"))["data"] == []
    await own.get(seen)
    line = (await operator.get(f"{hidden}/invoice-line-details"))["data"][0]["invoiceLineDetailId"]
    for path in (hidden, foreign):
        lines = f"{path}/invoice-line-details"
        for target in (path, lines, f"{lines}/{line}"):
            assert await own.refused("GET", target) == (404, "not_found")
    await operator.change(hidden, {"status": "Issued"})
    assert (await own.get(f"{hidden}/invoice-line-details"))["data"][0]["invoiceLineDetailId"] == line


async def test_v2_rule_4_9_what_an_invoice_refers_to_stays(operator: Client, api: Api) -> None:
    account_id = await account(operator)
    path = await invoice(operator, account_id)
    refused = (409, "resource_in_use")
    assert await operator.refused("DELETE", f"/v2/accounts/{account_id}") == refused
    await operator.call("DELETE", path)
    assert (await operator.call("DELETE", f"/v2/accounts/{account_id}")).status == 204


async def test_v2_rule_7_4_of_two_changes_with_one_tag_one_succeeds(operator: Client) -> None:
    path = await issued(operator, await account(operator))
    tag = (await operator.call("GET", path)).headers["etag"]
    answers = await asyncio.gather(
        *(operator.call("PATCH", path, {"paidAmount": amount}, headers={"If-Match": tag}) for amount in ("1", "2", "3"))
    )
    assert sorted(answer.status for answer in answers) == [200, 412, 412]


SORTS = ("InvoiceId", "InvoiceReference", "InvoiceDate", "DueDate", "Status", "TotalAmount", "CreatedDate")


@pytest.mark.parametrize("key", [*SORTS, "LastModifiedDate"])
async def test_v2_rule_5_9_invoices_sort_by_every_key_both_ways(operator: Client, key: str) -> None:
    account_id = await account(operator)
    await invoice(operator, account_id, "b", dueDate="2026-05-01")
    await issued(operator, account_id, "A", invoiceDate="2026-01-01", lineDetails=[{**LINE, "unitPrice": "9"}])
    await invoice(operator, account_id, "a", dueDate="2026-04-01", lineDetails=[{**LINE, "unitPrice": "20"}])
    rows = (await operator.get("/v2/invoices"))["data"]
    member = key[0].lower() + key[1:]

    def of(row: dict[str, str]) -> object:
        if key == "TotalAmount":
            return float(row[member])
        if key == "InvoiceReference":
            return (row[member].lower(), row[member])
        return ["Draft", "Issued"].index(row[member]) if key == "Status" else row[member]

    known = [row for row in rows if row[member] is not None]
    unknown = [row for row in rows if row[member] is None]
    for sign, backwards in (("", False), ("-", True)):
        listed = (await operator.get(f"/v2/invoices?sort={sign}{key}"))["data"]
        assert listed == sorted(known, key=of, reverse=backwards) + unknown  # type: ignore[arg-type]


async def test_v2_rule_5_10_invoices_are_filtered_by_every_field(operator: Client) -> None:
    account_id, other = await account(operator), await account(operator)
    path = await issued(operator, account_id, "A-1", externalReference="E", dueDate="2026-04-01")
    await invoice(operator, other, "B-1", invoiceCurrency="USD", invoiceDate="2026-06-01")
    made = (await operator.get(path))["data"]
    ones = [
        f"filter[InvoiceId]={made['invoiceId']}",
        f"filter[AccountId]={account_id}",
        "filter[InvoiceReference]=A-1",
        "filter[InvoiceReference][contains]=a-",
        "filter[invoiceReference][startsWith]=a-",
        "filter[InvoiceCurrency]=EUR",
        "filter[Status]=Issued",
        "filter[Status][in]=Issued,Paid",
        "filter[IsOverdue]=true",
        "filter[IsOverdue][ne]=false",
        "filter[IsOverdue][in]=true",
        "filter[InvoiceDate][lt]=2026-04-01",
        "filter[ExternalReference]=E",
        "filter[ExternalReference][exists]=true",
        f"filter[LastModifiedDate][lte]={made['lastModifiedDate']}",
    ]
    for query in ones:
        rows = (await operator.get(f"/v2/invoices?{query}"))["data"]
        assert [row["invoiceReference"] for row in rows] == ["A-1"], query
    rows = (await operator.get("/v2/invoices?filter[IsOverdue]=false"))["data"]
    assert [row["invoiceReference"] for row in rows] == ["B-1"]
    assert (await operator.get("/v2/invoices?filter[IsOverdue][exists]=false"))["data"] == []


async def _move(api: Api, moment: datetime) -> None:
    """Both clocks at an instant; tokens of before it are over."""
    clock.shift(timedelta(0))
    clock.shift(moment - clock.now())
    async with api.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = %s - now()", (moment,))


@pytest.mark.parametrize(
    ("zone", "hour"), [("Pacific/Kiritimati", 10), ("UTC", 24), ("Asia/Tokyo", 15), ("Pacific/Niue", 35)]
)
async def test_an_invoice_is_overdue_by_the_day_of_its_account(
    operator: Client, api: Api, zone: str, hour: int
) -> None:
    """`hour` is that of UTC, counted from the start of the due date, at which the day after it begins."""
    due = datetime(2030, 4, 30, tzinfo=UTC)
    account_id = await account(operator, timeZone=zone)
    path = await issued(operator, account_id, dueDate="2030-04-30")
    await invoice(operator, account_id, "draft", dueDate="2030-04-30")
    await issued(operator, account_id, "no due date")
    for moment, expected in ((-1, False), (1, True)):
        await _move(api, due + timedelta(hours=hour, minutes=moment))
        caller = await api.client()
        assert (await caller.get(path))["data"]["isOverdue"] is expected
        listed = (await caller.get("/v2/invoices?filter[IsOverdue]=true"))["data"]
        assert len(listed) == expected
        others = (await caller.get("/v2/invoices?filter[IsOverdue]=false"))["data"]
        assert len(others) == 3 - expected
    await caller.change(path, {"paidAmount": "100"})
    assert (await caller.get(path))["data"]["isOverdue"] is False


async def test_a_zone_that_the_database_does_not_know_counts_as_utc(operator: Client, api: Api) -> None:
    account_id = await account(operator)
    path = await issued(operator, account_id, dueDate=(clock.now() - timedelta(days=1)).date().isoformat())
    async with api.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.account SET time_zone = 'Mars/Base' WHERE account_id = %s", (account_id,))
    assert (await operator.get(path))["data"]["isOverdue"] is True
    assert len((await operator.get("/v2/invoices?filter[IsOverdue]=true"))["data"]) == 1


async def test_v2_rule_17_1_an_overdue_invoice_is_told_once_for_each_due_date(operator: Client, api: Api) -> None:
    account_id = await account(operator, timeZone="Asia/Tokyo")
    paths = [await issued(operator, account_id, str(number), dueDate="2030-04-30") for number in range(3)]
    await operator.change(paths[2], {"paidAmount": "100"})
    await invoice(operator, account_id, "draft", dueDate="2030-04-30")
    await _move(api, datetime(2030, 4, 30, 14, 59, tzinfo=UTC))
    assert await overdue.tell(api.database) == 0
    await _move(api, datetime(2030, 4, 30, 15, 1, tzinfo=UTC))
    assert await overdue.tell(api.database, at_once=1) == 2
    assert await overdue.tell(api.database) == 0
    told = await events(api, account_id, "invoice.overdue")
    assert sorted(told) == sorted(("invoice.overdue", path.rpartition("/")[2], ["isOverdue"]) for path in paths[:2])
    caller = await api.client()
    await caller.change(paths[0], {"dueDate": "2030-05-10"})
    assert await overdue.tell(api.database) == 0
    await _move(api, datetime(2030, 5, 12, tzinfo=UTC))
    assert await overdue.tell(api.database) == 1


async def test_v2_rule_17_1_a_timer_tells_of_overdue_invoices(operator: Client, api: Api, tmp_path: Path) -> None:
    account_id = await account(operator)
    await issued(operator, account_id, dueDate="2020-01-31")
    timers = {timer.name: timer for timer in work.timers(api.database, Settings(data_dir=tmp_path))}
    await timers["desk.overdue_invoices"].run()
    assert len(await events(api, account_id, "invoice.overdue")) == 1


async def test_v2_rule_18_7_events_of_invoices_begin_with_their_issue(operator: Client, api: Api) -> None:
    account_id = await account(operator)
    path = await invoice(operator, account_id)
    await operator.change(path, {"dueDate": "2030-01-01"})
    await operator.create(f"{path}/invoice-line-details", LINE)
    assert await events(api, account_id) == []
    await operator.change(path, {"status": "Issued"})
    await operator.change(path, {"status": "Issued"})
    await operator.change(path, {"paidAmount": "50", "externalReference": "E"})
    await operator.change(path, {"status": "Void"})
    await operator.refused("PATCH", path, {"status": "Issued"})
    made = path.rpartition("/")[2]
    told = await events(api, account_id)
    assert [(kind, about, set(changed)) for kind, about, changed in told] == [
        ("invoice.issued", made, {"status"}),
        ("invoice.updated", made, {"status", "paidAmount", "remainingAmount", "externalReference"}),
        ("invoice.updated", made, {"status"}),
    ]
