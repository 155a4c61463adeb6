"""The samples of the guide verify true deliveries, and nothing else."""

import re
from pathlib import Path
from typing import Any

from tests.webhooks.delivering import Desk
from tests.webhooks.receiver import Received, Receiver, signed_by

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "webhooks.md"


def samples() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        exec(compile(code, str(GUIDE), "exec"), names)
    return names


def test_the_delivery_that_the_guide_shows_is_signed_by_the_secret_it_shows() -> None:
    text = GUIDE.read_text()
    secret = re.findall(r"whsec_[A-Za-z0-9+/]{43}=", text)[0]
    shown = dict(re.findall(r"^    (webhook-[a-z]+): (.*)$", text, re.MULTILINE))
    [body] = re.findall(r'^    (\{"type".*\})$', text, re.MULTILINE)
    assert signed_by(secret, Received(shown, body.encode()))


async def test_the_samples_of_the_guide_verify_a_delivery(desk: Desk, receiver: Receiver) -> None:
    _, secret = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        [got] = await receiver.count(1)
    names = samples()
    receive, is_genuine = names["receive"], names["is_genuine"]
    assert receive(secret, got.headers, got.body) == 204
    assert is_genuine(secret, got.headers, got.body)
    assert receive(secret, got.headers, got.body + b" ") == 401
    assert not is_genuine(secret, got.headers, got.body + b" ")
    old = {**got.headers, "webhook-timestamp": "1772443862"}
    assert not is_genuine(secret, old, got.body)
    assert receive(secret, old, got.body) == 401


async def test_the_sample_of_the_guide_drops_what_it_has_seen(desk: Desk, receiver: Receiver, capsys: Any) -> None:
    _, secret = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        [got] = await receiver.count(1)
    receive = samples()["receive"]
    assert [receive(secret, got.headers, got.body) for _ in range(2)] == [204, 204]
    assert capsys.readouterr().out == f"{got.payload['type']} {got.payload['data']['href']}\n"
