"""Accounts, sites, services and points of interest that tests begin with, made through the API."""

import itertools
from typing import Any

from tests.api.v2.client import Client

_numbers = itertools.count(1)


async def an_account(client: Client, **members: Any) -> str:
    """The id of a new account."""
    name = f"Account {next(_numbers)}"
    made = await client.create("/v2/accounts", {"name": name, "legalName": f"{name} B.V.", **members})
    return str(made["accountId"])


async def a_site(client: Client, account_id: str, **members: Any) -> Any:
    """A new site."""
    body = {"accountId": account_id, "name": f"Site {next(_numbers)}", "city": "Rotterdam", "country": "NL", **members}
    return await client.create("/v2/sites", body)


async def a_venue(client: Client, account_id: str, **members: Any) -> Any:
    """A new site that guests visit."""
    return await a_site(client, account_id, isVenue=True, **members)


async def a_service(client: Client, site_id: str, **members: Any) -> Any:
    """A new service of a site."""
    body = {"siteId": site_id, "serviceName": f"Service {next(_numbers)}", "serviceType": "Internet", **members}
    return await client.create("/v2/services", body)


async def a_point(client: Client, site_id: str, **members: Any) -> Any:
    """A new point of interest of a venue: a ride."""
    body = {"siteId": site_id, "name": f"Ride {next(_numbers)}", "type": "Ride", **members}
    return await client.create("/v2/points-of-interest", body)
