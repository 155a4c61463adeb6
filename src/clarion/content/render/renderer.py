"""The renderer of one message: chooses the version of a device's language (`languages`), fills its template."""

from collections.abc import Callable, Mapping, Sequence

from clarion.apps.model import LIST_FIELD, App, Column, Platform, Scheme
from clarion.content import languages
from clarion.content.model import Content
from clarion.content.render.platforms import SHAPE_OF, is_silent
from clarion.content.render.template import Template
from clarion.devices.model import Value
from clarion.devices.values import wire_value

DELIVERY = "clarion_delivery"
"""The member of a payload that holds the delivery id, 32 hexadecimal digits, by which a device drops doubles."""

NOTHING: Mapping[str, str] = {}
"""No texts given."""

Scalar = str | int | float | bool | None

_MEMBER = f',"{DELIVERY}":"'.encode()
_KEPT_CHOICES = 1000


class Renderer:
    """Renders one message for the devices of one application.

    A mark takes its text from what is given for the device, then from `shared`, then from the device's column (v1 rule
    54); without any of them it is an empty text. `columns` are the device columns that may be wanted, in the order in
    which `render` takes their values. `unknown` are the names that are neither shared nor a column; `list_fields` those
    of them that name a field of a static list (v1 rule 45), `a4p_` included.
    """

    def __init__(
        self,
        app: App,
        scheme: Scheme,
        contents: tuple[Content, ...],
        message_id: int,
        shared: Mapping[str, str] = NOTHING,
    ) -> None:
        self._versions = [Version(app, content, message_id) for content in contents]
        self._by_tag, self._fallback = languages.by_tag([(each.content.language, each) for each in self._versions])
        self._chosen: dict[str | None, Version] = {}
        self._shared = shared
        self.names = frozenset(name for version in self._versions for name in version.names)
        found = {name: scheme.find(name) for name in sorted(self.names - shared.keys())}
        self.unknown = tuple(name for name, column in found.items() if column is None)
        self.list_fields = tuple(name for name in self.unknown if name.startswith(LIST_FIELD))
        self.columns: tuple[Column, ...] = tuple(dict.fromkeys(column for column in found.values() if column))
        place = {column: number for number, column in enumerate(self.columns)}
        self._place_of = {name: place[column] for name, column in found.items() if column}

    def render(
        self, language: str | None, values: Sequence[Value], delivery_id: bytes, given: Mapping[str, str] = NOTHING
    ) -> bytes:
        """The payload for a device of this language. `values` follow `columns`; an unset value is an empty text.
        `given` are texts for this device alone, by exact name."""
        version = self._version(language)
        return version.render(self._lookup(values, given) if version.names else _nothing, delivery_id)

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
            found = self._chosen[language] = languages.lookup(self._by_tag, language) or self._fallback
        return found

    def _lookup(self, values: Sequence[Value], given: Mapping[str, str]) -> Callable[[str], str]:
        def of_column(name: str) -> str:
            place = self._place_of.get(name)
            return "" if place is None else _shown(self.columns[place], values[place])

        shared = self._shared
        if not given and not shared:
            return of_column

        def value_of(name: str) -> str:
            text = given.get(name)
            if text is None:
                text = shared.get(name)
            return of_column(name) if text is None else text

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


def as_text(value: Scalar) -> str:
    """A value as people read it: nothing for null, whole numbers without a fraction."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _shown(column: Column, value: Value) -> str:
    """The value of a column as people read it: dates and switches as everywhere on the wire."""
    return value if type(value) is str else as_text(wire_value(column, value))
