"""The language versions of a push message as v1 writes them, to and from `content`'s one model.

What is read was validated against the schema of the application's platform, so that here only spelling changes:
camel case, objects for sounds and pop-ups, numbers as texts. Members of other platforms are passed over (v1 rule 37).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from clarion.apps.model import Platform
from clarion.content.model import Button, Content

Scalar = str | int | float | bool


class _Sound(Struct, rename="camel"):
    sound: str = "default"
    sound_name: str | UnsetType = UNSET


class _Button(Struct, rename="camel", kw_only=True):
    id: str | int
    action: str = "close"
    url: str | UnsetType = UNSET
    custom_params: dict[str, Scalar] | UnsetType = UNSET


class _AndroidButton(_Button, rename="camel", kw_only=True):
    title: str | UnsetType = UNSET
    icon: str | UnsetType = UNSET
    destructive: bool = True


class _Buttons(Struct, rename="camel"):
    template: str | UnsetType = UNSET
    buttons: list[_Button] | UnsetType = UNSET


class _AndroidButtons(Struct, rename="camel"):
    template: str | UnsetType = UNSET
    buttons: list[_AndroidButton] | UnsetType = UNSET


class _WebButton(Struct, rename="camel"):
    title: str
    id: str | int | UnsetType = UNSET
    icon: str | UnsetType = UNSET
    url: str | UnsetType = UNSET


class _Popup(Struct, rename="camel"):
    ok_button_label: str | UnsetType = UNSET
    cancel_button_label: str | UnsetType = UNSET


class _Any(Struct, rename="camel", kw_only=True):
    """What the messages of all platforms have."""

    language: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    text: str
    click_custom_params: dict[str, Scalar] | UnsetType = UNSET
    display_custom_params: dict[str, Scalar] | UnsetType = UNSET


class _Mobile(_Any, rename="camel", kw_only=True):
    badge: str | int | UnsetType = UNSET
    sound: _Sound = msgspec.field(default_factory=_Sound)
    rich_push_url: str | UnsetType = UNSET
    open_rich_push_in: str = "webview"
    collapse_key: str | UnsetType = UNSET
    delay_timer_for_appli_off: bool | UnsetType = UNSET


class _Android(_Mobile, rename="camel", kw_only=True):
    long_text: str | UnsetType = UNSET
    big_picture: str | UnsetType = UNSET
    icon: str | UnsetType = UNSET
    small_icon: str | UnsetType = UNSET
    template: str | UnsetType = UNSET
    accent_color: str | UnsetType = UNSET
    priority: int = 0
    channel: str | UnsetType = UNSET
    foreground: bool = False
    popup: bool | _Popup = False
    interactive_buttons: _AndroidButtons | UnsetType = UNSET


class _IOS(_Mobile, rename="camel", kw_only=True):
    subtitle: str | UnsetType = UNSET
    action_button_label: str | UnsetType = UNSET
    content_available: bool = False
    media_url: str | UnsetType = UNSET
    interactive_buttons: _Buttons | UnsetType = UNSET
    aps: dict[str, Any] | UnsetType = UNSET


class _Web(_Any, rename="camel", kw_only=True):
    icon: str | UnsetType = UNSET
    big_picture: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    buttons: list[_WebButton] | UnsetType = UNSET
    require_interaction: bool = False


def fold_case(entry: Any) -> Any:
    """A language version in which what is matched without case, and both spellings of `urlscheme`, is written as the
    schema has it (v1 rule 40, schema Sound). Anything of another shape is left for the schema to refuse."""
    if not isinstance(entry, dict):
        return entry
    folded = dict(entry)
    sound, group = entry.get("sound"), entry.get("interactiveButtons")
    if isinstance(sound, dict):
        folded["sound"] = _lower(sound, "sound")
    if isinstance(group, dict) and isinstance(group.get("buttons"), list):
        folded["interactiveButtons"] = {**group, "buttons": [_lower(button, "action") for button in group["buttons"]]}
    return folded


def read(platform: Platform, entries: Sequence[Any]) -> tuple[Content, ...]:
    """The contents that validated language versions stand for."""
    return tuple(_READERS[platform](entry) for entry in entries)


def write(platform: Platform, contents: Sequence[Content]) -> list[Any]:
    """Contents as language versions, ready to be encoded as JSON."""
    return [_WRITERS[platform](content) for content in contents]


def places(platform: Platform) -> dict[str, str]:
    """Where on the wire the members of a language version stand (for `errors.spelled`)."""
    return {
        "collapse_key": "collapseKey",
        "button_template": "interactiveButtons/template",
        "buttons": "buttons" if platform is Platform.WEB else "interactiveButtons/buttons",
        "sound_name": "sound/soundName",
        "display_params": "displayCustomParams",
    }


def _read_android(entry: Any) -> Content:
    wire = msgspec.convert(entry, _Android)
    group = wire.interactive_buttons or _AndroidButtons()
    popup = wire.popup if isinstance(wire.popup, _Popup) else _Popup()
    buttons = tuple(
        Button(
            id=str(button.id),
            action=read_action(button.action),
            url=_given(button.url),
            title=_given(button.title),
            icon=_given(button.icon),
            destructive=button.destructive,
            params=read_params(button.custom_params),
        )
        for button in group.buttons or ()
    )
    return msgspec.structs.replace(
        _read_mobile(wire),
        long_text=_given(wire.long_text),
        big_picture=_given(wire.big_picture),
        icon=_given(wire.icon),
        small_icon=_given(wire.small_icon),
        template=_given(wire.template),
        accent_color=_given(wire.accent_color),
        priority=wire.priority,
        channel=_given(wire.channel),
        foreground=wire.foreground,
        popup=wire.popup is not False,
        popup_ok=_given(popup.ok_button_label),
        popup_cancel=_given(popup.cancel_button_label),
        button_template=_given(group.template),
        buttons=buttons,
    )


def _read_ios(entry: Any) -> Content:
    wire = msgspec.convert(entry, _IOS)
    group = wire.interactive_buttons or _Buttons()
    buttons = tuple(
        Button(
            id=str(button.id),
            action=read_action(button.action),
            url=_given(button.url),
            params=read_params(button.custom_params),
        )
        for button in group.buttons or ()
    )
    return msgspec.structs.replace(
        _read_mobile(wire),
        subtitle=_given(wire.subtitle),
        action_button_label=_given(wire.action_button_label),
        content_available=wire.content_available,
        media_url=_given(wire.media_url),
        button_template=_given(group.template),
        buttons=buttons,
        aps=None if wire.aps is UNSET else msgspec.json.encode(wire.aps).decode(),
    )


def _read_web(entry: Any) -> Content:
    wire = msgspec.convert(entry, _Web)
    buttons = tuple(
        Button(
            id=str(at if button.id is UNSET else button.id),
            action="browser" if button.url else "close",
            url=_given(button.url),
            title=button.title,
            icon=_given(button.icon),
        )
        for at, button in enumerate(wire.buttons or (), start=1)
    )
    return msgspec.structs.replace(
        _read_any(wire),
        icon=_given(wire.icon),
        big_picture=_given(wire.big_picture),
        url=_given(wire.url),
        buttons=buttons,
        require_interaction=wire.require_interaction,
    )


def _read_mobile(wire: _Mobile) -> Content:
    return msgspec.structs.replace(
        _read_any(wire),
        badge=None if wire.badge is UNSET or wire.badge == "" else str(wire.badge),
        sound=wire.sound.sound,
        sound_name=_given(wire.sound.sound_name),
        rich_url=_given(wire.rich_push_url),
        rich_in=wire.open_rich_push_in,
        collapse_key=_given(wire.collapse_key),
        delay_timer_for_app_off=_given(wire.delay_timer_for_appli_off),
    )


def _read_any(wire: _Any) -> Content:
    return Content(
        text=wire.text,
        language=_given(wire.language) or None,
        title=_given(wire.title),
        click_params=read_params(wire.click_custom_params),
        display_params=read_params(wire.display_custom_params),
    )


def _write_android(content: Content) -> _Android:
    labels = _Popup(_set(content.popup_ok), _set(content.popup_cancel))
    buttons = [
        _AndroidButton(
            id=button.id,
            action=button.action,
            url=_set(button.url),
            custom_params=_written(button.params),
            title=_set(button.title),
            icon=_set(button.icon),
            destructive=button.destructive,
        )
        for button in content.buttons
    ]
    group = _AndroidButtons(_set(content.button_template), buttons)
    return _Android(
        **_write_mobile(content),
        long_text=_set(content.long_text),
        big_picture=_set(content.big_picture),
        icon=_set(content.icon),
        small_icon=_set(content.small_icon),
        template=_set(content.template),
        accent_color=_set(content.accent_color),
        priority=content.priority,
        channel=_set(content.channel),
        foreground=content.foreground,
        popup=labels if content.popup_ok is not None or content.popup_cancel is not None else content.popup,
        interactive_buttons=group if buttons or content.button_template is not None else UNSET,
    )


def _write_ios(content: Content) -> _IOS:
    buttons = [
        _Button(id=button.id, action=button.action, url=_set(button.url), custom_params=_written(button.params))
        for button in content.buttons
    ]
    group = _Buttons(_set(content.button_template), buttons)
    return _IOS(
        **_write_mobile(content),
        subtitle=_set(content.subtitle),
        action_button_label=_set(content.action_button_label),
        content_available=content.content_available,
        media_url=_set(content.media_url),
        interactive_buttons=group if buttons or content.button_template is not None else UNSET,
        aps=UNSET if content.aps is None else msgspec.json.decode(content.aps),
    )


def _write_web(content: Content) -> _Web:
    buttons = [
        _WebButton(title=button.title or "", id=button.id, icon=_set(button.icon), url=_set(button.url))
        for button in content.buttons
    ]
    return _Web(
        **_write_any(content),
        icon=_set(content.icon),
        big_picture=_set(content.big_picture),
        url=_set(content.url),
        buttons=buttons or UNSET,
        require_interaction=content.require_interaction,
    )


def _write_mobile(content: Content) -> dict[str, Any]:
    return {
        **_write_any(content),
        "badge": _set(content.badge),
        "sound": _Sound(content.sound, _set(content.sound_name)),
        "rich_push_url": _set(content.rich_url),
        "open_rich_push_in": content.rich_in,
        "collapse_key": _set(content.collapse_key),
        "delay_timer_for_appli_off": _set(content.delay_timer_for_app_off),
    }


def _write_any(content: Content) -> dict[str, Any]:
    return {
        "text": content.text,
        "language": _set(content.language),
        "title": _set(content.title),
        "click_custom_params": _written(content.click_params),
        "display_custom_params": _written(content.display_params),
    }


_READERS = {Platform.ANDROID: _read_android, Platform.IOS: _read_ios, Platform.WEB: _read_web}
_WRITERS = {Platform.ANDROID: _write_android, Platform.IOS: _write_ios, Platform.WEB: _write_web}


def _lower(value: Any, member: str) -> Any:
    if isinstance(value, dict) and isinstance(value.get(member), str):
        return {**value, member: value[member].lower()}
    return value


def read_action(action: str) -> str:
    """The action of a button; both spellings of `urlscheme` are one (v1 rule 40)."""
    return "urlscheme" if action == "urlsheme" else action


def read_params(params: dict[str, Scalar] | UnsetType) -> dict[str, str]:
    """Custom parameters as texts; numbers and booleans as JSON writes them."""
    if params is UNSET:
        return {}
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in params.items()
    }


def _written(params: dict[str, str]) -> Any:
    return params or UNSET


def _given(value: Any) -> Any:
    return None if value is UNSET else value


def _set(value: Any) -> Any:
    return UNSET if value is None else value
