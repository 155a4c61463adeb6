"""Cases and their messages (v2 sections 4, 5, 10 and 11)."""

import asyncio
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from clarion.assembly import work
from clarion.base.settings import Settings
from clarion.db.sql import value
from clarion.desk.cases import service as cases
from clarion.desk.cases.model import MOVES, CaseStatus
from tests.api.v2.client import Api, Client, decoded, new_key
from tests.api.v2.desk import Desk, desk, events, move_clock, service

pytestmark = pytest.mark.usefixtures("subscriber")

START = "2026-03-02T09:10:00.000Z"
LATER = "2026-03-02T11:40:00.000Z"
EARLIER = "2026-03-02T08:00:00Z"
PATHS = {
    "New": (),
    "InProgress": ("InProgress",),
    "PendingCustomer": ("PendingCustomer",),
    "OnHold": ("OnHold",),
    "Resolved": ("Resolved",),
    "Closed": ("Resolved", "Closed"),
    "Cancelled": ("Cancelled",),
}


@pytest.fixture
async def acme(api: Api, operator: Client) -> Desk:
    return await desk(api, operator)


async def standing(operator: Client, acme: Desk, status: str, **members: object) -> str:
    """The path of a new incident that the operator has brought to a status."""
    made = await operator.create("/v2/cases", acme.incident(**members))
    path = f"/v2/cases/{made['caseId']}"
    for step in PATHS[status]:
        await operator.change(path, {"status": step})
    return path


async def conversation(client: Client, path: str) -> list[tuple[str, str, str]]:
    """Type, sender and text of every entry, the oldest first."""
    found = (await client.get(f"{path}/case-messages"))["data"]
    return [(each["type"], each["sentBy"], each["message"]) for each in found]


# Creating


async def test_v2_rule_11_4_account_site_origin_status_and_priority_come_by_themselves(
    api: Api, acme: Desk, operator: Client
) -> None:
    made = await acme.customer.create("/v2/cases", acme.incident(customerReference="INC0042"))
    assert made == {
        "caseId": made["caseId"],
        "accountId": acme.account_id,
        "siteId": acme.site_id,
        "serviceId": acme.service_id,
        "type": "Incident",
        "subject": "ServiceDown",
        "priority": "P3",
        "status": "New",
        "statusReason": None,
        "origin": "Api",
        "customerReference": "INC0042",
        "startOfIncident": START,
        "endOfIncident": None,
        "expectedResolutionDate": None,
        "resolvedDate": None,
        "closedDate": None,
        "createdDate": made["createdDate"],
        "lastModifiedDate": made["createdDate"],
    }
    path = f"/v2/cases/{made['caseId']}"
    assert (await operator.get(path))["data"] == made
    assert await conversation(operator, path) == [("Comment", "Customer", "Link is down since 09:10.")]


async def test_v2_rule_11_4_a_service_that_is_cancelled_takes_no_case(api: Api, acme: Desk, operator: Client) -> None:
    for status in ("InProgress", "Suspended", "Deactivated"):
        of = await service(api.database, acme.account_id, acme.site_id, status)
        assert (await operator.create("/v2/cases", acme.request(serviceId=of)))["serviceId"] == of
    of = await service(api.database, acme.account_id, acme.site_id, "Cancelled")
    assert await operator.findings("POST", "/v2/cases", acme.request(serviceId=of)) == {("#/serviceId", "inconsistent")}


async def test_v2_rule_2_4_a_case_of_a_service_that_is_not_visible_is_refused(
    api: Api, acme: Desk, operator: Client
) -> None:
    other = await desk(api, operator)
    missing = {("#/serviceId", "reference_not_found")}
    for client, of in ((acme.customer, other.service_id), (operator, "SVC-999999999")):
        assert await client.findings("POST", "/v2/cases", acme.request(serviceId=of)) == missing


async def test_v2_rule_11_2_a_case_needs_type_subject_service_and_message(acme: Desk, operator: Client) -> None:
    for name in ("subject", "serviceId", "message"):
        body = acme.request()
        del body[name]
        assert await operator.findings("POST", "/v2/cases", body) == {(f"#/{name}", "required")}
    body = acme.request()
    del body["type"]
    assert await operator.findings("POST", "/v2/cases", body) == {("#/type", "required")}


@pytest.mark.parametrize("kind", ["Complaint", "incident", 7, None, ["Incident"]])
async def test_v2_rule_11_2_an_unknown_type_is_the_one_finding(acme: Desk, operator: Client, kind: object) -> None:
    found = await operator.findings("POST", "/v2/cases", acme.incident(type=kind, priority="P1"))
    assert {pointer for pointer, _ in found} == {"#/type"}
    assert len(found) == 1


async def test_v2_rule_11_2_subjects_go_with_types_and_the_first_priorities_with_incidents(
    acme: Desk, operator: Client
) -> None:
    wrong = acme.request(subject="ServiceDown", priority="P2", startOfIncident=START)
    assert await operator.findings("POST", "/v2/cases", wrong) == {
        ("#/subject", "invalid_value"),
        ("#/priority", "invalid_value"),
        ("#/startOfIncident", "unknown_field"),
    }
    wrong = acme.incident(subject="Other")
    assert await operator.findings("POST", "/v2/cases", wrong) == {("#/subject", "invalid_value")}
    assert (await operator.create("/v2/cases", acme.incident(priority="P1")))["priority"] == "P1"


async def test_v2_rule_11_3_an_incident_begins_and_does_not_end_before(acme: Desk, operator: Client) -> None:
    body = acme.incident()
    del body["startOfIncident"]
    assert await operator.findings("POST", "/v2/cases", body) == {("#/startOfIncident", "required")}
    body = acme.incident(endOfIncident=EARLIER, serviceId="SVC-999999999")
    assert await operator.findings("POST", "/v2/cases", body) == {
        ("#/endOfIncident", "inconsistent"),
        ("#/serviceId", "reference_not_found"),
    }
    assert (await operator.create("/v2/cases", acme.incident(endOfIncident=LATER)))["endOfIncident"] == LATER
    assert (await operator.create("/v2/cases", acme.incident(endOfIncident=START)))["endOfIncident"] == START
    made = await operator.create("/v2/cases", acme.request())
    assert (made["startOfIncident"], made["endOfIncident"]) == (None, None)


async def test_v2_rule_8_6_a_case_repeated_under_its_key_is_opened_once(acme: Desk, operator: Client) -> None:
    key = {"Idempotency-Key": new_key()}
    first = await operator.create("/v2/cases", acme.incident(), **key)
    assert await operator.create("/v2/cases", acme.incident(), **key) == first
    assert (await operator.get("/v2/cases"))["metadata"]["total"] == 1


# Changing


async def test_v2_rule_11_2_a_patch_keeps_to_the_type(acme: Desk, operator: Client) -> None:
    incident = await standing(operator, acme, "New")
    request = f"/v2/cases/{(await operator.create('/v2/cases', acme.request()))['caseId']}"
    assert await operator.findings("PATCH", incident, {"subject": "Other"}) == {("#/subject", "inconsistent")}
    wrong = {"subject": "RfoRequest", "priority": "P1", "startOfIncident": START, "endOfIncident": LATER}
    assert await operator.findings("PATCH", request, wrong) == {
        ("#/subject", "inconsistent"),
        ("#/priority", "inconsistent"),
        ("#/startOfIncident", "inconsistent"),
        ("#/endOfIncident", "inconsistent"),
    }
    assert await operator.findings("PATCH", request, {"type": "Incident"}) == {("#/type", "unknown_field")}
    changed = await operator.change(incident, {"subject": "RfoRequest", "priority": "P1"})
    assert (changed["subject"], changed["priority"], changed["type"]) == ("RfoRequest", "P1", "Incident")
    assert (await operator.change(request, {"startOfIncident": None}))["startOfIncident"] is None


async def test_v2_rule_11_3_a_patch_keeps_the_times_of_an_incident_in_order(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "New")
    assert await operator.findings("PATCH", path, {"startOfIncident": None}) == {("#/startOfIncident", "inconsistent")}
    assert await operator.findings("PATCH", path, {"endOfIncident": EARLIER}) == {("#/endOfIncident", "inconsistent")}
    await operator.change(path, {"endOfIncident": LATER})
    after = {"startOfIncident": "2026-03-02T12:00:00Z"}
    assert await operator.findings("PATCH", path, after) == {("#/startOfIncident", "inconsistent")}
    assert (await operator.change(path, {"endOfIncident": None, **after}))["endOfIncident"] is None


@pytest.mark.parametrize("before", [status.value for status in CaseStatus])
async def test_v2_rule_11_5_the_operator_makes_every_move_and_no_other(
    acme: Desk, operator: Client, before: str
) -> None:
    for after in CaseStatus:
        if after.value == before:
            continue
        path = await standing(operator, acme, before)
        if after in MOVES[CaseStatus(before)]:
            assert (await operator.change(path, {"status": after.value}))["status"] == after.value
        else:
            code = "case_closed" if before in ("Closed", "Cancelled") else "invalid_state_transition"
            assert await operator.refused("PATCH", path, {"status": after.value}) == (409, code)
            assert (await operator.get(path))["data"]["status"] == before


def test_v2_rule_11_5_the_moves_are_those_of_the_contract() -> None:
    new, progress, pending, hold, resolved, closed, cancelled = CaseStatus
    allowed = {(new, to) for to in (progress, pending, hold, resolved, cancelled)}
    allowed |= {(of, to) for of, to in product((progress, pending, hold), repeat=2) if of is not to}
    allowed |= {(of, to) for of, to in product((progress, pending, hold), (resolved, cancelled))}
    allowed |= {(resolved, progress), (resolved, closed)}
    assert {(of, to) for of, targets in MOVES.items() for to in targets} == allowed


async def test_v2_rule_11_6_a_customer_cancels_confirms_and_reopens(acme: Desk, operator: Client) -> None:
    moves = [(of, "Cancelled") for of in ("New", "InProgress", "PendingCustomer", "OnHold")]
    for before, after in [*moves, ("Resolved", "Closed"), ("Resolved", "InProgress")]:
        path = await standing(operator, acme, before)
        changed = await acme.customer.change(path, {"status": after, "statusReason": "As agreed."})
        assert (changed["status"], changed["statusReason"]) == (after, "As agreed.")


async def test_v2_rule_11_6_another_move_of_a_customer_is_refused(acme: Desk, operator: Client) -> None:
    for before, after in product(
        ("New", "PendingCustomer", "Resolved"), ("InProgress", "OnHold", "Resolved", "Closed")
    ):
        if before == after or (before, after) in (("Resolved", "InProgress"), ("Resolved", "Closed")):
            continue
        path = await standing(operator, acme, before)
        assert await acme.customer.refused("PATCH", path, {"status": after}) == (403, "insufficient_scope")
        assert (await operator.get(path))["data"]["status"] == before


async def test_v2_rule_11_6_what_a_customer_may_change(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "New")
    own = {
        "subject": "ServiceIntermittent",
        "priority": "P2",
        "customerReference": "INC0043",
        "startOfIncident": "2026-03-02T09:00:00.000Z",
        "endOfIncident": LATER,
    }
    changed = await acme.customer.change(path, own)
    assert {name: changed[name] for name in own} == own
    for others in ({"expectedResolutionDate": LATER}, {"statusReason": "Because."}):
        assert await acme.customer.refused("PATCH", path, others) == (403, "insufficient_scope")
        assert (await operator.change(path, others)).items() >= others.items()


@pytest.mark.parametrize("status", ["Closed", "Cancelled"])
async def test_v2_rule_11_7_a_closed_case_takes_no_change_and_no_message(
    acme: Desk, operator: Client, status: str
) -> None:
    path = await standing(operator, acme, status)
    before = (await operator.call("GET", path)).headers["etag"]
    closed = (409, "case_closed")
    for client in (operator, acme.customer):
        for body in ({"priority": "P4"}, {"customerReference": "X"}, {"status": "InProgress"}):
            assert await client.refused("PATCH", path, body) == closed
        assert await client.refused("POST", f"{path}/case-messages", {"message": "One more thing."}) == closed
    assert await operator.findings("PATCH", path, {"subject": "Other"}) == {("#/subject", "inconsistent")}
    answer = await operator.call("PATCH", path, {"status": status, "priority": "P3"})
    assert (answer.status, answer.headers["etag"]) == (200, before)
    assert len(await conversation(operator, path)) == 1 + len(PATHS[status])


async def test_v2_rule_11_8_dates_follow_the_status(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "InProgress")
    resolved = await operator.change(path, {"status": "Resolved", "statusReason": "Line card replaced."})
    assert resolved["resolvedDate"] is not None
    assert resolved["closedDate"] is None
    reopened = await operator.change(path, {"status": "InProgress"})
    assert (reopened["resolvedDate"], reopened["closedDate"], reopened["statusReason"]) == (None, None, None)
    again = await operator.change(path, {"status": "Resolved"})
    closed = await operator.change(path, {"status": "Closed"})
    assert closed["resolvedDate"] == again["resolvedDate"]
    assert closed["closedDate"] >= closed["resolvedDate"]
    cancelled = (await operator.get(await standing(operator, acme, "Cancelled")))["data"]
    assert cancelled["resolvedDate"] is None
    assert cancelled["closedDate"] is not None


async def test_v2_rule_11_8_a_case_resolved_for_a_week_closes_by_itself(api: Api, acme: Desk, operator: Client) -> None:
    old = await standing(operator, acme, "Resolved")
    await operator.change(old, {"statusReason": "Line card replaced."})
    await move_clock(api.database, timedelta(days=6, hours=23))
    operator = await api.client()  # tokens live for an hour
    young = await standing(operator, acme, "Resolved")
    working = await standing(operator, acme, "InProgress")
    assert await cases.close_resolved(api.database) == 0
    await move_clock(api.database, timedelta(days=7, minutes=1))
    operator = await api.client()
    assert await cases.close_resolved(api.database) == 1
    closed = (await operator.get(old))["data"]
    assert (closed["status"], closed["statusReason"]) == ("Closed", "Resolved for 7 days.")
    assert closed["closedDate"] == closed["lastModifiedDate"] > closed["resolvedDate"]
    told = "Status changed from Resolved to Closed. Reason: Resolved for 7 days."
    assert (await conversation(operator, old))[-1] == ("StatusChange", "System", told)
    last = (await operator.get(f"{old}/case-messages?sort=-Timestamp"))["data"][0]
    assert last["author"] is None
    changed = {"status", "statusReason", "closedDate"}
    assert (await events(api.database, closed["caseId"]))[-1] == ("case.updated", old, changed)
    message_path = f"{old}/case-messages/{last['caseMessageId']}"
    assert await events(api.database, last["caseMessageId"]) == [("case_message.created", message_path, set())]
    assert (await operator.get(young))["data"]["status"] == "Resolved"
    assert (await operator.get(working))["data"]["status"] == "InProgress"


async def test_v2_rule_11_8_more_cases_than_one_set_close_in_one_turn(
    api: Api, acme: Desk, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "_AT_ONCE", 2)
    for _ in range(5):
        await standing(operator, acme, "Resolved")
    await move_clock(api.database, timedelta(days=8))
    operator = await api.client()
    assert await cases.close_resolved(api.database) == 5
    assert (await operator.get("/v2/cases?filter[Status]=Closed"))["metadata"]["total"] == 5
    assert await cases.close_resolved(api.database) == 0


async def test_v2_rule_11_8_the_days_are_a_setting(api: Api, acme: Desk, operator: Client, tmp_path: Path) -> None:
    path = await standing(operator, acme, "Resolved")
    await move_clock(api.database, timedelta(days=2, minutes=1))
    operator = await api.client()

    async def turn(days: int) -> str:
        settings = Settings(data_dir=tmp_path, case_closes_after_days=days)
        (timer,) = [each for each in work.timers(api.database, settings) if each.name == "desk.cases"]
        await timer.run()
        return str((await operator.get(path))["data"]["status"])

    assert await turn(0) == "Resolved"
    assert await turn(3) == "Resolved"
    assert await turn(2) == "Closed"


# Messages


async def test_v2_rule_11_9_who_sent_what(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "New")
    messages = f"{path}/case-messages"
    mine = await operator.create(messages, {"message": "We look into it.", "author": "Robin Vermeer"})
    assert (mine["type"], mine["sentBy"], mine["author"]) == ("Comment", "Support", "Robin Vermeer")
    theirs = await acme.customer.create(messages, {"message": " Line 1\n Line 2 "})
    assert (theirs["sentBy"], theirs["author"], theirs["message"]) == ("Customer", "Tests", " Line 1\n Line 2 ")
    read = await acme.customer.get(f"{messages}/{theirs['caseMessageId']}")
    assert read == {
        "data": theirs,
        "links": {"self": f"https://push.example{messages}/{theirs['caseMessageId']}"},
    }
    await operator.change(path, {"status": "OnHold", "statusReason": "Waits for a part."})
    await acme.customer.change(path, {"status": "Cancelled"})
    assert await conversation(operator, path) == [
        ("Comment", "Support", "Link is down since 09:10."),
        ("Comment", "Support", "We look into it."),
        ("Comment", "Customer", " Line 1\n Line 2 "),
        ("StatusChange", "Support", "Status changed from New to OnHold. Reason: Waits for a part."),
        ("StatusChange", "Customer", "Status changed from OnHold to Cancelled. No reason was given."),
    ]


async def test_v2_rule_11_9_messages_are_never_edited_or_removed(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "New")
    (message,) = (await operator.get(f"{path}/case-messages"))["data"]
    own = f"{path}/case-messages/{message['caseMessageId']}"
    for method in ("PATCH", "PUT", "DELETE"):
        assert await operator.refused(method, own, {"message": "Other"}) == (405, "method_not_allowed")
    assert await operator.refused("DELETE", path) == (405, "method_not_allowed")


@pytest.mark.parametrize("before", ["PendingCustomer", "Resolved"])
async def test_v2_rule_11_10_a_customers_message_takes_the_case_up_again(
    api: Api, acme: Desk, operator: Client, before: str
) -> None:
    path = await standing(operator, acme, before)
    await acme.customer.create(f"{path}/case-messages", {"message": "Still down."})
    case = (await operator.get(path))["data"]
    assert (case["status"], case["resolvedDate"], case["closedDate"]) == ("InProgress", None, None)
    assert (await conversation(operator, path))[-2:] == [
        ("Comment", "Customer", "Still down."),
        ("StatusChange", "Customer", f"Status changed from {before} to InProgress. Reason: The customer answered."),
    ]
    kind, where, changed = (await events(api.database, case["caseId"]))[-1]
    assert (kind, where, "status" in changed) == ("case.updated", path, True)


async def test_v2_rule_11_10_other_messages_move_nothing(acme: Desk, operator: Client) -> None:
    for before in ("New", "InProgress", "OnHold"):
        path = await standing(operator, acme, before)
        tag = (await operator.call("GET", path)).headers["etag"]
        await acme.customer.create(f"{path}/case-messages", {"message": "Any news?"})
        assert (await operator.call("GET", path)).headers["etag"] == tag
    for before in ("PendingCustomer", "Resolved"):
        path = await standing(operator, acme, before)
        await operator.create(f"{path}/case-messages", {"message": "Please look."})
        assert (await operator.get(path))["data"]["status"] == before


async def test_v2_rule_11_10_message_and_move_are_one_change(acme: Desk, operator: Client, api: Api) -> None:
    """Where one cannot be kept, neither is."""
    path = await standing(operator, acme, "Resolved")
    async with api.database.connection() as conn:
        await conn.execute("ALTER TABLE clarion.case_message ADD CHECK (type <> 'StatusChange') NOT VALID")
    before = await conversation(operator, path)
    answer = await acme.customer.call("POST", f"{path}/case-messages", {"message": "Still down."})
    assert answer.status == 500
    assert await conversation(operator, path) == before
    assert (await operator.get(path))["data"]["status"] == "Resolved"


async def test_v2_rule_11_7_a_message_and_the_closing_of_its_case_come_one_after_the_other(
    acme: Desk, operator: Client
) -> None:
    for _ in range(5):
        path = await standing(operator, acme, "Resolved")
        closing, message = await asyncio.gather(
            operator.call("PATCH", path, {"status": "Closed"}),
            acme.customer.call("POST", f"{path}/case-messages", {"message": "Still down."}),
        )
        status = (await operator.get(path))["data"]["status"]
        if message.status == 201:
            assert (status, closing.status, decoded(closing)["code"]) == (
                "InProgress",
                409,
                "invalid_state_transition",
            )
        else:
            assert (status, closing.status, decoded(message)["code"]) == ("Closed", 200, "case_closed")
        stamps = [each["timestamp"] for each in (await operator.get(f"{path}/case-messages"))["data"]]
        assert stamps == sorted(stamps)


async def test_v2_rule_11_2_a_message_is_no_empty_text(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "New")
    messages = f"{path}/case-messages"
    assert await operator.findings("POST", messages, {"message": ""}) == {("#/message", "too_short")}
    assert await operator.findings("POST", messages, {"message": "x" * 8001}) == {("#/message", "too_long")}
    assert await operator.findings("POST", messages, {"author": "R"}) == {("#/message", "required")}
    assert await operator.findings("POST", messages, {"message": "x", "type": "System"}) == {
        ("#/type", "unknown_field")
    }


# Seeing


async def test_v2_rule_4_7_a_client_sees_cases_of_its_account_only(api: Api, acme: Desk, operator: Client) -> None:
    other = await desk(api, operator)
    path = await standing(operator, acme, "New")
    (message,) = (await operator.get(f"{path}/case-messages"))["data"]
    missing = (404, "not_found")
    for target in (path, f"{path}/case-messages", f"{path}/case-messages/{message['caseMessageId']}"):
        await acme.customer.get(target)
        assert await other.customer.refused("GET", target) == missing
    assert await other.customer.refused("PATCH", path, {"priority": "P4"}) == missing
    assert await other.customer.refused("POST", f"{path}/case-messages", {"message": "Mine?"}) == missing
    assert (await other.customer.get("/v2/cases"))["data"] == []
    mine = await standing(operator, other, "New")
    wrong = f"{mine}/case-messages/{message['caseMessageId']}"
    assert await operator.refused("GET", wrong) == missing


async def test_v2_rule_4_8_a_client_of_a_suspended_account_reads_cases_only(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "New")
    await operator.change(f"/v2/accounts/{acme.account_id}", {"status": "Suspended"})
    await acme.customer.get(path)
    suspended = (403, "account_suspended")
    assert await acme.customer.refused("POST", "/v2/cases", acme.incident()) == suspended
    assert await acme.customer.refused("POST", f"{path}/case-messages", {"message": "Down."}) == suspended


async def test_v2_rule_4_9_what_a_case_refers_to_stays(api: Api, acme: Desk, operator: Client) -> None:
    await standing(operator, acme, "New")
    async with api.database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.api_client WHERE account_id = %s", (acme.account_id,))
        await conn.execute("DELETE FROM clarion.api_client WHERE account_id = %s", (acme.account_id,))
    assert await operator.refused("DELETE", f"/v2/accounts/{acme.account_id}") == (409, "resource_in_use")


async def test_v2_rule_5_8_messages_sort_by_timestamp(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "New")
    for number in range(3):
        await operator.create(f"{path}/case-messages", {"message": f"Note {number}"})
    found = await operator.get(f"{path}/case-messages?page[limit]=2")
    assert found["metadata"]["sort"] == ["Timestamp"]
    assert [each["message"] for each in found["data"]] == ["Link is down since 09:10.", "Note 0"]
    rest = await operator.get(found["links"]["next"])
    assert [each["message"] for each in rest["data"]] == ["Note 1", "Note 2"]
    newest = await operator.get(f"{path}/case-messages?sort=-Timestamp")
    assert [each["message"] for each in newest["data"]] == [
        *["Note 2", "Note 1", "Note 0"],
        "Link is down since 09:10.",
    ]


async def test_v2_rule_5_10_messages_are_filtered_by_type_and_sender(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "PendingCustomer")
    await acme.customer.create(f"{path}/case-messages", {"message": "Done."})
    list_ = f"{path}/case-messages"
    assert len((await operator.get(f"{list_}?filter[Type]=StatusChange"))["data"]) == 2
    assert len((await operator.get(f"{list_}?filter[SentBy]=Customer"))["data"]) == 2
    both = await operator.get(f"{list_}?filter[SentBy][in]=Customer,System&filter[type]=Comment")
    assert [each["message"] for each in both["data"]] == ["Done."]


async def test_v2_rule_5_9_cases_sort_by_status_and_priority_as_declared(acme: Desk, operator: Client) -> None:
    made = []
    for status, priority in (("OnHold", "P4"), ("New", "P1"), ("InProgress", "P4"), ("New", "P3"), ("New", "P1")):
        path = await standing(operator, acme, status, priority=priority)
        made.append((status, priority, path.rpartition("/")[2]))
    a, b, c, d, e = [case_id for _, _, case_id in made]

    async def ids(query: str) -> list[str]:
        found = await operator.get(f"/v2/cases?{query}")
        assert found["metadata"]["total"] == len(found["data"])
        return [case["caseId"] for case in found["data"]]

    assert await ids("sort=Status") == [b, d, e, c, a]
    assert await ids("sort=-Status") == [a, c, b, d, e]
    assert await ids("sort=Priority,-CreatedDate") == [e, b, d, c, a]
    assert await ids("sort=-Priority") == [a, c, d, b, e]
    assert await ids("sort=-Priority,Status") == [c, a, d, b, e]
    assert await ids("filter[Status][in]=OnHold,New,New&sort=-CreatedDate") == [e, d, b, a]
    assert await ids("filter[Status][in]=OnHold,New&filter[Priority][in]=P3,P4&sort=-CaseId") == [d, a]
    assert await ids("filter[Status][in]=OnHold,New&filter[Status][ne]=New") == [a]
    assert await ids("filter[Status]=New&sort=-Priority") == [d, b, e]
    assert await ids("filter[Priority][in]=P1&filter[Status]=OnHold") == []


async def test_v2_rule_7_4_of_two_changes_with_one_tag_one_succeeds(acme: Desk, operator: Client) -> None:
    path = await standing(operator, acme, "New")
    tag = (await operator.call("GET", path)).headers["etag"]
    answers = await asyncio.gather(
        *(operator.call("PATCH", path, {"priority": p}, headers={"If-Match": tag}) for p in ("P1", "P2"))
    )
    assert sorted(answer.status for answer in answers) == [200, 412]


async def test_v2_rule_18_7_events_are_recorded_with_the_change(api: Api, acme: Desk, operator: Client) -> None:
    made = await operator.create("/v2/cases", acme.incident())
    path = f"/v2/cases/{made['caseId']}"
    await operator.change(path, {"priority": "P1", "customerReference": "INC0042"})
    await operator.change(path, {"priority": "P1"})
    await operator.change(path, {"status": "Resolved", "statusReason": "Done."})
    assert await operator.refused("PATCH", path, {"status": "OnHold"}) == (409, "invalid_state_transition")
    assert await events(api.database, made["caseId"]) == [
        ("case.created", path, set()),
        ("case.updated", path, {"priority", "customerReference"}),
        ("case.updated", path, {"status", "statusReason", "resolvedDate"}),
    ]
    for message in (await operator.get(f"{path}/case-messages"))["data"]:
        own = f"{path}/case-messages/{message['caseMessageId']}"
        assert await events(api.database, message["caseMessageId"]) == [("case_message.created", own, set())]
