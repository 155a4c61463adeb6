"""The Postman collection (format 2.1): every operation in the folder of its family, signed by a script.

Bodies are the examples of the contract. The script signs what is sent; the request for a token keeps it for all others.
"""

import json
from typing import Any

from clarion.api.contract.document import Document, Operation, Parameter

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_ABOUT = (
    "Set the variables baseUrl, email, apiKey and partnerId of the collection, then send createAccessToken: its answer "
    "is kept and used by all other requests, for 24 hours. Every request is signed before it is sent."
)
_VARIABLES = {
    "baseUrl": "https://127.0.0.1:8443",
    "email": "ops@shop.example",
    "apiKey": "",
    "partnerId": "shop-ios",
    "accessToken": "",
}
_SIGN = """\
const time = String(Math.floor(Date.now() / 1000));
const raw = pm.request.method === 'GET' || !pm.request.body ? '' : pm.request.body.raw || '';
const body = pm.variables.replaceIn(raw);
const signature = CryptoJS.SHA1(body + pm.variables.get('apiKey') + time).toString();
pm.request.headers.upsert({key: 'Accengage-Time', value: time});
pm.request.headers.upsert({key: 'Accengage-Signature', value: signature});"""
_KEEP_TOKEN = """\
pm.test('A token was issued', () => pm.response.to.have.status(200));
pm.collectionVariables.set('accessToken', pm.response.json().access_token);"""
# What stands in paths and queries until somebody writes their own; a 1 for every other number.
_SAMPLES = {
    "partnerId": "{{partnerId}}",
    "externalId": "order-shipped",
    "geogroupId": "ext:shops",
    "udid": "9C1F6E1A-0000-4000-8000-0123456789AB",
    "UDID": "9C1F6E1A-0000-4000-8000-0123456789AB",
    "filters": "9C1F6E1A-0000-4000-8000-0123456789AB",
    "fields": "UDID",
    "data[]": "language",
    "title": "Order%",
    "test": "true",
    **dict.fromkeys(("date", "startDate", "endDate", "firstOpen", "lastOpen"), "2031-03-01"),
}
# Parameters whose members are named by the caller, as one of them is called in the sample.
_MEMBERS = {"fields": "fields[1]", "filters": "UDID"}

Json = dict[str, Any]


def collection(document: Document) -> Json:
    """The whole collection."""
    folders: dict[str, list[Json]] = {}
    for operation in document.operations.values():
        [tag] = document.raw["paths"][operation.path][operation.method.lower()]["tags"]
        folders.setdefault(tag, []).append(_item(document, operation))
    return {
        "info": {"name": "Clarion v1", "description": _ABOUT, "schema": _SCHEMA},
        "variable": [{"key": name, "value": value} for name, value in _VARIABLES.items()],
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{accessToken}}", "type": "string"}]},
        "event": [_event("prerequest", _SIGN)],
        "item": [{"name": name, "item": items} for name, items in folders.items()],
    }


def _item(document: Document, operation: Operation) -> Json:
    request: Json = {"method": operation.method, "header": [], "url": _url(operation)}
    item: Json = {"name": operation.operation_id, "request": request}
    if operation.body is not None:
        request["header"] = [{"key": "Content-Type", "value": "application/json"}]
        raw = json.dumps(_example(document, document.at(operation.body.schema_pointer)), indent=2, ensure_ascii=False)
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    if operation.operation_id == "createAccessToken":
        request["auth"] = {"type": "noauth"}
        request["body"]["raw"] = '{"email": "{{email}}"}'
        item["event"] = [_event("test", _KEEP_TOKEN)]
    return item


def _url(operation: Operation) -> Json:
    segments = [
        f":{segment[1:-1]}" if segment.startswith("{") else segment for segment in operation.path.split("/")[1:]
    ]
    url: Json = {"raw": "{{baseUrl}}/" + "/".join(segments), "host": ["{{baseUrl}}"], "path": segments}
    if operation.path_parameters:
        url["variable"] = [{"key": each.name, "value": _value(each)} for each in operation.path_parameters]
    if operation.query_parameters:
        url["query"] = [_query(each) for each in operation.query_parameters]
    return url


def _query(parameter: Parameter) -> Json:
    """A parameter of the query, switched off unless the request needs it."""
    needed = parameter.required or parameter.name == "filters"
    return {"key": _MEMBERS.get(parameter.name, parameter.name), "value": _value(parameter), "disabled": not needed}


def _value(parameter: Parameter) -> str:
    return "1" if parameter.type == "integer" else _SAMPLES[parameter.name]


def _example(document: Document, schema: Json) -> Any:
    """The first example of a schema, or of the first of its cases."""
    schema, _ = document.follow(schema)
    return schema["examples"][0] if "examples" in schema else _example(document, schema["oneOf"][0])


def _event(listen: str, script: str) -> Json:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": script.split("\n")}}
