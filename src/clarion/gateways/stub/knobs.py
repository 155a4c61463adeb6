"""The knobs: what goes wrong on purpose. All are off at first.

The document of `PUT /stub/knobs` replaces all knobs: what it leaves out is off. Its members are those of `Knobs`.
Members of `GatewayKnobs` stand inside `apns`, `fcm` and `webpush`; outside they hold for all three; inside wins.
Rates are between 0 and 1; what they decide depends on `seed` and the order of requests alone.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field, structs

from clarion.base.errors import Finding, Invalid
from clarion.gateways.stub.parsing import convert, wrong

KINDS = ("apns", "fcm", "webpush")

Rate = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
ResetCode = Literal["internal_error", "refused_stream", "cancel", "enhance_your_calm"]


class GatewayKnobs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Knobs of one gateway.

    `latency_ms`, `jitter_ms`: every answer waits so long, plus up to so much more.
    `throttle`: answers per second at most; the others queue (they count as taken when they arrive).
    `silent_ms`: no answer for so long from the instant the knobs are set; requests are taken meanwhile and answered
    afterwards.
    `refuse`: {reason: rate} in the gateway's own words, inside its object only. `too_many_rate`: rate of its 429.
    `retry_after`: seconds told in `Retry-After` with every 429 and 503; 0 tells nothing.
    `reset_rate`, `reset_code`, `reset_delivered`: the stream is reset instead of an answer; with `reset_delivered`
    the notification was delivered all the same and only the answer is lost.
    `stall_rate`: no answer ever, nothing delivered.
    `dead_tokens`, `dead_rate`: tokens by name (Web Push: endpoint or its last segment), and a share of all tokens,
    always the same ones; `dead_since` (epoch seconds) is told by APNs, the instant the knobs were set when left out.
    `empty_data_end`: answers end with an empty DATA frame, as some servers do.
    """

    latency_ms: Amount = 0
    jitter_ms: Amount = 0
    throttle: Amount = 0
    silent_ms: Amount = 0
    refuse: dict[str, Rate] = field(default_factory=dict)
    too_many_rate: Rate = 0
    retry_after: Count = 0
    reset_rate: Rate = 0
    reset_code: ResetCode = "internal_error"
    reset_delivered: bool = False
    stall_rate: Rate = 0
    dead_tokens: frozenset[str] = frozenset()
    dead_rate: Rate = 0
    dead_since: Count | None = None
    empty_data_end: bool = False


class ApnsKnobs(GatewayKnobs, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`provider_token_seconds`: a connection that shows another provider token of the same key sooner than this is
    refused with TooManyProviderTokenUpdates (Apple's limit is 1200)."""

    provider_token_seconds: Count = 0


class FcmKnobs(GatewayKnobs, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`access_token_seconds`: how long the tokens given from now on by the OAuth endpoint are valid.
    `oauth_clock_ahead_seconds`: by how much its clock is ahead of the others, as where a sender's clock is wrong."""

    access_token_seconds: Annotated[int, Meta(ge=1, le=3600)] = 3600
    oauth_clock_ahead_seconds: Annotated[int, Meta(ge=-86_400, le=86_400)] = 0


class Knobs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All knobs. Those of connections count the push requests of all gateways on each connection.

    `max_streams`: SETTINGS_MAX_CONCURRENT_STREAMS; a change is told to all open connections.
    `streams_until_trusted`: a connection begins with so many, gets `max_streams` with its first accepted credentials
    and falls back with a refused provider token, as at APNs; 0 is off.
    `goaway_every`: a graceful GOAWAY after so many requests: those begun are answered, later streams unprocessed.
    `drop_connection_every`: the request that makes the number full is not answered and its connection breaks.
    """

    seed: int = 1
    max_streams: Count = 1000
    streams_until_trusted: Count = 0
    goaway_every: Count = 0
    drop_connection_every: Count = 0
    apns: ApnsKnobs = ApnsKnobs()
    fcm: FcmKnobs = FcmKnobs()
    webpush: GatewayKnobs = GatewayKnobs()

    def of(self, kind: str) -> GatewayKnobs:
        """The knobs of one gateway."""
        return {"apns": self.apns, "fcm": self.fcm, "webpush": self.webpush}[kind]


_SHARED = frozenset(each.name for each in structs.fields(GatewayKnobs)) - {"refuse"}


def parse(document: object, reasons: Mapping[str, Mapping[str, int]]) -> Knobs:
    """Typed knobs of a decoded JSON document; `reasons` holds the words each gateway refuses with. Raises Invalid."""
    if not isinstance(document, dict):
        raise Invalid([Finding("", "not_an_object", "The knobs are one JSON object.")])
    if "refuse" in document:
        raise wrong("/refuse", "refuse stands inside apns, fcm or webpush: each refuses in words of its own.")
    shared = {name: value for name, value in document.items() if name in _SHARED}
    whole: dict[str, Any] = {name: value for name, value in document.items() if name not in _SHARED}
    for kind in KINDS:
        part = whole.get(kind, {})
        if not isinstance(part, dict):
            raise wrong(f"/{kind}", f"{kind} must be an object of knobs.")
        whole[kind] = shared | part
    knobs = convert(whole, Knobs)
    findings = [finding for kind in KINDS for finding in _findings(kind, knobs.of(kind), reasons[kind])]
    if findings:
        raise Invalid(findings)
    return knobs


def _findings(kind: str, knobs: GatewayKnobs, reasons: Mapping[str, int]) -> list[Finding]:
    found = [
        Finding(f"/{kind}/refuse/{name}", "unknown_reason", f"{kind} has no {name!r}. It has: {', '.join(reasons)}.")
        for name in knobs.refuse
        if name not in reasons
    ]
    if sum(knobs.refuse.values()) + knobs.too_many_rate + knobs.reset_rate + knobs.stall_rate > 1 + 1e-9:
        found.append(Finding(f"/{kind}", "rates_above_one", f"The rates of {kind} add up to more than 1."))
    if knobs.reset_delivered and knobs.reset_code == "refused_stream":
        text = "refused_stream promises that nothing was processed: it does not go with reset_delivered."
        found.append(Finding(f"/{kind}/reset_code", "contradiction", text))
    return found
