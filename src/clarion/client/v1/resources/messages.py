"""Messages: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from typing import Literal

from msgspec import UNSET, UnsetType, field

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import (
    ButtonAction,
    ExternalId,
    IdResponse,
    Links,
    List,
    PlatformMessage,
    Segments,
)


class Message(Model, kw_only=True):
    """The server sets id, state."""

    id: int | None = None
    name: str | None = None
    title: str | None = None
    external_id: ExternalId | None = None
    campaign_id: int | None = None
    use_pressure: bool = True
    segments: Segments | None = None
    lists: list[List] = field(default_factory=list)
    messages: list[PlatformMessage]
    state: Literal["draft", "scheduled", "sending", "sent", "failed"] | None = None


class MessageList(Model, kw_only=True):
    data: list[Message]
    links: Links


class MessageAction(Model, kw_only=True):
    id: int
    type: Literal["richpush", "button"]
    button_id: str | int | UnsetType | None = UNSET
    action: ButtonAction | None = None
    title: str | UnsetType | None = UNSET
    url: str | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET


class MessageActionList(Model, kw_only=True):
    data: list[MessageAction]
    links: Links


class MessagesOperations(Resource):
    """Operations of messages."""

    def list_messages(
        self, partner_id: str, *, page: int | None = None, external_id: str | None = None, title: str | None = None
    ) -> Pages[Message]:
        """GET /v1/me/apps/{partnerId}/messages"""
        return self._pages(
            MessageList,
            f"/v1/me/apps/{quoted(partner_id)}/messages",
            [*one("page", page), *one("externalId", external_id), *one("title", title)],
        )

    async def create_message(self, partner_id: str, body: Message) -> IdResponse:
        """POST /v1/me/apps/{partnerId}/messages"""
        return await self._read(IdResponse, "POST", f"/v1/me/apps/{quoted(partner_id)}/messages", body=body)

    async def get_message(self, partner_id: str, message_id: int) -> Message:
        """GET /v1/me/apps/{partnerId}/messages/{messageId}"""
        return await self._read(Message, "GET", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}")

    async def update_message(self, partner_id: str, message_id: int, body: Message) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/messages/{messageId}"""
        return await self._read(IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}", body=body)

    async def delete_message(self, partner_id: str, message_id: int) -> None:
        """DELETE /v1/me/apps/{partnerId}/messages/{messageId}"""
        await self._call("DELETE", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}")

    def list_message_actions(
        self, partner_id: str, message_id: int, *, page: int | None = None
    ) -> Pages[MessageAction]:
        """GET /v1/me/apps/{partnerId}/messages/{messageId}/actions"""
        return self._pages(
            MessageActionList, f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/actions", [*one("page", page)]
        )
