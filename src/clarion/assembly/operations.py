"""Which function answers which operation of the documents.

An operation of v1 stands here or in `clarion.api.not_yet_built`; `contract.binding.bind` fails the start when it is in
neither or in both.
"""

from collections.abc import Mapping
from typing import Final

from clarion.api.sdk import call as sdk_call
from clarion.api.sdk import device as sdk_device
from clarion.api.sdk import register as sdk_register
from clarion.api.sdk import reports as sdk_reports
from clarion.api.v1 import access, campaigns, devices, messages, reactions, send, stats
from clarion.api.v1.call import Handler

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
    "sendMessage": send.send_message,
    "listCampaignClicks": reactions.list_campaign_clicks,
    "listMessageClicks": reactions.list_message_clicks,
    "listCampaignTargets": reactions.list_campaign_targets,
    "listMessageTargets": reactions.list_message_targets,
    "listStats": stats.list_stats,
}

SDK_HANDLERS: Final[Mapping[str, sdk_call.Handler]] = {
    "registerDevice": sdk_register.register_device,
    "updateDevice": sdk_device.update_device,
    "setPushToken": sdk_device.set_push_token,
    "sendReports": sdk_reports.send_reports,
    "getConfig": sdk_device.get_config,
}
