"""Devices: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from collections.abc import Mapping, Sequence

from clarion.client.v1.export import DeviceExport
from clarion.client.v1.model import Model
from clarion.client.v1.query import numbered, one, quoted, spread
from clarion.client.v1.resource import Resource

DeviceFields = dict[str, str | int | float | bool | None]


class DeviceGroupSharedKeys(Model, kw_only=True):
    matching_keys: list[str]
    users: list[DeviceFields]


class DeviceGroupOwnKeysUser(Model, kw_only=True):
    matching_keys: DeviceFields
    fields: DeviceFields


class DeviceGroupOwnKeys(Model, kw_only=True):
    users: list[DeviceGroupOwnKeysUser]


DeviceGroupUpdate = DeviceGroupSharedKeys | DeviceGroupOwnKeys


class DeviceSearchResult(Model, kw_only=True):
    data: DeviceFields


DeviceDataToUpdate = dict[str, str | int | float | bool | None]


class DevicesOperations(Resource):
    """Operations of devices."""

    def list_devices(
        self,
        partner_id: str,
        *,
        fields: Sequence[str] = (),
        first_open: str | None = None,
        last_open: str | None = None,
        page: int | None = None,
    ) -> DeviceExport:
        """GET /v1/me/apps/{partnerId}/devices"""
        return self._export(
            f"/v1/me/apps/{quoted(partner_id)}/devices",
            [
                *numbered("fields", fields),
                *one("firstOpen", first_open),
                *one("lastOpen", last_open),
                *one("page", page),
            ],
        )

    async def update_device_group(self, partner_id: str, body: DeviceGroupUpdate) -> None:
        """PUT /v1/me/apps/{partnerId}/devices"""
        await self._call("PUT", f"/v1/me/apps/{quoted(partner_id)}/devices", body=body)

    async def search_device(self, partner_id: str, *, filters: Mapping[str, str]) -> DeviceSearchResult:
        """GET /v1/me/apps/{partnerId}/devices/search/by"""
        return await self._read(
            DeviceSearchResult, "GET", f"/v1/me/apps/{quoted(partner_id)}/devices/search/by", query=[*spread(filters)]
        )

    async def update_device(self, partner_id: str, udid: str, body: DeviceDataToUpdate) -> bool:
        """PUT /v1/me/apps/{partnerId}/devices/{udid}"""
        return await self._changed("PUT", f"/v1/me/apps/{quoted(partner_id)}/devices/{quoted(udid)}", body=body)
