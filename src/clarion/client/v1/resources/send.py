"""Send: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from clarion.client.v1.query import flag, quoted
from clarion.client.v1.resource import Resource


class SendOperations(Resource):
    """Operations of send."""

    async def send_message(self, partner_id: str, message_id: int, *, test: bool = False) -> None:
        """POST /v1/me/apps/{partnerId}/messages/{messageId}/send"""
        await self._call(
            "POST", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/send", query=[*flag("test", test)]
        )
