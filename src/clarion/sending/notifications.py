"""What a device of a send is handed: nothing, for a reason, or its notification."""

import hashlib
from collections.abc import Mapping

from clarion.content.render import NOTHING, Renderer, Version
from clarion.devices.model import SendRow
from clarion.gateways.seam import Notification
from clarion.results.model import Outcome
from clarion.sending.model import Send

BOUNCED = 3
"""A device with this many dead tokens in a row is not written to (v1 rule 84)."""


def suppression(row: SendRow) -> Outcome | None:
    """Why a device gets nothing although it is in the audience; None when it does."""
    if not row.opted_in:
        return Outcome.SUPPRESSED_OPT_OUT
    if row.token in (None, "", "-"):
        return Outcome.SUPPRESSED_NO_TOKEN
    if row.feedback >= BOUNCED:
        return Outcome.SUPPRESSED_BOUNCED
    return None


class Notifications:
    """Makes the notifications of one chunk of a send; `given` are texts of single devices, by device id."""

    def __init__(
        self, app_id: int, send: Send, renderer: Renderer, given: Mapping[int, Mapping[str, str]] | None = None
    ) -> None:
        self._renderer = renderer
        self._given = given or {}
        self._expires_at = int(send.expires_at.timestamp()) if send.time_to_live else 0
        # Delivery ids: the same for a device in a send over retries, restarts and processes.
        self._ids = hashlib.blake2b(f"{app_id}:{send.id}:".encode(), digest_size=16)
        self._versions: dict[str | None, Version] = {}

    def of(self, row: SendRow) -> Notification:
        """The notification of one device. Raises what rendering raises."""
        version = self._versions.get(row.language)
        if version is None:
            version = self._versions[row.language] = self._renderer.version(row.language)
        digest = self._ids.copy()
        digest.update(row.id.to_bytes(8, "big", signed=True))
        identity = digest.digest()
        return Notification(
            row.token or "",
            self._renderer.payload(version, row.values, identity, self._given.get(row.id, NOTHING)),
            identity,
            self._expires_at,
            version.urgent,
            version.content.collapse_key,
            version.silent,
            (row.p256dh, row.auth) if row.p256dh and row.auth else None,
        )
