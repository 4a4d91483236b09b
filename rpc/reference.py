"""Writes the second half of `docs/rpc.md`: every method and its parameters, from the table."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec import inspect as types

from processor.operations import Operation
from rpc.shapes import fields, hashes

# What stands above this line is written by people.
MARKER = (
    "<!-- From here on this page is made from the table of operations by `python -m rpc`. -->\n"
)


def reference(page: str, operations: Iterable[Operation]) -> str:
    """The page with its second half written anew."""
    listed = sorted(operations, key=lambda operation: operation.name)
    written, found, _ = page.partition(MARKER)
    if not found:
        raise ValueError(f"the page lacks the line {MARKER!r}")
    parts = [written + MARKER, "## Methods\n"]
    parts += [_method(operation) for operation in listed]
    parts += ["## Hashes\n"]
    parts += [_hash(name, kind) for name, kind in hashes(listed).items()]
    return "\n".join(parts)


def _method(operation: Operation) -> str:
    facts = (
        f"`{operation.method} {operation.path}` in REST. Returns {_returned(operation.returns)}."
    )
    scope = f"Scope `{operation.scope}`"
    public = "; a publishable key with the client secret will do." if operation.publishable else "."
    return "\n".join(
        [
            f"### {operation.name}\n",
            f"{operation.summary}. {facts} {scope}{public}\n",
            *_table(operation.parameters),
        ]
    )


def _returned(returns: str) -> str:
    envelope, _, kind = returns.rpartition(":")
    return f"a `{envelope}` of `{kind}`" if envelope else f"`{kind}`"


def _hash(name: str, kind: type[Struct]) -> str:
    about = " ".join((kind.__doc__ or "").split())
    return "\n".join([f"### {name}\n", f"{about}\n", *_table(kind)])


def _table(kind: type[Struct]) -> list[str]:
    rows = [
        f"| `{field.encode_name}`{' (required)' if field.required else ''} | {_words(field.type)} |"
        for field in fields(kind)
    ]
    return ["| parameter | type |", "|---|---|", *rows, ""] if rows else []


def _words(kind: types.Type) -> str:
    match kind:
        case types.StructType():
            name = kind.cls.__name__
            words = f"[{name}](#{name.lower()})"
        case types.Metadata():
            words = _words(kind.type)
        case types.LiteralType():
            words = " or ".join(f"`{value}`" for value in kind.values)
        case types.ListType():
            size = _bounds(kind.min_length, kind.max_length)
            words = f"array{size} of {_words(kind.item_type)}"
        case types.DictType():
            words = f"map{_bounds(kind.min_length, kind.max_length)} to {_words(kind.value_type)}"
        case types.UnionType():
            words = ", or ".join(_words(member) for member in kind.types)
        case types.StrType():
            words = f"text{_bounds(kind.min_length, kind.max_length)}"
        case types.IntType():
            words = f"integer{_bounds(kind.ge, kind.le)}"
        case _:
            words = _SCALARS[type(kind)]
    return words


def _bounds(least: float | None, most: float | None) -> str:
    """How long, or how much."""
    if least is None and most is None:
        return ""
    if most is None:
        return f" ({least} or more)"
    if least == most:
        return f" ({most})"
    return f" (up to {most})" if least is None else f" ({least} to {most})"


_SCALARS: dict[type[types.Type], str] = {
    types.AnyType: "anything",
    types.BoolType: "boolean",
    types.BytesType: "byte string",
    types.FloatType: "number",
    types.NoneType: "null",
    types.RawType: "anything",
}
