"""The button templates that every application has without declaring them.

The names are those of the retired vendor's SDKs, where a template is a pair of buttons: on iOS a notification category
that the application registers under this name, on Android the titles and icons to draw. Buttons are known by their
place, `1` and `2`. The first brings the application to the front; the second leaves it where it is, except where
`opensApp` says otherwise. An application that declares one of these names gives it a meaning of its own.
"""

from collections.abc import Mapping
from typing import Any, Final

from clarion.apps.model import Declaration, DeclarationKind

_LATER, _CLOSE, _NO_THANKS = "Later", "Close", "No thanks"

_TITLES: Final[Mapping[str, tuple[str, ...]]] = {
    "accept_decline_category": ("Accept", "Decline"),
    "accept_later_category": ("Accept", _LATER),
    "acc_carousel_category": ("Go to app",),
    "addcalendar_close_category": ("Add to calendar", _CLOSE),
    "addcart_nothanks_category": ("Add to cart", _NO_THANKS),
    "agree_disagree_category": ("I agree", "I disagree"),
    "answer_close_category": ("Answer it", _CLOSE),
    "aterater_category": ("Show me", _LATER),
    "buy_later_category": ("Buy now", _LATER),
    "call_later_category": ("Call", _LATER),
    "createaccount_close_category": ("Create an account", _CLOSE),
    "deal_later_category": ("Show the deal", _LATER),
    "enjoy_nothanks_category": ("Enjoy now", _NO_THANKS),
    "favorite_later_category": ("Add to wishlist", _LATER),
    "find_close_category": ("Find", _CLOSE),
    "getmore_getless_category": ("Get more", "Get less"),
    "getmore_no_category": ("Get more", "No"),
    "givefeedback_nothanks_category": ("Give feedback", _NO_THANKS),
    "happy_unhappy_category": ("😃", "😟"),
    "havefeedback_later_category": ("I have feedback", _LATER),
    "imin_nothanks_category": ("I'm in", _NO_THANKS),
    "letsgo_close_category": ("Let's go", _CLOSE),
    "like_dislike_category": ("Like", "Dislike"),
    "like_later_category": ("Like", _LATER),
    "login_close_category": ("Login", _CLOSE),
    "man_woman_category": ("Man", "Woman"),
    "offer_share_category": ("Show offer", "Share"),
    "open_close_category": ("Open", _CLOSE),
    "rate_later_category": ("Rate the app", _LATER),
    "read_close_category": ("Read", _CLOSE),
    "register_cancel_category": ("Subscribe", "Cancel"),
    "satisfied_unsatisfied_category": ("Satisfied", "Unsatisfied"),
    "search_close_category": ("Search", _CLOSE),
    "seemore_close_category": ("See more", _CLOSE),
    "share_later_category": ("Share", _LATER),
    "share_nothanks_category": ("Share", _NO_THANKS),
    "show_close_category": ("Show me", _CLOSE),
    "show_share_category": ("Show me", "Share"),
    "showbooking_later_category": ("Access booking", _LATER),
    "showcart_later_category": ("Show cart", _LATER),
    "showticket_later_category": ("Access details", _LATER),
    "smiley_happy_category": ("😃", "😟"),
    "smiley_like_category": ("👍", "👎"),
    "subscribe_nothanks_category": ("Subscribe", _NO_THANKS),
    "takepart_close_category": ("Take part", _CLOSE),
    "yes_later_category": ("Yes", _LATER),
    "yes_no_category": ("Yes", "No"),
}

_BOTH_OPEN: Final = frozenset({"man_woman_category", "offer_share_category", "show_share_category"})

# The icons that Android applications of that SDK hold.
_ICONS: Final = {
    "Call": "call",
    "Get less": "less",
    "Get more": "more",
    "Like": "thumbs_up",
    "Dislike": "thumbs_down",
    "Man": "man",
    "No": "no",
    "Rate the app": "rate",
    "Share": "share",
    "Woman": "woman",
    "Yes": "yes",
    "👍": "thumbs_up",
    "👎": "thumbs_down",
    _LATER: "later",
}


def _template(name: str, titles: tuple[str, ...]) -> Declaration:
    buttons: list[dict[str, Any]] = []
    for place, title in enumerate(titles, start=1):
        icon = {"icon": _ICONS[title]} if title in _ICONS else {}
        buttons.append({"id": str(place), "title": title, **icon, "opensApp": place == 1 or name in _BOTH_OPEN})
    return Declaration(DeclarationKind.BUTTON_TEMPLATE, name, " / ".join(titles), {"buttons": buttons}, built_in=True)


BUILT_IN: Final[Mapping[str, Declaration]] = {name: _template(name, titles) for name, titles in _TITLES.items()}
"""By name."""
