"""Access token: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from typing import Literal

from msgspec import field

from clarion.client.v1.model import Model
from clarion.client.v1.resource import Resource


class AccessTokenRequest(Model, kw_only=True):
    email: str


class AccessToken(Model, kw_only=True):
    token_type: Literal["Bearer"] = field(name="token_type")
    access_token: str = field(name="access_token")


class AccessTokenOperations(Resource):
    """Operations of access token."""

    async def create_access_token(self, body: AccessTokenRequest) -> AccessToken:
        """POST /v1/access_token"""
        return await self._read(AccessToken, "POST", "/v1/access_token", body=body, token=False)
