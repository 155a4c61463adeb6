"""Transport, signature, token, rights and routes (v1 rules 1 to 18, 23, 105, 106)."""

from datetime import timedelta

import pytest

from clarion.api.v1.call import V1Settings
from clarion.base import clock
from clarion.identity import service as identity
from clarion.identity.signature import sign, time_window
from tests.api.v1.client import V1Client

ME = "/v1/me"


async def test_rule_17_me_answers_the_bare_word(v1: V1Client) -> None:
    answer = await v1.get(ME)
    assert (answer.status, answer.text, answer.headers["content-type"]) == (200, "Welcome", "text/plain")


async def test_rule_1_queries_are_url_encoded(v1: V1Client) -> None:
    name = "été & co/50+50=100#?"
    made = await v1.post(v1.path("messages"), {"name": name, "messages": [{"text": "Hello"}]})
    for encoded in (
        "%C3%A9t%C3%A9%20%26%20co%2F50%2B50%3D100%23%3F",
        "%c3%a9t%c3%a9+%26+co/50%2B50=100%23?",
    ):
        found = await v1.get(f"{v1.path('messages')}?title={encoded}")
        assert [message["id"] for message in found.json["data"]] == [made.id]
    for broken in ("%C3", "%ZZ", "%ED%A0%80"):
        assert (await v1.get(f"{v1.path('messages')}?title={broken}")).refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        (ME, "text/plain"),
        ("/v1/me/apps/demo-android/campaigns", "application/json"),
        ("/v1/me/apps/demo-android/campaigns/abc", "application/json"),
        ("/v1/me/apps/demo-android/devices", "text/csv; charset=utf-8"),
        ("/v1/nowhere", "application/json"),
    ],
)
async def test_rule_1_answers_are_json_unless_the_route_says_otherwise(
    v1: V1Client, path: str, media_type: str
) -> None:
    assert (await v1.get(path)).headers["content-type"] == media_type


@pytest.mark.parametrize("media_type", [None, "application/json", "application/json; charset=UTF-8", "text/plain"])
async def test_rule_1_a_body_is_read_as_json_whatever_it_is_called(v1: V1Client, media_type: str | None) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    assert (await v1.post(v1.path("campaigns"), {"name": "Spring"}, headers=headers)).status == 200
    assert (await v1.post(v1.path("campaigns"), body=b"name=Spring", headers=headers)).refused(400, "API_ERR_FORMAT")


async def test_rule_3_header_names_have_no_case(v1: V1Client) -> None:
    signed = v1.signature_headers(b"")
    shouted = {name.upper(): value for name, value in signed.items()}
    assert (await v1.get(ME, sign=False, headers=shouted)).status == 200


@pytest.mark.parametrize("missing", ["accengage-signature", "accengage-time"])
async def test_rule_11_a_missing_header_is_a_wrong_signature(v1: V1Client, missing: str) -> None:
    signed = {name: value for name, value in v1.signature_headers(b"").items() if name != missing}
    assert (await v1.get(ME, sign=False, headers=signed)).refused(400, "API_ERR_SIGNATURE")


@pytest.mark.parametrize("time", ["", "yesterday", "1507722391.5"])
async def test_rule_11_a_time_that_is_no_number_is_a_wrong_signature(v1: V1Client, time: str) -> None:
    headers = {"accengage-time": time, "accengage-signature": sign(b"", v1.api_key, time)}
    assert (await v1.get(ME, sign=False, headers=headers)).refused(400, "API_ERR_SIGNATURE")


async def test_rule_4_the_time_is_whole_seconds_in_decimal(v1: V1Client) -> None:
    now = int(clock.now().timestamp())
    assert v1.signature_headers(b"")["accengage-time"] == str(now)
    for time, status in (
        (f"{now}", 200),
        (f"{now}.0", 400),
        (f"{now:x}h", 400),
        (f"0x{now:x}", 400),
        (f"{now:.2e}", 400),
    ):
        headers = {"accengage-time": time, "accengage-signature": sign(b"", v1.api_key, time)}
        answer = await v1.get(ME, sign=False, headers=headers)
        assert answer.status == status
        assert status == 200 or answer.refused(400, "API_ERR_SIGNATURE")


async def test_rule_11_an_empty_or_foreign_signature_is_refused(v1: V1Client, stranger: V1Client) -> None:
    assert (await v1.get(ME, headers={"accengage-signature": ""})).refused(400, "API_ERR_SIGNATURE")
    foreign = stranger.signature_headers(b"")
    assert (await v1.get(ME, sign=False, headers=foreign)).refused(400, "API_ERR_SIGNATURE")


async def test_rule_8_the_signature_may_be_in_upper_case(v1: V1Client) -> None:
    signed = v1.signature_headers(b"")
    assert (await v1.get(ME, headers={"accengage-signature": signed["accengage-signature"].upper()})).status == 200


async def test_rule_10_any_time_passes_by_default(v1: V1Client) -> None:
    headers = {"accengage-time": "86400", "accengage-signature": sign(b"", v1.api_key, "86400")}
    assert (await v1.get(ME, headers=headers)).status == 200


async def test_rule_6_the_bytes_received_are_signed(v1: V1Client) -> None:
    spaced = b'{ "name" : "Spring" }'
    path = v1.path("campaigns")
    assert (await v1.post(path, body=spaced)).status == 200
    compact = v1.signature_headers(b'{"name":"Spring"}')
    assert (await v1.post(path, body=spaced, headers=compact)).refused(400, "API_ERR_SIGNATURE")


async def test_rule_7_a_get_signs_the_empty_body(v1: V1Client) -> None:
    assert (await v1.get(ME, body=b'{"email":"ops@shop.example"}')).status == 200


async def test_rule_105_a_get_signed_with_another_body_is_refused(v1: V1Client) -> None:
    login = b'{"email":"ops@shop.example"}'
    answer = await v1.get(ME, headers=v1.signature_headers(login))
    assert answer.refused(400, "API_ERR_SIGNATURE")


async def test_rule_7_a_delete_is_signed_with_its_body_or_with_nothing(v1: V1Client) -> None:
    for signed in (b'{"why":"old"}', b""):
        created = (await v1.post(v1.path("campaigns"), {"name": "Spring"})).id
        path = v1.path(f"campaigns/{created}")
        wrong = await v1.delete(path, body=b'{"why":"old"}', headers=v1.signature_headers(b"else"))
        assert wrong.refused(400, "API_ERR_SIGNATURE")
        assert (await v1.delete(path, body=b'{"why":"old"}', headers=v1.signature_headers(signed))).status == 200


async def test_rule_13_a_token_is_given_for_the_address(v1: V1Client) -> None:
    answer = await v1.post("/v1/access_token", {"email": "OPS@shop.example"}, token=None)
    assert answer.status == 200
    assert answer.json["token_type"] == "Bearer"
    assert (await v1.get(ME, token=answer.json["access_token"])).status == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_rule_13_the_scheme_has_no_case(v1: V1Client, scheme: str) -> None:
    assert (await v1.get(ME, token=None, headers={"authorization": f"{scheme} {v1.token}"})).status == 200


async def test_rule_14_a_new_token_leaves_older_ones_alone(v1: V1Client) -> None:
    answer = await v1.post("/v1/access_token", {"email": v1.person.email}, token=None)
    assert answer.json["access_token"] != v1.token
    assert (await v1.get(ME)).status == 200


async def test_rule_14_a_token_ends_after_24_hours(v1: V1Client) -> None:
    clock.shift(timedelta(hours=23, minutes=59))
    assert (await v1.get(ME)).status == 200
    clock.shift(timedelta(hours=24, minutes=1))
    assert (await v1.get(ME)).refused(401, "API_ERR_TOKEN")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"{}", b'{"email":7}', b'{"mail":"ops@shop.example"}', b'{"email":"a\\u0000"}']
)
async def test_rule_15_a_body_of_another_shape_is_400_even_unsigned(v1: V1Client, body: bytes) -> None:
    answer = await v1.post("/v1/access_token", body=body, token=None, sign=False)
    assert answer.refused(400, "API_ERR_FORMAT")


async def test_rule_15_an_unknown_address_is_404_before_the_signature(v1: V1Client) -> None:
    answer = await v1.post("/v1/access_token", {"email": "nobody@shop.example"}, token=None, sign=False)
    assert answer.refused(404, "API_ERR_DATA")
    answer = await v1.post("/v1/access_token", {"email": v1.person.email}, token=None, sign=False)
    assert answer.refused(400, "API_ERR_SIGNATURE")


async def test_rule_16_token_absent_403_unknown_400(v1: V1Client) -> None:
    assert (await v1.get(ME, token=None)).refused(403, "API_ERR_TOKEN")
    assert (await v1.get(ME, token="")).refused(403, "API_ERR_TOKEN")
    assert (await v1.get(ME, token=None, headers={"authorization": "Basic b3BzOng="})).refused(403, "API_ERR_TOKEN")
    assert (await v1.get(ME, token="0123456789")).refused(400, "API_ERR_TOKEN")
    assert (await v1.get(ME, token="töken")).refused(400, "API_ERR_TOKEN")


async def test_rule_16_the_checks_come_in_their_order(v1: V1Client) -> None:
    """Every request here has all later faults as well; taking the first away shows the next."""
    nowhere, foreign = "/v1/me/apps/foreign/nothing", "/v1/me/apps/foreign/campaigns"
    wrong = {"accengage-signature": "0" * 40}
    body = {"nonsense": 1}
    assert (await v1.post(nowhere, body, token=None, headers=wrong)).refused(404, "API_ERR_UNKNOW_ROUTE")
    assert (await v1.post(foreign, body, token=None, headers=wrong)).refused(403, "API_ERR_TOKEN")
    assert (await v1.post(foreign, body, token="unknown", headers=wrong)).refused(400, "API_ERR_TOKEN")
    clock.shift(timedelta(days=2))
    assert (await v1.post(foreign, body, headers=wrong)).refused(401, "API_ERR_TOKEN")
    clock.shift(timedelta(0))
    assert (await v1.post(foreign, body, headers=wrong)).refused(400, "API_ERR_SIGNATURE")
    assert (await v1.post(foreign, body)).refused(403, "API_ERR_FORBIDDEN")
    assert (await v1.post(v1.path("campaigns"), body)).refused(400, "API_ERR_FORMAT")


async def test_rule_12_a_key_renewed_or_a_person_shut_out_ends_access_at_once(v1: V1Client) -> None:
    async with v1.database.transaction() as conn:
        await identity.disable(conn, v1.person.email)
    assert (await v1.get(ME)).refused(400, "API_ERR_TOKEN")
    answer = await v1.post("/v1/access_token", {"email": v1.person.email}, token=None)
    assert answer.refused(404, "API_ERR_DATA")


async def test_rule_18_unknown_and_foreign_applications_look_the_same(v1: V1Client, stranger: V1Client) -> None:
    foreign = await stranger.get(v1.path("campaigns"))
    unknown = await stranger.get("/v1/me/apps/no-such-app/campaigns")
    assert foreign.refused(403, "API_ERR_FORBIDDEN")
    assert (unknown.status, unknown.body) == (foreign.status, foreign.body)
    for odd in ("%00", "%ff", "%zz", "a" * 300):
        assert (await v1.get(f"/v1/me/apps/{odd}/campaigns")).refused(403, "API_ERR_FORBIDDEN")


async def test_rule_12_an_administrator_manages_every_application(administrator: V1Client) -> None:
    for app in administrator.apps.values():
        assert (await administrator.post(administrator.path("campaigns", app), {"name": "Spring"})).status == 200


async def test_a_viewer_reads_and_writes_nothing(v1: V1Client, viewer: V1Client) -> None:
    created = (await v1.post(v1.path("campaigns"), {"name": "Spring"})).id
    path = v1.path(f"campaigns/{created}")
    assert (await viewer.get(path)).json["name"] == "Spring"
    for refused in (
        await viewer.put(path, {"name": "Summer"}),
        await viewer.delete(path),
        await viewer.post(v1.path("campaigns"), {"name": "Summer"}),
        await viewer.post(v1.path("messages"), {}),
    ):
        assert refused.refused(403, "API_ERR_FORBIDDEN")
    assert (await viewer.get(path)).json["name"] == "Spring"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1/me/"),
        ("PATCH", "/v1/me"),
        ("OPTIONS", "/v1/access_token"),
        ("GET", "/v1/access_token"),
        ("DELETE", "/v1/me/apps/demo-android/campaigns"),
        ("GET", "/v1/ME"),
    ],
)
async def test_rule_23_an_unknown_route_names_method_and_path(v1: V1Client, method: str, path: str) -> None:
    answer = await v1.request(method, path, token=None, sign=False)
    assert answer.refused(404, "API_ERR_UNKNOW_ROUTE")
    assert answer.errors[0][1] == f"Unsupported {method} request : {path}"


async def test_rule_23_head_is_no_method_of_v1(v1: V1Client) -> None:
    answer = await v1.request("HEAD", ME)
    assert (answer.status, answer.body) == (404, b"")


async def test_every_write_leaves_a_line_in_the_audit_trail(v1: V1Client) -> None:
    created = (await v1.post(v1.path("campaigns"), {"name": "Spring"})).id
    await v1.delete(v1.path("campaigns/999"))
    await v1.get(v1.path("campaigns"))
    async with v1.database.connection() as conn:
        lines = await identity.last_audit_entries(conn)
    shown = [(line.operation, line.target, line.status, line.person_id, line.app_id) for line in lines]
    assert created
    assert shown == [
        ("deleteCampaign", v1.path("campaigns/999"), 404, v1.person.id, v1.android.id),
        ("createCampaign", v1.path("campaigns"), 200, v1.person.id, v1.android.id),
    ]


async def test_rule_24_a_lost_database_is_500_with_a_reference(v1: V1Client) -> None:
    await v1.database.close()
    answer = await v1.get(ME)
    assert answer.refused(500, "API_ERR_DB")
    assert "reference" in answer.errors[0][1]


class TestSizeOfBodies:
    """v1 rule 106."""

    @pytest.fixture
    def v1_settings(self) -> V1Settings:
        return V1Settings(body_limit=200, large_body_limit=400)

    async def test_rule_106_too_large_is_a_format_error_before_the_signature(self, v1: V1Client) -> None:
        body = {"name": "Spring", "description": "x" * 200}
        answer = await v1.post(v1.path("campaigns"), body, headers={"accengage-signature": "wrong"})
        assert answer.refused(400, "API_ERR_FORMAT")
        assert (await v1.post(v1.path("campaigns"), body, token=None)).refused(403, "API_ERR_TOKEN")

    async def test_rule_106_the_announced_length_is_enough(self, v1: V1Client) -> None:
        announced = {"content-length": "100000"}
        answer = await v1.post("/v1/access_token", {"email": "x"}, token=None, headers=announced)
        assert answer.refused(400, "API_ERR_FORMAT")

    async def test_rule_106_lists_and_group_updates_may_be_larger(self, v1: V1Client) -> None:
        fits = b'{"users":[],"x":"' + b"x" * 250 + b'"}'
        unsigned = {"accengage-signature": "wrong"}
        for path, method in (("lists", "POST"), ("lists/1", "PUT"), ("lists/1", "DELETE"), ("devices", "PUT")):
            answer = await v1.request(method, v1.path(path), body=fits, headers=unsigned)
            assert answer.refused(400, "API_ERR_SIGNATURE")
            answer = await v1.request(method, v1.path(path), body=fits * 2, headers=unsigned)
            assert answer.refused(400, "API_ERR_FORMAT")


class TestTimeWindow:
    """v1 rule 10."""

    @pytest.fixture
    def v1_settings(self) -> V1Settings:
        return V1Settings(signature_window=time_window(50_400))

    async def test_rule_10_a_window_refuses_times_far_away(self, v1: V1Client) -> None:
        now = int(clock.now().timestamp())
        for time, status in ((now - 50_000, 200), (now + 50_000, 200), (now - 51_000, 400), (now + 51_000, 400)):
            headers = {"accengage-time": str(time), "accengage-signature": sign(b"", v1.api_key, str(time))}
            assert (await v1.get(ME, headers=headers)).status == status
