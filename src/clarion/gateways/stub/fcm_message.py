"""The shape of an FCM HTTP v1 message, as its REST reference lists it; anything else is an invalid argument.

Members the stub has no rule about are still listed, so that a misspelt member is found.
"""

import re
from typing import Literal

import msgspec
from msgspec import Struct

from clarion.gateways.stub.exchange import Refused

_TTL = re.compile(r"([0-9]{1,7})(\.[0-9]{1,9})?s")
_TOKEN = re.compile(r"[A-Za-z0-9_:.\-]{1,4096}")
_FOUR_WEEKS = 28 * 86_400
_LARGEST = 4096
_RESERVED = ("from", "message_type")
_PATH = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")

Strings = dict[str, str]
Object = dict[str, msgspec.Raw]


class _Strict(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Notification(_Strict, frozen=True):
    """What the system shows by itself."""

    title: str | None = None
    body: str | None = None
    image: str | None = None


class Options(_Strict, frozen=True):
    """Platform independent options, and those of Android."""

    analytics_label: str | None = None


class AndroidNotification(_Strict, frozen=True):
    """What Android shows by itself."""

    title: str | None = None
    body: str | None = None
    icon: str | None = None
    color: str | None = None
    sound: str | None = None
    tag: str | None = None
    click_action: str | None = None
    body_loc_key: str | None = None
    body_loc_args: list[str] | None = None
    title_loc_key: str | None = None
    title_loc_args: list[str] | None = None
    channel_id: str | None = None
    ticker: str | None = None
    sticky: bool | None = None
    event_time: str | None = None
    local_only: bool | None = None
    notification_priority: str | None = None
    default_sound: bool | None = None
    default_vibrate_timings: bool | None = None
    default_light_settings: bool | None = None
    vibrate_timings: list[str] | None = None
    visibility: str | None = None
    notification_count: int | None = None
    light_settings: Object | None = None
    image: str | None = None
    bypass_proxy_notification: bool | None = None
    proxy: str | None = None


class Android(_Strict, frozen=True):
    """How Android gets it."""

    collapse_key: str | None = None
    priority: Literal["HIGH", "NORMAL", "high", "normal"] | None = None
    ttl: str | None = None
    restricted_package_name: str | None = None
    data: Strings | None = None
    notification: AndroidNotification | None = None
    fcm_options: Options | None = None
    direct_boot_ok: bool | None = None
    bandwidth_constrained_ok: bool | None = None
    restricted_satellite_ok: bool | None = None


class WebPushConfig(_Strict, frozen=True):
    """How browsers get it."""

    headers: Strings | None = None
    data: Strings | None = None
    notification: Object | None = None
    fcm_options: Object | None = None


class ApnsConfig(_Strict, frozen=True):
    """How Apple's devices get it."""

    headers: Strings | None = None
    payload: Object | None = None
    fcm_options: Object | None = None
    live_activity_token: str | None = None


class Message(_Strict, frozen=True):
    """One message to one target."""

    name: str | None = None
    data: Strings | None = None
    notification: Notification | None = None
    android: Android | None = None
    webpush: WebPushConfig | None = None
    apns: ApnsConfig | None = None
    fcm_options: Options | None = None
    token: str | None = None
    topic: str | None = None
    condition: str | None = None


class SendRequest(_Strict, frozen=True):
    """The body of `messages:send`."""

    message: Message
    validate_only: bool = False


_decode = msgspec.json.Decoder(SendRequest).decode


def parse(body: bytes) -> SendRequest:
    """The message, checked. Raises Refused (INVALID_ARGUMENT, or INVALID_TOKEN when the token is at fault)."""
    try:
        sent = _decode(body)
    except msgspec.ValidationError as error:
        text = str(error)
        path = _PATH.search(text)
        field = path.group(1) if path else ""
        raise _invalid(field, f"Invalid JSON payload received. {_PATH.sub('', text)}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid("", f"Invalid JSON payload received. {error}.") from None
    message = sent.message
    if [message.token, message.topic, message.condition].count(None) != 2:
        raise _invalid("message", "Exactly one of token, topic or condition is required.")
    if message.token is None:
        raise _invalid("message", "This stub delivers to tokens only, not to topics or conditions.")
    _check_data("message.data", message.data)
    if message.android is not None:
        _check_android(message.android)
    if not _TOKEN.fullmatch(message.token):
        text = "The registration token is not a valid FCM registration token"
        raise Refused("INVALID_TOKEN", text, message.token.encode(), "message.token")
    return sent


def _check_android(android: Android) -> None:
    _check_data("message.android.data", android.data)
    if android.ttl is not None:
        match = _TTL.fullmatch(android.ttl)
        if match is None or float(android.ttl[:-1]) > _FOUR_WEEKS:
            raise _invalid("message.android.ttl", 'ttl must be seconds such as "3600s", four weeks at most.')


def _check_data(field: str, data: Strings | None) -> None:
    if not data:
        return
    size = 0
    for key, value in data.items():
        if key in _RESERVED or key.startswith(("google", "gcm")):
            raise _invalid(f"{field}[{key}]", f"Invalid data payload key: {key}")
        size += len(key.encode()) + len(value.encode())
    if size > _LARGEST:
        raise _invalid(field, f"Android message is too big: {size} bytes of data, {_LARGEST} is the limit.")


def _invalid(field: str, description: str) -> Refused:
    return Refused("INVALID_ARGUMENT", description, field=field or "message")
