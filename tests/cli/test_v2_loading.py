"""`clarion import accounts|sites|services|invoices`: CSV files by external reference, over https."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Installation
from tests.cli.v2 import as_client, call_v2, called, new_reference, where


class Importing:
    """Files of a test, and the commands that load them as a client of the operator."""

    def __init__(self, installation: Installation, client: dict[str, str], folder: Path) -> None:
        self.installation = installation
        self.client = client
        self.folder = folder

    def file(self, *rows: Sequence[str], name: str = "records.csv", delimiter: str = ",") -> Path:
        """A file with these rows, the header first."""
        path = self.folder / name
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
        return path

    def load(self, kind: str, path: Path, *options: str) -> Any:
        """The report of an import."""
        return called(self.installation, self.client, "import", kind, str(path), *options)

    def figures(self, kind: str, path: Path, *options: str) -> tuple[int, int, int, int]:
        """Created, changed, unchanged, refused."""
        report = self.load(kind, path, *options)
        assert report["created"] + report["changed"] + report["unchanged"] + report["refused"] == report["records"]
        return report["created"], report["changed"], report["unchanged"], report["refused"]

    def refused(self, kind: str, path: Path, *options: str) -> str:
        """Why a file as a whole is not taken."""
        result: dict[str, str] = called(self.installation, self.client, "import", kind, str(path), *options, code=1)
        return result["error"] + result["hint"]

    def one(self, family: str, reference: str) -> Any:
        """The record with an external reference."""
        wanted = ("list", "--filter", f"ExternalReference={reference}")
        [found] = call_v2(self.installation, self.client, family, *wanted)
        return found

    def account(self) -> str:
        """The external reference of a new account."""
        reference = new_reference("ACME")
        call_v2(
            *(self.installation, self.client, "accounts", "create"),
            *("name=Acme", "legalName=Acme B.V.", f"externalReference={reference}"),
        )
        return reference


@pytest.fixture
def importing(installation: Installation, tmp_path: Path) -> Importing:
    return Importing(installation, as_client(installation, "all"), tmp_path)


# Accounts: what holds for all kinds


def test_v2_rule_10_3_a_file_of_accounts_is_loaded_and_loaded_again_without_doubles(importing: Importing) -> None:
    one, two = new_reference("ERP"), new_reference("ERP")
    path = importing.file(
        ["externalReference", "name", "legalName", "currency", "partnerIds"],
        [one, "Shop", "Shop B.V.", "USD", ""],
        [two, "Café ☕", "Café, B.V.", "", ""],
    )
    assert importing.figures("accounts", path) == (2, 0, 0, 0)
    assert importing.figures("accounts", path) == (0, 0, 2, 0)
    made = importing.one("accounts", two)
    assert (made["name"], made["legalName"], made["currency"]) == ("Café ☕", "Café, B.V.", "EUR")


def test_v2_rule_10_2_only_what_differs_is_changed_and_null_clears(importing: Importing) -> None:
    reference = new_reference("ERP")
    header = ["externalReference", "name", "legalName", "currency"]
    importing.load("accounts", importing.file(header, [reference, "Shop", "Shop B.V.", "USD"]))
    before = importing.one("accounts", reference)
    assert importing.figures("accounts", importing.file(header, [reference, "Store", "", ""])) == (0, 1, 0, 0)
    after = importing.one("accounts", reference)
    assert (after["name"], after["legalName"], after["currency"]) == ("Store", "Shop B.V.", "USD")
    assert after["accountId"] == before["accountId"]


def test_a_change_of_somebody_else_is_overwritten_when_the_file_is_loaded_again(importing: Importing) -> None:
    reference = new_reference("ERP")
    path = importing.file(["externalReference", "name", "legalName"], [reference, "Shop", "Shop B.V."])
    importing.load("accounts", path)
    account_id = importing.one("accounts", reference)["accountId"]
    for _ in range(2):
        call_v2(importing.installation, importing.client, "accounts", "update", account_id, "name=Other")
        assert importing.figures("accounts", path) == (0, 1, 0, 0)
        assert importing.one("accounts", reference)["name"] == "Shop"


def test_what_was_deleted_since_is_created_again(importing: Importing) -> None:
    reference = new_reference("ERP")
    path = importing.file(["externalReference", "name", "legalName"], [reference, "Shop", "Shop B.V."])
    importing.load("accounts", path)
    first = importing.one("accounts", reference)["accountId"]
    call_v2(importing.installation, importing.client, "accounts", "delete", first)
    assert importing.figures("accounts", path) == (1, 0, 0, 0)
    assert importing.one("accounts", reference)["accountId"] != first


def test_bad_rows_are_refused_with_line_and_reason_and_stop_no_others(importing: Importing) -> None:
    good, bad, again = new_reference("ERP"), new_reference("ERP"), new_reference("ERP")
    rows = [
        [good, "Shop", "Shop B.V.", ""],
        [bad, "Shop", "Shop B.V.", "euro"],
        [new_reference("ERP"), "Two\nlines", "", ""],
        ["", "No reference", "x", ""],
        [good, "Double", "x", ""],
        [again, "Last", "Last B.V.", ""],
        [new_reference("ERP"), "Long", "x", "EUR", "more"],
    ]
    path = importing.file(["externalReference", "name", "legalName", "currency"], *rows)
    report = importing.load("accounts", path)
    assert (report["created"], report["refused"], report["rows"]) == (2, 5, 7)
    reasons = {each["lines"][0]: each["reason"] for each in report["reasons"]}
    assert sorted(reasons) == [3, 4, 6, 7, 9]
    assert "currency" in reasons[3]
    assert "legalName is missing" in reasons[4]
    assert "externalReference is missing" in reasons[6]
    assert "line 2 has" in reasons[7]
    assert "5 cells" in reasons[9]
    assert importing.one("accounts", again)["name"] == "Last"
    with open(report["rejects"], newline="") as file:
        assert list(csv.reader(file)) == [["externalReference", "name", "legalName", "currency"], *rows[1:5], rows[6]]
    human = importing.installation.clarion.run(
        "import", "accounts", str(path), *where(importing.installation, importing.client), where=False
    )
    assert "2 unchanged, 5 refused" in human.stdout


def test_refused_rows_can_be_put_right_and_loaded_by_themselves(importing: Importing) -> None:
    reference = new_reference("ERP")
    path = importing.file(["externalReference", "name", "legalName", "currency"], [reference, "Shop", "x", "euro"])
    target = importing.folder / "refused.csv"
    assert importing.load("accounts", path, "--rejects", str(target))["rejects"] == str(target)
    target.write_text(target.read_text().replace("euro", "EUR"))
    assert importing.figures("accounts", target) == (1, 0, 0, 0)


def test_a_dry_run_tells_and_writes_nothing(importing: Importing) -> None:
    known, new = importing.account(), new_reference("ERP")
    rows = [[known, "Changed", "Acme B.V."], [new, "Shop", "Shop B.V."], [new_reference("ERP"), "", ""]]
    path = importing.file(["externalReference", "name", "legalName"], *rows)
    report = importing.load("accounts", path, "--dry-run")
    assert (report["created"], report["changed"], report["refused"], report["dryRun"]) == (1, 1, 1, True)
    assert report["rejects"] is None
    assert importing.one("accounts", known)["name"] == "Acme"
    listed = call_v2(
        importing.installation, importing.client, "accounts", "list", "--filter", f"ExternalReference={new}"
    )
    assert listed == []
    assert not path.with_name("records.csv.refused.csv").exists()


def test_semicolons_a_byte_order_mark_and_commas_in_references_are_taken(importing: Importing) -> None:
    reference = new_reference("a,b\\c")
    path = importing.file(
        ["externalReference", "name", "legalName"],
        [reference, "Shop", "x"],
        [f"{reference},", "Two", "x"],
        delimiter=";",
    )
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert importing.figures("accounts", path) == (2, 0, 0, 0)
    assert importing.figures("accounts", path) == (0, 0, 2, 0)


def test_many_records_are_loaded_in_batches(importing: Importing) -> None:
    mark = new_reference("many")
    rows = [[f"{mark}-{number:03}", f"Shop {number}", "x"] for number in range(120)]
    path = importing.file(["externalReference", "name", "legalName"], *rows)
    assert importing.figures("accounts", path) == (120, 0, 0, 0)
    rows[119][1] = "Other"
    path = importing.file(["externalReference", "name", "legalName"], *rows)
    assert importing.figures("accounts", path) == (0, 1, 119, 0)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["name", "legalName"]], "no column externalReference"),
        ([["externalReference", "colour"]], "'colour'"),
        ([["externalReference", "name", "name"]], "twice: name"),
        ([], "is empty"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(importing: Importing, rows: list[list[str]], told: str) -> None:
    assert told in importing.refused("accounts", importing.file(*rows))


def test_files_that_cannot_be_read_are_told(importing: Importing) -> None:
    assert "cannot be read" in importing.refused("accounts", importing.folder / "none.csv")
    path = importing.folder / "latin.csv"
    path.write_bytes("externalReference,name\nA,Café".encode("latin-1"))
    assert "not UTF-8" in importing.refused("accounts", path)


def test_a_client_without_the_scope_is_told_at_once(importing: Importing) -> None:
    importing.client = as_client(importing.installation, "BasicRead")
    path = importing.file(["externalReference", "name", "legalName"], [new_reference("ERP"), "Shop", "x"])
    assert "invalid_scope" in importing.refused("accounts", path)


# Sites, services, invoices


def test_sites_name_their_account_by_reference_or_id(importing: Importing) -> None:
    account, one, two = importing.account(), new_reference("S"), new_reference("S")
    account_id = importing.one("accounts", account)["accountId"]
    header = ["externalReference", "accountId", "accountExternalReference", "name", "city", "country", "isVenue"]
    path = importing.file(
        [*header, "location.latitude", "location.longitude", "geofenceRadius"],
        [one, "", account, "Park", "Rotterdam", "NL", "true", "51.92", "4.48", "250"],
        [two, account_id, "", "Depot", "Rotterdam", "NL", "", "", "", ""],
        [new_reference("S"), "", "nobody", "Park", "Rotterdam", "NL", "", "", "", ""],
        [new_reference("S"), "", "", "Park", "Rotterdam", "NL", "", "", "", ""],
    )
    report = importing.load("sites", path)
    assert (report["created"], report["refused"]) == (2, 2)
    assert "'nobody'" in report["reasons"][0]["reason"]
    assert "is missing" in report["reasons"][1]["reason"]
    assert importing.figures("sites", path) == (0, 0, 2, 2)
    made = importing.one("sites", one)
    assert (made["accountId"], made["isVenue"], made["geofenceRadius"]) == (account_id, True, 250)
    assert made["location"] == {"latitude": 51.92, "longitude": 4.48}


def test_v2_rule_10_3_a_reference_is_one_of_its_account(importing: Importing) -> None:
    reference = new_reference("S")
    header = ["externalReference", "accountExternalReference", "name", "city", "country"]
    rows = [[reference, importing.account(), "Park", "Rotterdam", "NL"] for _ in range(2)]
    path = importing.file(header, *rows)
    assert importing.figures("sites", path) == (2, 0, 0, 0)
    assert importing.figures("sites", path) == (0, 0, 2, 0)


def test_services_name_their_site_and_stay_there(importing: Importing) -> None:
    account, here, there, reference = importing.account(), new_reference("S"), new_reference("S"), new_reference("SV")
    header = ["externalReference", "accountExternalReference", "name", "city", "country"]
    importing.load("sites", importing.file(header, *([each, account, "Park", "Delft", "NL"] for each in (here, there))))
    header = ["externalReference", "siteExternalReference", "serviceName", "serviceType", "plannedDeliveryDate"]
    path = importing.file(header, [reference, here, "Uplink", "Internet", "2026-03-01"])
    assert importing.figures("services", path) == (1, 0, 0, 0)
    assert importing.figures("services", path) == (0, 0, 1, 0)
    path = importing.file(header, [reference, here, "Uplink 2", "Internet", "null"])
    assert importing.figures("services", path) == (0, 1, 0, 0)
    assert importing.one("services", reference)["plannedDeliveryDate"] is None
    report = importing.load("services", importing.file(header, [reference, there, "Uplink 2", "Internet", ""]))
    assert "stays so" in report["reasons"][0]["reason"]


INVOICE = ["externalReference", "accountExternalReference", "invoiceReference", "invoiceDate", "status"]
LINE = ["line.description", "line.chargeType", "line.quantity", "line.unitPrice", "line.taxRate"]


def test_v2_rule_12_5_several_rows_are_one_invoice_with_its_lines(importing: Importing) -> None:
    account, reference = importing.account(), new_reference("INV")
    path = importing.file(
        [*INVOICE, *LINE],
        [reference, account, reference, "2026-03-01", "", "Uplink", "Recurring", "1", "1250.00", "21"],
        [reference, account, "", "", "", "Set-up", "OneTime", "2.5", "10", ""],
    )
    assert importing.figures("invoices", path) == (1, 0, 0, 0)
    assert importing.figures("invoices", path) == (0, 0, 1, 0)
    made = importing.one("invoices", reference)
    assert (made["status"], made["lineCount"], made["taxExcludedAmount"]) == ("Draft", 2, "1275.00")


def test_v2_rule_12_3_the_lines_of_a_draft_become_those_of_the_file(importing: Importing) -> None:
    account, reference = importing.account(), new_reference("INV")
    first = [reference, account, reference, "2026-03-01", "", "Uplink", "Recurring", "1", "1250.00", "21"]
    importing.load("invoices", importing.file([*INVOICE, *LINE], first))
    second = [reference, account, "", "", "Issued", "Uplink", "Recurring", "1", "1300.00", "21"]
    path = importing.file([*INVOICE, *LINE], second)
    assert importing.figures("invoices", path) == (0, 1, 0, 0)
    made = importing.one("invoices", reference)
    assert (made["status"], made["lineCount"], made["taxExcludedAmount"]) == ("Issued", 1, "1300.00")
    assert importing.figures("invoices", path) == (0, 0, 1, 0)
    report = importing.load("invoices", importing.file([*INVOICE, *LINE], first))
    assert "lines change in a draft only" in report["reasons"][0]["reason"]


def test_v2_rule_12_2_a_file_can_issue_and_pay_an_invoice(importing: Importing) -> None:
    account, reference = importing.account(), new_reference("INV")
    row = [reference, account, reference, "2026-03-01", "Issued", "Uplink", "Recurring", "1", "100.00", "0"]
    path = importing.file([*INVOICE, *LINE], row)
    assert importing.figures("invoices", path) == (1, 0, 0, 0)
    assert importing.one("invoices", reference)["status"] == "Issued"
    path = importing.file([*INVOICE, "paidAmount"], [reference, account, "", "", "", "100.00"])
    assert importing.figures("invoices", path) == (0, 1, 0, 0)
    path = importing.file([*INVOICE, "paidAmount"], [reference, account, "", "", "Issued", "100"])
    assert importing.figures("invoices", path) == (0, 0, 1, 0)


def test_rows_of_one_invoice_that_disagree_are_refused(importing: Importing) -> None:
    account, reference = importing.account(), new_reference("INV")
    row = [reference, account, reference, "2026-03-01", "", "Uplink", "Recurring", "1", "100.00", "0"]
    other = [*row[:3], "2026-04-01", *row[4:]]
    report = importing.load("invoices", importing.file([*INVOICE, *LINE], row, other))
    assert (report["records"], report["rows"], report["refused"]) == (1, 2, 1)
    assert report["reasons"][0]["lines"] == [2, 3]
    assert "invoiceDate: line 3 says" in report["reasons"][0]["reason"]
