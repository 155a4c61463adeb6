"""From a stored application's gateway settings to an open gateway. The one list of gateway kinds."""

from collections.abc import Callable
from typing import Any

from clarion.base.errors import ConfigurationError
from clarion.gateways.apns import credentials as apns_credentials
from clarion.gateways.apns.client import ApnsGateway
from clarion.gateways.fcm import credentials as fcm_credentials
from clarion.gateways.fcm.client import FcmGateway
from clarion.gateways.fcm.quota import Quota
from clarion.gateways.seam import Gateway
from clarion.gateways.webpush import credentials as webpush_credentials
from clarion.gateways.webpush.client import WebPushGateway

KINDS = ("apns", "fcm", "webpush")


def open_gateway(
    kind: str, secret: bytes, endpoint: str | None = None, ca_file: str | None = None, *, share: float = 1.0
) -> Gateway:
    """The gateway of one application, for the running event loop. Connections open with the first notification.

    `secret` is the JSON of that kind's credentials. `endpoint` (`https://host[:port]`) replaces the true service;
    only operators may set it: addresses it leads to are not screened. `ca_file` (PEM) replaces the machine's
    certificate authorities. `share` is the part of the project's quota that this process may use (FCM).
    Raises ConfigurationError that says what is wrong and what to do.
    """
    if kind == "apns":
        return ApnsGateway(apns_credentials.parse(secret), endpoint=endpoint, ca_file=ca_file)
    if kind == "fcm":
        quota = Quota(share=share)
        return FcmGateway(fcm_credentials.parse(secret), endpoint=endpoint, ca_file=ca_file, quota=quota)
    if kind == "webpush":
        return WebPushGateway(webpush_credentials.parse(secret), endpoint=endpoint, ca_file=ca_file)
    raise _unknown(kind)


def check_credentials(kind: str, secret: bytes) -> None:
    """Read credentials without connecting. Raises ConfigurationError as `open_gateway` does."""
    parsers: dict[str, Callable[[bytes], Any]] = {
        "apns": apns_credentials.parse,
        "fcm": fcm_credentials.parse,
        "webpush": webpush_credentials.parse,
    }
    if kind not in parsers:
        raise _unknown(kind)
    parsers[kind](secret)


def _unknown(kind: str) -> ConfigurationError:
    return ConfigurationError(f"There is no gateway of kind {kind!r}.", f"The kinds are: {', '.join(KINDS)}.")
