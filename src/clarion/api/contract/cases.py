"""The schema passes of the documents that have one.

Every platform case opens the list of targets: they are validated one by one against `Target`, so that wrong ones can
be skipped (v1 rule 50), and the applications of a multi-application message against `MultiAppParent` (v1 rule 57).
Users of a list, who may be a hundred thousand, are held one by one against the form they take, `ListDeviceById` or
`ListDeviceByField`, so that every wrong one is named.
What such a message says, once it has overridden its parent, is held against the message of the platform.
The reports of a device are validated one by one against `Report`, so that a wrong one does not cost the others.
"""

from collections.abc import Mapping
from typing import Any, Final

from clarion.api.contract.schemapass import ANYTHING, Case, SchemaPass, named

_ONE_BY_ONE: Final[dict[str, Mapping[str, Any]]] = {
    "InstantMessage/properties/targets/items": ANYTHING,
    "MultiAppInstantMessage/properties/targets/items": ANYTHING,
    "MultiAppInstantMessage/properties/apps/additionalProperties": ANYTHING,
}

_V1: Final = SchemaPass(
    cases=(
        Case(
            "android",
            {
                "PlatformMessage": named("AndroidMessage"),
                "MessageData/properties/interactiveButtons": named("AndroidButtons"),
                **_ONE_BY_ONE,
            },
        ),
        Case(
            "ios",
            {
                "PlatformMessage": named("iOSMessage"),
                "MessageData/properties/interactiveButtons": named("iOSButtons"),
                **_ONE_BY_ONE,
            },
        ),
        Case("web", {"PlatformMessage": named("WebMessage"), **_ONE_BY_ONE}),
        Case("multi", _ONE_BY_ONE),
        Case("list_users", {"ListUsers/properties/users/items": ANYTHING}),
        Case("shared_keys", {"DeviceGroupUpdate": named("DeviceGroupSharedKeys")}),
        Case("own_keys", {"DeviceGroupUpdate": named("DeviceGroupOwnKeys")}),
    ),
    standalone=(
        "Target",
        "MultiAppParent",
        "AndroidMessage",
        "iOSMessage",
        "WebMessage",
        "ListDeviceById",
        "ListDeviceByField",
    ),
)

_V2: Final = SchemaPass(
    cases=(
        Case("Incident", {"CaseCreate": named("IncidentCreate")}),
        Case("NonIncident", {"CaseCreate": named("NonIncidentCreate")}),
    ),
    standalone=("GuestEvent",),
)

_SDK: Final = SchemaPass(
    cases=(Case("one_by_one", {"ReportBatch/properties/reports/items": ANYTHING}),),
    standalone=("Report", "ReportBatch"),
)

PASSES: Final[dict[str, SchemaPass]] = {"v1": _V1, "v2": _V2, "sdk": _SDK}
"""By name of the document; a document not listed has none."""
