"""What the page shows of a document: operations with everything that is said of them gathered, and schemas.

Pure: a document in, a value out. References to schemas stay references, so that each schema is shown once and linked;
all others are followed. Where a thing comes from (`x-provenance`) is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field

from clarion.api.contract.document import METHODS, Document, Operation
from clarion.api.contract.schemas import Schemas
from clarion.api.problems import PROBLEMS
from clarion.api.reference import examples, rules
from clarion.api.reference.rules import Section

Json = dict[str, Any]

_LEFT_OUT: Final = frozenset({"x-provenance", "x-tmf621", "x-tmf678"})
_PROBLEM: Final = "application/problem+json"


class Parameter(Struct, frozen=True, rename="camel"):
    """A parameter of path, query or header."""

    name: str
    place: str
    required: bool
    description: str
    schema: Json


class Body(Struct, frozen=True, rename="camel"):
    """What a request carries: media types, schema, and a value to start from."""

    required: bool
    media: list[str]
    schema: Json
    example: Any


class Fault(Struct, frozen=True):
    """One way an answer can be an error: the code, or label, and when it is given."""

    code: str
    when: str


class Answer(Struct, frozen=True, rename="camel"):
    """What comes back with a status."""

    status: str
    description: str
    media: list[str]
    headers: list[str]
    faults: list[Fault]
    schema: Json | None = None
    example: Any = None


class Call(Struct, frozen=True, rename="camel"):
    """An operation, or a webhook (`method` is then "EVENT" and nobody calls it)."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    parameters: list[Parameter]
    answers: list[Answer]
    security: list[dict[str, list[str]]]
    body: Body | None = None
    role: str = ""
    sortable: list[str] = field(default_factory=list)
    filterable: list[str] = field(default_factory=list)
    unindexed: list[str] = field(default_factory=list)
    """Fields of a list whose filter no index serves."""


class Tag(Struct, frozen=True):
    """A group of operations."""

    name: str
    description: str


class Problem(Struct, frozen=True):
    """A problem code with what to do about it."""

    code: str
    status: int
    title: str
    advice: str


class Reference(Struct, frozen=True, rename="camel"):
    """Everything of one document."""

    name: str
    title: str
    version: str
    description: str
    tags: list[Tag]
    calls: list[Call]
    schemas: dict[str, Json]
    schemes: dict[str, Json]
    rules: list[Section]
    problems: list[Problem]


def build(document: Document, unindexed: Mapping[str, Sequence[str]] | None = None) -> Reference:
    """The model of a document. `unindexed` names, by operationId of a list, the fields whose filter no index serves."""
    raw = document.raw
    info: Json = raw["info"]
    maker = _Maker(document, unindexed or {})
    calls = [maker.call(operation) for operation in document.operations.values()] + list(maker.webhooks())
    said = {tag["name"]: tag.get("description", "") for tag in raw.get("tags", [])}
    return Reference(
        name=document.name,
        title=info["title"],
        version=info["version"],
        description=_without_provenance(info.get("description", "")),
        tags=[Tag(name, said.get(name, "")) for name in dict.fromkeys([*said, *(call.tag for call in calls)])],
        calls=calls,
        schemas=clean(raw["components"].get("schemas", {})),
        schemes=clean(raw["components"].get("securitySchemes", {})),
        rules=rules.load(document.name),
        problems=[Problem(code, kind.status, kind.title, kind.advice) for code, kind in PROBLEMS.items()]
        if maker.has_problems
        else [],
    )


def clean(value: Any) -> Any:
    """A copy without what the page does not show."""
    if isinstance(value, dict):
        return {name: clean(each) for name, each in value.items() if name not in _LEFT_OUT}
    return [clean(each) for each in value] if isinstance(value, list) else value


class _Maker:
    def __init__(self, document: Document, unindexed: Mapping[str, Sequence[str]]) -> None:
        self._document = document
        self._unindexed = unindexed
        self._schemas = Schemas(document)
        self._codes: dict[str, list[str]] = {}
        known: Json = document.raw["components"].get("schemas", {})
        for status, codes in known.get("ProblemCode", {}).get("x-codes-by-status", {}).items():
            self._codes[status] = codes
        self.has_problems = False

    def call(self, operation: Operation) -> Call:
        """An operation. Its parameters are those of the path and its own."""
        item: Json = self._document.raw["paths"][operation.path]
        raw: Json = item[operation.method.lower()]
        entries = {}
        for entry in [*item.get("parameters", []), *raw.get("parameters", [])]:
            followed, _ = self._document.follow(entry)
            entries[followed["in"], followed["name"]] = followed
        body = None
        if operation.body is not None:
            validator = self._schemas.compile(operation.body.schema_pointer)
            followed, _ = self._document.follow(raw["requestBody"])
            schema = next(iter(followed["content"].values()))["schema"]
            body = Body(
                required=operation.body.required,
                media=list(operation.body.media_types),
                schema=clean(schema),
                example=examples.body(self._document, schema, validator.is_valid),
            )
        return Call(
            id=operation.operation_id,
            method=operation.method,
            path=operation.path,
            parameters=[_parameter(entry) for entry in entries.values()],
            security=[{name: list(scopes) for name, scopes in each.schemes.items()} for each in operation.security],
            body=body,
            role=operation.extensions.get("x-role", ""),
            sortable=operation.extensions.get("x-sortable", []),
            filterable=operation.extensions.get("x-filterable", []),
            unindexed=list(self._unindexed.get(operation.operation_id, ())),
            answers=self._answers(raw),
            **_said(raw),
        )

    def webhooks(self) -> Iterator[Call]:
        """What the server sends to those who asked for it."""
        for name, item in self._document.raw.get("webhooks", {}).items():
            for method, raw in item.items():
                if method not in METHODS:
                    continue
                followed, _ = self._document.follow(raw["requestBody"])
                media = followed["content"]
                schema = next(iter(media.values()))["schema"]
                yield Call(
                    id=raw["operationId"],
                    method="EVENT",
                    path=name,
                    parameters=[_parameter(self._document.follow(entry)[0]) for entry in raw.get("parameters", [])],
                    security=[],
                    body=Body(True, list(media), clean(schema), examples.value(self._document, schema)),
                    answers=self._answers(raw),
                    **_said(raw),
                )

    def _answers(self, raw: Json) -> list[Answer]:
        return [self._answer(str(status), entry) for status, entry in sorted(raw["responses"].items(), key=_by_status)]

    def _answer(self, status: str, entry: Json) -> Answer:
        raw, _ = self._document.follow(entry)
        content: Json = raw.get("content", {})
        schema = next((each.get("schema") for each in content.values()), None)
        faults = [Fault(each["label"], each.get("when", "")) for each in self._labels(raw)]
        if _PROBLEM in content:
            self.has_problems = True
            codes = _codes_of(schema) or self._codes.get(status, [])
            faults = [Fault(code, PROBLEMS[code].title) for code in codes if code in PROBLEMS]
            schema = {"$ref": "#/components/schemas/Problem"}
        good = status.startswith("2") and schema is not None
        return Answer(
            status=status,
            description=raw.get("description", ""),
            media=list(content),
            headers=list(raw.get("headers", {})),
            faults=faults,
            schema=clean(schema) if schema is not None else None,
            example=examples.value(self._document, schema) if good and schema is not None else None,
        )

    def _labels(self, raw: Json) -> list[Json]:
        """Labels of v1, those that come from the answer all operations share included."""
        also: Json = self._document.at(raw["x-also"].removeprefix("#")) if "x-also" in raw else {}
        return [*raw.get("x-errors", []), *also.get("x-errors", [])]


def _codes_of(schema: Json | None) -> list[str]:
    """The problem codes that an answer is narrowed to."""
    for part in (schema or {}).get("allOf", []):
        code: Json = part.get("properties", {}).get("code", {})
        if code:
            return [code["const"]] if "const" in code else list(code.get("enum", []))
    return []


def _said(raw: Json) -> Json:
    return {
        "tag": next(iter(raw.get("tags", [])), "Other"),
        "summary": raw.get("summary", raw["operationId"]),
        "description": raw.get("description", ""),
    }


def _parameter(raw: Json) -> Parameter:
    schema: Json = clean(raw.get("schema", {}))
    return Parameter(raw["name"], raw["in"], raw.get("required", False), raw.get("description", ""), schema)


def _by_status(entry: tuple[Any, Any]) -> str:
    return str(entry[0])


def _without_provenance(text: str) -> str:
    """Paragraphs, and sentences, of a description that do not speak of where things come from."""
    paragraphs = [each for each in text.split("\n\n") if not each.startswith("x-provenance")]
    kept = []
    for paragraph in paragraphs:
        before, found, _ = paragraph.partition("x-provenance tells")
        kept.append(before.strip() if found else paragraph)
    return "\n\n".join(each for each in kept if each)
