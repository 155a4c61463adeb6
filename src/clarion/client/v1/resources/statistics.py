"""Statistics: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

import datetime

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import Links


class Stat(Model, kw_only=True):
    date: datetime.date
    registered: int | None = None
    optin: int | None = None
    optout: int | None = None
    active: int | None = None
    active_optin: int | None = None
    installs: int | None = None
    opens: int | None = None
    push_sent: int | None = None
    push_clicks: int | None = None
    bounces: int | None = None
    inapp_displays: int | None = None
    inapp_clicks: int | None = None


class StatList(Model, kw_only=True):
    data: list[Stat]
    links: Links | None = None


class StatisticsOperations(Resource):
    """Operations of statistics."""

    def list_stats(
        self,
        partner_id: str,
        *,
        page: int | None = None,
        date: datetime.date | str | None = None,
        start_date: datetime.date | str | None = None,
        end_date: datetime.date | str | None = None,
    ) -> Pages[Stat]:
        """GET /v1/me/apps/{partnerId}/stats"""
        return self._pages(
            StatList,
            f"/v1/me/apps/{quoted(partner_id)}/stats",
            [*one("page", page), *one("date", date), *one("startDate", start_date), *one("endDate", end_date)],
        )
