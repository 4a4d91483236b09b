"""The published document, held against what a running stack answers."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from live import Merchant
from stripe._encode import _api_encode

from openapi.document import COMMITTED


@cache
def document() -> dict[str, Any]:
    """The committed document."""
    loaded: dict[str, Any] = json.loads(COMMITTED.read_bytes())
    return loaded


def _closed(schema: Any) -> Any:
    """A schema that refuses members it does not name.

    The published one is open, so that a client survives a new member; the tests want to hear of it.
    """
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def _components() -> dict[str, Any]:
    schemas: dict[str, Any] = _closed(document()["components"]["schemas"])
    return schemas


def violations(schema: dict[str, Any], value: Any) -> list[str]:
    """Where a value is not what the schema says, in words."""
    root = {**schema, "components": {"schemas": _components()}}
    found = Draft202012Validator(root).iter_errors(value)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


def operation_at(method: str, path: str) -> dict[str, Any]:
    """The operation behind a URL's path. A fixed path goes before one with parameters."""
    for template in sorted(document()["paths"], key=lambda template: template.count("{")):
        item = document()["paths"][template]
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in item:
            operation: dict[str, Any] = item[method.lower()]
            return operation
    raise LookupError(f"{method} {path} is not in the document")


@dataclass(frozen=True, slots=True)
class Client:
    """Calls a stack and holds each answer against the document."""

    merchant: Merchant

    def __call__(
        self,
        method: str,
        path: str,
        parameters: dict[str, Any] | None = None,
        status: int = 200,
        key: str | None = None,
    ) -> Any:
        """The answer to a call. Fails if its status or its shape is another than it should be."""
        encoded = httpx.QueryParams(list(_api_encode(parameters or {})))
        form = method == "POST"
        response = httpx.request(
            method,
            f"{self.merchant.stack.base}{path}",
            params=None if form else encoded,
            content=str(encoded) if form else None,
            headers={
                "Authorization": f"Bearer {key or self.merchant.secret_key}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            timeout=30,
        )
        assert response.status_code == status, response.text
        answer = response.json()
        described = operation_at(method, path)["responses"][str(status)]
        if "$ref" in described:
            described = document()["components"]["responses"][described["$ref"].rpartition("/")[2]]
        assert violations(described["content"]["application/json"]["schema"], answer) == []
        return answer
