"""The resources that have commands: where they are, what identifies them, what people see of them."""

import re
from typing import Final

from msgspec import Struct

from clarion.client.v2 import models


class Family(Struct, frozen=True):
    """A resource. `path` is that of one record, its placeholders in braces; `columns` are members that tables show."""

    name: str
    help: str
    path: str
    columns: tuple[str, ...]
    create: tuple[type[Struct], ...] = ()
    patch: type[Struct] | None = None
    delete: bool = False

    @property
    def placeholders(self) -> list[str]:
        """The ids that lead to one record, its own last."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def key(self) -> str:
        """The member that identifies a record."""
        return self.placeholders[-1]


FAMILIES: Final = (
    Family(
        "accounts",
        "Customer organisations.",
        "/v2/accounts/{accountId}",
        ("accountId", "name", "legalName", "status", "externalReference"),
        (models.AccountCreate,),
        models.AccountPatch,
        delete=True,
    ),
    Family(
        "contacts",
        "The people to notify for an account.",
        "/v2/accounts/{accountId}/contacts/{contactId}",
        ("contactId", "name", "role", "email", "phone"),
        (models.ContactCreate,),
        models.ContactPatch,
        delete=True,
    ),
    Family(
        "sites",
        "Locations of accounts.",
        "/v2/sites/{siteId}",
        ("siteId", "accountId", "name", "city", "country", "status", "externalReference"),
        (models.SiteCreate,),
        models.SitePatch,
        delete=True,
    ),
    Family(
        "services",
        "Services delivered at sites.",
        "/v2/services/{serviceId}",
        ("serviceId", "siteId", "serviceName", "serviceType", "status", "externalReference"),
        (models.ServiceCreate,),
        models.ServicePatch,
        delete=True,
    ),
    Family(
        "points-of-interest",
        "What guests seek inside venues.",
        "/v2/points-of-interest/{poiId}",
        ("poiId", "siteId", "name", "type", "externalReference"),
        (models.PointOfInterestCreate,),
        models.PointOfInterestPatch,
        delete=True,
    ),
    Family(
        "cases",
        "Support cases.",
        "/v2/cases/{caseId}",
        ("caseId", "accountId", "serviceId", "type", "subject", "priority", "status", "lastModifiedDate"),
        (models.IncidentCreate, models.NonIncidentCreate),
        models.CasePatch,
    ),
    Family(
        "case-messages",
        "The conversation of a case.",
        "/v2/cases/{caseId}/case-messages/{caseMessageId}",
        ("timestamp", "sentBy", "author", "type", "message"),
        (models.CaseMessageCreate,),
    ),
    Family(
        "invoices",
        "Invoices.",
        "/v2/invoices/{invoiceId}",
        ("invoiceId", "accountId", "invoiceReference", "invoiceDate", "status", "totalAmount", "invoiceCurrency"),
        (models.InvoiceCreate,),
        models.InvoicePatch,
        delete=True,
    ),
    Family(
        "invoice-lines",
        "The lines of an invoice.",
        "/v2/invoices/{invoiceId}/invoice-line-details/{invoiceLineDetailId}",
        ("lineNumber", "description", "chargeType", "quantity", "unitPrice", "taxRate", "totalAmount"),
        (models.InvoiceLineDetailCreate,),
        delete=True,
    ),
    Family(
        "webhooks",
        "Endpoints that are told of events.",
        "/v2/webhooks/{webhookId}",
        ("webhookId", "accountId", "url", "status", "disabledReason"),
        (models.WebhookCreate,),
        models.WebhookPatch,
        delete=True,
    ),
    Family(
        "deliveries",
        "Events on their way to an endpoint.",
        "/v2/webhooks/{webhookId}/deliveries/{webhookDeliveryId}",
        ("webhookDeliveryId", "eventType", "status", "attempts", "lastResponseStatus", "nextAttemptDate"),
    ),
    Family(
        "api-clients",
        "Programs that call the API, within your own client's scopes.",
        "/v2/api-clients/{clientId}",
        ("clientId", "apiClientName", "accountId", "scopes", "lastUsedDate"),
        (models.ApiClientCreate,),
        delete=True,
    ),
)
