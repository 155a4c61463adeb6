"""The families of the v1 API.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from clarion.client.v1.resources.access_token import AccessTokenOperations
from clarion.client.v1.resources.alarms import AlarmsOperations
from clarion.client.v1.resources.beacons import BeaconsOperations
from clarion.client.v1.resources.campaigns import CampaignsOperations
from clarion.client.v1.resources.clicks import ClicksOperations
from clarion.client.v1.resources.devices import DevicesOperations
from clarion.client.v1.resources.geofences import GeofencesOperations
from clarion.client.v1.resources.geogroups import GeogroupsOperations
from clarion.client.v1.resources.in_apps import InAppsOperations
from clarion.client.v1.resources.inboxes import InboxesOperations
from clarion.client.v1.resources.instant_messages import InstantMessagesOperations
from clarion.client.v1.resources.me import MeOperations
from clarion.client.v1.resources.messages import MessagesOperations
from clarion.client.v1.resources.schedules import SchedulesOperations
from clarion.client.v1.resources.send import SendOperations
from clarion.client.v1.resources.static_lists import StaticListsOperations
from clarion.client.v1.resources.statistics import StatisticsOperations
from clarion.client.v1.resources.targets import TargetsOperations


class Operations(
    AccessTokenOperations,
    MeOperations,
    CampaignsOperations,
    MessagesOperations,
    InstantMessagesOperations,
    SchedulesOperations,
    SendOperations,
    DevicesOperations,
    StaticListsOperations,
    ClicksOperations,
    TargetsOperations,
    StatisticsOperations,
    GeofencesOperations,
    BeaconsOperations,
    GeogroupsOperations,
    InAppsOperations,
    AlarmsOperations,
    InboxesOperations,
):
    """Every operation of the contract, under its name in snake case."""
