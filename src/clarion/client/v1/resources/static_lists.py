"""Static lists: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

import datetime

from msgspec import UNSET, UnsetType

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import ExternalId, Links


class StaticList(Model, kw_only=True):
    """The server sets id."""

    id: int | None = None
    name: str
    list_id: int | None = None
    external_id: ExternalId | None = None


class StaticListList(Model, kw_only=True):
    data: list[StaticList]
    links: Links


class StaticListCreated(Model, kw_only=True):
    id: int | None = None
    list_id: int
    external_id: str | None = None


class ListMember(Model, kw_only=True):
    device_id: str
    expire_at: datetime.datetime | UnsetType | None = UNSET
    data: dict[str, str] | None = None


class ListMemberList(Model, kw_only=True):
    data: list[ListMember]
    links: Links | None = None


class ListDeviceById(Model, kw_only=True):
    device_id: str
    expire_at: str | int | UnsetType | None = UNSET
    data: dict[str, str] | None = None


ListDeviceByField = dict[str, str | int | float | dict[str, str] | None]


class ListUsers(Model, kw_only=True):
    users: list[ListDeviceById | ListDeviceByField]


class StaticListsOperations(Resource):
    """Operations of static lists."""

    def list_static_lists(self, partner_id: str, *, page: int | None = None) -> Pages[StaticList]:
        """GET /v1/me/apps/{partnerId}/lists"""
        return self._pages(StaticListList, f"/v1/me/apps/{quoted(partner_id)}/lists", [*one("page", page)])

    async def create_static_list(self, partner_id: str, body: StaticList) -> StaticListCreated:
        """POST /v1/me/apps/{partnerId}/lists"""
        return await self._read(StaticListCreated, "POST", f"/v1/me/apps/{quoted(partner_id)}/lists", body=body)

    def get_static_list(self, partner_id: str, list_id: int, *, page: int | None = None) -> Pages[ListMember]:
        """GET /v1/me/apps/{partnerId}/lists/{listId}"""
        return self._pages(ListMemberList, f"/v1/me/apps/{quoted(partner_id)}/lists/{list_id}", [*one("page", page)])

    async def upsert_list_users(self, partner_id: str, list_id: int, body: ListUsers) -> None:
        """PUT /v1/me/apps/{partnerId}/lists/{listId}"""
        await self._call("PUT", f"/v1/me/apps/{quoted(partner_id)}/lists/{list_id}", body=body)

    async def remove_list_users(self, partner_id: str, list_id: int, body: ListUsers) -> None:
        """DELETE /v1/me/apps/{partnerId}/lists/{listId}"""
        await self._call("DELETE", f"/v1/me/apps/{quoted(partner_id)}/lists/{list_id}", body=body)
