"""The language versions of an in-app as v1 writes them, to and from `content`'s model (v1 rule 91).

What is read was validated against the schema, so that here only spelling changes.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.v1.message_wire import Scalar, read_action, read_params
from clarion.content.triggered.model import Browser, Custom, InAppContent, Landing, Popup, PopupButton, Template

Params = dict[str, Scalar] | UnsetType

PLACES = {"template_value": "templateValue", "in_animation": "inAnimation", "out_animation": "outAnimation"}
"""Where on the wire the members of a language version stand (for `errors.spelled`)."""


class _Button(Struct, rename="camel", omit_defaults=True):
    title: str
    action: str | UnsetType = UNSET
    url: str | None = None
    icon: str | None = None
    click_custom_params: Params = UNSET


class _Popup(Struct, rename="camel", omit_defaults=True, tag_field="type", tag="popup"):
    title: str
    text: str
    buttons: list[_Button] = []


class _Browser(Struct, tag_field="type", tag="browser"):
    url: str


class _Action(Struct, rename="camel", omit_defaults=True):
    type: str | UnsetType = UNSET
    template_value: str | None = None
    url: str | None = None
    title: str | None = None
    body: str | None = None


class _Custom(Struct, rename="camel", omit_defaults=True, tag_field="type", tag="custom"):
    template_value: str
    title: str | None = None
    body: str | None = None
    url: str | None = None
    interstitial: bool | UnsetType = UNSET
    autoclose: int | None = None
    in_animation: str | None = None
    out_animation: str | None = None
    action: _Action | None = None


class _Version(Struct, rename="camel", omit_defaults=True):
    template: _Popup | _Browser | _Custom
    language: str | None = None
    title: str | None = None
    display_custom_params: Params = UNSET
    click_custom_params: Params = UNSET


def fold_case(entry: Any) -> Any:
    """A language version with the actions of buttons and of the landing page in lower case (v1 rule 40). Anything of
    another shape is left for the schema to refuse."""
    template = entry.get("template") if isinstance(entry, dict) else None
    if not isinstance(template, dict):
        return entry
    folded = dict(template)
    if isinstance(template.get("buttons"), list):
        folded["buttons"] = [_lower(button, "action") for button in template["buttons"]]
    if "action" in template:
        folded["action"] = _lower(template["action"], "type")
    return {**entry, "template": folded}


def read(entries: Sequence[Any]) -> tuple[InAppContent, ...]:
    """The contents that validated language versions stand for."""
    return tuple(_read(convert(entry, _Version)) for entry in entries)


def write(contents: Sequence[InAppContent]) -> list[Any]:
    """Contents as language versions, ready to be encoded as JSON."""
    return [
        _Version(
            template=_write_template(content.template),
            language=content.language,
            title=content.title,
            display_custom_params=dict(content.display_params) or UNSET,
            click_custom_params=dict(content.click_params) or UNSET,
        )
        for content in contents
    ]


def _read(wire: _Version) -> InAppContent:
    return InAppContent(
        template=_read_template(wire.template),
        language=wire.language or None,
        title=wire.title,
        click_params=read_params(wire.click_custom_params),
        display_params=read_params(wire.display_custom_params),
    )


def _read_template(wire: _Popup | _Browser | _Custom) -> Template:
    match wire:
        case _Popup():
            return Popup(wire.title, wire.text, tuple(_read_button(button) for button in wire.buttons))
        case _Browser():
            return Browser(wire.url)
    return Custom(
        template_value=wire.template_value,
        title=wire.title,
        body=wire.body,
        url=wire.url,
        interstitial=wire.interstitial or False,
        autoclose=wire.autoclose,
        in_animation=wire.in_animation,
        out_animation=wire.out_animation,
        action=None if wire.action is None else _read_landing(wire.action),
    )


def _read_button(wire: _Button) -> PopupButton:
    action = "close" if wire.action is UNSET else read_action(wire.action)
    return PopupButton(wire.title, action, wire.url, wire.icon, read_params(wire.click_custom_params))


def _read_landing(wire: _Action) -> Landing:
    kind = "none" if wire.type is UNSET else wire.type
    return Landing(kind, wire.template_value, wire.url, wire.title, wire.body)


def _write_template(template: Template) -> _Popup | _Browser | _Custom:
    match template:
        case Popup():
            return _Popup(template.title, template.text, [_write_button(button) for button in template.buttons])
        case Browser():
            return _Browser(template.url)
    return _Custom(
        template_value=template.template_value,
        title=template.title,
        body=template.body,
        url=template.url,
        interstitial=template.interstitial,
        autoclose=template.autoclose,
        in_animation=template.in_animation,
        out_animation=template.out_animation,
        action=None if template.action is None else _write_landing(template.action),
    )


def _write_button(button: PopupButton) -> _Button:
    return _Button(button.title, button.action, button.url, button.icon, dict(button.params) or UNSET)


def _write_landing(landing: Landing) -> _Action:
    return _Action(landing.kind, landing.template_value, landing.url, landing.title, landing.body)


def _lower(value: Any, member: str) -> Any:
    if isinstance(value, dict) and isinstance(value.get(member), str):
        return {**value, member: value[member].lower()}
    return value
