"""What the payload of each platform looks like: the keys that the device SDKs read.

Android: FCM `data` map, texts only. iOS: `aps` and its companions. Web: the JSON that the service worker shows.
Parameters of the company stand beside the system's keys, which win where both have the same name.
"""

from collections.abc import Callable, Mapping

import msgspec

from clarion.apps.model import App, Platform
from clarion.content.model import Button, Content
from clarion.content.render.template import Nested, Tree


def _set(members: dict[str, Tree]) -> dict[str, Tree]:
    return {name: member for name, member in members.items() if member is not None}


def _yes(flag: bool) -> str | None:
    return "true" if flag else None


def android(app: App, content: Content, message_id: int) -> dict[str, Tree]:
    """The `data` map; its values are texts, lists stand as JSON text."""
    buttons: Tree = [_android_button(button) for button in content.buttons]
    return {
        **content.display_params,
        **_set(
            {
                "a4sid": str(message_id),
                "a4stitle": content.title or app.name,
                "a4scontent": content.text,
                "a4sbigcontent": content.long_text,
                "a4sbigpicture": content.big_picture,
                "a4sicon": content.icon,
                "a4ssmalliconname": content.small_icon,
                "a4saccentcolor": content.accent_color,
                "a4sbigtemplate": content.template,
                "a4spriority": str(content.priority) if content.priority else None,
                "a4scategory": content.button_template,
                "acc_channel": content.channel,
                "a4sbadgecount": content.badge,
                "a4sforeground": _yes(content.foreground),
                "a4snotifsound": _sound(content),
                "a4surl": content.rich_url,
                "openWithSafari": _browser(content),
                "a4spopup": _yes(content.popup),
                "a4sok": content.popup_ok,
                "a4scancel": content.popup_cancel,
                "a4ssysid": content.collapse_key,
                "a4sb": Nested(buttons) if content.buttons else None,
                "ccp": Nested(dict(content.click_params)) if content.click_params else None,
            }
        ),
    }


def _android_button(button: Button) -> Tree:
    return _set(
        {
            "id": button.id,
            "title": button.title,
            "icon": button.icon,
            "action": button.action,
            "url": button.url,
            "ccp": dict(button.params) or None,
            "destructive": button.destructive,
        }
    )


def ios(_app: App, content: Content, message_id: int) -> dict[str, Tree]:
    """`aps` with the members of the message, then those of the caller's raw `aps`, which win; and the SDK's keys."""
    alert = _set(
        {
            "title": content.title,
            "subtitle": content.subtitle,
            "body": content.text or None,
            "action-loc-key": content.action_button_label,
        }
    )
    badge = content.badge
    aps: dict[str, Tree] = _set(
        {
            "alert": alert or None,
            "badge": int(badge) if badge and badge.isdecimal() else None,
            "sound": {"none": None, "custom": content.sound_name}.get(content.sound, "default") if alert else None,
            "category": content.button_template,
            "content-available": 1 if content.content_available else None,
            "mutable-content": 1 if content.media_url else None,
        }
    )
    if content.aps:
        aps.update(msgspec.json.decode(content.aps, type=dict))
    buttons: Tree = [
        _set({"bid": button.id, "action": button.action, "url": button.url, "ccp": dict(button.params) or None})
        for button in content.buttons
    ]
    return {
        **content.display_params,
        "aps": aps,
        **_set(
            {
                "a4sid": str(message_id),
                "a4sbadge": badge if badge and badge.startswith("+") else None,
                "a4surl": content.rich_url,
                "openWithSafari": _browser(content),
                "a4sb": buttons if content.buttons else None,
                "acc-atts": [{"url": content.media_url}] if content.media_url else None,
                "ccp": dict(content.click_params) or None,
            }
        ),
    }


def web(app: App, content: Content, message_id: int) -> dict[str, Tree]:
    """The notification as the service worker shows it, and what a click opens."""
    buttons: Tree = [
        _set({"id": button.id, "title": button.title, "icon": button.icon, "url": button.url})
        for button in content.buttons
    ]
    return {
        **content.display_params,
        **_set(
            {
                "a4sid": str(message_id),
                "title": content.title or app.name,
                "body": content.text,
                "icon": content.icon,
                "a4sbigpicture": content.big_picture,
                "requireInteraction": True if content.require_interaction else None,
                "a4sb": buttons if content.buttons else None,
                "onClick": _set(
                    {"url": content.url or app.click_address, "params": dict(content.click_params) or None}
                ),
            }
        ),
    }


_VISIBLE = frozenset({"alert", "badge", "sound"})


def is_silent(payload: Mapping[str, Tree]) -> bool:
    """Whether an iOS payload only wakes the application: Apple calls it a background notification then."""
    aps = payload["aps"]
    return isinstance(aps, Mapping) and aps.get("content-available") == 1 and _VISIBLE.isdisjoint(aps)


SHAPE_OF: dict[Platform, Callable[[App, Content, int], dict[str, Tree]]] = {
    Platform.ANDROID: android,
    Platform.IOS: ios,
    Platform.WEB: web,
}


def _browser(content: Content) -> str | None:
    return None if content.rich_url is None else ("true" if content.rich_in == "browser" else "false")


def _sound(content: Content) -> str | None:
    return content.sound_name if content.sound == "custom" else content.sound
