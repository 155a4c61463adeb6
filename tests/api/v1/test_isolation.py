"""Tenant isolation, generated from the contract: every operation, seen by those who have no right to what it reaches.

Three callers try each operation of an application: somebody without a right to it, a viewer, and somebody else's
operator who addresses their own application with the ids of this one (v1 rules 12, 16, 18, 27).
"""

from typing import Any

import pytest
from msgspec import UNSET, Struct
from psycopg import sql

from clarion.api.contract.document import Document, Operation
from clarion.apps import declarations
from clarion.apps import service as apps
from clarion.apps.model import App, DeclarationKind, Platform
from clarion.audience import service as audience
from clarion.db.sql import app_table, tuples, value
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.identity.model import Role
from tests.api.v1.client import V1Client
from tests.api.v1.conftest import another

MARK = "only-here-7f3a"
UNSCOPED = {"createAccessToken", "me", "sendInstantMessageMultiApp"}
DOCUMENT = Document.load("v1")
SCOPED = [operation for operation in DOCUMENT.operations.values() if "{partnerId}" in operation.path]
BODIES: dict[str, dict[str, Any]] = {
    "Campaign": {"name": "taken over"},
    "Message": {"name": "taken over", "messages": [{"text": "taken over"}]},
    "Inapp": {"name": "taken over", "messages": [{"template": {"type": "popup", "title": "x", "text": "x"}}]},
    "Alarm": {
        "name": "taken over",
        "messages": [{"text": "taken over"}],
        "settings": {"programmation": {"type": "timer", "duration": 1}},
    },
    "ActiveStatus": {"isActive": True},
    "InboxMessages": {
        "name": "taken over",
        "messages": [{"title": "x", "content": {"type": "text", "body": "x"}}],
        "sendingDate": "2031-03-02T09:00:00Z",
    },
    "InboxStatus": {"readDate": "2031-03-02T09:00:00Z"},
    "Schedule": {"nextSendingDate": "2031-03-02T09:00:00Z", "type": "DAILY"},
    "ScheduleExclusion": {"type": "DAYS", "days": "[1]"},
    "DeviceDataToUpdate": {"language": "xx", "token": f"{MARK}-token"},
    "DeviceGroupUpdate": {"matchingKeys": ["UDID"], "users": [{"UDID": MARK, "language": "xx"}]},
    "StaticList": {"name": "taken over"},
    "ListUsers": {"users": [{"deviceId": MARK}]},
    "Geofence": {"info": {"name": "taken over", "latitude": 1, "longitude": 1, "radius": 1}},
    "BeaconResource": {"info": {"name": "taken over", "uuid": "0F9D2B6C-1111-4222-8333-444455556666"}},
    "Geogroup": {"name": "taken over"},
    "ObjectTechnicalType": {"id": 1},
}


class Company(Struct):
    """Objects of one application, all of whose texts hold the mark, and another application with nothing."""

    owner: V1Client
    ids: dict[str, str]
    segment: int
    static_list: int
    other: App
    outsider: V1Client


@pytest.fixture
async def company(v1: V1Client) -> Company:
    """The Android application has one object of each kind; `outsider` manages an Android application of their own."""
    campaign = (await v1.post(v1.path("campaigns"), {"name": MARK, "externalId": MARK})).id
    contents = [{"text": MARK, "interactiveButtons": {"buttons": [{"id": MARK}]}}]
    message = {"name": MARK, "externalId": MARK, "campaignId": campaign, "messages": contents}
    message_id = (await v1.post(v1.path("messages"), message)).id
    await v1.post(v1.path(f"messages/{message_id}/schedules"), BODIES["Schedule"])
    triggered = {name: {**BODIES[name], "name": MARK, "externalId": MARK} for name in ("Inapp", "Alarm")}
    inapp = (await v1.post(v1.path("inapps"), triggered["Inapp"])).id
    alarm = (await v1.post(v1.path("alarms"), triggered["Alarm"])).id
    letter = {**BODIES["InboxMessages"], "name": MARK, "externalId": MARK}
    inbox = (await v1.post(v1.path("inboxes"), letter)).id
    places = {}
    for kind, name in (("geofence", "Geofence"), ("beacon", "BeaconResource")):
        info = {"info": {**BODIES[name]["info"], "name": MARK, "externalId": MARK}}
        places[f"{kind}Id"] = str((await v1.post(v1.path(f"{kind}s"), info)).id)
    places["geogroupId"] = str((await v1.post(v1.path("geogroups"), {"name": MARK, "externalId": MARK})).id)
    await v1.post(v1.path(f"geogroups/{places['geogroupId']}/beacons"), {"id": int(places["beaconId"])})
    outsider = await another(v1, "outsider@else.example", Role.OPERATOR, grants=False)
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, v1.android, [DeviceRecord(MARK, {TOKEN: f"{MARK}-token"})])
        scheme = await apps.load_scheme(conn, v1.android.id)
        segment = await audience.create_segment(conn, v1.android.id, scheme, MARK, {"all": []})
        static_list = await audience.create_list(conn, v1.android.id, MARK, MARK)
        await declarations.declare(conn, v1.android.id, DeclarationKind.COLLAPSE_KEY, MARK)
        await declarations.declare(conn, v1.android.id, DeclarationKind.BUTTON_TEMPLATE, MARK)
        other, _ = await apps.create_app(conn, v1.sealer, "else", Platform.ANDROID, "Else")
        await apps.grant(conn, other.id, outsider.person.id)
    ids = {"campaignId": str(campaign), "messageId": str(message_id), "udid": MARK, "externalId": MARK}
    ids |= {"inappId": str(inapp), "alarmId": str(alarm), "inboxId": str(inbox)}
    ids |= places | {"listId": str(static_list.id)}
    return Company(v1, ids, segment.id, static_list.id, other, outsider)


def target(company: Company, operation: Operation, app: App) -> str:
    """The operation's path in an application, with the ids of the company; kinds without an object have id 1."""
    path = operation.path.replace("{partnerId}", app.partner_id)
    for parameter in operation.path_parameters:
        path = path.replace(f"{{{parameter.name}}}", company.ids.get(parameter.name, "1"))
    if operation.operation_id == "searchDevice" or operation.operation_id.startswith("setInbox"):
        path += f"?UDID={MARK}"
    return path


def body(operation: Operation) -> Any:
    """A body that would do harm."""
    return UNSET if operation.body is None else BODIES.get(operation.body.schema_name, {})


async def state(company: Company) -> list[tuple[str, Any]]:
    """A digest of every row that belongs to the company's application; the audit trail, which tells, aside."""
    app = company.owner.android
    owned = """
        SELECT c.table_name FROM information_schema.columns AS c JOIN information_schema.tables AS t
            USING (table_schema, table_name)
        WHERE c.table_schema = 'clarion' AND c.column_name = 'app_id' AND c.table_name <> 'audit' ORDER BY 1
    """
    digest = sql.SQL("SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} AS t WHERE {}")
    found: list[tuple[str, Any]] = []
    async with company.owner.database.connection() as conn:
        for (name,) in await tuples(conn, owned):
            query = digest.format(sql.Identifier("clarion", name), sql.SQL("t.app_id = %s"))
            found.append((name, await value(conn, query, (app.id,))))
        found += [
            (name, await value(conn, digest.format(app_table(app.id, name), sql.SQL("true"))))
            for name in ("device", "list_member", "inbox_row")
        ]
    return found


def test_every_operation_is_covered() -> None:
    """What does not address an application is named here, so that nobody forgets to think of it."""
    assert {operation.operation_id for operation in SCOPED} == DOCUMENT.operations.keys() - UNSCOPED


async def test_rules_16_and_18_without_a_right_every_operation_is_forbidden(company: Company) -> None:
    before = await state(company)
    for operation in SCOPED:
        path = target(company, operation, company.owner.android)
        answer = await company.outsider.request(operation.method, path, body(operation))
        assert answer.refused(403, "API_ERR_FORBIDDEN"), operation.operation_id
        assert MARK not in answer.text.replace(path, "")
        answer = await company.outsider.request(operation.method, path, body(operation), token=None)
        assert answer.refused(403, "API_ERR_TOKEN"), operation.operation_id
        answer = await company.owner.request(operation.method, path, body(operation), token="0" * 43)
        assert answer.refused(400, "API_ERR_TOKEN"), operation.operation_id
        answer = await company.outsider.request(operation.method, path, body(operation), token=company.owner.token)
        assert answer.refused(400, "API_ERR_SIGNATURE"), operation.operation_id
    assert await state(company) == before


async def test_a_viewer_is_refused_by_every_operation_that_writes(company: Company, viewer: V1Client) -> None:
    before = await state(company)
    for operation in SCOPED:
        path = target(company, operation, company.owner.android)
        answer = await viewer.request(operation.method, path, body(operation))
        if operation.method == "GET":
            assert answer.status in (200, 404), operation.operation_id
        else:
            assert answer.refused(403, "API_ERR_FORBIDDEN"), operation.operation_id
    assert await state(company) == before


async def test_rule_27_ids_of_another_application_reach_nothing(company: Company) -> None:
    """In an application of one's own, somebody else's ids are unknown ones; clicks and targets say 403."""
    before = await state(company)
    for operation in SCOPED:
        path = target(company, operation, company.other)
        answer = await company.outsider.request(operation.method, path, body(operation))
        name = operation.operation_id
        if name.endswith(("Clicks", "Targets")):
            assert answer.refused(403, "API_ERR_FORBIDDEN"), name
        elif name == "getStaticList":
            assert (answer.status, answer.json["data"]) == (200, []), "an unknown list is empty (v1 rule 75)"
        elif len(operation.path_parameters) > 1 or name == "searchDevice":
            assert answer.status == 404, (name, answer.body)
        else:
            assert answer.status in (200, 400), (name, answer.body)
        assert MARK not in answer.text.replace(path, ""), name
    assert await state(company) == before


@pytest.mark.parametrize(
    ("reference", "status"),
    [
        ({"campaignId": "campaign"}, 400),
        ({"segments": {"testSegments": ["segment"]}}, 400),
        ({"segments": {"campaignSegments": ["segment"]}}, 400),
        ({"lists": [{"listId": "list"}]}, 400),
        ({"lists": [{"externalId": MARK}]}, 400),
        ({"messages": [{"text": "x", "collapseKey": MARK}]}, 404),
        ({"messages": [{"text": "x", "interactiveButtons": {"template": MARK}}]}, 404),
    ],
)
async def test_rules_39_and_27_a_message_cannot_refer_to_another_application(
    company: Company, reference: dict[str, Any], status: int
) -> None:
    ids = {"campaign": int(company.ids["campaignId"]), "segment": company.segment, "list": company.static_list}

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: filled(child) for name, child in part.items()}
        return [filled(child) for child in part] if isinstance(part, list) else ids.get(part, part)

    outsider, own = company.outsider, company.other
    draft = {"name": "x", "messages": [{"text": "x"}], **filled(reference)}
    assert (await outsider.post(outsider.path("messages", own), draft)).refused(status, "API_ERR_DATA")
    mine = (await outsider.post(outsider.path("messages", own), {"name": "x", "messages": [{"text": "x"}]})).id
    assert (await outsider.put(outsider.path(f"messages/{mine}", own), draft)).refused(status, "API_ERR_DATA")
    allowed = await company.owner.post(company.owner.path("messages"), draft)
    assert allowed.status == 200, allowed.body


async def test_rules_44_and_70_names_are_unique_in_one_application_only(company: Company) -> None:
    """External ids, UDIDs and push tokens of another application are free, and taking them takes nothing away."""
    outsider, own = company.outsider, company.other
    before = await state(company)
    named = {"name": "x", "externalId": MARK}
    assert (await outsider.post(outsider.path("campaigns", own), named)).status == 200
    assert (await outsider.post(outsider.path("messages", own), {**named, "messages": [{"text": "x"}]})).status == 200
    async with company.owner.database.transaction() as conn:
        await devices.upsert(conn, own, [DeviceRecord(MARK)])
    path = outsider.path(f"devices/{MARK}", own)
    assert (await outsider.put(path, {"token": f"{MARK}-token", "language": "xx"})).status == 200
    assert await state(company) == before
