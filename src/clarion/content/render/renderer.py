"""The renderer of one message: chooses the language of a device, fills its template.

A device gets its language, else the version without language, else the first (v1 rule 38). `fr-CA` is served by
`fr-CA` or else by `fr`.
"""

from collections.abc import Callable, Sequence

from clarion.apps.model import App, Column, Platform, Scheme
from clarion.base.errors import Finding
from clarion.content.model import Content
from clarion.content.render.platforms import DELIVERY, TREE_OF
from clarion.content.render.template import Template
from clarion.devices.model import Value
from clarion.devices.values import wire_value
from clarion.gateways.apns import request as apns
from clarion.gateways.fcm import request as fcm
from clarion.gateways.webpush import request as webpush

MAX_PAYLOAD = {
    Platform.ANDROID: fcm.MAX_PAYLOAD,
    Platform.IOS: apns.MAX_PAYLOAD,
    Platform.WEB: webpush.MAX_PAYLOAD,
}
_DELIVERY_DIGITS = 32


class Renderer:
    """Renders one message for the devices of one application.

    `columns` are the device columns its texts use, in the order in which `render` wants their values; `unknown` the
    names used in texts that are no column of the application.
    """

    def __init__(self, app: App, scheme: Scheme, contents: tuple[Content, ...], message_id: int) -> None:
        self.max_payload = MAX_PAYLOAD[app.platform]
        self._versions = [_Version(app, content, message_id) for content in contents]
        self._by_language = {
            version.language: version for version in reversed(self._versions) if version.language is not None
        }
        self._fallback = next((each for each in self._versions if each.language is None), self._versions[0])
        names = sorted({name for version in self._versions for name in version.template.names} - {DELIVERY})
        found = {name: scheme.find(name) for name in names}
        self.unknown = tuple(name for name, column in found.items() if column is None)
        self.columns: tuple[Column, ...] = tuple(dict.fromkeys(column for column in found.values() if column))
        place = {column: number for number, column in enumerate(self.columns)}
        self._place_of = {name: place[column] for name, column in found.items() if column}

    def render(self, language: str | None, values: Sequence[Value], delivery_id: bytes) -> bytes:
        """The payload for a device of this language. `values` follow `columns`; an unset value is an empty text."""
        template = self._version(language).template
        if len(template.names) == 1:  # nothing personal but the delivery id
            identity = delivery_id.hex()
            return template.fill(lambda _name: identity)
        return template.fill(self._lookup(values, delivery_id))

    def collapse(self, language: str | None) -> str | None:
        """The collapse key of the version a device gets."""
        return self._version(language).content.collapse_key

    def silent(self, language: str | None) -> bool:
        """Whether that version shows nothing (iOS, content available and no text)."""
        content = self._version(language).content
        return content.content_available and not content.text

    def urgent(self, language: str | None) -> bool:
        """Whether that version is to be handed over with high priority."""
        return self._version(language).content.priority >= 0 and not self.silent(language)

    def _version(self, language: str | None) -> "_Version":
        if language:
            wanted = language.lower().replace("_", "-")
            found = self._by_language.get(wanted) or self._by_language.get(wanted.partition("-")[0])
            if found:
                return found
        return self._fallback

    def _lookup(self, values: Sequence[Value], delivery_id: bytes) -> Callable[[str], str]:
        def value_of(name: str) -> str:
            if name == DELIVERY:
                return delivery_id.hex()
            place = self._place_of.get(name)
            shown = None if place is None else wire_value(self.columns[place], values[place])
            return "" if shown is None else str(shown)

        return value_of


def oversize(app: App, contents: tuple[Content, ...]) -> list[Finding]:
    """A finding for each language whose payload is too large even when every mark is empty."""
    largest = MAX_PAYLOAD[app.platform]
    found = []
    for number, content in enumerate(contents):
        # Nineteen digits: the longest id the message can get.
        size = _Version(app, content, 10**18).template.fixed_size + _DELIVERY_DIGITS
        if size > largest:
            message = f"The payload of this language has {size} bytes; {largest} are allowed. Shorten its texts."
            found.append(Finding(f"/messages/{number}", "too_large", message))
    return found


class _Version:
    """One language of a message, made ready."""

    def __init__(self, app: App, content: Content, message_id: int) -> None:
        self.content = content
        self.language = content.language.lower().replace("_", "-") if content.language else None
        tree = TREE_OF[app.platform](app, content, message_id)
        self.template = Template({**tree, DELIVERY: f"${{{DELIVERY}}}"})
