"""What packages keep of a device and delete with it: the one list of them, for whoever deletes devices."""

from typing import Final

from clarion.audience.lists import service as lists
from clarion.content.inbox import service as inbox
from clarion.devices.purging import Forget

FORGET: Final[tuple[Forget, ...]] = (lists.forget_devices, inbox.forget_devices)
"""Lists before inboxes: everybody who deletes devices locks in the same order."""
