"""The stub gateways: APNs, FCM, Google's token endpoint and Web Push on one TLS port, as strict as the real ones.

Part of the product: demo, tests and rehearsals send to it. It issues credentials and subscriptions, checks everything
about a request that the real services check, counts in a ledger of its own, and goes wrong on purpose by knobs. It
shares no code with the clients it judges, except `clarion.base`.
"""

from clarion.gateways.stub.server import StubServer, serve_stub
from clarion.gateways.stub.subscriptions import Subscription, derive_subscriptions

__all__ = ["StubServer", "Subscription", "derive_subscriptions", "serve_stub"]
