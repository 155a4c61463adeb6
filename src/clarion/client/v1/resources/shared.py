"""What several families of the API take and give.

Made from the contract by `python -m tools.v1`; do not edit.
"""

import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType, field

from clarion.client.v1.model import Model

ExternalId = str


class Links(Model, kw_only=True):
    first: str
    prev: str | None = None
    next: str | None = None


class IdResponse(Model, kw_only=True):
    id: int


class Segments(Model, kw_only=True):
    test_segments: list[int] = field(default_factory=list)
    campaign_segments: list[int] = field(default_factory=list)


class List(Model, kw_only=True):
    list_id: int | None = None
    external_id: ExternalId | None = None


class Sound(Model, kw_only=True):
    sound: Literal["none", "default", "custom"]
    sound_name: str | None = None


class AndroidPopup(Model, kw_only=True):
    ok_button_label: str | None = None
    cancel_button_label: str | None = None


ButtonAction = Literal[
    "browser", "email", "phone", "store", "sms", "urlscheme", "urlsheme", "webview", "request", "close"
]


CustomParams = dict[str, str | int | float | bool]


class Button(Model, kw_only=True):
    id: str | int
    action: ButtonAction | None = None
    url: str | None = None
    title: str | None = None
    icon: str | None = None
    destructive: bool = True
    custom_params: CustomParams | None = None


class Buttons(Model, kw_only=True):
    template: str | None = None
    buttons: list[Button] | None = None


class WebButton(Model, kw_only=True):
    id: str | int | None = None
    title: str
    icon: str | None = None
    url: str | None = None


class PlatformMessage(Model, kw_only=True):
    language: str | None = None
    title: str | None = None
    text: str
    long_text: str | None = None
    big_picture: str | None = None
    icon: str | None = None
    small_icon: str | None = None
    template: str | None = None
    badge: str | int | None = None
    accent_color: str | None = None
    priority: int = 0
    channel: str | None = None
    foreground: bool = False
    sound: Sound | None = None
    rich_push_url: str | None = None
    open_rich_push_in: Literal["webview", "browser"] = "webview"
    popup: bool | AndroidPopup | None = None
    collapse_key: str | None = None
    interactive_buttons: Buttons | None = None
    click_custom_params: CustomParams | None = None
    display_custom_params: CustomParams | None = None
    delay_timer_for_appli_off: bool | None = None
    subtitle: str | None = None
    action_button_label: str | None = None
    content_available: bool = False
    media_url: str | None = None
    aps: dict[str, Any] | None = None
    url: str | None = None
    buttons: list[WebButton] | None = None
    require_interaction: bool = False


class Timer(Model, kw_only=True):
    duration: int
    type: Literal["lifetime", "session"]


class Geolocation(Model, kw_only=True):
    id: int | None = None
    external_id: str | None = None
    geogroup_id: int | str | None = None
    geogroup_external_id: str | None = None
    transition: Literal["enter", "exit"] = "enter"


class GeolocationTriggers(Model, kw_only=True):
    inclusion: list[Geolocation] | None = None
    exclusion: list[Geolocation] | None = None


class Beacon(Model, kw_only=True):
    id: int | None = None
    external_id: str | None = None
    geogroup_id: int | str | None = None
    geogroup_external_id: str | None = None
    transition: Literal["enter", "exit"] = "enter"
    accuracy: Literal["immediate", "near", "far", "unknown"] | None = None


class BeaconTriggers(Model, kw_only=True):
    inclusion: list[Beacon] | None = None
    exclusion: list[Beacon] | None = None


class EventTriggerObject(Model, kw_only=True):
    code: int
    contains: str | None = None
    equals: str | None = None
    regex: str | None = None


EventTrigger = int | EventTriggerObject


class EventTriggers(Model, kw_only=True):
    display_once_by_event: bool = False
    all_events_triggered: bool = False
    inclusion: list[EventTrigger] | None = None
    exclusion: list[EventTrigger] | None = None


class ViewTriggers(Model, kw_only=True):
    inclusion: list[str] | None = None
    exclusion: list[str] | None = None


class State(Model, kw_only=True):
    name: str
    contains: str | None = None
    equals: str | None = None
    regex: str | None = None


class StateTriggers(Model, kw_only=True):
    all_states_active: bool = False
    inclusion: list[State] | None = None
    exclusion: list[State] | None = None


class Triggers(Model, kw_only=True):
    display_capping: int = 0
    global_click_capping: int = 0
    session_click_capping: int = 0
    priority: int = 0
    capping_delay: int = 0
    offline_display: bool = False
    use_pressure: bool = False
    use_delay: bool = False
    timer: Timer | None = None
    geolocations: GeolocationTriggers | None = None
    beacons: BeaconTriggers | None = None
    events: EventTriggers | None = None
    views: ViewTriggers | None = None
    states: StateTriggers | None = None
    connection: Literal["any", "wifi", "cell"] = "any"
    start_date: datetime.datetime | UnsetType | None = UNSET
    end_date: datetime.datetime | UnsetType | None = UNSET


class ActiveStatus(Model, kw_only=True):
    is_active: bool
