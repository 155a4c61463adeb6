"""`clarion demo`: the generator of its base, and the whole of it from an empty folder."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from clarion.apps.model import Platform
from clarion.cli.demo import base
from tests.cli.conftest import Clarion


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_the_devices_are_split_to_the_unit() -> None:
    for devices in (10, 99, 100_000):
        assert sum(base.split(devices).values()) == devices


def test_a_base_is_the_same_every_time_and_grows_at_its_end(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    base.write(small, Platform.IOS, 1_300)
    base.write(large, Platform.IOS, 2_500)
    devices = rows_of(large)
    assert rows_of(small) == devices[:1_300]
    assert len({device["UDID"] for device in devices}) == 2_500
    tokens = Counter(device["token"] for device in devices)
    assert 0 < tokens.pop("") < 200
    assert set(tokens.values()) == {1}
    assert {"fr", "en", "de"} <= {device["language"] for device in devices}
    assert 0 < sum(device["system_optin_notifs"] == "N" for device in devices) < 400


def test_a_web_device_has_the_keys_of_its_subscription_or_nothing(tmp_path: Path) -> None:
    subscriptions = [base.Subscription(f"https://push.example/{n}", f"p{n}", f"a{n}") for n in range(30)]
    base.write(tmp_path / "web.csv", Platform.WEB, 30, subscriptions)
    for number, device in enumerate(rows_of(tmp_path / "web.csv")):
        whole = (f"https://push.example/{number}", f"p{number}", f"a{number}")
        assert (device["token"], device["p256dh"], device["auth"]) in (whole, ("", "", ""))


def play(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "clarion.cli.main", "demo", "--exit", "--port", "0", "--data-dir", str(folder)]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=110)


@pytest.mark.timeout(180)
def test_the_demo_delivers_a_campaign_and_all_its_figures_agree(elsewhere: Clarion) -> None:
    """From nothing, then once more on the same folder: sums exact, nothing doubled, reports as v1 lists them."""
    played = play(elsewhere.data_dir, "--devices", "600", "--json")
    assert played.returncode == 0, played.stderr
    account = json.loads(played.stdout)
    assert account["problems"] == []
    assert sum(send["audience"] for send in account["sends"]) > 500
    for send in account["sends"]:
        assert send["state"] == "closed"
        assert sum(send["counts"].values()) == send["audience"]
        assert send["gateway"]["delivered"] == send["gateway"]["distinct"] == send["counts"]["delivered"] > 50
        assert send["gateway"]["doubles"] == 0
        assert sum(send["gateway"]["refused"].values()) == send["counts"]["refused"]
        assert send["counts"]["suppressed"] > 0
        reported, listed = account["reported"][send["partnerId"]], account["listed"][send["partnerId"]]
        assert reported["displays"] == send["counts"]["delivered"]
        assert listed["clicks"] == reported["clicks"] > 0
    again = play(elsewhere.data_dir)
    assert again.returncode == 0, again.stderr
    assert "600 devices of an earlier run" in again.stderr
    assert "All figures agree." in again.stdout
    assert "NOT EXACT" not in again.stdout
    assert elsewhere.json("status")["running"] is False


def test_fresh_deletes_nothing_but_a_demo(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep me")
    played = play(tmp_path, "--fresh")
    assert played.returncode == 1
    assert "is not the folder of a demo" in played.stderr
    assert (tmp_path / "precious.txt").exists()
