"""Checks answers of a running surface against its OpenAPI document: status, media type, headers and body.

Used by the contract tests of every surface. An answer that the document does not foresee fails the test, except the
statuses a test names in `besides` (such as 501 of the not-yet-built table, which no document knows).
"""

from collections.abc import Collection, Mapping

import msgspec

from clarion.api.contract.document import Document, ResponseRule
from clarion.api.contract.schemas import Schemas
from clarion.api.contract.validate import Validator


class ResponseChecker:
    """The response rules of one document; schemas are compiled when first met."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._schemas = Schemas(document, lenient_dates=False)
        self._validators: dict[str, Validator] = {}

    def check(
        self,
        operation_id: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        besides: Collection[int] = (),
    ) -> None:
        """Assert that an operation may answer so. Header names in any case."""
        if status in besides:
            return
        operation = self._document.operations[operation_id]
        assert status in operation.responses, (
            f"{operation_id} answered {status}; the document knows {sorted(operation.responses)}: {body[:300]!r}"
        )
        self._check(operation_id, operation.responses[status], headers, body)

    def check_component(self, name: str, headers: Mapping[str, str], body: bytes) -> None:
        """Assert that an answer fits a response of `components`, such as `UnknownRoute`, for paths of no operation."""
        found, at = self._document.follow({"$ref": f"#/components/responses/{name}"})
        self._check(name, self._document.response_rule(found, at), headers, body)

    def check_schema(self, name: str, body: bytes) -> None:
        """Assert that a JSON text fits a component schema."""
        self._check_json(name, f"/components/schemas/{name}", body)

    def _check(self, what: str, rule: ResponseRule, headers: Mapping[str, str], body: bytes) -> None:
        names = {name.lower(): value for name, value in headers.items()}
        missing = [name for name in rule.required_headers if name not in names]
        assert not missing, f"{what}: the answer lacks the headers {missing}"
        if not rule.content:
            assert not body, f"{what}: the document has no body here, yet {body[:300]!r} came"
            return
        media = names.get("content-type", "").partition(";")[0].strip().lower()
        assert media in rule.content, f"{what}: {media!r} is none of {sorted(rule.content)}"
        if media == "application/json" or media.endswith("+json"):
            self._check_json(what, rule.content[media], body)
        else:
            assert self._validator(rule.content[media]).is_valid(body.decode()), f"{what}: the text breaks its schema"

    def _check_json(self, what: str, pointer: str, body: bytes) -> None:
        value = msgspec.json.decode(body)
        findings = self._validator(pointer).check_value(value)
        assert not findings, f"{what}: {[(f.pointer, f.message) for f in findings]} in {body[:600]!r}"

    def _validator(self, pointer: str) -> Validator:
        if pointer not in self._validators:
            self._validators[pointer] = self._schemas.compile(pointer)
        return self._validators[pointer]
