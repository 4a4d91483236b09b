"""The parameters of a call, or the members of an object, as a list in HTML."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from openapi.schemas import Schema
from openapi.text import prose

MAX_DEPTH = 5  # of hashes in hashes; ours end long before


@dataclass(frozen=True, slots=True)
class Member:
    """One line: a parameter, or a member of an object."""

    name: str
    schema: Schema
    meaning: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Members:
    """Writes lists of members; `schemas` are the document's components."""

    schemas: dict[str, Schema]
    asked: bool  # parameters, where it matters what is required; else an answer

    def of_schema(self, schema: Schema) -> list[Member]:
        """The members of an object's schema."""
        schema = self._resolved(schema)
        required = schema.get("required", ())
        return [
            Member(name, member, member.get("description", ""), name in required)
            for name, member in schema.get("properties", {}).items()
        ]

    def html(self, members: Iterable[Member], depth: int = 0) -> str:
        """A definition list; what is required comes first, what all calls have comes last."""
        ordered = sorted(members, key=self._place) if self.asked else members
        lines = "".join(self._line(member, depth) for member in ordered)
        return f'<dl class="members">{lines}</dl>' if lines else ""

    def _place(self, member: Member) -> int:
        return 0 if member.required else 2 if member.name in ("expand", "expand[]") else 1

    def _line(self, member: Member, depth: int) -> str:
        kind = f'<span class="type">{escape(self._kind(member.schema))}</span>'
        needed = '<span class="required">required</span>' if self.asked and member.required else ""
        notes = " ".join(filter(None, (prose(member.meaning), self._bounds(member.schema))))
        inside = self._inside(member.schema)
        nested = ""
        if inside and depth < MAX_DEPTH:
            lines = self.html(self.of_schema(inside), depth + 1)
            nested = f"<details><summary>Members</summary>{lines}</details>" if lines else ""
        return (
            f"<div><dt><code>{escape(member.name)}</code> {kind}{needed}</dt>"
            f"<dd>{f'<p>{notes}</p>' if notes else ''}{nested}</dd></div>"
        )

    def _resolved(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        return self.schemas[_name(schema)]

    def _choices(self, schema: Schema) -> list[Schema]:
        """The members of a union without the ways to say nothing."""
        return [
            one
            for one in schema.get("anyOf", [schema])
            if one.get("type") != "null" and one.get("enum") != ["", None]
        ]

    def _expandable(self, schema: Schema) -> bool:
        """Whether it is an ID that can be replaced by the object it names."""
        choices = self._choices(schema)
        return len(choices) > 1 and choices[0] == {"type": "string"} and "$ref" in choices[1]

    def _kind(self, schema: Schema) -> str:
        if self._expandable(schema):
            named = [_name(one) for one in self._choices(schema)[1:]]
            shown = [name for name in named if name.removeprefix("Deleted") not in named[:-1]]
            kind = f"ID of {' or '.join(shown)}, expandable"
        else:
            kind = " or ".join(dict.fromkeys(self._simple(one) for one in self._choices(schema)))
        return f"{kind} or null" if not self.asked and _nullable(schema) else kind

    def _simple(self, schema: Schema) -> str:
        if "const" in schema or "enum" in schema:
            return "string"
        kinds = schema.get("type", "object")
        kind: str = kinds[0] if isinstance(kinds, list) else kinds
        if kind == "array":
            return f"array of {self._simple(schema.get('items', {}))}s"
        return {"object": "hash", "null": "always null"}.get(kind, kind)

    def _bounds(self, schema: Schema) -> str:
        """Allowed values, or the longest text."""
        said = []
        for one in self._choices(schema):
            values = [one["const"]] if "const" in one else one.get("enum", [])
            listed = [f"<code>{escape(str(value))}</code>" for value in values if value]
            if len(listed) > 1 or (listed and self.asked):
                said.append(f"One of {', '.join(listed)}.")
            if self.asked and one.get("maximum", 2**32) < 2**32:
                said.append(f"{one.get('minimum', '')} to {one['maximum']}.")
            longest = one.get("maxLength", 0)
            if self.asked and longest not in (0, 255, one.get("minLength")):
                said.append(f"At most {longest} characters.")
        if self.asked and schema.get("default") not in (None, False):
            said.append(f"Default <code>{escape(_spelled(schema['default']))}</code>.")
        return " ".join(said)

    def _inside(self, schema: Schema) -> Schema | None:
        """The hash whose members can be listed below the line, if there is one."""
        if self._expandable(schema):
            return None
        for one in self._choices(schema):
            items = one.get("items", {})
            for candidate in (one, items):
                if "properties" in self._resolved(candidate):
                    return candidate
        return None


def _name(schema: Schema) -> str:
    name: str = schema["$ref"].rpartition("/")[2]
    return name


def _nullable(schema: Schema) -> bool:
    kinds = schema.get("type", ())
    return (
        (isinstance(kinds, list) and "null" in kinds)
        or None in schema.get("enum", ())
        or {"type": "null"} in schema.get("anyOf", ())
    )


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
