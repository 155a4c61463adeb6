"""What files of records hold, and what becomes of their rows."""

from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from clarion.client.v2.bodies import (
    AccountCreate,
    AccountPatch,
    InvoiceCreate,
    InvoiceLineDetailCreate,
    InvoicePatch,
    ServiceCreate,
    ServicePatch,
    SiteCreate,
    SitePatch,
)

REFERENCE: Final = "externalReference"
LINE: Final = "line."
"""What the names of columns begin with that belong to a line of an invoice."""


class Parent(Struct, frozen=True):
    """What a record stands below: named in column `member` by its id, or in `column` by its external reference."""

    member: str
    column: str
    path: str
    key: str


ACCOUNT: Final = Parent("accountId", "accountExternalReference", "/v2/accounts", "accountId")
SITE: Final = Parent("siteId", "siteExternalReference", "/v2/sites", "siteId")
SERVICE: Final = Parent("serviceId", "serviceExternalReference", "/v2/services", "serviceId")


class FileKind(Struct, frozen=True):
    """A kind of file: which records its rows are. `lines` stand in the same file, several rows for one record."""

    name: str
    path: str
    key: str
    create: type[Struct]
    patch: type[Struct]
    parent: Parent | None = None
    lines: type[Struct] | None = None
    line_parents: tuple[Parent, ...] = ()


KINDS: Final = {
    kind.name: kind
    for kind in (
        FileKind("accounts", "/v2/accounts", "accountId", AccountCreate, AccountPatch),
        FileKind("sites", "/v2/sites", "siteId", SiteCreate, SitePatch, ACCOUNT),
        FileKind("services", "/v2/services", "serviceId", ServiceCreate, ServicePatch, SITE),
        FileKind(
            "invoices",
            "/v2/invoices",
            "invoiceId",
            InvoiceCreate,
            InvoicePatch,
            ACCOUNT,
            InvoiceLineDetailCreate,
            (SITE, SERVICE),
        ),
    )
}


class Row(Struct, frozen=True):
    """One row of a file: the line it begins at, its cells as they stand there, and those that are filled, by column."""

    line: int
    raw: list[str]
    cells: dict[str, str]


class Item(Struct, frozen=True):
    """One record as a file wants it, from one row or, with lines, from several. `findings` are what is wrong already.

    `values` and `lines` are typed members by their wire names; `parent` and `line_parents` name what stands above.
    """

    rows: list[Row]
    reference: str
    values: dict[str, Any]
    parent: "Name | None"
    lines: list[dict[str, Any]]
    line_parents: "list[dict[str, Name]]"
    findings: list[str]


class Name(Struct, frozen=True):
    """A record that another one stands below, by id or by external reference."""

    parent: Parent
    text: str
    by_id: bool


class Became(StrEnum):
    """What became of a record."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Outcome(Struct, frozen=True):
    """What became of a record of a file, or would become in a rehearsal; `reason` tells why it was refused."""

    item: Item
    became: Became
    reason: str = ""
