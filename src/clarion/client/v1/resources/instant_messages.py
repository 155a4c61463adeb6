"""Instant messages: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from typing import Any, Literal

from msgspec import field

from clarion.client.v1.model import Model
from clarion.client.v1.query import quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import Buttons, CustomParams, Sound


class MessageData(Model, kw_only=True):
    language: str | None = None
    title: str | None = None
    text: str | None = None
    long_text: str | None = None
    big_picture: str | None = None
    icon: str | None = None
    badge: str | int | None = None
    sound: Sound | None = None
    action_button_label: str | None = None
    rich_push_url: str | None = None
    open_rich_push_in: Literal["webview", "browser"] | None = None
    collapse_key: str | None = None
    content_available: bool | None = None
    interactive_buttons: Buttons | None = None
    click_custom_params: CustomParams | None = None
    display_custom_params: CustomParams | None = None
    url: str | None = None
    aps: dict[str, Any] | None = None
    data: dict[str, str | int | float | bool | None] | None = None


class CriterionOperators(Model, kw_only=True):
    eq: str | int | float | bool | None = field(name="$eq", default=None)
    ne: str | int | float | bool | None = field(name="$ne", default=None)
    lt: str | int | float | None = field(name="$lt", default=None)
    lte: str | int | float | None = field(name="$lte", default=None)
    gt: str | int | float | None = field(name="$gt", default=None)
    gte: str | int | float | None = field(name="$gte", default=None)
    in_: list[str | int | float | bool] | None = field(name="$in", default=None)


Criterion = str | int | float | bool | CriterionOperators


Target = dict[str, Criterion | int | str | dict[str, str | int | float | bool | None]]


class InstantMessage(Model, kw_only=True):
    parent_message_id: int | str | None = None
    parent_message_external_id: str | None = None
    message: MessageData | dict[str, Any] | None = None
    targets: list[Target]


class InstantMessageResult(Model, kw_only=True):
    message_id: int
    rejected_targets: list[int] | None = None


class MultiAppParent(Model, kw_only=True):
    parent_message_id: int | str | None = None
    parent_message_external_id: str | None = None
    message: MessageData | dict[str, Any] | None = None


class MultiAppInstantMessage(Model, kw_only=True):
    apps: dict[str, MultiAppParent]
    targets: list[Target]


class Error(Model, kw_only=True):
    label: Literal[
        "API_ERR_FORMAT",
        "API_ERR_DATA",
        "API_ERR_TOKEN",
        "API_ERR_SIGNATURE",
        "API_ERR_FORBIDDEN",
        "API_ERR_UNKNOW_ROUTE",
        "API_ERR_MESSAGE_SENDING",
        "API_ERR_MESSAGE_SENT",
        "API_ERR_MESSAGE_FAILED",
        "API_ERR_DB",
        "API_ERR_CACHE",
        "API_ERR_SERVICE",
        "API_ERR_UTIL",
        "API_ERR_SUPPORT",
        "API_ERR_UNKNOWN",
    ]
    message: str


class MultiAppResultEntryBody(Model, kw_only=True):
    message_id: int | None = None
    rejected_targets: list[int] | None = None
    errors: list[Error] | None = None


class MultiAppResultEntry(Model, kw_only=True):
    status_code: int
    body: MultiAppResultEntryBody | None = None


class MultiAppResult(Model, kw_only=True):
    apps: dict[str, MultiAppResultEntry]


class InstantMessagesOperations(Resource):
    """Operations of instant messages."""

    async def send_instant_message(self, partner_id: str, body: InstantMessage) -> InstantMessageResult:
        """POST /v1/me/apps/{partnerId}/send"""
        return await self._read(InstantMessageResult, "POST", f"/v1/me/apps/{quoted(partner_id)}/send", body=body)

    async def send_instant_message_multi_app(self, body: MultiAppInstantMessage) -> MultiAppResult:
        """POST /v1/me/send"""
        return await self._read(MultiAppResult, "POST", "/v1/me/send", body=body)
