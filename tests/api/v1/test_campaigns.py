"""Campaigns (v1 rules 26 to 28, 33 to 35, 44)."""

from datetime import datetime

import pytest

from tests.api.v1.client import V1Client

SPRING = {
    "name": "Spring sale",
    "externalId": "spring",
    "description": "Everything in green",
    "startDate": "2031-03-01T08:00:00+01:00",
    "endDate": "2031-03-31T23:59:59+02:00",
}


async def test_rule_28_create_answers_the_id_and_what_was_written_can_be_read(v1: V1Client) -> None:
    created = (await v1.post(v1.path("campaigns"), SPRING)).id
    shown = (await v1.get(v1.path(f"campaigns/{created}"))).json
    assert {**SPRING, "id": created, "startDate": None, "endDate": None} == {
        **shown,
        "startDate": None,
        "endDate": None,
    }
    for member in ("startDate", "endDate"):
        assert datetime.fromisoformat(shown[member]) == datetime.fromisoformat(SPRING[member])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2031-03-01T08:00:00+01:00", "2031-03-01T07:00:00Z"),
        ("2031-03-01T08:00:00Z", "2031-03-01T08:00:00Z"),
        ("2031-03-01T08:00:00.250-00:30", "2031-03-01T08:30:00.250000Z"),
        ("2031-03-01T08:00:00", "2031-03-01T08:00:00Z"),
    ],
)
async def test_rule_34_dates_are_instants(v1: V1Client, given: str, shown: str) -> None:
    created = (await v1.post(v1.path("campaigns"), {"name": "Spring", "startDate": given})).id
    assert (await v1.get(v1.path(f"campaigns/{created}"))).json["startDate"] == shown


async def test_an_update_replaces_the_whole_campaign(v1: V1Client) -> None:
    created = (await v1.post(v1.path("campaigns"), SPRING)).id
    path = v1.path(f"campaigns/{created}")
    assert (await v1.put(path, {"name": "Summer", "startDate": None})).id == created
    assert (await v1.get(path)).json == {"id": created, "name": "Summer"}


async def test_members_only_the_server_sets_are_passed_over(v1: V1Client) -> None:
    created = (await v1.post(v1.path("campaigns"), {"id": 4711, "name": "Spring", "colour": "green"})).id
    assert (await v1.get(v1.path(f"campaigns/{created}"))).json == {"id": created, "name": "Spring"}


async def test_rule_35_a_delete_is_for_good_and_not_idempotent(v1: V1Client) -> None:
    created = (await v1.post(v1.path("campaigns"), SPRING)).id
    path = v1.path(f"campaigns/{created}")
    answer = await v1.delete(path)
    assert (answer.status, answer.body) == (200, b"")
    assert (await v1.delete(path)).refused(404, "API_ERR_DATA")
    assert (await v1.get(path)).refused(404, "API_ERR_DATA")
    assert (await v1.put(path, SPRING)).refused(404, "API_ERR_DATA")


async def test_rule_35_messages_of_a_deleted_campaign_stay_without_it(v1: V1Client) -> None:
    campaign = (await v1.post(v1.path("campaigns"), SPRING)).id
    body = {"name": "Hello", "campaignId": campaign, "messages": [{"text": "Hello"}]}
    message = (await v1.post(v1.path("messages"), body)).id
    assert (await v1.get(v1.path(f"messages/{message}"))).json["campaignId"] == campaign
    await v1.delete(v1.path(f"campaigns/{campaign}"))
    assert "campaignId" not in (await v1.get(v1.path(f"messages/{message}"))).json


@pytest.mark.parametrize("campaign_id", ["abc", "0", "-1", "1.5", "1e3", "99999999999999999999", "%31x"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_rule_26_an_id_that_is_no_positive_number_is_a_format_error(
    v1: V1Client, method: str, campaign_id: str
) -> None:
    answer = await v1.request(method, v1.path(f"campaigns/{campaign_id}"))
    assert answer.refused(400, "API_ERR_FORMAT")
    assert "`campaignId`" in answer.errors[0][1]


async def test_rule_27_a_campaign_of_another_application_is_absent(v1: V1Client) -> None:
    created = (await v1.post(v1.path("campaigns"), SPRING)).id
    elsewhere = v1.path(f"campaigns/{created}", v1.ios)
    for answer in (await v1.get(elsewhere), await v1.put(elsewhere, SPRING), await v1.delete(elsewhere)):
        assert answer.refused(404, "API_ERR_DATA")
    assert (await v1.get(v1.path(f"campaigns/{created}"))).status == 200


async def test_rule_44_an_external_id_is_used_once_in_an_application(v1: V1Client) -> None:
    first = (await v1.post(v1.path("campaigns"), SPRING)).id
    second = (await v1.post(v1.path("campaigns"), {"name": "Other"})).id
    assert (await v1.post(v1.path("campaigns"), SPRING)).refused(400, "API_ERR_DATA")
    assert (await v1.put(v1.path(f"campaigns/{second}"), SPRING)).refused(400, "API_ERR_DATA")
    assert (await v1.put(v1.path(f"campaigns/{first}"), {**SPRING, "name": "Again"})).id == first
    assert (await v1.post(v1.path("campaigns", v1.ios), SPRING)).status == 200


async def test_the_end_does_not_lie_before_the_start(v1: V1Client) -> None:
    body = {**SPRING, "startDate": "2031-03-02T00:00:00+02:00", "endDate": "2031-03-01T21:59:59Z"}
    answer = await v1.post(v1.path("campaigns"), body)
    assert answer.refused(400, "API_ERR_FORMAT")
    assert "`endDate`" in answer.errors[0][1]
    assert (await v1.post(v1.path("campaigns"), {**body, "endDate": "2031-03-01T22:00:00Z"})).status == 200


async def test_rule_20_every_malformed_field_is_named_and_nothing_is_written(v1: V1Client) -> None:
    body = {"externalId": "", "description": 7, "startDate": "tomorrow", "endDate": "2031-13-01T00:00:00Z"}
    answer = await v1.post(v1.path("campaigns"), body)
    assert answer.status == 400
    assert answer.labels == ["API_ERR_FORMAT"] * 5
    named = [message.split("`")[1] for _, message in answer.errors]
    assert named == ["name", "externalId", "description", "startDate", "endDate"]
    assert (await v1.get(v1.path("campaigns"))).json["data"] == []


async def test_rule_20_the_path_and_the_body_are_judged_together(v1: V1Client) -> None:
    answer = await v1.put(v1.path("campaigns/abc"), {"name": ""})
    assert answer.labels == ["API_ERR_FORMAT"] * 2
    assert [message.split("`")[1] for _, message in answer.errors] == ["campaignId", "name"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"name":',
        b'{"name":"a","name":"b"}',
        b'{"name":"a\\u0000b"}',
        b'{"name":"\\ud800"}',
        b'{"name":"\xff"}',
        b'{"name":"a","startDate":"0000-01-01T00:00:00Z"}',
        b'{"name":"a","startDate":"2031-01-01T00:00:60Z"}',
        b'{"name":"a","x":' + b"[" * 200 + b"]" * 200 + b"}",
    ],
)
async def test_rule_22_what_cannot_be_read_is_a_format_error(v1: V1Client, body: bytes) -> None:
    assert (await v1.post(v1.path("campaigns"), body=body)).refused(400, "API_ERR_FORMAT")


async def test_texts_of_any_script_come_back_as_they_were(v1: V1Client) -> None:
    name = "Frühling 春 \U0001f338 ' \" \\ % _ \x7f\u202e"
    created = (await v1.post(v1.path("campaigns"), {"name": name})).id
    assert (await v1.get(v1.path(f"campaigns/{created}"))).json["name"] == name
