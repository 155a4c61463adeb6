"""The wire's profile of a device, its token and its web keys, to typed columns.

The contract has checked the shapes; here names become columns and what depends on the application is judged: its
declared fields, and what a token looks like on its platform.
"""

import re
from collections.abc import Mapping
from typing import Final

from clarion.apps.model import STANDARD_COLUMNS, Column, Platform, Scheme
from clarion.base.errors import Finding
from clarion.devices import service as devices
from clarion.devices.model import Value, WebKeys
from clarion.devices.values import parse_value, parse_web_keys
from clarion.gateways import origins

_COLUMNS: Final = {column.name: column for column in STANDARD_COLUMNS}
MEMBERS: Final = {
    "language": _COLUMNS["language"],
    "country": _COLUMNS["countryCode"],
    "timeZone": _COLUMNS["time_zone"],
    "model": _COLUMNS["model"],
    "osVersion": _COLUMNS["version"],
    "sdkVersion": _COLUMNS["versionsdk"],
    "appVersion": _COLUMNS["bundleversion"],
    "swVersion": _COLUMNS["sw_version"],
    "notificationsAllowed": _COLUMNS["system_optin_notifs"],
    "notificationsEnabled": _COLUMNS["enabled_notifs"],
    "inAppsEnabled": _COLUMNS["enabled_inapps"],
}
"""The column behind each member of a profile."""

ALLOWED: Final = MEMBERS["notificationsAllowed"]

_FORMS: Final = {
    Platform.ANDROID: (re.compile(r"[\x21-\x7e]{2,4096}"), "an FCM registration token"),
    Platform.IOS: (re.compile(r"(?:[0-9A-Fa-f]{2}){1,100}"), "an APNs device token in hexadecimal"),
}

Fields = dict[Column, Value]


def read_profile(scheme: Scheme, profile: Mapping[str, object], at: str = "") -> tuple[Fields, list[Finding]]:
    """The columns a profile writes, and what is wrong with it; pointers begin with `at`."""
    typed: Fields = {}
    findings: list[Finding] = []
    for member, given in profile.items():
        if member == "fields":
            assert isinstance(given, Mapping), "the contract has checked the shape"
            own, wrong = _read_own(scheme, given)
            typed |= own
            findings += [Finding(f"{at}/fields{found.pointer}", found.code, found.message) for found in wrong]
            continue
        column = MEMBERS[member]
        typed[column] = parse_value(column, given.upper() if member == "country" and isinstance(given, str) else given)
    return typed, findings


def _read_own(scheme: Scheme, fields: Mapping[str, object]) -> tuple[Fields, list[Finding]]:
    """Declared fields. The system's own columns have members of their own, or are not for a device to write."""
    system = {name for name in fields if (column := scheme.find(name)) is not None and column.standard}
    typed, findings = devices.parse_fields(scheme, {n: value for n, value in fields.items() if n not in system})
    findings += [
        Finding(f"/{name}", "read_only", f"`{name}` is a field of the system and cannot be written here.")
        for name in fields
        if name in system
    ]
    return typed, findings


def read_subscription(
    platform: Platform, token: str | None, keys: Mapping[str, str] | None
) -> tuple[WebKeys | None, list[Finding]]:
    """The keys that go with a token, and what is wrong with the two on this platform."""
    if platform is Platform.WEB:
        return _read_web(token, keys)
    findings = []
    form, name = _FORMS[platform]
    if token is not None and not form.fullmatch(token):
        findings.append(Finding("/token", "format", f"`token` must be {name}."))
    if keys is not None:
        findings.append(Finding("/keys", "not_allowed", "`keys` are for web applications."))
    return None, findings


def _read_web(token: str | None, keys: Mapping[str, str] | None) -> tuple[WebKeys | None, list[Finding]]:
    found: WebKeys | None = None
    findings = []
    if token is not None and origins.split(token) is None:
        findings.append(Finding("/token", "format", "`token` must be the https endpoint of a push subscription."))
    if token is not None and keys is None:
        findings.append(Finding("/keys", "missing", "`keys` of the push subscription go with its endpoint."))
    if token is None and keys is not None:
        findings.append(Finding("/keys", "not_allowed", "`keys` go with an endpoint, and there is none."))
    elif keys is not None:
        try:
            found = parse_web_keys(keys["p256dh"], keys["auth"])
        except ValueError as error:
            findings.append(Finding("/keys", "format", str(error)))
    return found, findings
