"""Button templates that every application has: messages may name them without a declaration (v1 rules 39 and 41)."""

from typing import Any

import pytest

from tests.api.v1.client import V1Client


def draft(template: str) -> dict[str, Any]:
    group = {"template": template, "buttons": [{"id": "1", "action": "close"}]}
    return {"name": "Question", "messages": [{"text": "Coming?", "interactiveButtons": group}]}


@pytest.mark.parametrize("platform", ["android", "ios"])
async def test_v1_rule_39_templates_of_the_retired_sdks_are_known(v1: V1Client, platform: str) -> None:
    path = v1.path("messages", v1.apps[platform])
    made = (await v1.post(path, draft("yes_no_category"))).id
    stored = (await v1.get(f"{path}/{made}")).json["messages"][0]
    assert stored["interactiveButtons"]["template"] == "yes_no_category"
    assert (await v1.put(f"{path}/{made}", draft("buy_later_category"))).status == 200
    assert (await v1.post(path, draft("no_such_category"))).refused(404, "API_ERR_DATA")
