"""The examples of the guide to the v2 client run."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.client.v2_served import V2Served

GUIDE = Path(__file__).parents[2] / "docs/guide/v2-client.md"


async def test_the_example_of_the_guide_runs(v2_server: V2Served, capsys: pytest.CaptureFixture[str]) -> None:
    [example] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, str(GUIDE), "exec"), names)
    client_id, secret = await v2_server.credentials()
    await names["main"](v2_server.url, client_id, secret, v2_server.ca_file)
    assert capsys.readouterr().out.splitlines() == ["duplicate_external_reference", "Store Ltd"]
