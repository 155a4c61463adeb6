"""Line details of invoices, as JSON and as CSV (v2 rules 12.1, 12.3, 12.4, 12.6)."""

import asyncio
import csv
import io
from decimal import Decimal

from clarion.api.v2.csv_tables import cell
from tests.api.v2.billing import LINE, account, invoice, issued, site_and_service
from tests.api.v2.client import Api, Client, decoded

LINES = "/invoice-line-details"
BIG = "999999999999999"


async def test_v2_rule_12_1_a_line_is_priced_and_the_invoice_sums_it(operator: Client) -> None:
    path = await invoice(operator, await account(operator))
    body = {**LINE, "quantity": "2.500000", "unitPrice": "0.01", "taxRate": "21.00"}
    line = await operator.create(f"{path}{LINES}", body)
    assert (line["quantity"], line["unitPrice"], line["taxRate"]) == ("2.5", "0.01", "21")
    assert (line["taxExcludedAmount"], line["taxAmount"], line["totalAmount"]) == ("0.02", "0.00", "0.02")
    assert line["invoiceCurrency"] == "EUR"
    assert (await operator.get(f"{path}{LINES}/{line['invoiceLineDetailId']}"))["data"] == line
    whole = (await operator.get(path))["data"]
    assert (whole["totalAmount"], whole["lineCount"]) == ("100.02", 2)
    fine = await operator.create(f"{path}{LINES}", {**LINE, "quantity": "1000000", "unitPrice": "0.0125"})
    assert (fine["unitPrice"], fine["quantity"], fine["totalAmount"]) == ("0.0125", "1000000", "12500.00")


async def test_v2_rule_12_1_a_credit_alone_has_a_negative_price(operator: Client) -> None:
    lines = f"{await invoice(operator, await account(operator))}{LINES}"
    for kind, price in (("Credit", "1"), ("Credit", "0"), ("Adjustment", "-1"), ("Usage", "-0.01")):
        body = {**LINE, "chargeType": kind, "unitPrice": price}
        assert await operator.findings("POST", lines, body) == {("#/unitPrice", "inconsistent")}
    made = await operator.create(lines, {**LINE, "chargeType": "Credit", "unitPrice": "-30", "taxRate": "10"})
    assert (made["taxExcludedAmount"], made["taxAmount"], made["totalAmount"]) == ("-30.00", "-3.00", "-33.00")


async def test_amounts_that_cannot_be_written_are_refused(operator: Client) -> None:
    account_id = await account(operator)
    path = await invoice(operator, account_id, invoiceCurrency="JPY", lineDetails=[])
    too_much = {("#/quantity", "out_of_range")}
    for body in (
        {"quantity": "999999999999.999999", "unitPrice": f"{BIG}.9999"},
        {"quantity": "1", "unitPrice": f"{BIG}.9999"},
        {"quantity": "1", "unitPrice": BIG, "taxRate": "1"},
    ):
        assert await operator.findings("POST", f"{path}{LINES}", {**LINE, **body}) == too_much
    made = await operator.create(f"{path}{LINES}", {**LINE, "unitPrice": BIG})
    assert made["totalAmount"] == BIG
    assert await operator.findings("POST", f"{path}{LINES}", {**LINE, "unitPrice": "1"}) == too_much
    await operator.create(f"{path}{LINES}", {**LINE, "chargeType": "Credit", "unitPrice": "-1"})
    await operator.create(f"{path}{LINES}", {**LINE, "unitPrice": "1"})
    assert (await operator.get(path))["data"]["totalAmount"] == BIG


async def test_v2_rule_12_3_lines_change_in_drafts_only(operator: Client) -> None:
    path = await issued(operator, await account(operator))
    line = (await operator.get(f"{path}{LINES}"))["data"][0]["invoiceLineDetailId"]
    assert await operator.refused("POST", f"{path}{LINES}", LINE) == (409, "invoice_not_draft")
    assert await operator.refused("DELETE", f"{path}{LINES}/{line}") == (409, "invoice_not_draft")
    await operator.get(f"{path}{LINES}/{line}")


async def test_v2_rule_12_4_numbers_of_lines_are_not_reused(operator: Client) -> None:
    path = await invoice(operator, await account(operator), lineDetails=[LINE, LINE])
    rows = (await operator.get(f"{path}{LINES}"))["data"]
    for row in rows:
        target = f"{path}{LINES}/{row['invoiceLineDetailId']}"
        assert (await operator.call("DELETE", target)).status == 204
        assert await operator.refused("DELETE", target) == (404, "not_found")
    whole = (await operator.get(path))["data"]
    assert (whole["lineCount"], whole["totalAmount"]) == (0, "0.00")
    assert (await operator.create(f"{path}{LINES}", LINE))["lineNumber"] == 3


async def test_v2_rule_12_4_lines_made_at_once_have_numbers_of_their_own_and_are_all_summed(operator: Client) -> None:
    path = await invoice(operator, await account(operator), lineDetails=[])
    bodies = [{**LINE, "unitPrice": f"{number}.05", "taxRate": "21"} for number in range(1, 21)]
    made = await asyncio.gather(*(operator.create(f"{path}{LINES}", body) for body in bodies))
    assert sorted(line["lineNumber"] for line in made) == list(range(1, 21))
    gone = made[::2]
    answers = await asyncio.gather(
        *(operator.call("DELETE", f"{path}{LINES}/{line['invoiceLineDetailId']}") for line in gone)
    )
    assert {answer.status for answer in answers} == {204}
    whole = (await operator.get(path))["data"]
    assert whole["lineCount"] == 10
    for member in ("taxExcludedAmount", "taxAmount", "totalAmount"):
        assert Decimal(whole[member]) == sum(Decimal(line[member]) for line in made[1::2])


async def test_v2_rule_2_4_a_line_names_services_and_sites_of_the_account(operator: Client, api: Api) -> None:
    account_id, other = await account(operator), await account(operator)
    site_id, service_id = await site_and_service(api, account_id)
    lines = f"{await invoice(operator, account_id)}{LINES}"
    foreign = f"{await invoice(operator, other)}{LINES}"
    body = {**LINE, "serviceId": service_id, "siteId": site_id}
    assert await operator.findings("POST", foreign, body) == {
        ("#/serviceId", "reference_not_found"),
        ("#/siteId", "reference_not_found"),
    }
    await operator.create(lines, body)
    for query in (f"filter[ServiceId]={service_id}", f"filter[SiteId]={site_id}", "filter[ServiceId][exists]=true"):
        assert len((await operator.get(f"{lines}?{query}"))["data"]) == 1
    assert len((await operator.get(f"{lines}?filter[ChargeType][in]=Recurring,Usage"))["data"]) == 2


async def test_v2_rule_5_8_lines_come_by_their_number_and_sort_by_amount(operator: Client) -> None:
    prices = ("5", "100", "20")
    path = await invoice(
        operator, await account(operator), lineDetails=[{**LINE, "unitPrice": each} for each in prices]
    )
    listed = await operator.get(f"{path}{LINES}")
    assert listed["metadata"]["sort"] == ["LineNumber"]
    assert [row["lineNumber"] for row in listed["data"]] == [1, 2, 3]
    listed = await operator.get(f"{path}{LINES}?sort=-TotalAmount")
    assert [row["unitPrice"] for row in listed["data"]] == ["100.00", "20.00", "5.00"]


async def test_v2_rule_5_13_lines_of_an_invoice_that_is_not_there_are_404(operator: Client) -> None:
    assert await operator.refused("GET", f"/v2/invoices/INV-99999999{LINES}") == (404, "not_found")
    account_id = await account(operator)
    first, second = await invoice(operator, account_id, "1"), await invoice(operator, account_id, "2")
    line = (await operator.get(f"{first}{LINES}"))["data"][0]["invoiceLineDetailId"]
    assert await operator.refused("GET", f"{second}{LINES}/{line}") == (404, "not_found")
    assert await operator.refused("DELETE", f"{second}{LINES}/{line}") == (404, "not_found")


async def test_v2_rule_7_3_a_line_is_deleted_in_the_version_that_is_named(operator: Client) -> None:
    path = await invoice(operator, await account(operator))
    line = f"{path}{LINES}/{(await operator.get(f'{path}{LINES}'))['data'][0]['invoiceLineDetailId']}"
    tag = (await operator.call("GET", line)).headers["etag"]
    answer = await operator.call("DELETE", line, headers={"If-Match": '"other"'})
    assert (answer.status, answer.headers["etag"]) == (412, tag)
    assert (await operator.get(path))["data"]["lineCount"] == 1
    assert (await operator.call("DELETE", line, headers={"If-Match": tag})).status == 204


async def test_v2_rule_8_6_a_line_is_made_once_under_one_key(operator: Client) -> None:
    path = await invoice(operator, await account(operator))
    answers = [
        await operator.call("POST", f"{path}{LINES}", LINE, headers={"Idempotency-Key": "line-1"}) for _ in range(2)
    ]
    assert answers[0].body == answers[1].body
    assert (await operator.get(path))["data"]["lineCount"] == 2


async def test_v2_rule_12_6_lines_as_csv_are_all_of_them_whatever_page_is_asked_for(operator: Client) -> None:
    texts = ['said "hi", left', "=1+1", "@home", "naïve €", *(f"line {number}" for number in range(300))]
    path = await invoice(operator, await account(operator), lineDetails=[{**LINE, "description": t} for t in texts])
    target = f"{path}{LINES}?page[offset]=3&page[limit]=2"
    answer = await operator.call("GET", target, headers={"Accept": "text/csv"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert "link" not in answer.headers
    assert not answer.body.startswith(b"\xef\xbb\xbf")
    assert answer.body.count(b"\r\n") == answer.body.count(b"\n") == len(texts) + 1
    header, *rows = csv.reader(io.StringIO(answer.body.decode(), newline=""))
    page = (await operator.get(f"{path}{LINES}?page[limit]=200"))["data"]
    assert header == list(page[0])
    assert [row[header.index("lineNumber")] for row in rows] == [str(n) for n in range(1, len(texts) + 1)]
    assert [row[header.index("description")] for row in rows[:4]] == [texts[0], "'=1+1", "'@home", texts[3]]
    first = dict(zip(header, rows[0], strict=True))
    assert {name: "" if value is None else str(value) for name, value in page[0].items()} == first


async def test_v2_rule_12_6_csv_keeps_filters_and_order(operator: Client) -> None:
    credit = {**LINE, "chargeType": "Credit", "unitPrice": "-5"}
    path = await invoice(operator, await account(operator), lineDetails=[LINE, credit, {**credit, "unitPrice": "-9"}])
    target = f"{path}{LINES}?filter[ChargeType]=Credit&sort=TotalAmount"
    answer = await operator.call("GET", target, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert [row["unitPrice"] for row in rows] == ["-9.00", "-5.00"]


async def test_v2_rule_7_2_csv_has_a_tag_of_its_own(operator: Client) -> None:
    path = await invoice(operator, await account(operator))
    target = f"{path}{LINES}"
    as_json = await operator.call("GET", target)
    as_csv = await operator.call("GET", target, headers={"Accept": "text/csv"})
    tag = as_csv.headers["etag"]
    assert tag != as_json.headers["etag"]
    held = {"Accept": "text/csv", "If-None-Match": tag}
    again = await operator.call("GET", target, headers=held)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    await operator.create(target, LINE)
    assert (await operator.call("GET", target, headers=held)).status == 200


async def test_v2_rule_1_8_accept_chooses_between_json_and_csv(operator: Client) -> None:
    target = f"{await invoice(operator, await account(operator))}{LINES}"
    chosen = {
        "text/csv": "text/csv",
        "text/*": "text/csv",
        "TEXT/CSV, */*;q=0.1": "text/csv",
        "application/json;q=0.5, text/csv;q=0.6": "text/csv",
        "text/csv, application/json": "application/json",
        "*/*": "application/json",
        "application/*, text/csv;q=0.9": "application/json",
        "text/csv;q=0, */*;q=0.2": "application/json",
    }
    for accept, media in chosen.items():
        answer = await operator.call("GET", target, headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == media, accept
    for accept in ("text/csv;q=0", "image/png", "*/*;q=0"):
        answer = await operator.call("GET", target, headers={"Accept": accept})
        assert (answer.status, decoded(answer)["code"]) == (406, "not_acceptable")


def test_v2_rule_12_6_cells_that_begin_like_a_formula_are_guarded() -> None:
    for text in ("=A1", "+1", "@x", "\tx", "-A1", "-2+3", "-", "-1e5", "- 5"):
        assert cell(text) == f"'{text}"
    for text in ("-1", "-12.50", "a=b", "1-2", "", " =A1", "'=A1"):
        assert cell(text) == text
    assert (cell(None), cell(5), cell(True)) == ("", "5", "true")


async def test_v2_rule_12_3_no_line_slips_into_an_invoice_while_it_is_issued(operator: Client) -> None:
    path = await invoice(operator, await account(operator))
    before = [operator.call("POST", f"{path}{LINES}", LINE) for _ in range(5)]
    after = [operator.call("POST", f"{path}{LINES}", LINE) for _ in range(5)]
    answers = await asyncio.gather(*before, operator.call("PATCH", path, {"status": "Issued"}), *after)
    issue = decoded(answers.pop(5))["data"]
    whole = (await operator.get(path))["data"]
    made = [answer for answer in answers if answer.status == 201]
    assert {answer.status for answer in answers} <= {201, 409}
    assert whole["lineCount"] == issue["lineCount"] == 1 + len(made)
    assert Decimal(whole["totalAmount"]) == 100 * whole["lineCount"]
