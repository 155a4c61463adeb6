"""`V2Client`: the resources of the v2 API over one caller."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from clarion.client.transport import Answer
from clarion.client.v2.calling import Caller, Pause
from clarion.client.v2.collection import quoted
from clarion.client.v2.records import (
    Account,
    ApiClient,
    Case,
    CaseMessage,
    Contact,
    Invoice,
    InvoiceLineDetail,
    PointOfInterest,
    Service,
    Site,
    Webhook,
)
from clarion.client.v2.resources import (
    Accounts,
    ApiClients,
    CaseMessages,
    Cases,
    Contacts,
    InvoiceLineDetails,
    Invoices,
    PointsOfInterest,
    Services,
    Sites,
    Webhooks,
)


class V2Client:
    """The v2 API as one API client sees it.

    Tokens are asked for with the scope that a call needs; with `scopes` (`customerapi/basic.read`) one token with these
    serves all calls. `ca_file` holds the authorities to trust, "" those of the machine; `timeout` is in seconds and for
    one exchange, `patience` for all the waiting that one call may do, above all for its quota (v2 section 9).
    Belongs to the event loop in which it is first used; `async with` closes its connections at the end.
    Raises ConfigurationError for an address or a CA file that is none.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        scopes: Sequence[str] = (),
        ca_file: str = "",
        timeout: float = 60.0,
        patience: float = 180.0,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.caller = Caller(
            base_url,
            client_id,
            client_secret,
            scopes=scopes,
            ca_file=ca_file,
            timeout=timeout,
            patience=patience,
            pause=pause,
        )
        self.api_clients = ApiClients(self.caller, "/v2/api-clients", ApiClient)
        self.accounts = Accounts(self.caller, "/v2/accounts", Account)
        self.sites = Sites(self.caller, "/v2/sites", Site)
        self.services = Services(self.caller, "/v2/services", Service)
        self.points_of_interest = PointsOfInterest(self.caller, "/v2/points-of-interest", PointOfInterest)
        self.cases = Cases(self.caller, "/v2/cases", Case)
        self.invoices = Invoices(self.caller, "/v2/invoices", Invoice)
        self.webhooks = Webhooks(self.caller, "/v2/webhooks", Webhook)

    def contacts(self, account_id: str) -> Contacts:
        """The contacts of an account."""
        return Contacts(self.caller, f"/v2/accounts/{quoted(account_id)}/contacts", Contact)

    def case_messages(self, case_id: str) -> CaseMessages:
        """The conversation of a case."""
        return CaseMessages(self.caller, f"/v2/cases/{quoted(case_id)}/case-messages", CaseMessage)

    def invoice_lines(self, invoice_id: str) -> InvoiceLineDetails:
        """The lines of an invoice."""
        path = f"/v2/invoices/{quoted(invoice_id)}/invoice-line-details"
        return InvoiceLineDetails(self.caller, path, InvoiceLineDetail)

    async def request(self, method: str, target: str, body: bytes = b"", *, key: str = "") -> Answer:
        """A call of your own: path and query from `/v2` on, the raw body; the answer whatever its status.

        Raises Unavailable when the server cannot be reached, TokenError when it gives no token.
        """
        return await self.caller.request(method, target, body, key=key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        await self.caller.aclose()
