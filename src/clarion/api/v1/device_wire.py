"""Fields of devices as v1 answers them."""

from collections.abc import Mapping
from typing import TypeVar

from clarion.devices.model import NO_TOKEN, TOKEN

T = TypeVar("T")


def shown(fields: Mapping[str, T]) -> Mapping[str, T | str]:
    """Fields by name; a profile that has no push token, or lost it to another one, shows a dash (v1 rule 70)."""
    if TOKEN.name in fields and fields[TOKEN.name] is None:
        return {**fields, TOKEN.name: NO_TOKEN}
    return fields
