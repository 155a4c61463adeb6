"""Whatever a body holds, the answer is one the document foresees, and never a failure of ours."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.sdk.client import APNS_TOKEN, DEVICE, FCM_TOKEN, KEYS, REGISTER, REPORTS, TOKEN, Phone, SdkClient, report

VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 1e300, 2**31, 2**63, -(2**63) - 1, 10**30, "", "-", "x" * 300, "x" * 5000, "a\x00b",
    "😀", "\u202e", "%s", "${udid}", "'; --", "\\", "2031-03-02", "9999-12-31 23:59:59", "0000-00-00", [], {}, [{}],
    {"": ""}, {"a": {"b": [1]}}, FCM_TOKEN, APNS_TOKEN, "https://127.0.0.1/x", KEYS, "Infinity", "1_000",
]  # fmt: skip
ODD = st.sampled_from(VALUES)
NAMES = {
    REGISTER: ["udid", "secret", "token", "keys", "profile", "extra"],
    DEVICE: ["language", "country", "timeZone", "model", "swVersion", "notificationsAllowed", "fields", "extra"],
    TOKEN: ["token", "keys", "notificationsAllowed", "extra"],
    REPORTS: ["reports", "extra"],
}
FIELDS = st.dictionaries(
    st.sampled_from(["points", "price", "since", "vip", "nickname", "NICKNAME", "udid", "token", "none", ""]),
    ODD,
)
PROFILES = st.dictionaries(st.sampled_from(NAMES[DEVICE]), ODD, max_size=4) | st.builds(lambda f: {"fields": f}, FIELDS)
MEMBERS = ["id", "type", "at", "messageId", "button", "code", "value", "extra"]


def changed(kind: str, members: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    whole = {**report(kind), **({"messageId": 7} if kind in ("displayed", "clicked") else {"code": 1001})}
    return {name: value for name, value in {**whole, **members}.items() if name not in gone}


REPORT = ODD | st.builds(
    changed,
    st.sampled_from(["open", "displayed", "clicked", "custom"]),
    st.dictionaries(st.sampled_from(MEMBERS), ODD, max_size=2),
    st.sets(st.sampled_from(MEMBERS), max_size=1),
)
BODIES = st.one_of(
    st.tuples(st.just(REGISTER), st.dictionaries(st.sampled_from(NAMES[REGISTER]), ODD, max_size=3)),
    st.tuples(st.just(REGISTER), st.builds(lambda p: {"profile": p}, PROFILES)),
    st.tuples(st.just(DEVICE), PROFILES),
    st.tuples(st.just(TOKEN), st.dictionaries(st.sampled_from(NAMES[TOKEN]), ODD, max_size=3)),
    st.tuples(st.just(REPORTS), st.builds(lambda r: {"reports": r}, st.lists(REPORT, max_size=4))),
    st.tuples(st.sampled_from([REGISTER, DEVICE, TOKEN, REPORTS]), ODD),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES)
async def test_odd_bodies_get_answers_of_the_document(sdk: SdkClient, phone: Phone, asked: tuple[str, Any]) -> None:
    path, body = asked
    for name in ("android", "ios", "web") if path == REGISTER else ("",):
        authorization = sdk.key(name) if name else phone.authorization
        method = "PUT" if path in (DEVICE, TOKEN) else "POST"
        answer = await sdk.call(method, path, body, authorization=authorization)
        assert answer.status < 500
        if path == REPORTS and answer.status == 200:
            receipt = json.loads(answer.body)
            judged = receipt["accepted"] + receipt["duplicates"] + len(receipt["rejected"])
            assert judged == len(body["reports"])
