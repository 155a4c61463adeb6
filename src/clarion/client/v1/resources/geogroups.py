"""Geogroups: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import ExternalId, IdResponse, Links


class Geogroup(Model, kw_only=True):
    """The server sets id, geofences, beacons."""

    id: int | None = None
    name: str
    external_id: ExternalId | None = None
    geofences: list[int] | None = None
    beacons: list[int] | None = None


class GeogroupList(Model, kw_only=True):
    data: list[Geogroup]
    links: Links


class ObjectTechnicalType(Model, kw_only=True):
    id: int


class GeogroupsOperations(Resource):
    """Operations of geogroups."""

    def list_geogroups(self, partner_id: str, *, page: int | None = None) -> Pages[Geogroup]:
        """GET /v1/me/apps/{partnerId}/geogroups"""
        return self._pages(GeogroupList, f"/v1/me/apps/{quoted(partner_id)}/geogroups", [*one("page", page)])

    async def create_geogroup(self, partner_id: str, body: Geogroup) -> IdResponse:
        """POST /v1/me/apps/{partnerId}/geogroups"""
        return await self._read(IdResponse, "POST", f"/v1/me/apps/{quoted(partner_id)}/geogroups", body=body)

    async def add_geogroup_beacon(self, partner_id: str, geogroup_id: str | int, body: ObjectTechnicalType) -> None:
        """POST /v1/me/apps/{partnerId}/geogroups/{geogroupId}/beacons"""
        await self._call("POST", f"/v1/me/apps/{quoted(partner_id)}/geogroups/{quoted(geogroup_id)}/beacons", body=body)

    async def remove_geogroup_beacon(self, partner_id: str, geogroup_id: str | int, body: ObjectTechnicalType) -> None:
        """DELETE /v1/me/apps/{partnerId}/geogroups/{geogroupId}/beacons"""
        await self._call(
            "DELETE", f"/v1/me/apps/{quoted(partner_id)}/geogroups/{quoted(geogroup_id)}/beacons", body=body
        )

    async def add_geogroup_geofence(self, partner_id: str, geogroup_id: str | int, body: ObjectTechnicalType) -> None:
        """POST /v1/me/apps/{partnerId}/geogroups/{geogroupId}/geofences"""
        await self._call(
            "POST", f"/v1/me/apps/{quoted(partner_id)}/geogroups/{quoted(geogroup_id)}/geofences", body=body
        )

    async def remove_geogroup_geofence(
        self, partner_id: str, geogroup_id: str | int, body: ObjectTechnicalType
    ) -> None:
        """DELETE /v1/me/apps/{partnerId}/geogroups/{geogroupId}/geofences"""
        await self._call(
            "DELETE", f"/v1/me/apps/{quoted(partner_id)}/geogroups/{quoted(geogroup_id)}/geofences", body=body
        )
