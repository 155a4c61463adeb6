"""Which function answers which operation of the documents.

All operations of `/v1`, `/admin` and `/sdk` stand here; `contract.binding.bind` fails the start when one does not.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from clarion.api.admin import apps as admin_apps
from clarion.api.admin import audit as admin_audit
from clarion.api.admin import call as admin_call
from clarion.api.admin import columns as admin_columns
from clarion.api.admin import declarations as admin_declarations
from clarion.api.admin import limits as admin_limits
from clarion.api.admin import lists as admin_lists
from clarion.api.admin import people as admin_people
from clarion.api.admin import segments as admin_segments
from clarion.api.admin import sends as admin_sends
from clarion.api.admin import sessions as admin_sessions
from clarion.api.sdk import call as sdk_call
from clarion.api.sdk import device as sdk_device
from clarion.api.sdk import register as sdk_register
from clarion.api.sdk import reports as sdk_reports
from clarion.api.v1 import (
    access,
    alarms,
    beacons,
    campaigns,
    device_groups,
    devices,
    geofences,
    geogroups,
    inapps,
    inboxes,
    instant,
    lists,
    messages,
    reactions,
    schedules,
    send,
    stats,
)
from clarion.api.v1.call import Handler
from clarion.api.v2 import accounts as v2_accounts
from clarion.api.v2 import api_clients as v2_api_clients
from clarion.api.v2 import cases as v2_cases
from clarion.api.v2 import invoices as v2_invoices
from clarion.api.v2 import oauth as v2_oauth
from clarion.api.v2 import services as v2_services
from clarion.api.v2 import sites as v2_sites
from clarion.api.v2 import surface as v2_surface
from clarion.api.v2 import venues as v2_venues
from clarion.api.v2 import webhooks as v2_webhooks

V1_HANDLERS: Final[Mapping[str, Handler]] = {
    "createAccessToken": access.create_access_token,
    "me": access.me,
    "listCampaigns": campaigns.list_campaigns,
    "createCampaign": campaigns.create_campaign,
    "getCampaign": campaigns.get_campaign,
    "updateCampaign": campaigns.update_campaign,
    "deleteCampaign": campaigns.delete_campaign,
    "listMessages": messages.list_messages,
    "createMessage": messages.create_message,
    "getMessage": messages.get_message,
    "updateMessage": messages.update_message,
    "deleteMessage": messages.delete_message,
    "listMessageActions": messages.list_message_actions,
    "listDevices": devices.list_devices,
    "searchDevice": devices.search_device,
    "updateDevice": devices.update_device,
    "updateDeviceGroup": device_groups.update_device_group,
    "sendMessage": send.send_message,
    "sendInstantMessage": instant.send_instant_message,
    "sendInstantMessageMultiApp": instant.send_instant_message_multi_app,
    "getSchedule": schedules.get_schedule,
    "createSchedule": schedules.create_schedule,
    "updateSchedule": schedules.update_schedule,
    "deleteSchedule": schedules.delete_schedule,
    "listScheduleExclusions": schedules.list_schedule_exclusions,
    "createScheduleExclusion": schedules.create_schedule_exclusion,
    "deleteScheduleExclusions": schedules.delete_schedule_exclusions,
    "listCampaignClicks": reactions.list_campaign_clicks,
    "listMessageClicks": reactions.list_message_clicks,
    "listCampaignTargets": reactions.list_campaign_targets,
    "listMessageTargets": reactions.list_message_targets,
    "listStats": stats.list_stats,
    "listStaticLists": lists.list_static_lists,
    "createStaticList": lists.create_static_list,
    "getStaticList": lists.get_static_list,
    "upsertListUsers": lists.upsert_list_users,
    "removeListUsers": lists.remove_list_users,
    "listInapps": inapps.list_inapps,
    "createInapp": inapps.create_inapp,
    "getInapp": inapps.get_inapp,
    "updateInapp": inapps.update_inapp,
    "setInappStatus": inapps.set_inapp_status,
    "getInappByExternalId": inapps.get_inapp,
    "updateInappByExternalId": inapps.update_inapp,
    "setInappStatusByExternalId": inapps.set_inapp_status,
    "listAlarms": alarms.list_alarms,
    "createAlarm": alarms.create_alarm,
    "getAlarm": alarms.get_alarm,
    "updateAlarm": alarms.update_alarm,
    "setAlarmStatus": alarms.set_alarm_status,
    "getAlarmByExternalId": alarms.get_alarm,
    "updateAlarmByExternalId": alarms.update_alarm,
    "setAlarmStatusByExternalId": alarms.set_alarm_status,
    "createInbox": inboxes.create_inbox,
    "updateInbox": inboxes.update_inbox,
    "setInboxStatus": inboxes.set_inbox_status,
    "updateInboxByExternalId": inboxes.update_inbox_by_external_id,
    "setInboxStatusByExternalId": inboxes.set_inbox_status_by_external_id,
    "listGeofences": geofences.list_geofences,
    "createGeofence": geofences.create_geofence,
    "getGeofence": geofences.get_geofence,
    "updateGeofence": geofences.update_geofence,
    "listBeacons": beacons.list_beacons,
    "createBeacon": beacons.create_beacon,
    "getBeacon": beacons.get_beacon,
    "updateBeacon": beacons.update_beacon,
    "listGeogroups": geogroups.list_geogroups,
    "createGeogroup": geogroups.create_geogroup,
    "addGeogroupBeacon": geogroups.add_geogroup_beacon,
    "removeGeogroupBeacon": geogroups.remove_geogroup_beacon,
    "addGeogroupGeofence": geogroups.add_geogroup_geofence,
    "removeGeogroupGeofence": geogroups.remove_geogroup_geofence,
}

SDK_HANDLERS: Final[Mapping[str, sdk_call.Handler]] = {
    "registerDevice": sdk_register.register_device,
    "updateDevice": sdk_device.update_device,
    "setPushToken": sdk_device.set_push_token,
    "sendReports": sdk_reports.send_reports,
    "getConfig": sdk_device.get_config,
}

ADMIN_HANDLERS: Final[Mapping[str, admin_call.Handler]] = {
    "createSession": admin_sessions.create_session,
    "endSession": admin_sessions.end_session,
    "getMe": admin_sessions.get_me,
    "listPeople": admin_people.list_people,
    "createPerson": admin_people.create_person,
    "getPerson": admin_people.get_person,
    "updatePerson": admin_people.update_person,
    "renewApiKey": admin_people.renew_api_key,
    "grantApp": admin_people.grant_app,
    "revokeApp": admin_people.revoke_app,
    "listApps": admin_apps.list_apps,
    "createApp": admin_apps.create_app,
    "getApp": admin_apps.get_app,
    "updateApp": admin_apps.update_app,
    "getGateway": admin_apps.get_gateway,
    "setGateway": admin_apps.set_gateway,
    "listColumns": admin_columns.list_columns,
    "addColumn": admin_columns.add_column,
    "removeColumn": admin_columns.remove_column,
    "listSegments": admin_segments.list_segments,
    "createSegment": admin_segments.create_segment,
    "previewSegment": admin_segments.preview_segment,
    "getSegment": admin_segments.get_segment,
    "replaceSegment": admin_segments.replace_segment,
    "deleteSegment": admin_segments.delete_segment,
    "countSegment": admin_segments.count_segment,
    "getCount": admin_segments.get_count,
    "cancelCount": admin_segments.cancel_count,
    "listStaticLists": admin_lists.list_static_lists,
    "createStaticList": admin_lists.create_static_list,
    "getStaticList": admin_lists.get_static_list,
    "getPressure": admin_limits.get_pressure,
    "setPressure": admin_limits.set_pressure,
    "getCapping": admin_limits.get_capping,
    "setCapping": admin_limits.set_capping,
    "listDeclarations": admin_declarations.list_declarations,
    "getDeclaration": admin_declarations.get_declaration,
    "declare": admin_declarations.declare,
    "withdraw": admin_declarations.withdraw,
    "listSends": admin_sends.list_sends,
    "getSend": admin_sends.get_send,
    "updateSend": admin_sends.update_send,
    "pauseSend": admin_sends.pause_send,
    "resumeSend": admin_sends.resume_send,
    "cancelSend": admin_sends.cancel_send,
    "getThrottle": admin_sends.get_throttle,
    "setThrottle": admin_sends.set_throttle,
    "listAppAudit": admin_audit.list_app_audit,
    "listAudit": admin_audit.list_audit,
}

V2_HANDLERS: Final[Mapping[str, v2_surface.Handler]] = {
    "issueToken": v2_oauth.issue_token,
    "introspectToken": v2_oauth.introspect_token,
    "revokeToken": v2_oauth.revoke_token,
    "getAuthorizationServerMetadata": v2_oauth.metadata,
    **v2_api_clients.HANDLERS,
    **v2_accounts.HANDLERS,
    **v2_sites.HANDLERS,
    **v2_services.HANDLERS,
    **v2_venues.HANDLERS,
    **v2_cases.HANDLERS,
    **v2_invoices.HANDLERS,
    **v2_webhooks.HANDLERS,
}
"""Operations of the contract that do not stand here are in the table of what is not built yet."""

_READ_IN_FULL: Final = ("any[contains]", "any[ne]", "any[exists]")
V2_UNINDEXED: Final[Mapping[str, Sequence[str]]] = {
    **dict.fromkeys(
        (
            "listAccountServices",
            "listAccountSites",
            "listPointsOfInterest",
            "listServices",
            "listSitePointsOfInterest",
            "listSiteServices",
            "listSites",
        ),
        _READ_IN_FULL,
    ),
    "listCases": ("Type", "Subject", *_READ_IN_FULL),
    "listInvoices": ("InvoiceCurrency", *_READ_IN_FULL),
}
"""Filters of long lists that no index serves, by operation: the reference says so (v2 rule 5.11)."""
