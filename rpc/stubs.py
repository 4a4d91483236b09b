"""Writes `rpc/client/operations.py`: the table of operations as typed methods of the client."""

from collections.abc import Iterable
from keyword import iskeyword

from msgspec import Struct
from msgspec import inspect as types

from processor.operations import Operation
from rpc.shapes import camel, fields, hashes

_HEADER = '''"""Every operation as a typed method, made from the table by `python -m rpc`."""
# ruff: noqa: E501, F401 - lines and imports are as the table needs them
# fmt: off

from collections.abc import Callable
from typing import Any, Generic, Literal, Required, TypedDict, TypeVar, Unpack

R = TypeVar("R")


class Resource(Generic[R]):
    """Operations on one noun. `R` is what a call gives: an object, or an awaitable of one."""

    def __init__(self, call: Callable[..., R]) -> None:
        self._call = call
'''

_METHOD = '''
    def {verb}(self, *, idempotency_key: str | None = None, **params: Unpack[{parameters}]) -> R:
        """{summary}."""
        return self._call("{name}", params, idempotency_key=idempotency_key)
'''


def operations_module(operations: Iterable[Operation]) -> str:
    """The text of `rpc/client/operations.py`."""
    listed = sorted(operations, key=lambda operation: operation.name)
    parts = [_HEADER]
    parts += [_typed_dict(name, kind) for name, kind in hashes(listed).items()]
    parts += [_typed_dict(camel(operation.name), operation.parameters) for operation in listed]
    resources = sorted({operation.resource for operation in listed})
    nouns = {noun for resource in resources for noun in _ancestors(resource)}
    # The deepest first: a class is written before those that hold it.
    for noun in sorted(nouns, key=lambda noun: (-noun.count("."), noun)):
        own = [operation for operation in listed if operation.resource == noun]
        parts.append(_resource(f"class {camel(noun)}(Resource[R]):", noun, own, nouns))
    parts.append(_resource("class Operations(Resource[R]):", "", [], nouns))
    return "\n\n".join(parts)


def _ancestors(resource: str) -> list[str]:
    """`checkout.sessions` to itself and `checkout`."""
    words = resource.split(".")
    return [".".join(words[:length]) for length in range(1, len(words) + 1)]


def _resource(heading: str, noun: str, own: list[Operation], nouns: set[str]) -> str:
    inside = sorted(other for other in nouns if other and other.rpartition(".")[0] == noun)
    text = f'{heading}\n    """{f"`{noun}`" if noun else "All nouns"}."""\n'
    if inside:
        text += "\n    def __init__(self, call: Callable[..., R]) -> None:\n"
        text += "        super().__init__(call)\n"
        text += "".join(
            f"        self.{other.rpartition('.')[2]} = {camel(other)}(call)\n" for other in inside
        )
    for operation in own:
        text += _METHOD.format(
            verb=_identifier(operation.name.rpartition(".")[2]),
            parameters=camel(operation.name),
            summary=operation.summary,
            name=operation.name,
        )
    return text


def _typed_dict(name: str, kind: type[Struct]) -> str:
    about = (kind.__doc__ or "").strip().splitlines()[0]
    lines = [f"class {name}(TypedDict, total=False):", f'    """{about}"""', ""]
    for field in fields(kind):
        annotation = _annotation(field.type)
        if field.required:
            annotation = f"Required[{annotation}]"
        lines.append(f"    {_identifier(field.encode_name)}: {annotation}")
    return "\n".join(lines).rstrip() + "\n"


def _identifier(name: str) -> str:
    if iskeyword(name) or not name.isidentifier():
        raise ValueError(f"{name!r} can't be a name in Python")
    return name


def _annotation(kind: types.Type) -> str:
    """A type as Python writes it; lengths and bounds are left to the server."""
    match kind:
        case types.StructType():
            text = kind.cls.__name__
        case types.Metadata():
            text = _annotation(kind.type)
        case types.LiteralType():
            text = f"Literal[{', '.join(map(repr, kind.values))}]"
        case types.ListType():
            text = f"list[{_annotation(kind.item_type)}]"
        case types.DictType():
            text = f"dict[{_annotation(kind.key_type)}, {_annotation(kind.value_type)}]"
        case types.UnionType():
            text = " | ".join(_annotation(member) for member in kind.types)
        case _:
            text = _SCALARS[type(kind)]
    return text


_SCALARS: dict[type[types.Type], str] = {
    types.AnyType: "Any",
    types.BoolType: "bool",
    types.BytesType: "bytes",
    types.FloatType: "float",
    types.IntType: "int",
    types.NoneType: "None",
    types.RawType: "Any",
    types.StrType: "str",
}
