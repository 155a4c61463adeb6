"""Sends as administration sees them: newest first, how far each has come, and stopping one."""

from tests.api.admin.client import AdminClient
from tests.sending.journey import Journey


async def journey(client: AdminClient, platform: str = "android") -> Journey:
    return Journey(client.database, client.sealer, client.apps[platform])


async def test_sends_are_listed_newest_first_with_their_sums(operator: AdminClient, viewer: AdminClient) -> None:
    travel = await journey(operator)
    ids = [await travel.send(await travel.message()) for _ in range(5)]
    listed = await viewer.everything(viewer.path("sends"), 2)
    assert [send["id"] for send in listed] == ids[::-1]
    newest = listed[0]
    assert (newest["kind"], newest["state"], newest["audience"], newest["pending"]) == ("real", "planning", None, 0)
    outcomes = ("delivered", "refused", "suppressed", "expired", "cancelled", "unknown")
    assert newest["counts"] == dict.fromkeys(outcomes, 0)
    assert (await viewer.get(viewer.path(f"sends/{ids[0]}"))).ok() == listed[-1]
    assert await viewer.everything(viewer.path("sends", viewer.apps["ios"]), 2) == []


async def test_a_send_under_way_is_stopped_once(operator: AdminClient) -> None:
    travel = await journey(operator)
    send_id = await travel.send(await travel.message())
    path = operator.path(f"sends/{send_id}/cancel")
    stopped = (await operator.post(path)).ok()
    assert (stopped["id"], stopped["state"], stopped["reason"]) == (send_id, "cancelled", "cancelled")
    assert (await operator.post(path)).problem == (409, "invalid_state_transition")
    assert [(line.operation, line.status) for line in await operator.audited()] == [
        ("cancelSend", 200),
        ("cancelSend", 409),
    ]


async def test_a_send_of_another_application_is_none(operator: AdminClient) -> None:
    travel = await journey(operator, "ios")
    send_id = await travel.send(await travel.message())
    assert (await operator.get(operator.path(f"sends/{send_id}"))).problem == (404, "not_found")
    assert (await operator.post(operator.path(f"sends/{send_id}/cancel"))).problem == (404, "not_found")
    assert (await operator.get(operator.path(f"sends/{send_id}", operator.apps["ios"]))).ok()["state"] == "planning"
