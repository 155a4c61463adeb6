"""Marketing pressure and capping as administration sets them."""

from typing import Any

import pytest

from clarion.apps import pressure
from clarion.content.triggered import service as triggered
from clarion.content.triggered.model import GlobalCapping, TriggeredKind
from tests.api.admin.client import AdminClient

FULL = {
    "ceiling": {"most": 3, "seconds": 86_400},
    "quietHours": [
        {"start": "22:00", "end": "07:00", "days": [1, 2, 3, 4, 5, 6, 7]},
        {"start": "00:00", "end": "00:00", "days": [7]},
    ],
    "zone": "Europe/Paris",
}
NONE: dict[str, Any] = {"ceiling": None, "quietHours": [], "zone": "UTC"}


async def test_pressure_is_replaced_as_a_whole(operator: AdminClient, viewer: AdminClient) -> None:
    path = operator.path("pressure")
    assert (await viewer.get(path)).ok() == NONE
    assert (await operator.put(path, FULL)).ok() == FULL
    assert (await viewer.get(path)).ok() == FULL
    assert (await viewer.get(viewer.path("pressure", viewer.apps["ios"]))).ok() == NONE
    async with operator.database.connection() as conn:
        rules = await pressure.of(conn, operator.android.id)
    assert (rules.ceiling, len(rules.quiet), rules.zone) == (pressure.Ceiling(3, 86_400), 2, "Europe/Paris")
    week = (await operator.put(path, {"quietHours": [{"start": "12:00", "end": "14:00"}]})).ok()
    assert week == {**NONE, "quietHours": [{"start": "12:00", "end": "14:00", "days": [1, 2, 3, 4, 5, 6, 7]}]}
    assert (await operator.put(path, {})).ok() == NONE


@pytest.mark.parametrize(
    ("rules", "findings"),
    [
        ({"zone": "Mars/Olympus"}, [("#/zone", "invalid_value")]),
        ({"ceiling": {"most": 0, "seconds": 60}}, [("#/ceiling/most", "out_of_range")]),
        ({"ceiling": {"most": 1, "seconds": 59}}, [("#/ceiling/seconds", "out_of_range")]),
        ({"quietHours": [{"start": "24:00", "end": "07:00"}]}, [("#/quietHours/0/start", "invalid_format")]),
        ({"quietHours": [{"start": "9:00", "end": "٠٧:00"}]}, None),
        (
            {"quietHours": [{"start": "09:00", "end": "10:00", "days": [1, 1]}]},
            [("#/quietHours/0/days", "invalid_value")],
        ),
        ({"quietHours": [{"start": "09:00", "end": "10:00", "days": []}]}, [("#/quietHours/0/days", "too_short")]),
        ({"quietHours": [{"start": "09:00", "end": "10:00"}] * 21}, [("#/quietHours", "too_long")]),
    ],
)
async def test_rules_that_cannot_be_are_told(operator: AdminClient, rules: Any, findings: Any) -> None:
    answer = await operator.put(operator.path("pressure"), rules)
    assert answer.findings == findings or (findings is None and len(answer.findings) == 2)
    assert (await operator.get(operator.path("pressure"))).ok() == NONE


async def test_v1_rule_102_capping_is_set_by_kind(operator: AdminClient, viewer: AdminClient) -> None:
    path = operator.path("capping")
    assert (await viewer.get(path)).ok() == {"inapp": None, "alarm": None}
    inapp = {"frequency": 3, "duration": 86_400}
    assert (await operator.put(path, {"inapp": inapp})).ok() == {"inapp": inapp, "alarm": None}
    async with operator.database.connection() as conn:
        kept = await triggered.global_capping(conn, operator.android.id)
    assert kept == {TriggeredKind.INAPP: GlobalCapping(3, 86_400)}
    alarm = {"frequency": 1, "duration": 60}
    assert (await operator.put(path, {"inapp": None, "alarm": alarm})).ok() == {"inapp": None, "alarm": alarm}
    assert (await operator.put(path, {"inapp": {"frequency": 0, "duration": 1}})).findings
    assert (await operator.put(path, {"push": inapp})).findings == [("#/push", "unknown_field")]
    assert (await viewer.get(path)).ok() == {"inapp": None, "alarm": alarm}
