"""The files that follow from the contract, as they must be committed."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from clarion.api.contract.document import Document
from tools.v1.postman import collection
from tools.v1.resources import Resources

ROOT = Path(__file__).parents[2]
COLLECTION = ROOT / "docs" / "clarion-v1.postman_collection.json"


@cache
def made() -> Mapping[Path, str]:
    """Every file with its text."""
    document = Document.load("v1")
    modules = _formatted(Resources(document).modules())
    return {
        **{ROOT / "src" / name: text for name, text in modules.items()},
        COLLECTION: json.dumps(collection(document), indent=2, ensure_ascii=False) + "\n",
    }


def _formatted(modules: Mapping[str, str]) -> dict[str, str]:
    """As the project's import sorter and formatter have them, by path."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in modules.items():
            path = Path(folder, *name.split("."))
            path = path / "__init__.py" if name.endswith(".resources") else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for arguments in (["check", "--fix-only", "--select", "I"], ["format"]):
            command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "--no-cache", "--config", "pyproject.toml"]
            subprocess.run([*command, folder], check=True, cwd=ROOT)
        return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in Path(folder).rglob("*.py")}
