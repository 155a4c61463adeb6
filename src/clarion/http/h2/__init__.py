"""The one HTTP/2 client: a `Channel` carries requests to one origin over a few multiplexed connections.

Every request ends exactly once, as an `Answer` or as a `Failure` that says whether the peer may have processed it; that
is what a sender needs to decide between "again" and "unknown". Rooms: `model` (values and tuning), `tls` (contexts),
`call` (one request on its way), `connection` (one connection; the only place that knows the HTTP/2 engine), `opener`
(connecting, with backoff), `channel` (queue, stream allotment, time-outs, draining). What the requests say, tokens and
retry policy are left to `clarion.gateways`.
"""

from clarion.http.h2.channel import Channel
from clarion.http.h2.connection import never_indexed
from clarion.http.h2.model import Answer, Completion, Failure, Headers, Processed, Tuning
from clarion.http.h2.tls import client_tls

__all__ = [
    "Answer",
    "Channel",
    "Completion",
    "Failure",
    "Headers",
    "Processed",
    "Tuning",
    "client_tls",
    "never_indexed",
]
