"""The renderer of one message: chooses the language of a device, fills its template.

A device gets its language, else the version without language, else the first (v1 rule 38). `fr-CA` is served by
`fr-CA` or else by `fr`.
"""

from collections.abc import Callable, Sequence

from clarion.apps.model import App, Column, Platform, Scheme
from clarion.content.model import Content
from clarion.content.render.platforms import SHAPE_OF, is_silent
from clarion.content.render.template import Template
from clarion.devices.model import Value
from clarion.devices.values import wire_value

DELIVERY = "clarion_delivery"
"""The member of a payload that holds the delivery id, 32 hexadecimal digits, by which a device drops doubles."""

_MEMBER = f',"{DELIVERY}":"'.encode()
_KEPT_CHOICES = 1000
_MOST_SUBTAGS = 8


class Renderer:
    """Renders one message for the devices of one application.

    `columns` are the device columns its texts use, in the order in which `render` wants their values; `unknown` the
    names used in texts that are no column of the application, such as fields of a static list that is not targeted
    (v1 rule 45): they are rendered as empty texts.
    """

    def __init__(self, app: App, scheme: Scheme, contents: tuple[Content, ...], message_id: int) -> None:
        self._versions = [Version(app, content, message_id) for content in contents]
        self._by_language = {
            _tag(each.content.language): each for each in reversed(self._versions) if each.content.language
        }
        self._fallback = next((each for each in self._versions if not each.content.language), self._versions[0])
        self._chosen: dict[str | None, Version] = {}
        names = sorted({name for version in self._versions for name in version.names})
        found = {name: scheme.find(name) for name in names}
        self.unknown = tuple(name for name, column in found.items() if column is None)
        self.columns: tuple[Column, ...] = tuple(dict.fromkeys(column for column in found.values() if column))
        place = {column: number for number, column in enumerate(self.columns)}
        self._place_of = {name: place[column] for name, column in found.items() if column}

    def render(self, language: str | None, values: Sequence[Value], delivery_id: bytes) -> bytes:
        """The payload for a device of this language. `values` follow `columns`; an unset value is an empty text."""
        version = self._version(language)
        return version.render(self._lookup(values) if version.names else _nothing, delivery_id)

    def collapse(self, language: str | None) -> str | None:
        """The collapse key of the version a device gets."""
        return self._version(language).content.collapse_key

    def silent(self, language: str | None) -> bool:
        """Whether that version shows nothing and only wakes the application (iOS)."""
        return self._version(language).silent

    def urgent(self, language: str | None) -> bool:
        """Whether that version is to be handed over with high priority."""
        return self._version(language).urgent

    def _version(self, language: str | None) -> "Version":
        found = self._chosen.get(language)
        if found is None:
            if len(self._chosen) >= _KEPT_CHOICES:  # devices name their languages themselves
                self._chosen.clear()
            found = self._chosen[language] = self._choose(language)
        return found

    def _choose(self, language: str | None) -> "Version":
        """Look up the tag, then the tag without its last part, and so on (RFC 4647 section 3.4)."""
        parts = _tag(language or "").split("-", _MOST_SUBTAGS)[:_MOST_SUBTAGS]
        for number in range(len(parts), 0, -1):
            found = self._by_language.get("-".join(parts[:number]))
            if found is not None:
                return found
        return self._fallback

    def _lookup(self, values: Sequence[Value]) -> Callable[[str], str]:
        def value_of(name: str) -> str:
            place = self._place_of.get(name)
            return "" if place is None else _shown(self.columns[place], values[place])

        return value_of


class Version:
    """One language version of a message, made ready for the devices of an application."""

    def __init__(self, app: App, content: Content, message_id: int) -> None:
        self.content = content
        shape = SHAPE_OF[app.platform](app, content, message_id)
        shape.pop(DELIVERY, None)  # a parameter of that name cannot pass for ours
        self.silent = app.platform is Platform.IOS and is_silent(shape)
        self.urgent = content.priority >= 0 and not self.silent
        template = Template(shape)
        self.names = template.names
        self._template = template
        # All that is alike for every device: the whole payload but for the delivery id, when no text is personal.
        self._fixed = None if template.names else template.fill(_nothing)[:-1] + _MEMBER

    def render(self, value_of: Callable[[str], str], delivery_id: bytes) -> bytes:
        """The payload; `value_of` gives the text for each of `names`."""
        body = self._template.fill(value_of)[:-1] + _MEMBER if self._fixed is None else self._fixed
        return b'%b%b"}' % (body, delivery_id.hex().encode())


def _nothing(_name: str) -> str:
    return ""


def _tag(language: str) -> str:
    return language.lower().replace("_", "-")


def _shown(column: Column, value: Value) -> str:
    """A value as people read it: dates and switches as everywhere on the wire, whole numbers without a fraction."""
    if type(value) is str:
        return value
    shown = wire_value(column, value)
    if shown is None:
        return ""
    if isinstance(shown, bool):
        return "true" if shown else "false"
    if isinstance(shown, float) and shown.is_integer() and abs(shown) < 1e15:
        return str(int(shown))
    return str(shown)
