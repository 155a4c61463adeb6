"""No value anywhere in a body is a failure of ours: it is written, or refused with 4xx (v1 rules 20, 22)."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.api.v1.client import V1Client
from tests.api.v1.test_campaigns import SPRING
from tests.api.v1.test_messages import ANDROID, IOS, WEB

ODD: list[Any] = [
    None,
    "",
    "\x00",
    "x" * 300,
    random.Random(7).randbytes(1400).hex(),  # what does not compress is too long for an index
    "9999-12-31T23:59:59-23:00",
    -1,
    0,
    1.5,
    2**63,
    2**64,
    True,
    [],
    {},
    [[]],
]


def mutations(value: Any) -> Iterator[Any]:
    """The value with each of its nodes replaced by each odd value, one at a time, and with each member left out."""
    yield from ODD
    if isinstance(value, dict):
        for name, child in value.items():
            yield {key: kept for key, kept in value.items() if key != name}
            yield {**value, f"{name}\x00": child}
            for changed in mutations(child):
                yield {**value, name: changed}
    elif isinstance(value, list):
        for at, child in enumerate(value):
            for changed in mutations(child):
                yield [*value[:at], changed, *value[at + 1 :]]


@pytest.mark.parametrize(("platform", "entry"), [("android", ANDROID), ("ios", IOS), ("web", WEB)])
async def test_odd_values_in_messages(v1: V1Client, platform: str, entry: dict[str, Any]) -> None:
    entry = deepcopy(entry)
    entry.pop("collapseKey", None)
    entry.get("interactiveButtons", {}).pop("template", None)
    path = v1.path("messages", v1.apps[platform])
    body = {"name": "x", "segments": {"testSegments": [], "campaignSegments": []}, "lists": [], "messages": [entry]}
    for changed in mutations(body):
        answer = await v1.post(path, changed)
        assert answer.status in (200, 400, 404), (changed, answer.body)
        if answer.status == 200:
            assert (await v1.get(f"{path}/{answer.id}")).status == 200


async def test_odd_values_in_campaigns(v1: V1Client) -> None:
    for changed in mutations(SPRING):
        answer = await v1.post(v1.path("campaigns"), changed)
        assert answer.status in (200, 400), (changed, answer.body)
    assert (await v1.get(v1.path("campaigns"))).status == 200


async def test_odd_values_in_the_login(v1: V1Client) -> None:
    for changed in mutations({"email": v1.person.email}):
        answer = await v1.post("/v1/access_token", changed, token=None)
        assert answer.status in (400, 404), (changed, answer.body)
