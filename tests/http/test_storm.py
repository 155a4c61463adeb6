"""Whatever a peer does, in whatever order: every request ends exactly once, and `NO` is never said in error."""

import asyncio
import random

import ngh2
import pytest

from clarion.http.h2 import Answer, Failure, Processed, Tuning
from tests.http.conftest import Open, Serve
from tests.http.peer import Exchange
from tests.http.requests import Results

REQUESTS = 600
TUNING = Tuning(backoff_first=0.005, backoff_most=0.02, sweep=0.005, busy_ping=0.2, ping_patience=0.2)


class Weather:
    """A handler that answers most requests, late or at once, and breaks things at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.completed: set[str] = set()
        self.fair = False

    def __call__(self, exchange: Exchange) -> None:
        if self.fair:
            self.answer(exchange)
            return
        luck = self.random.random()
        if luck < 0.5:
            self.answer(exchange)
        elif luck < 0.8:
            asyncio.get_running_loop().call_later(self.random.random() * 0.03, self.answer, exchange)
        elif luck < 0.87:
            exchange.reset(self.random.choice([ngh2.ErrorCode.REFUSED_STREAM, ngh2.ErrorCode.INTERNAL_ERROR]))
        elif luck < 0.92:
            exchange.link.allow(self.random.choice([1, 2, 5, 50]))
            self.answer(exchange)
        elif luck < 0.95:
            exchange.link.go_away(self.random.choice([0, exchange.stream, 0x7FFF_FFFF]))
            self.answer(exchange)
        elif luck < 0.97:
            exchange.link.drop()
        elif luck < 0.975:
            exchange.link.hang()
        # else: it stalls, until its time is up

    def answer(self, exchange: Exchange) -> None:
        link = exchange.link
        if link.open.get(exchange.stream) is exchange and not link.lost:
            self.completed.add(exchange.path)
            body = bytes(self.random.choice([0, 10, 40_000]))
            exchange.answer(200, body, tail=self.random.random() < 0.3)


@pytest.mark.parametrize("seed", range(6))
async def test_every_request_ends_exactly_once(serve: Serve, channel: Open, seed: int) -> None:
    weather = Weather(seed)
    peer = await serve(weather, streams=20)
    open_channel = channel(peer, connections=2, timeout=1.5, tuning=TUNING)
    results = Results(open_channel)
    for number in range(REQUESTS):
        body = bytes(weather.random.choice([0, 200, 200, 90_000]))
        results.submit(f"/{number}", body, timeout=weather.random.choice([0.3, 1.5]))
        if number % 20 == 0:
            await asyncio.sleep(weather.random.random() * 0.01)
    ended = await results.all(30)
    assert not results.doubles
    assert len(ended) == REQUESTS
    assert any(isinstance(result, Answer) for result in ended)
    for path, (result, *_) in results.of.items():
        if isinstance(result, Answer):
            assert path in weather.completed
    weather.fair = True
    calm = Results(open_channel)
    for number in range(50):
        calm.submit(f"/calm/{number}", b"x", timeout=10.0)
    # A connection that hangs may still take some of these down with it; the others must pass.
    passed = [result for result in await calm.all() if isinstance(result, Answer)]
    assert len(passed) >= 10
    assert not calm.doubles
    assert not results.doubles


@pytest.mark.parametrize("seed", range(3))
async def test_not_processed_means_not_processed(serve: Serve, channel: Open, seed: int) -> None:
    """With a peer that processes whatever it does not refuse, a `NO` must not belong to a processed request."""
    chance = random.Random(seed)
    processed: set[str] = set()

    def handler(exchange: Exchange) -> None:
        luck = chance.random()
        if luck < 0.1:
            exchange.reset(ngh2.ErrorCode.REFUSED_STREAM)
            return
        if luck < 0.12:
            exchange.link.go_away(exchange.stream - 2 if exchange.stream > 2 else 0)
            return
        if exchange.stream not in exchange.link.open:
            return
        processed.add(exchange.path)
        if luck < 0.15:
            exchange.link.drop()
        else:
            exchange.answer()

    peer = await serve(handler, streams=10)
    results = Results(channel(peer, connections=2, timeout=5.0, tuning=TUNING))
    for number in range(REQUESTS):
        results.submit(f"/{number}", b"payload")
    await results.all(30)
    for path, outcomes in results.of.items():
        assert len(outcomes) == 1
        if isinstance(outcomes[0], Failure) and outcomes[0].processed is Processed.NO:
            assert path not in processed
