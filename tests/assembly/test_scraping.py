"""`/metrics` of an installation: who may read it, what stands on it, and what a killed process does to it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from clarion.assembly import scraping
from clarion.assembly.probe import Probe
from clarion.assembly.scraping import Page, Process
from clarion.assembly.supervisor import Running
from clarion.base import metrics
from clarion.base.errors import ConfigurationError
from clarion.base.settings import Settings
from clarion.db.pool import Database
from tests.installation import Installation
from tests.support import until

TOKEN = "0123456789abcdef0123"
ANSWERS = """
import asyncio, os
from clarion.assembly import handover, probe
async def main():
    await (await probe.answer_from_environment())
asyncio.run(main())
"""


def ask(url: str, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), {name.lower(): text for name, text in answer.getheaders()}
    finally:
        connection.close()


async def one_process() -> list[Process]:
    return [Process("sender-1", "sender", 2, metrics.collected()), Process("api-1", "api", 0, None)]


@pytest.fixture
async def served(database: Database, tmp_path: Path) -> AsyncIterator[str]:
    settings = Settings(data_dir=tmp_path)
    page = Page(settings, listener := scraping.bind(settings), one_process)
    page.open(database.conninfo)
    yield scraping.url(listener)
    await page.aclose()


async def test_the_page_is_sound_and_every_metric_explains_itself(served: str) -> None:
    """Read with the parser of Prometheus' own client; a family stands there once, or scrapers refuse the page."""
    status, text, headers = await asyncio.to_thread(ask, served)
    assert (status, headers["content-type"]) == (200, metrics.CONTENT_TYPE)
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert all(family.documentation.endswith(".") for family in families)
    samples = {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}
    assert samples["clarion_process_up", "sender-1", "sender"] == 1
    assert samples["clarion_process_up", "api-1", "api"] == 0
    assert samples["clarion_process_restarts_total", "sender-1", "sender"] == 2
    assert samples["clarion_senders",] == 1
    assert samples["clarion_database_up",] == 1
    assert samples["clarion_dead_jobs",] == 0
    assert samples["process_resident_memory_bytes", "sender-1"] > 1_000_000


async def test_only_the_page_is_served(served: str) -> None:
    assert (await asyncio.to_thread(ask, served, "/"))[0] == 404
    assert (await asyncio.to_thread(ask, served, method="POST"))[0] == 405
    status, text, _ = await asyncio.to_thread(ask, served, method="HEAD")
    assert (status, text) == (200, "")


async def test_without_a_token_a_page_in_a_browser_cannot_read_it_by_another_name(served: str) -> None:
    assert (await asyncio.to_thread(ask, served, Host="metrics.attacker.example:80"))[0] == 403
    assert (await asyncio.to_thread(ask, served, Host="localhost:9464"))[0] == 200
    assert (await asyncio.to_thread(ask, served, Host="[::1]:9464"))[0] == 200


async def test_a_token_is_asked_for_where_one_is_set(database: Database, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = Settings(data_dir=tmp_path, metrics_token_file=str(tmp_path / "token"))
    page = Page(settings, listener := scraping.bind(settings), one_process)
    page.open(database.conninfo)
    url = scraping.url(listener)
    try:
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            status, text, headers = await asyncio.to_thread(ask, url, **given)
            assert (status, headers["www-authenticate"]) == (401, "Bearer")
            assert "clarion_" not in text
        sent = {"Authorization": f"Bearer {TOKEN}", "Host": "clarion.example"}
        assert (await asyncio.to_thread(ask, url, **sent))[0] == 200
    finally:
        await page.aclose()


def test_an_open_address_without_a_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)0\.0\.0\.0.*--metrics-token-file"):
        scraping.bind(Settings(data_dir=tmp_path, metrics_host="0.0.0.0"))
    (tmp_path / "short").write_text("short")
    for name in ("short", "absent"):
        with pytest.raises(ConfigurationError, match="openssl"):
            scraping.bind(Settings(data_dir=tmp_path, metrics_token_file=str(tmp_path / name)))


async def test_a_process_answers_until_it_is_killed() -> None:
    probe = Probe()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ANSWERS,
        env={**os.environ, "CLARION_METRICS_FD": str(probe.theirs.fileno())},
        pass_fds=[probe.theirs.fileno()],
    )
    probe.theirs.close()

    async def answers() -> bool:
        return await probe.ask(30) is not None

    try:
        await until(answers, 30)
        several = await asyncio.gather(*(probe.ask(30) for _ in range(5)))
        assert all(each and {"process_cpu_seconds"} <= {family.name for family in each} for each in several)
        process.send_signal(signal.SIGSTOP)
        assert await probe.ask(0.2) is None
        process.send_signal(signal.SIGCONT)
        await until(answers, 30)
    finally:
        process.kill()
        await process.wait()
    assert await probe.ask() is None
    probe.close()


async def test_a_killed_sender_is_counted_as_restarted_and_answers_again(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data", senders=1)
    installation.start()
    status = installation.settings.data_dir / "supervisor.json"
    try:
        async with asyncio.timeout(60):
            while not status.exists():
                await asyncio.sleep(0.05)

        def read() -> dict[tuple[str, ...], float]:
            _, text, _ = ask(scraping_url(status))
            return {
                (each.name, *each.labels.values()): each.value
                for family in text_string_to_metric_families(text)
                for each in family.samples
            }

        async def up() -> bool:
            return (await asyncio.to_thread(read))["clarion_senders",] == 1

        await until(up, 60)
        os.kill(installation.victims()["sender-1"], signal.SIGKILL)

        async def again() -> bool:
            found = await asyncio.to_thread(read)
            restarts = found["clarion_process_restarts_total", "sender-1", "sender"]
            return (restarts, found["clarion_process_up", "sender-1", "sender"]) == (1, 1)

        await until(again, 60)
    finally:
        await installation.stop()


def scraping_url(status: Path) -> str:
    return msgspec.json.decode(status.read_bytes(), type=Running).metrics
