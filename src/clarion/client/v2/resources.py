"""The resources of the v2 API, each with what can be done with it."""

from collections.abc import Sequence
from typing import Unpack

from clarion.client.v2.bodies import (
    AccountCreate,
    AccountPatch,
    ApiClientCreate,
    CaseMessageCreate,
    CasePatch,
    ContactCreate,
    ContactPatch,
    IncidentCreate,
    InvoiceCreate,
    InvoiceLineDetailCreate,
    InvoicePatch,
    NonIncidentCreate,
    PointOfInterestCreate,
    PointOfInterestPatch,
    ServiceCreate,
    ServicePatch,
    SiteCreate,
    SitePatch,
    WaitTimeUpdate,
    WebhookCreate,
    WebhookPatch,
)
from clarion.client.v2.collection import Creating, Deleting, Getting, Listing, Updating, decoded, quoted
from clarion.client.v2.pages import ListQuery, Page, Pages
from clarion.client.v2.parts import WaitTimeReport
from clarion.client.v2.records import (
    Account,
    ApiClient,
    ApiClientWithSecret,
    Case,
    CaseMessage,
    Contact,
    Invoice,
    InvoiceLineDetail,
    PointOfInterest,
    Service,
    Site,
    WaitTime,
    Webhook,
    WebhookDelivery,
    WebhookWithSecret,
)
from clarion.client.v2.tokens import oauth_scopes


class ApiClients(Listing[ApiClient], Getting[ApiClient], Deleting[ApiClient]):
    """Programs that call the API."""

    async def create(self, body: ApiClientCreate, *, key: str = "") -> ApiClientWithSecret:
        """A new client with its secret. Your own client must have the scopes it grants (v2 rule 4.5): TokenError."""
        answer = await self._must("POST", self.path, body, key=key, also=oauth_scopes(body.scopes))
        return self._one(answer, ApiClientWithSecret)


class Accounts(
    Listing[Account],
    Getting[Account],
    Creating[Account, AccountCreate],
    Updating[Account, AccountPatch],
    Deleting[Account],
):
    """Customer organisations."""

    def sites(self, account_id: str, **query: Unpack[ListQuery]) -> Pages[Site]:
        """The sites of an account."""
        return self._pages(f"{self._at(account_id)}/sites", Site, query)

    def services(self, account_id: str, **query: Unpack[ListQuery]) -> Pages[Service]:
        """The services at all sites of an account."""
        return self._pages(f"{self._at(account_id)}/services", Service, query)


class Contacts(
    Listing[Contact],
    Getting[Contact],
    Creating[Contact, ContactCreate],
    Updating[Contact, ContactPatch],
    Deleting[Contact],
):
    """The people to notify for an account."""


class Sites(Listing[Site], Getting[Site], Creating[Site, SiteCreate], Updating[Site, SitePatch], Deleting[Site]):
    """Locations of accounts."""

    def services(self, site_id: str, **query: Unpack[ListQuery]) -> Pages[Service]:
        """The services at a site."""
        return self._pages(f"{self._at(site_id)}/services", Service, query)

    def points_of_interest(self, site_id: str, **query: Unpack[ListQuery]) -> Pages[PointOfInterest]:
        """The points of interest of a venue."""
        return self._pages(f"{self._at(site_id)}/points-of-interest", PointOfInterest, query)

    def wait_times(self, site_id: str, **query: Unpack[ListQuery]) -> Pages[WaitTime]:
        """The live wait times of a venue."""
        return self._pages(f"{self._at(site_id)}/wait-times", WaitTime, query)

    async def report_wait_times(
        self, site_id: str, reports: Sequence[WaitTimeReport], *, key: str = ""
    ) -> Page[WaitTime]:
        """Tell what is seen at points of interest of a venue: all reports are applied or none (v2 rule 14.7). Gives the
        first page of wait times after that."""
        body = WaitTimeUpdate(items=[*reports])
        answer = await self._must("POST", f"{self._at(site_id)}/wait-times", body, key=key)
        page: Page[WaitTime] = decoded(answer, Page[WaitTime])
        return page


class Services(
    Listing[Service],
    Getting[Service],
    Creating[Service, ServiceCreate],
    Updating[Service, ServicePatch],
    Deleting[Service],
):
    """Services delivered at sites."""


class PointsOfInterest(
    Listing[PointOfInterest],
    Getting[PointOfInterest],
    Creating[PointOfInterest, PointOfInterestCreate],
    Updating[PointOfInterest, PointOfInterestPatch],
    Deleting[PointOfInterest],
):
    """What guests seek inside venues."""


class Cases(
    Listing[Case],
    Getting[Case],
    Creating[Case, IncidentCreate | NonIncidentCreate],
    Updating[Case, CasePatch],
):
    """Support cases."""


class CaseMessages(Listing[CaseMessage], Getting[CaseMessage], Creating[CaseMessage, CaseMessageCreate]):
    """The conversation of a case."""


class Invoices(
    Listing[Invoice],
    Getting[Invoice],
    Creating[Invoice, InvoiceCreate],
    Updating[Invoice, InvoicePatch],
    Deleting[Invoice],
):
    """Invoices."""


class InvoiceLineDetails(
    Listing[InvoiceLineDetail],
    Getting[InvoiceLineDetail],
    Creating[InvoiceLineDetail, InvoiceLineDetailCreate],
    Deleting[InvoiceLineDetail],
):
    """The lines of an invoice."""

    async def csv(self) -> str:
        """All lines as CSV, header row first (v2 rule 12.6)."""
        return (await self._must("GET", self.path, accept="text/csv")).body.decode()


class Webhooks(Listing[Webhook], Getting[Webhook], Updating[Webhook, WebhookPatch], Deleting[Webhook]):
    """Endpoints that are told of events."""

    async def create(self, body: WebhookCreate, *, key: str = "") -> WebhookWithSecret:
        """A new endpoint with its signing secret."""
        return self._one(await self._must("POST", self.path, body, key=key), WebhookWithSecret)

    async def rotate_secret(self, webhook_id: str, *, key: str = "") -> WebhookWithSecret:
        """A new signing secret; for 24 hours the old one signs too (v2 rule 18.5)."""
        return self._one(
            await self._must("POST", f"{self._at(webhook_id)}/secret-rotations", key=key), WebhookWithSecret
        )

    async def test(self, webhook_id: str, *, key: str = "") -> WebhookDelivery:
        """Send an event of type `webhook.test`; the delivery as it is recorded."""
        return self._one(await self._must("POST", f"{self._at(webhook_id)}/test-deliveries", key=key), WebhookDelivery)

    def deliveries(self, webhook_id: str, **query: Unpack[ListQuery]) -> Pages[WebhookDelivery]:
        """The deliveries of an endpoint, newest first."""
        return self._pages(f"{self._at(webhook_id)}/deliveries", WebhookDelivery, query)

    async def delivery(self, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """One delivery."""
        at = f"{self._at(webhook_id)}/deliveries/{quoted(delivery_id)}"
        return self._one(await self._must("GET", at), WebhookDelivery)

    async def retry(self, webhook_id: str, delivery_id: str, *, key: str = "") -> WebhookDelivery:
        """Send a delivery again, under the same message id (v2 rule 18.4)."""
        at = f"{self._at(webhook_id)}/deliveries/{quoted(delivery_id)}/retries"
        return self._one(await self._must("POST", at, key=key), WebhookDelivery)
