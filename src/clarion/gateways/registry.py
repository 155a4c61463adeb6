"""From a stored application's gateway settings to an open gateway. The one list of gateway kinds."""

from collections.abc import Callable
from typing import Any

from clarion.base.errors import ConfigurationError
from clarion.gateways.apns import credentials as apns_credentials
from clarion.gateways.apns.client import ApnsGateway
from clarion.gateways.fcm import credentials as fcm_credentials
from clarion.gateways.fcm import quota
from clarion.gateways.fcm.client import FcmGateway
from clarion.gateways.fcm.quota import Source
from clarion.gateways.measured import MeasuredGateway
from clarion.gateways.pauses import Pauses
from clarion.gateways.seam import Gateway
from clarion.gateways.webpush import credentials as webpush_credentials
from clarion.gateways.webpush.client import WebPushGateway

KINDS = ("apns", "fcm", "webpush")


def open_gateway(
    kind: str,
    secret: bytes,
    endpoint: str | None = None,
    ca_file: str | None = None,
    *,
    source: Source | None = None,
    pauses: Pauses | None = None,
) -> MeasuredGateway:
    """The gateway of one application, measured, for the running event loop; connections open with the first
    notification.

    `secret` is the JSON of that kind's credentials. `endpoint` (`https://host[:port]`) replaces the true service;
    only operators may set it: addresses it leads to are not screened. `ca_file` (PEM) replaces the machine's
    certificate authorities. `source` is where the permits of a project come from that others use too (FCM), `pauses`
    where a gateway that talks to several push services shares what each of them asks for (Web Push).
    Raises ConfigurationError that says what is wrong and what to do.
    """
    return MeasuredGateway(kind, _open(kind, secret, endpoint, ca_file, source, pauses))


def _open(
    kind: str, secret: bytes, endpoint: str | None, ca_file: str | None, source: Source | None, pauses: Pauses | None
) -> Gateway:
    if kind == "apns":
        return ApnsGateway(apns_credentials.parse(secret), endpoint=endpoint, ca_file=ca_file)
    if kind == "fcm":
        project = fcm_credentials.parse(secret)
        permits = quota.allowance(project.project_id, source)
        return FcmGateway(project, endpoint=endpoint, ca_file=ca_file, permits=permits)
    if kind == "webpush":
        return WebPushGateway(webpush_credentials.parse(secret), endpoint=endpoint, ca_file=ca_file, pauses=pauses)
    raise _unknown(kind)


def account_of(kind: str, secret: bytes) -> str | None:
    """The name of what an application shares with others at the push service: the Firebase project. None when it
    shares nothing. Raises ConfigurationError as `open_gateway` does."""
    return quota.account_name(fcm_credentials.parse(secret).project_id) if kind == "fcm" else None


def shares_pauses(kind: str) -> bool:
    """Whether gateways of this kind tell other processes themselves what they were asked to wait: Web Push, where a
    pause is of one push service and not of the application."""
    return kind == "webpush"


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
