"""What is done around the schema pass, operation by operation.

It needs to know the case in hand (platform of the application, form of a group update); members that are matched
without case are folded before it, because the schema lists them in one spelling; what it finds is about form, but for
what an operation says otherwise.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from clarion.api.v1 import device_groups, devices, errors, inapp_wire, reactions
from clarion.api.v1.errors import Problem
from clarion.api.v1.message_wire import fold_case
from clarion.apps.model import App
from clarion.base.errors import Finding

_LARGE = frozenset({"createStaticList", "upsertListUsers", "removeListUsers", "updateDeviceGroup"})

_FOLDS = {
    **dict.fromkeys(
        ("createMessage", "updateMessage", "createAlarm", "updateAlarm", "updateAlarmByExternalId"), fold_case
    ),
    **dict.fromkeys(("createInapp", "updateInapp", "updateInappByExternalId"), inapp_wire.fold_case),
}

_PARAMETERS = {
    "listDevices": devices.malformed,
    **dict.fromkeys(
        ("listCampaignClicks", "listMessageClicks", "listCampaignTargets", "listMessageTargets"), reactions.malformed
    ),
}


def malformed_parameters(operation_id: str, query: Mapping[str, Any]) -> list[Finding]:
    """What handlers would say of the form of query parameters, for a request that does not get to them (v1 rule 20)."""
    check = _PARAMETERS.get(operation_id)
    return check(query) if check else []


def takes_large_body(operation_id: str) -> bool:
    """Whether the larger limit of bodies holds: lists and group updates (v1 rule 106)."""
    return operation_id in _LARGE


def case_of(operation_id: str, app: App | None, body: Any) -> str:
    """The case of the schema pass (`api.contract.cases`) a body is to be validated in."""
    if operation_id == "updateDeviceGroup":
        return "shared_keys" if isinstance(body, dict) and "matchingKeys" in body else "own_keys"
    if operation_id == "sendInstantMessageMultiApp":
        return "multi"
    if operation_id in ("upsertListUsers", "removeListUsers"):
        return "list_users"
    return app.platform.value if app else ""


def folded(operation_id: str, body: Any) -> Any:
    """The body with everything that is matched without case in the spelling of the schema."""
    if not isinstance(body, dict):
        return body
    fold = _FOLDS.get(operation_id)
    if fold is not None:
        entries = body.get("messages")
        return {**body, "messages": [fold(entry) for entry in entries]} if isinstance(entries, list) else body
    if operation_id == "sendInstantMessage" and "message" in body:
        return {**body, "message": fold_case(body["message"])}
    return body


def problems_of(operation_id: str, findings: Iterable[Finding]) -> list[Problem]:
    """What is malformed in a request, with the label the operation has for it."""
    if operation_id == "updateDeviceGroup":
        return device_groups.form_problems(findings)
    return errors.format_problems(findings)
