"""The live view fits its terminal and says what matters."""

import io
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from rich.console import Console

from clarion.cli.live.figures import Lane
from clarion.cli.live.screen import Running, View, draw, duration, size
from clarion.cli.looking import Process, Sending, Status, Waiting
from clarion.results.model import Counts
from clarion.sending.model import SendState

AT = datetime(2026, 5, 4, 10, 11, 12, tzinfo=UTC)
SEND = Sending(
    partner_id="a-shop-with-a-long-name-for-an-application",
    send=7,
    message=3,
    state=SendState.SENDING,
    reason=None,
    audience=1_000_000,
    counts=Counts(delivered=400_000, refused=90_000, suppressed=10_000),
    pending=500_000,
    reasons={"dead: Unregistered": 89_000, "PayloadTooLarge": 1_000},
    created_at=AT,
    closed_at=None,
)
ENDED = replace(SEND, send=6, state=SendState.CLOSED, pending=0, closed_at=AT, audience=500_000)
STATUS = Status(
    True, {"https": "https://127.0.0.1:8443"}, [Process("sender-1", 12, True, 90_000_000)], "reachable",
    [Waiting("send", 250, 4, 61.0)], 2, [],
)  # fmt: skip
LANE = Lane("apns", 12_345.6, 0.012, 2.5, 800, 1000, 1, 28.0, 3.5)


def shown(view: View, width: int, height: int) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=False, markup=False)
    console.print(draw(view, width, height))
    return file.getvalue().rstrip("\n").split("\n")


def view(running: int, ended: int = 0) -> View:
    sends = [Running(SEND, 5_000.0)] * running + [Running(ENDED, None)] * ended
    return View(AT, STATUS, sends, [LANE], "", 2_500_000_000, 1_000_000.0)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
@pytest.mark.parametrize(("running", "ended"), [(0, 0), (1, 50), (50, 50)])
def test_it_fits(width: int, height: int, running: int, ended: int) -> None:
    lines = shown(view(running, ended), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_a_running_send_shows_how_far_it_is_how_fast_and_when_it_ends() -> None:
    text = "\n".join(shown(view(1, 1), 140, 40))
    for told in (
        *("50% of 1,000,000", "5,000/s", "1 min 40 s left", "400,000 delivered", "90,000 refused", "500,000 open"),
        *("dead: Unregistered 89,000", "#6 closed of 500,000", "12,346", "12 ms", "2.5 s", "800/1,000", "1 app, 28 s"),
        *("1 min 01 s", "2 dead jobs", "2.5 GB", "+1.0 MB/s", "sender-1 90 MB"),
    ):
        assert told in text, told


def test_an_installation_that_is_down_says_so() -> None:
    down = Status(False, {}, [], "No database runs on this folder.", [], 0, [])
    text = "\n".join(shown(View(AT, down, [], [], "not here.", None, None), 80, 24))
    assert "no server here" in text
    assert "No database runs" in text
    assert "Gateways: not here." in text


def test_times_and_sizes_are_told_in_two_units_at_most() -> None:
    assert [duration(seconds) for seconds in (0.4, 59, 61, 3_720, 200_000)] == [
        *("0 s", "59 s", "1 min 01 s", "1 h 02 min", "2 days"),
    ]
    assert [size(number) for number in (12, 1_500, 2_000_000)] == ["12 B", "1.5 kB", "2.0 MB"]
