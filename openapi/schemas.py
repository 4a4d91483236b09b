"""From Python types to JSON Schema (2020-12, the dialect of OpenAPI 3.1).

msgspec writes the first draft. What it cannot know is added here: that an empty string unsets what
may be null (`processor/parameters.py`), which members expand to whole objects, and what words mean.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from openapi.objects import KINDS, OBJECTS, READABLE_WHEN_DELETED
from openapi.objects.errors import Error
from openapi.words import MEANINGS
from processor.expansion import Expander
from processor.operations import Operation

Schema = dict[str, Any]

UNSET_VALUES = ["", None]

BINARY = "binary"  # what an operation returns that answers with a file's bytes


def class_name(kind: str) -> str:
    """`payment_intent` to `PaymentIntent`."""
    return "".join(word.capitalize() for word in kind.replace(".", "_").split("_"))


def reference(name: str) -> Schema:
    """A reference to a schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


# --- what is asked ------------------------------------------------------------------------------


def parameters_schema(operation: Operation, components: dict[str, Schema]) -> Schema:
    """The schema of all parameters of an operation; those it refers to are put in `components`."""
    (root,), drafts = msgspec.json.schema_components(
        [operation.parameters], ref_template="#/components/schemas/{name}"
    )
    names = {name: f"{name.removesuffix('Parameters')}Parameters" for name in drafts}
    finished = {
        name: _finished(draft, name, names, asked=True, place=operation.name)
        for name, draft in drafts.items()
    }
    schema: Schema = finished.pop(_target(root))
    for name, part in finished.items():
        if components.setdefault(names[name], part) != part:
            raise ValueError(f"two kinds of parameters are named {name}: rename one of them")
    return schema


def uploads(schema: Schema, components: dict[str, Schema]) -> list[str]:
    """The members that are files: hashes with bytes in them."""
    return [
        name
        for name, member in schema["properties"].items()
        if "$ref" in member
        and any("contentEncoding" in part for part in _parts(components[_target(member)]))
    ]


def _parts(schema: Schema) -> Iterable[Schema]:
    parts: dict[str, Schema] = schema.get("properties", {})
    return parts.values()


# --- what is answered ---------------------------------------------------------------------------


def object_schemas(operations: Iterable[Operation], expander: Expander) -> dict[str, Schema]:
    """The schemas of all objects that answers hold, of their pages and of errors, by name."""
    returned = sorted({operation.returns for operation in operations})
    kinds = {returns.rpartition(":")[2] for returns in returned} - {BINARY} | OBJECTS.keys()
    for kind in list(kinds):
        for target in expander.fields.get(kind, {}).values():
            kinds |= set(_kinds(target))
    described = [OBJECTS[kind] for kind in sorted(kinds & OBJECTS.keys())]
    _, drafts = msgspec.json.schema_components(
        [*described, Error], ref_template="#/components/schemas/{name}"
    )
    schemas = {name: _finished(draft, name, {}, asked=False) for name, draft in drafts.items()}
    for kind in sorted(kinds - OBJECTS.keys()):  # a test asks for their description
        schemas[class_name(kind)] = {"type": "object", "x-undescribed": True}
    for kind in sorted(kinds & expander.fields.keys()):
        _mark_expandable(schemas, kind, expander.fields[kind])
    for returns in returned:
        envelope, _, kind = returns.rpartition(":")
        if envelope:
            schemas[page_name(returns)] = _page(envelope, kind)
    return schemas


def answer_schema(operation: Operation) -> Schema:
    """The schema of an operation's answer."""
    envelope, _, kind = operation.returns.rpartition(":")
    if envelope:
        return reference(page_name(operation.returns))
    readable = kind in READABLE_WHEN_DELETED and operation.read is not None
    names = [class_name(kind), *([class_name(f"deleted_{kind}")] if readable else [])]
    return reference(names[0]) if len(names) == 1 else {"anyOf": [reference(n) for n in names]}


def page_name(returns: str) -> str:
    """`list:customer` to `CustomerList`."""
    envelope, _, kind = returns.rpartition(":")
    return class_name(f"{kind}_{envelope}")


def _page(envelope: str, kind: str) -> Schema:
    properties: Schema = {
        "object": {"const": envelope},
        "data": {"type": "array", "items": reference(class_name(kind))},
        "has_more": {"type": "boolean"},
        "url": {"type": "string"},
    }
    if envelope == "search_result":
        properties["next_page"] = {"type": ["string", "null"]}
    for name, schema in properties.items():
        schema["description"] = MEANINGS[name]
    return {
        "type": "object",
        "description": "One page, newest first.",
        "properties": properties,
        "required": list(properties),
    }


def _kinds(target: str | None) -> tuple[str, ...]:
    """The kinds of object that a member can expand to."""
    return KINDS.get(target, (target,)) if target else ()


def _mark_expandable(schemas: dict[str, Schema], kind: str, fields: dict[str, str | None]) -> None:
    """Let a member that can be expanded be the whole object too. `fields` are the expander's."""
    owner = schemas[class_name(kind)]
    if fields:
        owner["x-expandable"] = dict(fields)
    for path, target in fields.items():
        if target is None or "x-undescribed" in owner:
            continue
        *inside, name = path.split(".")
        holder = owner
        for step in inside:
            holder = schemas[_target(holder["properties"][step])]
        member = holder["properties"][name]
        nullable = "null" in member["type"]
        targets = [
            one
            for kind in _kinds(target)
            for one in (kind, *([f"deleted_{kind}"] if kind in READABLE_WHEN_DELETED else []))
        ]
        holder["properties"][name] = {
            "anyOf": [
                {"type": "string"},
                *(reference(class_name(one)) for one in targets),
                *([{"type": "null"}] if nullable else []),
            ],
            "description": member.get("description", ""),
        }


# --- finishing msgspec's draft ------------------------------------------------------------------


def _target(schema: Schema) -> str:
    """The name that a reference names."""
    name: str = schema["$ref"].rpartition("/")[2]
    return name


def _finished(
    draft: Schema, owner: str, names: dict[str, str], *, asked: bool, place: str = ""
) -> Schema:
    """A draft with the meanings of its members, and their types in the fewest words."""
    schema = _tidy(draft, names, asked)
    for name, member in schema.get("properties", {}).items():
        meaning = (
            MEANINGS.get(f"{place}.{name}") or MEANINGS.get(f"{owner}.{name}") or MEANINGS.get(name)
        )
        if meaning:
            member["description"] = meaning
    return schema


def _tidy(draft: Schema, names: dict[str, str], asked: bool) -> Schema:
    schema = {key: value for key, value in draft.items() if key != "title"}
    if schema.get("default") in (None, []):
        schema.pop("default", None)
    if not schema.get("required", True):
        del schema["required"]
    if "$ref" in schema:
        schema["$ref"] = reference(names.get(_target(schema), _target(schema)))["$ref"]
    if len(schema.get("enum", ())) == 1:
        schema["const"] = schema.pop("enum")[0]
    if isinstance(schema.get("properties"), dict):
        schema["properties"] = {
            name: _tidy(member, names, asked) for name, member in schema["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = _tidy(schema[key], names, asked)
    if asked and schema.get("type") == "string":
        schema.setdefault("minLength", 1)  # an empty string would unset it, and it cannot be unset
    if "anyOf" in schema:
        return _tidy_union(schema, names, asked)
    return schema


def _tidy_union(schema: Schema, names: dict[str, str], asked: bool) -> Schema:
    """`anyOf` without its null, which goes where it takes the fewest words."""
    nullable = {"type": "null"} in schema["anyOf"]
    members = [_tidy(x, names, asked) for x in schema["anyOf"] if x != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if not nullable:
        return {"anyOf": members} | rest
    unset = UNSET_VALUES if asked else [None]
    if len(members) == 1:
        (only,) = members
        if "const" in only or "enum" in only:
            return {"enum": [*only.get("enum", [only.get("const")]), *unset]} | rest
        if only.get("type") == "string" and (not asked or "pattern" not in only):
            if asked:
                only.pop("minLength")
            return only | {"type": ["string", "null"]} | rest
        if not asked and isinstance(only.get("type"), str) and only["type"] != "object":
            return only | {"type": [only["type"], "null"]} | rest
    return {"anyOf": [*members, {"enum": unset} if asked else {"type": "null"}]} | rest
