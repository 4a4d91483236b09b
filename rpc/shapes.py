"""What the parameters of all operations are made of, for the client's types and the reference."""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec import inspect as types

from processor.operations import Operation


def camel(dotted: str) -> str:
    """`payment_intents.create` to `PaymentIntentsCreate`."""
    return "".join(word.capitalize() for word in dotted.replace(".", "_").split("_"))


def fields(kind: type[Struct]) -> tuple[types.Field, ...]:
    """The members of parameters or of a hash in them, those that are required first."""
    info = types.type_info(kind)
    assert isinstance(info, types.StructType)
    return tuple(sorted(info.fields, key=lambda field: (not field.required, field.encode_name)))


def hashes(operations: Iterable[Operation]) -> dict[str, type[Struct]]:
    """The hashes inside parameters, by name, in the order of the alphabet.

    Raises ValueError if two of them have the same name: one must then be renamed.
    """
    found: dict[str, type[Struct]] = {}
    for operation in operations:
        for field in fields(operation.parameters):
            for inner in _structs(field.type):
                if found.setdefault(inner.__name__, inner) is not inner:
                    raise ValueError(f"two hashes are named {inner.__name__}: rename one of them")
    return dict(sorted(found.items()))


def _structs(kind: types.Type) -> Iterator[type[Struct]]:
    if isinstance(kind, types.StructType):
        yield kind.cls
        for field in kind.fields:
            yield from _structs(field.type)
    elif isinstance(kind, types.Metadata):
        yield from _structs(kind.type)
    elif isinstance(kind, types.ListType):
        yield from _structs(kind.item_type)
    elif isinstance(kind, types.DictType):
        yield from _structs(kind.value_type)
    elif isinstance(kind, types.UnionType):
        for member in kind.types:
            yield from _structs(member)
