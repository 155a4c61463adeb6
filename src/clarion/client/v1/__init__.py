"""A client of the v1 API: `V1Client` has a method for each operation, `models` a Struct for each object.

async with V1Client("https://push.example.test", "ops@shop.example", api_key) as v1:
    created = await v1.create_campaign("shop-ios", Campaign(name="Spring"))
    async for message in v1.list_messages("shop-ios", title="Spring%"):
        print(message.id, message.state)
"""

from clarion.client.v1.calling import Answer
from clarion.client.v1.client import V1Client
from clarion.client.v1.errors import ApiError, ForbiddenError, NotFoundError, TokenError
from clarion.client.v1.export import DeviceExport
from clarion.client.v1.pages import Pages

__all__ = [
    "Answer",
    "ApiError",
    "DeviceExport",
    "ForbiddenError",
    "NotFoundError",
    "Pages",
    "TokenError",
    "V1Client",
]
