"""The modules of the client: for each family of operations its Structs and methods, and what families share."""

import re
from collections.abc import Iterable

from clarion.api.contract.document import Document, Operation
from tools.v1.methods import Methods, words
from tools.v1.types import Types

_MADE = "Made from the contract by `python -m tools.v1`; do not edit."
_HOME = "clarion.client.v1"
_SHARED = "shared"
_QUERY = ("flag", "many", "numbered", "one", "quoted", "spread")
# What a module imports when its text has such a word.
_IMPORTS = {
    r"datetime\.": "import datetime",
    "Sequence": "from collections.abc import Sequence",
    "Mapping": "from collections.abc import Mapping",
    "Any": "from typing import Any",
    "Literal": "from typing import Literal",
    "UNSET": "from msgspec import UNSET",
    "UnsetType": "from msgspec import UnsetType",
    "field\\(": "from msgspec import field",
    "Model": f"from {_HOME}.model import Model",
    "Resource": f"from {_HOME}.resource import Resource",
    "Pages": f"from {_HOME}.pages import Pages",
    "DeviceExport": f"from {_HOME}.export import DeviceExport",
    **{f"{name}\\(": f"from {_HOME}.query import {name}" for name in _QUERY},
}


class Resources:
    """All modules of the client that follow from the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._types = Types(document)
        methods = Methods(document, self._types)
        self._methods: dict[str, list[str]] = {}
        for operation in document.operations.values():
            self._methods.setdefault(self._family(operation), []).append(methods.text(operation))
        self._homes = {name: self._home(name) for name in self._types.definitions}

    def modules(self) -> dict[str, str]:
        """Unformatted Python text by the name of its module."""
        made = {f"{_HOME}.resources.{family}": self._module(family) for family in (_SHARED, *self._methods)}
        return {**made, f"{_HOME}.resources": self._all_operations(), f"{_HOME}.models": self._all_models()}

    def _family(self, operation: Operation) -> str:
        [tag] = self._document.raw["paths"][operation.path][operation.method.lower()]["tags"]
        return "_".join(words(tag))

    def _home(self, name: str) -> str:
        """The family that alone needs a definition, or what all share."""
        needing = [family for family, methods in self._methods.items() if name in self._needed("".join(methods))]
        return needing[0] if len(needing) == 1 else _SHARED

    def _needed(self, text: str) -> set[str]:
        """The definitions that a text names, and those they are built from."""
        definitions = self._types.definitions
        found: set[str] = set()
        waiting = [name for name in definitions if _has(text, name)]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [used for used in definitions[name].uses if used in definitions]
        return found

    def _module(self, family: str) -> str:
        definitions = [self._types.definitions[name].text for name, home in self._homes.items() if home == family]
        body = "\n\n".join(definitions)
        title = family.replace("_", " ")
        if family in self._methods:
            methods = "\n".join(_indented(text) for text in self._methods[family])
            body += f'\n\nclass {_operations(family)}(Resource):\n    """Operations of {title}."""\n\n{methods}'
            opening = f"{title.capitalize()}: what the API takes and gives, and its operations."
        else:
            opening = "What several families of the API take and give."
        imports = [line for word, line in _IMPORTS.items() if re.search(rf"\b{word}", body)]
        imports += [
            f"from {_HOME}.resources.{home} import {name}"
            for name, home in self._homes.items()
            if home != family and _has(body, name)
        ]
        return _text(opening, imports, body)

    def _all_operations(self) -> str:
        imports = [f"from {_HOME}.resources.{family} import {_operations(family)}" for family in self._methods]
        bases = ", ".join(map(_operations, self._methods))
        body = f'class Operations({bases}):\n    """Every operation of the contract, under its name in snake case."""\n'
        return _text("The families of the v1 API.", imports, body)

    def _all_models(self) -> str:
        imports = [f"from {_HOME}.resources.{home} import {name}" for name, home in self._homes.items()]
        return _text("Everything that the v1 API takes and gives.", imports, f"__all__ = {sorted(self._homes)!r}\n")


def _operations(family: str) -> str:
    return "".join(word.capitalize() for word in family.split("_")) + "Operations"


def _has(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.'\"]){name}\b(?!['\"])", text) is not None


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _text(opening: str, imports: Iterable[str], body: str) -> str:
    return f'"""{opening}\n\n{_MADE}\n"""\n\n' + "\n".join(imports) + f"\n\n\n{body}"
