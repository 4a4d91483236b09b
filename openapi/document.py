"""The OpenAPI 3.1 document, read off the table of operations.

The committed copy is `openapi/openapi.json`; `python -m openapi` writes it anew.
"""

import inspect
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from openapi.objects import OBJECTS
from openapi.schemas import (
    BINARY,
    UNSET_VALUES,
    Schema,
    answer_schema,
    class_name,
    object_schemas,
    parameters_schema,
    reference,
    uploads,
)
from openapi.words import EXAMPLES, INTRODUCTION, RESOURCES, SAMPLES, TITLE
from processor.events.log import API_VERSION
from processor.expansion import Expander
from processor.operations import Operation

COMMITTED = Path(__file__).with_name("openapi.json")
_EXAMPLES = Path(__file__).with_name("examples.json")

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MULTIPART = "multipart/form-data"

# Status: name of the response, and when it is the answer.
REFUSALS = {
    400: ("InvalidRequest", "A parameter is wrong, or the object is in the wrong state."),
    401: ("Unauthorized", "There is no API key, or one that opens nothing."),
    402: ("Declined", "The payer's card or wallet was refused."),
    403: ("Forbidden", "The key may not do this; `x-scope` says what a restricted key needs."),
    404: ("NotFound", "The ID in the path is unknown."),
    409: ("Conflict", "Another request is at work with this idempotency key, or on this object."),
    413: ("TooLarge", "The body is longer than a million bytes."),
    429: ("TooManyRequests", "Too many requests at once: try again a little later."),
}


def build(operations: Iterable[Operation], expander: Expander) -> dict[str, Any]:
    """The document. The same table always gives the same document, member by member."""
    table = sorted(operations, key=lambda operation: (operation.resource, operation.path))
    schemas = object_schemas(table, expander)
    paths: dict[str, Any] = {}
    for operation in table:
        item = paths.setdefault(operation.path, {})
        item[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": API_VERSION, "description": INTRODUCTION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}],
        "tags": [
            {"name": name, "description": RESOURCES.get(name, "")}
            for name in sorted({operation.resource for operation in table})
        ],
        "paths": paths,
        "webhooks": {"event": {"post": _webhook()}},
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "parameters": _HEADER_PARAMETERS,
            "headers": _HEADERS,
            "responses": {name: _refusal(text) for name, text in REFUSALS.values()},
            "examples": {class_name(k): {"value": v} for k, v in object_examples().items()},
            "securitySchemes": _SECURITY,
        },
    }


def encoded(document: dict[str, Any]) -> bytes:
    """The document as it is committed and served."""
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


@cache
def object_examples() -> dict[str, Any]:
    """An answer for each object that has an example, by the object's name."""
    examples: dict[str, Any] = json.loads(_EXAMPLES.read_bytes())
    return examples


def example_parameters(operation: Operation, schema: Schema) -> dict[str, Any]:
    """Parameters for an example call, without those in the path."""
    needed = (name for name in schema.get("required", []) if name not in operation.path_parameters)
    return EXAMPLES.get(operation.name) or {name: SAMPLES.get(name, "...") for name in needed}


# --- one operation ------------------------------------------------------------------------------


def _operation(operation: Operation, schemas: dict[str, Schema]) -> dict[str, Any]:
    schema = parameters_schema(operation, schemas)
    said = schema.pop("description", "")
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.resource],
        "summary": operation.summary,
        "description": _description(operation, said),
        "x-scope": operation.scope,
        "x-publishable-key": operation.publishable,
    }
    example = example_parameters(operation, schema)
    in_path = [_path_parameter(operation, name, schema) for name in operation.path_parameters]
    headers = ["StripeVersion", "IdempotencyKey" if operation.idempotent else "ReadFrom"]
    described["parameters"] = [
        *in_path,
        *([] if operation.method == "POST" else _query_parameters(schema, example)),
        *({"$ref": f"#/components/parameters/{name}"} for name in headers),
    ]
    if operation.method == "POST":
        name = class_name(operation.name)
        schemas[name] = {"description": said, **schema} if said else schema
        described["requestBody"] = _body(schema, name, example, uploads(schema, schemas))
    described["responses"] = _responses(operation)
    return described


def _description(operation: Operation, said: str) -> str:
    """What the operation's function says of itself, and its parameters where there is no body."""
    run = operation.read or operation.write or operation.batch
    told = inspect.getdoc(run) or ""
    told = told.partition("\n\n")[0].partition("Raises ")[0].replace("\n", " ").strip()
    of_parameters = "" if operation.method == "POST" or said.startswith("Which") else said
    return " ".join(part for part in (told, of_parameters) if part)


def _path_parameter(operation: Operation, name: str, schema: Schema) -> dict[str, Any]:
    member = schema["properties"].pop(name)
    kind = operation.returns.removeprefix("deleted_")
    sample = SAMPLES.get(name) or object_examples().get(kind, {}).get("id", "...")
    schema["required"] = [other for other in schema["required"] if other != name]
    if not schema["required"]:
        del schema["required"]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": member.pop("description", ""),
        "schema": member,
        "example": sample,
    }


def _query_parameters(schema: Schema, example: dict[str, Any]) -> list[dict[str, Any]]:
    """Arrays are written `expand[]=a&expand[]=b`, hashes `created[gte]=1`."""
    parameters = []
    for name, member in schema["properties"].items():
        parameter: dict[str, Any] = {
            "name": f"{name}[]" if _is(member, "array") else name,
            "in": "query",
            "required": name in schema.get("required", []),
            "description": member.pop("description", ""),
        }
        if _is(member, "array"):
            parameter |= {"style": "form", "explode": True}
        elif _is(member, "object"):
            parameter |= {"style": "deepObject", "explode": True}
        if name in example:
            parameter["example"] = example[name]
        parameters.append(parameter | {"schema": _without_null(member)})
    return parameters


def _without_null(schema: Schema) -> Schema:
    """A URL cannot say null, and has no need to."""
    schema = dict(schema)
    if isinstance(schema.get("type"), list):
        schema["type"] = schema["type"][0]
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value not in UNSET_VALUES]
    if "anyOf" in schema:
        kept = [one for one in schema["anyOf"] if one != {"enum": UNSET_VALUES}]
        schema = schema | {"anyOf": kept} if len(kept) > 1 else kept[0]
    return schema


def _body(schema: Schema, name: str, example: dict[str, Any], files: list[str]) -> dict[str, Any]:
    """The same parameters as a form and as JSON; with files, in parts."""
    for file in files:
        meaning = schema["properties"][file].get("description", "")
        schema["properties"][file] = {"type": "string", "format": "binary", "description": meaning}
    nested = {
        member: {"style": "deepObject", "explode": True}
        for member, of_member in schema["properties"].items()
        if _is(of_member, "array") or _is(of_member, "object")
    }
    content: dict[str, Any] = {"schema": reference(name)}
    if example:
        content["example"] = example
    if files:
        return {"required": True, "content": {MULTIPART: content | {"encoding": nested}}}
    return {
        "required": bool(schema.get("required")),
        "content": {FORM: content | {"encoding": nested}, JSON: content},
    }


def _is(schema: Schema, kind: str) -> bool:
    """Whether a member can be of this kind; references are to objects."""
    if kind == "object" and "$ref" in schema:
        return True
    return schema.get("type") == kind or any(_is(one, kind) for one in schema.get("anyOf", ()))


def _responses(operation: Operation) -> dict[str, Any]:
    kind = operation.returns.rpartition(":")[2]
    content: dict[str, Any] = {JSON: {"schema": answer_schema(operation)}}
    if operation.returns == BINARY:
        content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    if operation.returns in OBJECTS and operation.returns in object_examples():
        example = {"$ref": f"#/components/examples/{class_name(kind)}"}
        content[JSON]["examples"] = {operation.returns: example}
    headers = ["Request-Id", "Stripe-Version"]
    if operation.idempotent:
        headers += ["Idempotency-Key", "Idempotent-Replayed"]
    statuses = {400, 401, 403, 413, 429}
    statuses |= {404} if operation.path_parameters else set()
    statuses |= {402, 409} if operation.idempotent else set()
    return {
        "200": {
            "description": "Done.",
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
            "content": content,
        },
        **{
            str(status): {"$ref": f"#/components/responses/{REFUSALS[status][0]}"}
            for status in sorted(statuses)
        },
    }


# --- what all operations share ------------------------------------------------------------------


def _refusal(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {"Request-Id": {"$ref": "#/components/headers/Request-Id"}},
        "content": {JSON: {"schema": reference("Error")}},
    }


def _webhook() -> dict[str, Any]:
    return {
        "summary": "An event, sent to your webhook endpoint",
        "description": "Check the signature before you trust it: `v1` is the HMAC-SHA256, in hex,"
        " of the timestamp `t`, a dot and the body, under the endpoint's secret.",
        "security": [],
        "parameters": [
            {
                "name": "Stripe-Signature",
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
                "example": "t=1764000000,v1=5257a869e7ecebed...",
            }
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": reference("Event")}}},
        "responses": {"2XX": {"description": "Heard. Any other answer is tried again for days."}},
    }


_HEADER_PARAMETERS = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A text of your own, unique for each thing you want done. The same key with"
        " the same parameters is answered as the first time, and done once.",
        "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    },
    "ReadFrom": {
        "name": "CPay-Read-From",
        "in": "header",
        "description": "`replica` for long lists and searches that may show what was true a moment"
        " ago; an installation without a replica answers from the primary.",
        "schema": {"type": "string", "enum": ["primary", "replica"]},
    },
    "StripeVersion": {
        "name": "Stripe-Version",
        "in": "header",
        "description": "Accepted for the SDKs' sake and echoed; answers have one shape.",
        "schema": {"type": "string", "pattern": r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z_]{1,30})?$"},
    },
}
_HEADERS = {
    "Request-Id": {
        "description": "Name it when you ask us for help.",
        "schema": {"type": "string"},
    },
    "Stripe-Version": {"description": "Version of the shape.", "schema": {"type": "string"}},
    "Idempotency-Key": {"description": "As it was sent.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "Present if this is the answer of an earlier request with the same key.",
        "schema": {"const": "true"},
    },
}
_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A secret key `sk_...`; where `x-publishable-key` is true, also a"
        " publishable key `pk_...`.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The key as user name, without a password.",
    },
}
