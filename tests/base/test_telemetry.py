"""The one log stream: what a line carries, and what never gets into it."""

import json
from collections.abc import Iterator

import pytest
import structlog

from clarion.base import telemetry


@pytest.fixture(autouse=True)
def log_reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_line_for_machines_names_process_module_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(json=True, process="api-1")
    telemetry.get_logger("clarion.here").info("chunk_closed", send_id=7)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "chunk_closed", "level": "info", "process": "api-1", "module": "clarion.here", "send_id": 7,
    }  # fmt: skip


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "name",
    ["api_key", "secret", "device_secret", "access_token", "Password", "Authorization", "credentials", "conninfo"],
)
def test_what_is_called_a_secret_is_hidden(capsys: pytest.CaptureFixture[str], name: str, as_json: bool) -> None:
    telemetry.configure(json=as_json)
    telemetry.get_logger("clarion.here").warning("refused", **{name: "opensesame"})
    said = capsys.readouterr().err
    assert "opensesame" not in said
    assert "[hidden]" in said


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_values_of_variables(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    telemetry.configure(json=as_json)

    def fail(given: str) -> None:
        raise ValueError(len(given))

    try:
        fail("".join(("open", "sesame")))
    except ValueError:
        telemetry.get_logger("clarion.here").exception("failed")
    said = capsys.readouterr().err
    assert "ValueError: 10" in said
    assert "in fail" in said
    assert "opensesame" not in said


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(json=True, level="warning")
    log = telemetry.get_logger("clarion.here")
    log.info("little")
    log.warning("much")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["much"]
