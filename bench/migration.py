"""How fast a company moves in: exports as the vendor writes them, through `clarion import` as people run it.

    python bench/migration.py --devices 1000000 --reactions 1000000

Every step is a process of its own on a fresh data folder with the embedded PostgreSQL, which each command starts and
stops: what is measured is what a person waits. Processor time includes that PostgreSQL, memory does not.
"""

import argparse
import hashlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from clarion.cli.running import memory_of

HEADER = (
    "UDID;id;token;opencount;firstopen;lastopen;model;version;sw_version;versionsdk;bundleversion;language;countryCode;"
    "time_zone;lat;lon;altitude;geolocationCreated;IDFA;feedback;system_optin_notifs;enabled_notifs;enabled_inapps;"
    "randomId;clientId;points;birthday;city"
)
REACTIONS = "user_id;device_id;message_id;campaign_id;bounce;reaction"
DAY = "20261015"
_MESSAGES = 50


def udid(number: int) -> str:
    """The UDID of a device, the same for the same number."""
    seed = hashlib.sha256(str(number).encode()).hexdigest()
    return f"{seed[:8]}-{seed[8:12]}-4{seed[12:15]}-8{seed[15:18]}-{seed[18:30]}".upper()


def write_devices(file: Path, devices: int) -> None:
    """An export of `devices` lines: 24 standard columns and 4 of the company's own."""
    chance = random.Random(7)
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write('"' + HEADER.replace(";", '";"') + '"\r\n')
        for number in range(devices):
            token = hashlib.sha256(f"token {number}".encode()).hexdigest()
            day = f"2026-{chance.randint(1, 9):02}-{chance.randint(1, 28):02}"
            placed = chance.random() < 0.2
            values = (
                udid(number), number, token, chance.randint(1, 500), f"{day} 08:00:00",
                f"{day} 21:{chance.randint(10, 59)}:07", f"iPhone{chance.randint(8, 17)},1", chance.randint(9, 17),
                "A3.8.0", "3.8.0", f"4.{chance.randint(0, 30)}.1", chance.choice(("fr", "en", "de", "pt-BR")),
                chance.choice(("FR", "GB", "DE")), "Europe/Paris", f"{chance.uniform(40, 52):.6f}" if placed else "",
                f"{chance.uniform(-4, 9):.6f}" if placed else "", "", f"{day} 09:00:00" if placed else
                "0000-00-00 00:00:00", "", chance.choice((0, 0, 0, 1)), chance.choice("YYYN"), "Y", "Y",
                chance.randint(0, 9999), f"C-{number // 2}", chance.randint(0, 5000),
                f"19{chance.randint(50, 99)}-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}",
                chance.choice(("Paris", "Lyon", 'Ville "neuve"', "")),
            )  # fmt: skip
            out.write(";".join('"' + str(value).replace('"', '""') + '"' for value in values) + "\r\n")


def write_reactions(file: Path, lines: int, devices: int) -> None:
    """An export of `lines` lines about messages that went to the whole base each, and some of them to a part."""
    chance = random.Random(8)
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write('"' + REACTIONS.replace(";", '";"') + '"\r\n')
        for number in range(lines):
            bounced, reacted = int(chance.random() < 0.02), int(chance.random() < 0.05)
            message = 1000 + number * _MESSAGES // lines
            device = udid(chance.randrange(devices))
            out.write(f'"{number}";"{device}";"{message}";"{message // 10}";"{bounced}";"{reacted}"\r\n')


def write_tokens(file: Path, tokens: int) -> None:
    """A token a line."""
    with file.open("w", encoding="utf-8") as out:
        out.writelines(hashlib.sha256(f"token {number}".encode()).hexdigest() + "\n" for number in range(tokens))


def clarion(data_dir: Path, *arguments: str) -> tuple[Any, float, float, int]:
    """Run a command: its answer, wall and processor seconds, and the most memory it had, in bytes."""
    command = [sys.executable, "-m", "clarion.cli.main", *arguments, "--json", "--data-dir", str(data_dir)]
    begun, spent, most = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            most = max(most, (memory_of(process.pid) or (0, 0))[1])
            time.sleep(0.2)
        answer, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime - spent.ru_utime - spent.ru_stime
    return json.loads(answer), time.perf_counter() - begun, processor, most


def main() -> None:
    """Write the exports, run the steps, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--reactions", type=int, default=1_000_000)
    given = parser.parse_args()
    table = Table(title="clarion import: exports of 28 columns, 4 of them the company's own, one indexed")
    for name in ("step", "lines", "seconds", "CPU", "lines/s", "memory MB"):
        table.add_column(name, justify="left" if name == "step" else "right")
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        data_dir = Path(folder) / "data"
        devices = Path(folder) / f"exportDevices_417_{DAY}.csv"
        reactions = Path(folder) / f"exportMessagesReactions_417_{DAY}.csv"
        tokens = Path(folder) / "tokens.txt"
        write_devices(devices, given.devices)
        write_reactions(reactions, given.reactions, given.devices)
        write_tokens(tokens, given.devices)
        for name in ("bench", "bench-tokens"):
            clarion(data_dir, "apps", "create", name, "--platform", "ios", "--name", "Bench")
        steps = (
            ("devices, dry run", devices, ("--dry-run",), "created"),
            ("devices, new", devices, ("--create-columns",), "created"),
            ("devices, known", devices, (), "updated"),
            ("reactions, dry run", reactions, ("--dry-run",), "created"),
            ("reactions, new", reactions, (), "created"),
            ("reactions, on record", reactions, (), "unchanged"),
            ("tokens, new", tokens, (), "created"),
        )
        for name, file, options, figure in steps:
            command = ("tokens", "bench-tokens") if file is tokens else ("accengage", "bench")
            answer, wall, processor, memory = clarion(data_dir, "import", *command, str(file), *options)
            report = answer if file is tokens else answer["files"][0]
            lines = report["read"]
            assert report["rejected"] == 0, report
            assert lines == report[figure] + report.get("unchanged", 0) * (figure != "unchanged"), report
            table.add_row(
                name, f"{lines:,}", f"{wall:.1f}", f"{processor:.1f}", f"{lines / wall:,.0f}", f"{memory / 1e6:.0f}"
            )
            Console(stderr=True).print(f"{name}: {wall:.1f} s")
    Console().print(table)


if __name__ == "__main__":
    main()
