"""The tables of sites and services."""

from clarion.accounts.model import Service, Site
from clarion.db.records import Records

SITES = Records(
    "clarion.site",
    Site,
    key="site_id",
    casts={"status": "clarion.site_status"},
    computed={"is_open": "NULL::boolean"},
)
SERVICES = Records("clarion.service", Service, key="service_id", casts={"status": "clarion.service_status"})
