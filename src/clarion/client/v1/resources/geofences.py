"""Geofences: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import ExternalId, IdResponse, Links


class GeofenceInfo(Model, kw_only=True):
    name: str
    external_id: ExternalId | None = None
    latitude: float
    longitude: float
    radius: int


class Geofence(Model, kw_only=True):
    """The server sets id, groups."""

    id: int | None = None
    info: GeofenceInfo
    data: dict[str, str] | None = None
    groups: list[int] | None = None


class GeofenceList(Model, kw_only=True):
    data: list[Geofence]
    links: Links


class GeofencesOperations(Resource):
    """Operations of geofences."""

    def list_geofences(self, partner_id: str, *, page: int | None = None) -> Pages[Geofence]:
        """GET /v1/me/apps/{partnerId}/geofences"""
        return self._pages(GeofenceList, f"/v1/me/apps/{quoted(partner_id)}/geofences", [*one("page", page)])

    async def create_geofence(self, partner_id: str, body: Geofence) -> IdResponse:
        """POST /v1/me/apps/{partnerId}/geofences"""
        return await self._read(IdResponse, "POST", f"/v1/me/apps/{quoted(partner_id)}/geofences", body=body)

    async def get_geofence(self, partner_id: str, geofence_id: int) -> Geofence:
        """GET /v1/me/apps/{partnerId}/geofences/{geofenceId}"""
        return await self._read(Geofence, "GET", f"/v1/me/apps/{quoted(partner_id)}/geofences/{geofence_id}")

    async def update_geofence(self, partner_id: str, geofence_id: int, body: Geofence) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/geofences/{geofenceId}"""
        return await self._read(
            IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/geofences/{geofence_id}", body=body
        )
