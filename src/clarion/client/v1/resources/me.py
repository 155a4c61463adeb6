"""Me: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from clarion.client.v1.resource import Resource


class MeOperations(Resource):
    """Operations of me."""

    async def me(self) -> str:
        """GET /v1/me"""
        return await self._text("GET", "/v1/me")
