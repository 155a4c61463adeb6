"""One run of schemathesis as a child process, against a staged installation."""

import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import msgspec

from tests.contract.fuzz.stage import CALLER, staged

_ROOT = Path(__file__).parents[3]
PHASES = ("examples", "coverage", "fuzzing", "stateful")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


async def run(
    folder: Path, *, seconds: int, phases: Sequence[str] = PHASES, seed: int = 1, examples: int = 100, workers: int = 1
) -> int:
    """The exit code of the run, 0 when no answer broke the contract. What it finds goes to standard output."""
    async with staged(folder) as caller:
        with as_file(files("clarion.api.documents").joinpath("v1.openapi.yaml")) as document:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "schemathesis.cli", "run", str(document),
                "--url", caller.root,
                "--max-time", str(seconds),
                "--phases", ",".join(phases),
                "--checks", ",".join(CHECKS),
                "--seed", str(seed),
                "--max-examples", str(examples),
                "--workers", str(workers),
                "--continue-on-failure",
                "--generation-database", "none",
                "--suppress-health-check", "all",
                "--request-timeout", "30",
                "--warnings", "off",
                "--no-shrink",
                cwd=folder,
                env={
                    **os.environ,
                    "PYTHONPATH": str(_ROOT),
                    "SCHEMATHESIS_HOOKS": "tests.contract.fuzz.hooks",
                    CALLER: msgspec.json.encode(caller).decode(),
                },
            )  # fmt: skip
            return await process.wait()
