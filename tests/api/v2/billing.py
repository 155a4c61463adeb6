"""What the tests of invoices share: an account with a site and a service, and drafts of invoices."""

from typing import Any

from clarion.db.sql import value
from tests.api.v2.client import Api, Client
from tests.api.v2.events import recorded

LINE = {"description": "Uplink, March", "chargeType": "Recurring", "quantity": "1", "unitPrice": "100.00"}


async def account(operator: Client, **members: Any) -> str:
    """A new account's id."""
    made = await operator.create("/v2/accounts", {"name": "ACME", "legalName": "ACME Corporation", **members})
    return str(made["accountId"])


def draft(account_id: str, reference: str = "2026-1", **members: Any) -> dict[str, Any]:
    """The body that creates an invoice."""
    return {"accountId": account_id, "invoiceReference": reference, "invoiceDate": "2026-03-31", **members}


async def invoice(operator: Client, account_id: str, reference: str = "2026-1", **members: Any) -> str:
    """The path of a new draft with a line of 100.00."""
    made = await operator.create("/v2/invoices", draft(account_id, reference, **{"lineDetails": [LINE], **members}))
    return f"/v2/invoices/{made['invoiceId']}"


async def issued(operator: Client, account_id: str, reference: str = "2026-1", **members: Any) -> str:
    """The path of a new issued invoice over 100.00."""
    path = await invoice(operator, account_id, reference, **members)
    await operator.change(path, {"status": "Issued"})
    return path


async def site_and_service(api: Api, account_id: str) -> tuple[str, str]:
    """A site of an account and a service at it."""
    async with api.database.transaction() as conn:
        site_id = await value(
            conn,
            """
            INSERT INTO clarion.site (account_id, name, city, country, time_zone)
            VALUES (%s, 'Park', 'Antwerp', 'BE', 'Europe/Brussels') RETURNING site_id
            """,
            (account_id,),
        )
        service_id = await value(
            conn,
            """
            INSERT INTO clarion.service (account_id, site_id, service_name, service_type)
            VALUES (%s, %s, 'Uplink', 'Internet') RETURNING service_id
            """,
            (account_id, site_id),
        )
    return str(site_id), str(service_id)


async def events(api: Api, account_id: str, kind: str = "invoice.") -> list[tuple[str, str, list[str]]]:
    """Type, resource and changed members of what was told of an account, in order; types that begin with `kind`."""
    found = await recorded(api.database)
    return [
        (each, about, changed) for each, about, of, _, changed in found if of == account_id and each.startswith(kind)
    ]
