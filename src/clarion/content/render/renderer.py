"""The renderer of one message: chooses the version of a device's language (`languages`), fills its template."""

from collections.abc import Callable, Mapping, Sequence

from clarion.apps.model import LIST_FIELD, App, Column, Platform, Scheme
from clarion.content import languages
from clarion.content.model import Content
from clarion.content.render.platforms import SHAPE_OF, is_silent
from clarion.content.render.template import Template, escaped
from clarion.devices.model import Value
from clarion.devices.values import wire_value

DELIVERY = "clarion_delivery"
"""The member of a payload that holds the delivery id, 32 hexadecimal digits, by which a device drops doubles."""

NOTHING: Mapping[str, str] = {}
"""No texts given."""

Scalar = str | int | float | bool | None

_MEMBER = f',"{DELIVERY}":"%b"}}'.encode()
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
        for version in self._versions:
            version.places = [(self._place_of.get(mark.name), mark.level) for mark in version.marks]

    def render(
        self, language: str | None, values: Sequence[Value], delivery_id: bytes, given: Mapping[str, str] = NOTHING
    ) -> bytes:
        """The payload for a device of this language. `values` follow `columns`; an unset value is an empty text.
        `given` are texts for this device alone, by exact name."""
        return self.payload(self.version(language), values, delivery_id, given)

    def payload(
        self, version: "Version", values: Sequence[Value], delivery_id: bytes, given: Mapping[str, str] = NOTHING
    ) -> bytes:
        """As `render`, for those who have asked for the `version` of the device's language already."""
        if given or self._shared:
            value_of = self._lookup(values, given)
            texts = [escaped(value_of(mark.name), mark.level) for mark in version.marks]
        else:
            columns = self.columns
            texts = [
                b"" if place is None else escaped(_shown(columns[place], values[place]), level)
                for place, level in version.places
            ]
        return version.form % (*texts, delivery_id.hex().encode())

    def version(self, language: str | None) -> "Version":
        """The version that a device of this language gets."""
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

        def value_of(name: str) -> str:
            text = given.get(name)
            if text is None:
                text = shared.get(name)
            return of_column(name) if text is None else text

        return value_of


class Version:
    """One language version of a message, made ready for the devices of an application.

    `form` is the whole payload with a `%b` for each of `marks`, and a last one for the delivery id in hexadecimal;
    `places` are, for each mark, the place of its column among the renderer's, and how deeply its text is escaped.
    `urgent`: to be handed over with high priority. `silent` (iOS): shows nothing and only wakes the application.
    """

    def __init__(self, app: App, content: Content, message_id: int) -> None:
        self.content = content
        shape = SHAPE_OF[app.platform](app, content, message_id)
        shape.pop(DELIVERY, None)  # a parameter of that name cannot pass for ours
        template = Template(shape)
        self.silent = app.platform is Platform.IOS and is_silent(shape)
        self.urgent = content.priority >= 0 and not self.silent
        self.names = template.names
        self.marks = template.marks
        self.places: list[tuple[int | None, int]] = [(None, mark.level) for mark in template.marks]
        self.form = template.form[:-1] + _MEMBER

    @property
    def shortest(self) -> bytes:
        """The payload with an empty text for every mark."""
        return self.form % (*(b"" for _ in self.marks), b"0" * 32)


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
