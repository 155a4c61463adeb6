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


async def test_a_send_is_paused_and_resumed(operator: AdminClient, viewer: AdminClient) -> None:
    travel = await journey(operator)
    path = operator.path(f"sends/{await travel.send(await travel.message())}")
    assert (await viewer.post(f"{path}/pause")).problem == (403, "forbidden")
    assert (await operator.post(f"{path}/resume")).problem == (409, "invalid_state_transition")
    assert (await operator.post(f"{path}/pause")).ok()["state"] == "paused"
    assert (await operator.post(f"{path}/pause")).problem == (409, "invalid_state_transition")
    assert (await operator.post(f"{path}/resume")).ok()["state"] == "planning"
    assert [(line.operation, line.status) for line in await operator.audited()][-1] == ("resumeSend", 200)


async def test_a_send_and_a_message_are_throttled(operator: AdminClient) -> None:
    travel = await journey(operator)
    message = await travel.message()
    throttle = operator.path(f"messages/{message}/throttle")
    assert (await operator.get(throttle)).ok() == {"perMinute": None}
    assert (await operator.put(throttle, {"perMinute": 600})).ok() == {"perMinute": 600}
    assert (await operator.get(throttle)).ok() == {"perMinute": 600}
    path = operator.path(f"sends/{await travel.send(message)}")
    assert (await operator.get(path)).ok()["throttle"] == 600
    assert (await operator.patch(path, {"throttle": 60})).ok()["throttle"] == 60
    assert (await operator.put(throttle, {"perMinute": None})).ok() == {"perMinute": None}
    assert (await operator.get(path)).ok()["throttle"] is None
    assert (await operator.patch(path, {"throttle": 0})).problem == (422, "validation_failed")
    assert (await operator.get(operator.path("messages/999999/throttle"))).problem == (404, "not_found")
