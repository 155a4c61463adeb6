"""Triggers on the v1 wire, to and from `content`'s model (v1 rules 94 to 96).

Numbers, switches and the timer are always answered, as the reference document prints them; flags of events and states,
the connection and the dates only when they were given.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from clarion.api.contract.instants import parse_instant
from clarion.content.triggered.model import (
    EventMatch,
    Events,
    PlaceMatch,
    Places,
    StateMatch,
    States,
    Timer,
    TimerKind,
    Triggers,
    Views,
)
from clarion.places.model import PlaceRef

PLACES = {"start_date": "startDate", "end_date": "endDate"}
"""Where on the wire the members of triggers stand (for `errors.spelled`)."""


class _Timer(Struct):
    duration: int = 0
    type: TimerKind = TimerKind.LIFETIME


class _Value(Struct, omit_defaults=True, kw_only=True):
    contains: str | None = None
    equals: str | None = None
    regex: str | None = None


class _Event(_Value, omit_defaults=True, kw_only=True):
    code: int


class _State(_Value, omit_defaults=True, kw_only=True):
    name: str


class _Place(Struct, rename="camel", omit_defaults=True):
    id: int | None = None
    external_id: str | None = None
    geogroup_id: int | str | None = None
    geogroup_external_id: str | None = None
    transition: str | UnsetType = UNSET
    accuracy: str | None = None


class _Places(Struct, omit_defaults=True):
    inclusion: list[_Place] = []
    exclusion: list[_Place] = []


class _Events(Struct, rename="camel", omit_defaults=True):
    display_once_by_event: bool | None = None
    all_events_triggered: bool | None = None
    inclusion: list[int | _Event] = []
    exclusion: list[int | _Event] = []


class _Views(Struct, omit_defaults=True):
    inclusion: list[str] = []
    exclusion: list[str] = []


class _States(Struct, rename="camel", omit_defaults=True):
    all_states_active: bool | None = None
    inclusion: list[_State] = []
    exclusion: list[_State] = []


class WireTriggers(Struct, rename="camel"):
    """Triggers as they are read and answered."""

    display_capping: int = 0
    global_click_capping: int = 0
    session_click_capping: int = 0
    priority: int = 0
    capping_delay: int = 0
    offline_display: bool = False
    geolocations: _Places = field(default_factory=_Places)
    beacons: _Places = field(default_factory=_Places)
    use_pressure: bool = False
    use_delay: bool = False
    timer: _Timer = field(default_factory=_Timer)
    events: _Events = field(default_factory=_Events)
    views: _Views = field(default_factory=_Views)
    states: _States = field(default_factory=_States)
    connection: str | UnsetType = UNSET
    start_date: str | UnsetType | None = UNSET
    end_date: str | UnsetType | None = UNSET


def read(wire: WireTriggers) -> Triggers:
    """The triggers that a validated body says."""
    return Triggers(
        display_capping=wire.display_capping,
        global_click_capping=wire.global_click_capping,
        session_click_capping=wire.session_click_capping,
        priority=wire.priority,
        capping_delay=wire.capping_delay,
        offline_display=wire.offline_display,
        use_pressure=wire.use_pressure,
        use_delay=wire.use_delay,
        timer=Timer(wire.timer.duration, wire.timer.type),
        geolocations=_read_places(wire.geolocations),
        beacons=_read_places(wire.beacons),
        events=Events(
            inclusion=tuple(_read_event(each) for each in wire.events.inclusion),
            exclusion=tuple(_read_event(each) for each in wire.events.exclusion),
            all_of=wire.events.all_events_triggered,
            once_per_event=wire.events.display_once_by_event,
        ),
        views=Views(tuple(wire.views.inclusion), tuple(wire.views.exclusion)),
        states=States(
            inclusion=tuple(_read_state(each) for each in wire.states.inclusion),
            exclusion=tuple(_read_state(each) for each in wire.states.exclusion),
            all_of=wire.states.all_states_active,
        ),
        connection=wire.connection or None,
        start_date=_instant(wire.start_date),
        end_date=_instant(wire.end_date),
    )


def write(triggers: Triggers) -> WireTriggers:
    """Triggers as they are answered."""
    events, states = triggers.events, triggers.states
    return WireTriggers(
        display_capping=triggers.display_capping,
        global_click_capping=triggers.global_click_capping,
        session_click_capping=triggers.session_click_capping,
        priority=triggers.priority,
        capping_delay=triggers.capping_delay,
        offline_display=triggers.offline_display,
        geolocations=_write_places(triggers.geolocations),
        beacons=_write_places(triggers.beacons),
        use_pressure=triggers.use_pressure,
        use_delay=triggers.use_delay,
        timer=_Timer(triggers.timer.duration, triggers.timer.kind),
        events=_Events(
            events.once_per_event, events.all_of, _write_events(events.inclusion), _write_events(events.exclusion)
        ),
        views=_Views(list(triggers.views.inclusion), list(triggers.views.exclusion)),
        states=_States(states.all_of, _write_states(states.inclusion), _write_states(states.exclusion)),
        connection=triggers.connection or UNSET,
        start_date=UNSET if triggers.start_date is None else written(triggers.start_date),
        end_date=UNSET if triggers.end_date is None else written(triggers.end_date),
    )


def written(date: datetime) -> str:
    """A date as it is answered, in the offset it has."""
    text: str = msgspec.to_builtins(date)
    return text


def _read_event(wire: int | _Event) -> EventMatch:
    if isinstance(wire, int):
        return EventMatch(code=wire, bare=True)
    return EventMatch(code=wire.code, contains=wire.contains, equals=wire.equals, regex=wire.regex)


def _read_state(wire: _State) -> StateMatch:
    return StateMatch(name=wire.name, contains=wire.contains, equals=wire.equals, regex=wire.regex)


def _read_places(wire: _Places) -> Places:
    return Places(
        tuple(_read_place(each) for each in wire.inclusion), tuple(_read_place(each) for each in wire.exclusion)
    )


def _read_place(wire: _Place) -> PlaceMatch:
    place = PlaceRef(wire.id, wire.external_id, wire.geogroup_id, wire.geogroup_external_id)
    return PlaceMatch(place, "enter" if wire.transition is UNSET else wire.transition, wire.accuracy)


def _write_events(matches: Sequence[EventMatch]) -> list[int | _Event]:
    return [
        each.code if each.bare else _Event(code=each.code, contains=each.contains, equals=each.equals, regex=each.regex)
        for each in matches
    ]


def _write_states(matches: Sequence[StateMatch]) -> list[_State]:
    return [_State(name=each.name, contains=each.contains, equals=each.equals, regex=each.regex) for each in matches]


def _write_places(places: Places) -> _Places:
    return _Places(_write_place_list(places.inclusion), _write_place_list(places.exclusion))


def _write_place_list(matches: Sequence[PlaceMatch]) -> list[_Place]:
    return [
        _Place(
            each.place.id,
            each.place.external_id,
            each.place.geogroup_id,
            each.place.geogroup_external_id,
            each.transition,
            each.accuracy,
        )
        for each in matches
    ]


def _instant(text: str | UnsetType | None) -> datetime | None:
    return parse_instant(text, lenient=True) if text else None
