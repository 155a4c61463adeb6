"""What every request passes: route, method, credentials, media types, parameters, the form of the body."""

import json
from collections.abc import Sequence
from uuid import uuid4

import psycopg
import pytest

from clarion.api.edge import create_app
from clarion.api.sdk.call import Call, Services
from clarion.api.sdk.surface import SdkSurface
from clarion.assembly.operations import SDK_HANDLERS
from clarion.base.errors import Unavailable
from clarion.base.sealing import Sealer
from clarion.db.batching import Busy
from tests.api.asgi import call
from tests.api.sdk.client import (
    CONFIG,
    DEVICE,
    REGISTER,
    REPORTS,
    TOKEN,
    Phone,
    SdkClient,
    findings,
    instant,
    problem,
    report,
)

EVERY = [("POST", REGISTER), ("PUT", DEVICE), ("PUT", TOKEN), ("POST", REPORTS), ("GET", CONFIG)]
OF_DEVICES = EVERY[1:]
BODIES = {REGISTER: {}, DEVICE: {}, TOKEN: {"token": None}, REPORTS: {"reports": []}}


def who(sdk: SdkClient, phone: Phone, path: str) -> str:
    return sdk.key() if path == REGISTER else phone.authorization


# Routes and methods


@pytest.mark.parametrize("path", ["/sdk", "/sdk/v1", "/sdk/v1/registers", "/sdk/v1/register/", "/sdk/v2/register"])
async def test_an_unknown_path_is_told(sdk: SdkClient, path: str) -> None:
    answer = await sdk.call("POST", path)
    assert problem(answer) == (404, "route_not_found")
    sdk.checker.check_component("UnknownRoute", answer.headers, answer.body)


@pytest.mark.parametrize(("method", "path"), EVERY)
async def test_another_method_is_told_those_there_are(sdk: SdkClient, method: str, path: str) -> None:
    answer = await sdk.call("DELETE", path)
    assert problem(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == ("GET, HEAD" if method == "GET" else method)


@pytest.mark.parametrize(("method", "path"), EVERY)
async def test_a_page_of_any_origin_may_ask_and_call(sdk: SdkClient, method: str, path: str) -> None:
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": method}
    answer = await sdk.call("OPTIONS", path, headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert method in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


async def test_the_head_of_a_read_has_no_body(sdk: SdkClient, phone: Phone) -> None:
    answer = await sdk.call("HEAD", CONFIG, authorization=phone.authorization)
    assert (answer.status, answer.body) == (200, b"")


# Credentials


@pytest.mark.parametrize(("method", "path"), EVERY)
@pytest.mark.parametrize(
    "scheme",
    [None, "", "Clarion-App", "Clarion-Device", "Bearer x:y", "Clarion-App :", "Clarion-Device a", "Basic YTpi"],
)
async def test_without_credentials_the_scheme_is_told(
    sdk: SdkClient, method: str, path: str, scheme: str | None
) -> None:
    answer = await sdk.call(method, path, BODIES.get(path, {}), authorization=scheme)
    assert problem(answer) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == ("Clarion-App" if path == REGISTER else "Clarion-Device")


@pytest.mark.parametrize(("method", "path"), OF_DEVICES)
async def test_the_key_of_an_application_only_registers(sdk: SdkClient, method: str, path: str) -> None:
    partner_id, key = sdk.app().partner_id, sdk.apps["android"][1]
    for authorization in (sdk.key(), f"Clarion-Device {partner_id}:{key}"):
        answer = await sdk.call(method, path, BODIES.get(path, {}), authorization=authorization)
        assert answer.status == 401


async def test_the_secret_of_a_device_does_not_register(sdk: SdkClient, phone: Phone) -> None:
    for authorization in (phone.authorization, f"Clarion-App {phone.app.partner_id}:{phone.secret}"):
        assert (await sdk.call("POST", REGISTER, {}, authorization=authorization)).status == 401


@pytest.mark.parametrize("change", ["x", "\xff", "\x00", " ", ":"])
async def test_a_wrong_key_is_told_from_an_unknown_application_by_nothing(sdk: SdkClient, change: str) -> None:
    app, key = sdk.apps["android"]
    other = sdk.apps["other"][1]
    texts = set()
    for partner_id, secret in ((app.partner_id, key + change), (app.partner_id, other), (f"no{change}", key)):
        answer = await sdk.call("POST", REGISTER, {}, authorization=f"Clarion-App {partner_id}:{secret}")
        if change == " " and secret.endswith(" "):  # blanks around a header belong to nobody
            assert answer.status == 200
            continue
        assert problem(answer) == (401, "invalid_token")
        texts.add(json.loads(answer.body)["detail"])
    assert len(texts) == 1


async def test_a_device_of_one_application_is_nobody_in_another(sdk: SdkClient, phone: Phone) -> None:
    """Tenants: the secret names a device id, which another application may not know or may give to somebody else."""
    foreign = Phone(sdk.app("other"), phone.udid, phone.secret)
    for method, path in OF_DEVICES:
        answer = await sdk.call(method, path, BODIES.get(path, {}), authorization=foreign.authorization)
        assert problem(answer) == (401, "invalid_token")
        assert answer.headers["www-authenticate"] == 'Clarion-Device error="invalid_token"'


@pytest.mark.parametrize(("method", "path"), OF_DEVICES)
async def test_a_secret_with_a_wrong_letter_opens_nothing(sdk: SdkClient, phone: Phone, method: str, path: str) -> None:
    named, _, rest = phone.secret.partition(".")
    neighbour = await sdk.register()
    for secret in (
        phone.secret[:-1],
        phone.secret + "x",
        f"{neighbour.secret.partition('.')[0]}.{rest}",
        named,
        f"{named}.",
    ):
        authorization = f"Clarion-Device {phone.app.partner_id}:{secret}"
        assert (await sdk.call(method, path, BODIES.get(path, {}), authorization=authorization)).status == 401


async def test_the_scheme_is_read_in_any_case(sdk: SdkClient, phone: Phone) -> None:
    authorization = phone.authorization.replace("Clarion-Device", "clarion-DEVICE")
    assert (await sdk.call("GET", CONFIG, authorization=authorization)).status == 200


# Media types, parameters, bodies


@pytest.mark.parametrize(("method", "path"), EVERY)
async def test_a_parameter_in_the_address_is_a_mistake(sdk: SdkClient, phone: Phone, method: str, path: str) -> None:
    for query, code in (("dryRun=1", "unknown_parameter"), ("%zz=1", "invalid_parameter")):
        answer = await sdk.call(method, f"{path}?{query}", BODIES.get(path, {}), authorization=who(sdk, phone, path))
        assert problem(answer) == (400, code)


@pytest.mark.parametrize("path", [REGISTER, REPORTS, CONFIG])
async def test_who_takes_no_json_gets_none(sdk: SdkClient, phone: Phone, path: str) -> None:
    method = "GET" if path == CONFIG else "POST"
    answer = await sdk.call(
        method, path, BODIES.get(path, {}), authorization=who(sdk, phone, path), headers={"Accept": "text/html"}
    )
    assert problem(answer) == (406, "not_acceptable")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip"},
    ],
)
async def test_only_plain_json_is_taken(sdk: SdkClient, phone: Phone, headers: dict[str, str]) -> None:
    answer = await sdk.call("PUT", DEVICE, {}, authorization=phone.authorization, headers=headers)
    assert problem(answer) == (415, "unsupported_media_type")


async def test_a_charset_in_the_media_type_does_no_harm(sdk: SdkClient, phone: Phone) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8", "Content-Encoding": "identity"}
    assert (await sdk.call("PUT", DEVICE, {}, authorization=phone.authorization, headers=headers)).status == 204


@pytest.mark.parametrize("path", [REGISTER, DEVICE, TOKEN, REPORTS])
@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"a":1,"a":2}', b"\xff", b'{"a":"\\ud800"}', b"[" * 40 + b"]" * 40, b"NaN", b'{"a":1e999}']
)
async def test_what_is_not_strict_json_is_malformed(sdk: SdkClient, phone: Phone, path: str, raw: bytes) -> None:
    method = "PUT" if path in (DEVICE, TOKEN) else "POST"
    headers = {"Content-Type": "application/json"}
    answer = await sdk.call(method, path, raw=raw, authorization=who(sdk, phone, path), headers=headers)
    assert problem(answer) == (400, "malformed_request")


@pytest.mark.parametrize("path", [REGISTER, DEVICE, TOKEN, REPORTS])
@pytest.mark.parametrize("body", [None, [], "x", 1, True])
async def test_a_body_that_is_no_object_is_a_finding(sdk: SdkClient, phone: Phone, path: str, body: object) -> None:
    method = "PUT" if path in (DEVICE, TOKEN) else "POST"
    answer = await sdk.call(method, path, body, authorization=who(sdk, phone, path))
    assert findings(answer) == [("invalid_type", "#")]


async def test_a_body_over_the_limit_is_refused_unread(sdk: SdkClient, phone: Phone) -> None:
    limit = 256 * 1024
    fits = json.dumps({"reports": []}).encode().ljust(limit)
    answer = await sdk.call("POST", REPORTS, raw=fits, authorization=phone.authorization)
    assert answer.status == 200
    answer = await sdk.call("POST", REPORTS, raw=fits + b" ", authorization=phone.authorization)
    assert problem(answer) == (413, "payload_too_large")


async def test_an_unknown_member_never_passes_silently(sdk: SdkClient, phone: Phone) -> None:
    asked = {
        REGISTER: ({"tokn": "x", "profile": {"langage": "fr"}}, ["#/tokn", "#/profile/langage"]),
        DEVICE: ({"langage": "fr"}, ["#/langage"]),
        TOKEN: ({"token": None, "notificationAllowed": True}, ["#/notificationAllowed"]),
        REPORTS: ({"reports": [], "sentAt": 1}, ["#/sentAt"]),
    }
    for path, (body, places) in asked.items():
        method = "PUT" if path in (DEVICE, TOKEN) else "POST"
        answer = await sdk.call(method, path, body, authorization=who(sdk, phone, path))
        assert findings(answer) == [("unknown_field", place) for place in places]


async def test_an_id_of_the_exchange_is_kept_when_it_can_be(sdk: SdkClient) -> None:
    own = str(uuid4())
    assert (await sdk.call("GET", CONFIG, headers={"X-Request-Id": own})).headers["x-request-id"] == own
    assert (await sdk.call("GET", CONFIG, headers={"X-Request-Id": "a b"})).headers["x-request-id"] != "a b"


# Configuration, and what goes wrong here


async def test_the_configuration_tells_limits_and_time(sdk: SdkClient, phone: Phone) -> None:
    answer = await sdk.call("GET", CONFIG, authorization=phone.authorization)
    found = json.loads(answer.body)
    assert (found["reportInterval"], found["batchSize"], found["bodyLimit"]) == (60, 500, 262_144)
    assert abs(instant(found["serverTime"]) - instant(report()["at"])).total_seconds() < 70
    assert answer.headers["cache-control"] == "no-store"


class Ready:
    async def ready(self) -> Sequence[str]:
        return ()


@pytest.mark.parametrize("error", [Unavailable("The database is down."), psycopg.OperationalError("gone"), Busy()])
async def test_a_database_that_is_away_asks_for_patience(
    sdk: SdkClient, sealer: Sealer, phone: Phone, error: Exception
) -> None:
    async def broken(call: Call) -> None:
        raise error

    surface = SdkSurface(sdk.contract, Services(sdk.database, sealer), {**SDK_HANDLERS, "getConfig": broken})  # type: ignore[dict-item]
    sdk.edge = create_app([surface], Ready())
    answer = await sdk.call("GET", CONFIG, authorization=phone.authorization)
    assert problem(answer) == (503, "service_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "gone" not in answer.body.decode()


async def test_a_failure_of_ours_tells_its_reference_only(sdk: SdkClient, sealer: Sealer, phone: Phone) -> None:
    async def broken(call: Call) -> None:
        raise ValueError("a secret detail")

    surface = SdkSurface(sdk.contract, Services(sdk.database, sealer), {**SDK_HANDLERS, "getConfig": broken})  # type: ignore[dict-item]
    sdk.edge = create_app([surface], Ready())
    answer = await sdk.call("GET", CONFIG, authorization=phone.authorization, besides=[500])
    assert problem(answer) == (500, "internal_error")
    assert b"detail" not in answer.body.replace(b'"detail"', b"")


async def test_a_plain_connection_gets_no_promise_of_https(sdk: SdkClient) -> None:
    assert "strict-transport-security" in (await sdk.call("GET", CONFIG)).headers
    plain = await call(sdk.edge, "GET", CONFIG, scheme="http", client="127.0.0.1", server="127.0.0.1")
    assert plain.status == 401
    assert "strict-transport-security" not in plain.headers
