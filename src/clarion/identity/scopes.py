"""The scopes of API clients: each has a name in the `api-clients` resource and a string in OAuth (v2 rule 4.1)."""

from enum import StrEnum
from typing import Final


class ScopeName(StrEnum):
    """A scope as the resource names it."""

    BASIC_READ = "BasicRead"
    BASIC_READ_WRITE = "BasicReadWrite"
    SUPPORT_READ = "SupportRead"
    SUPPORT_READ_WRITE = "SupportReadWrite"
    BILLING_READ = "BillingRead"
    BILLING_READ_WRITE = "BillingReadWrite"
    GUEST_READ = "GuestRead"
    GUEST_READ_WRITE = "GuestReadWrite"
    VENUE_READ = "VenueRead"
    EXPERIENCE_READ = "ExperienceRead"
    EXPERIENCE_READ_WRITE = "ExperienceReadWrite"
    EVENT_WRITE = "EventWrite"
    SCREEN_READ = "ScreenRead"
    CLIENT_READ = "ClientRead"
    CLIENT_READ_WRITE = "ClientReadWrite"
    WEBHOOK_READ = "WebhookRead"
    WEBHOOK_READ_WRITE = "WebhookReadWrite"

    @property
    def oauth(self) -> str:
        """Its string in OAuth."""
        return _STRINGS[self]


_STRINGS: Final = {
    ScopeName.BASIC_READ: "customerapi/basic.read",
    ScopeName.BASIC_READ_WRITE: "customerapi/basic.read-write",
    ScopeName.SUPPORT_READ: "customerapi/support.read",
    ScopeName.SUPPORT_READ_WRITE: "customerapi/support.read-write",
    ScopeName.BILLING_READ: "customerapi/billing.read",
    ScopeName.BILLING_READ_WRITE: "customerapi/billing.read-write",
    ScopeName.GUEST_READ: "guestapi/guests.read",
    ScopeName.GUEST_READ_WRITE: "guestapi/guests.read-write",
    ScopeName.VENUE_READ: "guestapi/venues.read",
    ScopeName.EXPERIENCE_READ: "guestapi/experiences.read",
    ScopeName.EXPERIENCE_READ_WRITE: "guestapi/experiences.read-write",
    ScopeName.EVENT_WRITE: "guestapi/events.write",
    ScopeName.SCREEN_READ: "guestapi/screens.read",
    ScopeName.CLIENT_READ: "adminapi/clients.read",
    ScopeName.CLIENT_READ_WRITE: "adminapi/clients.read-write",
    ScopeName.WEBHOOK_READ: "adminapi/webhooks.read",
    ScopeName.WEBHOOK_READ_WRITE: "adminapi/webhooks.read-write",
}
BY_STRING: Final = {string: name for name, string in _STRINGS.items()}

GUEST_BOUND: Final = frozenset(
    {
        ScopeName.GUEST_READ,
        ScopeName.GUEST_READ_WRITE,
        ScopeName.VENUE_READ,
        ScopeName.EXPERIENCE_READ,
        ScopeName.EVENT_WRITE,
    }
)
"""What a token that is bound to a guest may carry (v2 rule 3.13)."""


def covered(scopes: frozenset[ScopeName] | set[ScopeName]) -> frozenset[ScopeName]:
    """These scopes with those they include: `...ReadWrite` its `...Read` (v2 rule 4.2)."""
    reads = {ScopeName(name.value.removesuffix("Write")) for name in scopes if name.value.endswith("ReadWrite")}
    return frozenset(scopes) | reads
