"""What tests of the service desk stand on: accounts with a site and services, put there in SQL."""

from datetime import timedelta

from msgspec import Struct

from clarion.base import clock
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from tests.api.v2.client import Api, Client
from tests.api.v2.events import recorded


class Desk(Struct):
    """An account with a client of its own, a site, and a service that is ready."""

    account_id: str
    site_id: str
    service_id: str
    customer: Client

    def incident(self, **others: object) -> dict[str, object]:
        """The body of a new incident."""
        return {
            "type": "Incident",
            "subject": "ServiceDown",
            "serviceId": self.service_id,
            "message": "Link is down since 09:10.",
            "startOfIncident": "2026-03-02T09:10:00Z",
            **others,
        }

    def request(self, **others: object) -> dict[str, object]:
        """The body of a new case that is no incident."""
        return {
            "type": "NonIncident",
            "subject": "InformationRequest",
            "serviceId": self.service_id,
            "message": "Please send the utilisation report.",
            **others,
        }


async def desk(api: Api, operator: Client) -> Desk:
    """A new one."""
    account = await operator.create("/v2/accounts", {"name": "ACME", "legalName": "ACME Corporation"})
    account_id = account["accountId"]
    async with api.database.connection() as conn:
        site_id = await value(
            conn,
            """
            INSERT INTO clarion.site (account_id, name, city, country, time_zone)
            VALUES (%s, 'Head office', 'Delft', 'NL', 'Europe/Amsterdam') RETURNING site_id
            """,
            (account_id,),
        )
    service_id = await service(api.database, account_id, site_id, "ReadyForService")
    return Desk(account_id, site_id, service_id, await api.client(account_id=account_id))


async def service(database: Database, account_id: str, site_id: str, status: str) -> str:
    """A new service's id."""
    async with database.connection() as conn:
        return str(
            await value(
                conn,
                """
                INSERT INTO clarion.service (account_id, site_id, service_name, service_type, status)
                VALUES (%s, %s, 'Internet', 'Broadband', %s::clarion.service_status) RETURNING service_id
                """,
                (account_id, site_id, status),
            )
        )


async def events(database: Database, resource_id: str) -> list[tuple[str, str, set[str]]]:
    """What endpoints would be told of a resource: type, path, changed members."""
    found = await recorded(database)
    return [(kind, path, set(changed)) for kind, about, _, path, changed in found if about == resource_id]


async def move_clock(database: Database, by: timedelta) -> None:
    """Move both clocks, from the machine's."""
    clock.shift(by)
    async with database.connection() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (by,))
