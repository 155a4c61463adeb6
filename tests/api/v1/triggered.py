"""What the tests of in-apps and alarms share: small bodies, and an application that declares what triggers name."""

from typing import Any

from msgspec import Struct

from clarion.apps import declarations
from clarion.apps.model import App, DeclarationKind
from clarion.places import service as places
from clarion.places.model import BeaconDraft, GeofenceDraft, GeogroupDraft
from tests.api.v1.client import V1Client

POPUP = {"type": "popup", "title": "Rate us", "text": "Do you like the app?"}
INAPP: dict[str, Any] = {"name": "Rate us", "messages": [{"template": POPUP}]}
ALARM: dict[str, Any] = {
    "name": "Come back",
    "messages": [{"text": "We miss you"}],
    "settings": {"programmation": {"type": "timer", "duration": 60}},
}
BODIES = {"inapps": INAPP, "alarms": ALARM}
"""The smallest body of each kind, by the path of its list."""


class Places(Struct, frozen=True):
    """Ids of one place of each kind, all of which have the external id `store`."""

    geofence: int
    beacon: int
    geogroup: int


async def declare(v1: V1Client, app: App, **values: str) -> None:
    """Declare one value of each kind given, by the name of the kind."""
    async with v1.database.transaction() as conn:
        for kind, value in values.items():
            await declarations.declare(conn, app.id, DeclarationKind(kind), value)


async def build_places(v1: V1Client, app: App) -> Places:
    """A geofence, a beacon and a geogroup of the application."""
    async with v1.database.transaction() as conn:
        return Places(
            await places.create_geofence(conn, app.id, GeofenceDraft("Store", 48.85, 2.35, 100, "store")),
            await places.create_beacon(
                conn, app.id, BeaconDraft("Store", "0" * 8 + "-0000-0000-0000-" + "0" * 12, external_id="store")
            ),
            await places.create_geogroup(conn, app.id, GeogroupDraft("Store", "store")),
        )


def named(errors: list[tuple[str, str]]) -> list[str]:
    """The places the errors are about."""
    return [message.split("`")[1] for _, message in errors]
