"""From the operations of the contract to methods: what they take, how they call, what they give."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clarion.api.contract.document import Document, Operation, Parameter
from tools.v1.types import Types, snake


class Methods:
    """Makes the methods of a document, and with them the types they name."""

    def __init__(self, document: Document, types: Types) -> None:
        self._document = document
        self._types = types

    def text(self, operation: Operation) -> str:
        """One method, unformatted."""
        path = operation.path
        arguments = ["self"]
        for parameter in operation.path_parameters:
            name = snake(parameter.name)
            kind = self._kind_in_path(parameter)
            arguments.append(f"{name}: {kind}")
            path = path.replace(f"{{{parameter.name}}}", f"{{{name}}}" if kind == "int" else f"{{quoted({name})}}")
        called = [repr(operation.method), f"f{path!r}" if "{" in path else repr(path)]
        body = self._body(operation)
        if body:
            arguments.append(f"body: {body}")
        queried = [self._queried(parameter) for parameter in operation.query_parameters]
        if queried:
            arguments += ["*", *(argument for argument, _ in queried)]
        query = f"[{', '.join(part for _, part in queried)}]"
        if queried:
            called.append(f"query={query}")
        if body:
            called.append("body=body")
        if not any("bearer" in requirement.schemes for requirement in operation.security):
            called.append("token=False")
        gives, how = self._given(operation, called, query)
        return (
            f"{'' if how.startswith('return self._pages(') or gives == 'DeviceExport' else 'async '}"
            f"def {snake(operation.operation_id)}({', '.join(arguments)}) -> {gives}:\n"
            f'    """{operation.method} {operation.path}"""\n'
            f"    {how}\n"
        )

    def _given(self, operation: Operation, called: list[str], query: str) -> tuple[str, str]:
        """What the method gives, and its statement."""
        call = ", ".join(called)
        content = operation.responses[200].content
        if "text/csv" in content:
            return "DeviceExport", f"return self._export({called[1]}, {query})"
        if "text/plain" in content:
            return "str", f"return await self._text({call})"
        if content:
            schema = self._document.at(content["application/json"])
            answer = self._types.of(schema)
            if any(parameter.name == "page" for parameter in operation.query_parameters):
                item = self._types.of(self._document.follow(schema)[0]["properties"]["data"]["items"])
                return f"Pages[{item}]", f"return self._pages({answer}, {called[1]}, {query})"
            return answer, f"return await self._read({answer}, {call})"
        if 204 in operation.responses:
            return "bool", f"return await self._changed({call})"
        return "None", f"await self._call({call})"

    def _body(self, operation: Operation) -> str:
        return self._types.of(self._document.at(operation.body.schema_pointer)) if operation.body else ""

    def _kind_in_path(self, parameter: Parameter) -> str:
        if parameter.type == "integer":
            return "int"
        pattern = self._document.at(parameter.schema_pointer).get("pattern", "")
        return "str | int" if pattern and re.match(pattern, "1") else "str"

    def _queried(self, parameter: Parameter) -> tuple[str, str]:
        """The argument of a query parameter, and its part of the query."""
        schema: Mapping[str, Any] = self._document.at(parameter.schema_pointer)
        name = snake(parameter.name)
        if parameter.type == "array":
            return f"{name}: Sequence[str] = ()", f"*many({parameter.name!r}, {name})"
        if parameter.type == "object" and parameter.style == "deepObject":
            return f"{name}: Sequence[str] = ()", f"*numbered({parameter.name!r}, {name})"
        if parameter.type == "object":
            return f"{name}: Mapping[str, str]", f"*spread({name})"
        if schema.get("enum") == ["true"]:
            return f"{name}: bool = False", f"*flag({parameter.name!r}, {name})"
        kind = "int" if parameter.type == "integer" else "str"
        if schema.get("format") == "date" or name.endswith("_date"):
            kind = "datetime.date | str"
        part = f"*one({parameter.name!r}, {name})"
        return (f"{name}: {kind}", part) if parameter.required else (f"{name}: {kind} | None = None", part)


def words(text: str) -> Iterator[str]:
    """The words of a tag, in lower case."""
    yield from (word.lower() for word in re.findall(r"[A-Za-z]+", text))
