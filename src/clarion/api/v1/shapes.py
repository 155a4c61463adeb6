"""What is done to a body between decoding and the schema, operation by operation.

The schema pass needs to know the case in hand (platform of the application, form of a group update); members that are
matched without case are folded, because the schema lists them in one spelling.
"""

from typing import Any

from clarion.api.v1.message_wire import fold_case
from clarion.apps.model import App

_LARGE = frozenset({"createStaticList", "upsertListUsers", "removeListUsers", "updateDeviceGroup"})


def takes_large_body(operation_id: str) -> bool:
    """Whether the larger limit of bodies holds: lists and group updates (v1 rule 106)."""
    return operation_id in _LARGE


def case_of(operation_id: str, app: App | None, body: Any) -> str:
    """The case of the schema pass (`api.contract.cases`) a body is to be validated in."""
    if operation_id == "updateDeviceGroup":
        return "shared_keys" if isinstance(body, dict) and "matchingKeys" in body else "own_keys"
    if operation_id == "sendInstantMessageMultiApp":
        return "multi"
    return app.platform.value if app else ""


def folded(operation_id: str, body: Any) -> Any:
    """The body with everything that is matched without case in the spelling of the schema."""
    if not isinstance(body, dict):
        return body
    if operation_id in ("createMessage", "updateMessage", "createAlarm", "updateAlarm", "updateAlarmByExternalId"):
        entries = body.get("messages")
        return {**body, "messages": [fold_case(entry) for entry in entries]} if isinstance(entries, list) else body
    if operation_id == "sendInstantMessage" and "message" in body:
        return {**body, "message": fold_case(body["message"])}
    return body
