"""One run of schemathesis as a child process, against a staged installation."""

import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import msgspec

from tests.contract.fuzz import stage, stage_v2

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
    folder: Path,
    *,
    seconds: int,
    phases: Sequence[str] = PHASES,
    seed: int = 1,
    examples: int = 100,
    workers: int = 1,
    surface: str = "v1",
) -> int:
    """The exit code of the run, 0 when no answer broke the contract. What it finds goes to standard output."""
    options = (
        "--max-time", str(seconds), "--phases", ",".join(phases), "--seed", str(seed),
        "--max-examples", str(examples), "--workers", str(workers),
    )  # fmt: skip
    if surface == "v2":
        async with stage_v2.staged(folder) as caller:
            document = stage_v2.built_document(folder / "v2.openapi.json")
            own = ("--url", caller.root, "--tls-verify", caller.ca_file, *options)
            told = {stage_v2.CALLER: msgspec.json.encode(caller).decode()}
            return await _schemathesis(folder, document, own, "tests.contract.fuzz.hooks_v2", told)
    async with stage.staged(folder) as signer:
        with as_file(files("clarion.api.documents").joinpath("v1.openapi.yaml")) as document:
            told = {stage.CALLER: msgspec.json.encode(signer).decode()}
            return await _schemathesis(
                folder, document, ("--url", signer.root, *options), "tests.contract.fuzz.hooks", told
            )


async def _schemathesis(folder: Path, document: Path, options: Sequence[str], hooks: str, told: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", str(document), *options,
        "--checks", ",".join(CHECKS),
        "--continue-on-failure",
        "--generation-database", "none",
        "--suppress-health-check", "all",
        "--request-timeout", "30",
        "--warnings", "off",
        "--no-shrink",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}", "SCHEMATHESIS_HOOKS": hooks, **told},
    )  # fmt: skip
    return await process.wait()
