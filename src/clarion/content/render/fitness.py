"""Whether a gateway would take the payloads of a message at all, told before it is sent."""

import re
from collections.abc import Iterator
from itertools import islice

import msgspec

from clarion.apps.model import App, Platform
from clarion.base.errors import Finding
from clarion.content.model import Content
from clarion.content.render.renderer import Version
from clarion.gateways.apns import request as apns
from clarion.gateways.fcm import request as fcm
from clarion.gateways.webpush import request as webpush

MAX_PAYLOAD = {
    Platform.ANDROID: fcm.MAX_PAYLOAD,
    Platform.IOS: apns.MAX_PAYLOAD,
    Platform.WEB: webpush.MAX_PAYLOAD,
}
MAX_SOURCE = 32_768
"""Bytes of one language before its marks are filled: marks count for nothing in the smallest payload, yet cost time for
every device."""
_MOST_FINDINGS = 100
# Nineteen digits: the longest id a message can get.
_LONGEST_ID = 10**18
# FCM refuses a message whose data has such keys.
_RESERVED = re.compile(r"from|message_type|(google|gcm).*", re.DOTALL)


def unsendable(app: App, contents: tuple[Content, ...]) -> list[Finding]:
    """What makes a message impossible to deliver to any device, at most 100 findings: payloads too large even when
    every mark is empty, or languages too large to be rendered for each device (code `too_large`), names of parameters
    that the gateway keeps for itself (`reserved_name`)."""
    findings = (found for number, content in enumerate(contents) for found in _of_language(app, number, content))
    return list(islice(findings, _MOST_FINDINGS))


def _of_language(app: App, number: int, content: Content) -> Iterator[Finding]:
    place = f"/contents/{number}"
    source = len(msgspec.json.encode(content))
    if source > MAX_SOURCE:
        message = f"this language has {source} bytes, and {MAX_SOURCE} are allowed; shorten its texts"
        yield Finding(place, "too_large", message)
        return
    yield from _reserved_names(app, content, f"{place}/display_params")
    size = _size(app.platform, Version(app, content, _LONGEST_ID).shortest)
    largest = MAX_PAYLOAD[app.platform]
    if size > largest:
        message = f"the payload of this language has {size} bytes, and {largest} are allowed; shorten its texts"
        yield Finding(place, "too_large", message)


def _reserved_names(app: App, content: Content, at: str) -> Iterator[Finding]:
    if app.platform is not Platform.ANDROID:
        return
    for name in content.display_params:
        if _RESERVED.fullmatch(name):
            place = name.replace("~", "~0").replace("/", "~1")
            yield Finding(f"{at}/{place}", "reserved_name", "the gateway keeps this name for itself; choose another")


def _size(platform: Platform, payload: bytes) -> int:
    """Bytes as the gateway counts them: FCM adds up the keys and values of its map, the others take the JSON."""
    if platform is not Platform.ANDROID:
        return len(payload)
    data = msgspec.json.decode(payload, type=dict[str, str])
    return sum(len(name.encode()) + len(text.encode()) for name, text in data.items())
