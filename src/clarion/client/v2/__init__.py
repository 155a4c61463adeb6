"""A client of the v2 API: `V2Client` has a collection for each resource, `models` a Struct for each object.

async with V2Client("https://engage.example.test", client_id, client_secret) as v2:
    account = await v2.accounts.create(AccountCreate(name="Shop", legal_name="Shop B.V."))
    async for site in v2.sites.list(filters={"AccountId": account.account_id}, sort="Name"):
        print(site.name, site.city)
"""

from clarion.client.transport import Answer
from clarion.client.v2.client import V2Client
from clarion.client.v2.errors import (
    ApiError,
    ChangedError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    Item,
    NotFoundError,
    RateLimitedError,
    TokenError,
)
from clarion.client.v2.pages import Page, Pages

__all__ = [
    "Answer",
    "ApiError",
    "ChangedError",
    "ConflictError",
    "ForbiddenError",
    "InvalidError",
    "Item",
    "NotFoundError",
    "Page",
    "Pages",
    "RateLimitedError",
    "TokenError",
    "V2Client",
]
