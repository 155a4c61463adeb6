"""Beacons: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import ExternalId, IdResponse, Links


class BeaconInfo(Model, kw_only=True):
    name: str
    external_id: ExternalId | None = None
    uuid: str
    major: int | None = None
    minor: int | None = None


class BeaconResource(Model, kw_only=True):
    """The server sets id, groups."""

    id: int | None = None
    info: BeaconInfo
    data: dict[str, str] | None = None
    groups: list[int] | None = None


class BeaconList(Model, kw_only=True):
    data: list[BeaconResource]
    links: Links


class BeaconsOperations(Resource):
    """Operations of beacons."""

    def list_beacons(self, partner_id: str, *, page: int | None = None) -> Pages[BeaconResource]:
        """GET /v1/me/apps/{partnerId}/beacons"""
        return self._pages(BeaconList, f"/v1/me/apps/{quoted(partner_id)}/beacons", [*one("page", page)])

    async def create_beacon(self, partner_id: str, body: BeaconResource) -> IdResponse:
        """POST /v1/me/apps/{partnerId}/beacons"""
        return await self._read(IdResponse, "POST", f"/v1/me/apps/{quoted(partner_id)}/beacons", body=body)

    async def get_beacon(self, partner_id: str, beacon_id: int) -> BeaconResource:
        """GET /v1/me/apps/{partnerId}/beacons/{beaconId}"""
        return await self._read(BeaconResource, "GET", f"/v1/me/apps/{quoted(partner_id)}/beacons/{beacon_id}")

    async def update_beacon(self, partner_id: str, beacon_id: int, body: BeaconResource) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/beacons/{beaconId}"""
        return await self._read(IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/beacons/{beacon_id}", body=body)
