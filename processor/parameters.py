"""From a client's words to typed parameters, or to an error that names the parameter.

All doors meet here with a plain tree of dicts, lists and scalars: the form decoder, JSON and CBOR
made it. Stripe's conventions hold for each of them: an empty string unsets what can be unset,
unknown names are refused, a parameter is named in brackets (`address[city]`).
"""

import re
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec import inspect as types

from processor.errors import InvalidRequest

P = TypeVar("P", bound="Parameters")

Text = Annotated[str, Meta(max_length=5000)]
ShortText = Annotated[str, Meta(max_length=500)]
Id = Annotated[str, Meta(min_length=1, max_length=255)]
Amount = Annotated[int, Meta(ge=-(2**53), le=2**53)]  # bounds by currency come later
Timestamp = Annotated[int, Meta(ge=0, le=253_402_300_799)]  # unix seconds, to the year 9999
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=40)], Annotated[str, Meta(max_length=500)]],
    Meta(max_length=50),
]
MetadataUpdate = (
    dict[
        Annotated[str, Meta(min_length=1, max_length=40)],
        Annotated[str, Meta(max_length=500)] | None,
    ]
    | None
    | UnsetType
)

_INT64 = 2**63
_DEPTH = 16  # deeper than any parameter of ours
_SHOWN_NAME = 80  # characters of a client's name for a parameter that we repeat to it


class Indexed(dict[str, Any]):
    """A hash whose keys are numbers, in order: an array, if the parameter's type says so.

    Forms cannot tell one from the other; other doors never make it.
    """


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """The parameters of an operation. Every operation can expand its answer."""

    expand: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=20)] = []


class Created(Struct, forbid_unknown_fields=True):
    """A range of creation times, in unix seconds."""

    gt: Timestamp | None = None
    gte: Timestamp | None = None
    lt: Timestamp | None = None
    lte: Timestamp | None = None


class ListParameters(Parameters, kw_only=True):
    """What every list takes."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: Id | None = None
    ending_before: Id | None = None
    created: Created | Timestamp | None = None


class Address(Struct, forbid_unknown_fields=True):
    """A postal address."""

    city: ShortText | None = None
    country: Annotated[str, Meta(max_length=2)] | None = None
    line1: ShortText | None = None
    line2: ShortText | None = None
    postal_code: ShortText | None = None
    state: ShortText | None = None


class Shipping(Struct, forbid_unknown_fields=True):
    """Where goods go, and to whom."""

    address: Address
    name: ShortText
    carrier: ShortText | None = None
    phone: ShortText | None = None
    tracking_number: ShortText | None = None


class BillingDetails(Struct, forbid_unknown_fields=True):
    """Who pays."""

    address: Address | None = None
    email: ShortText | None = None
    name: ShortText | None = None
    phone: ShortText | None = None
    tax_id: ShortText | None = None


def parse(kind: type[P], raw: dict[str, Any], *, strict: bool) -> P:
    """Typed parameters from a tree. `strict` is for doors with types of their own: JSON and CBOR.

    Raises InvalidRequest for the first thing that is wrong, with Stripe's code and parameter name.
    """
    cleaned = _clean(raw, _type_info(kind), "", 0, strict)
    try:
        return msgspec.convert(cleaned, kind)
    except msgspec.ValidationError as error:
        raise _explain(str(error), cleaned) from None


def merged_metadata(current: dict[str, str], update: MetadataUpdate) -> dict[str, str]:
    """Stripe's merge: given keys are set, empty ones removed, `metadata=` removes all."""
    if update is UNSET:
        return current
    if update is None:
        return {}
    merged = {key: value for key, value in (current | update).items() if value is not None}
    if len(merged) > 50:
        raise InvalidRequest("Metadata can hold at most 50 keys.", param="metadata")
    return merged


# --- cleaning -----------------------------------------------------------------------------------


@cache
def _type_info(kind: type[Struct]) -> types.StructType:
    """Reading the type hints of a large struct takes longer than all the rest of a call."""
    info = types.type_info(kind)
    assert isinstance(info, types.StructType)
    return info


@cache
def _fields(kind: type[Struct]) -> dict[str, types.Type]:
    info = _type_info(kind)
    return {field.encode_name: field.type for field in info.fields}


def _clean(value: Any, kind: types.Type | None, param: str, depth: int, strict: bool) -> Any:
    """A copy with empty strings turned to None where that is allowed, and no hostile scalar."""
    if depth > _DEPTH:
        raise InvalidRequest(f"Parameters are nested too deeply: {_name(param)}", param=param[:60])
    if isinstance(value, str):
        return _clean_text(value, kind, param, strict)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return _clean_integer(value, param)
    array = _alternative(kind, types.ListType)
    if isinstance(value, Indexed) and array is not None:
        value = list(value.values())
    if isinstance(value, dict):
        return _clean_object(value, kind, param, depth, strict)
    if isinstance(value, list):
        inside = array.item_type if array else None
        return [_clean(x, inside, f"{param}[{i}]", depth + 1, strict) for i, x in enumerate(value)]
    return value


def _clean_integer(value: int, param: str) -> int:
    if not -_INT64 <= value < _INT64:
        raise InvalidRequest(
            f"Invalid integer: {_name(param)} is out of range",
            code="parameter_invalid_integer",
            param=param,
        )
    return value


def _clean_text(
    value: str, kind: types.Type | None, param: str, strict: bool
) -> str | bool | int | float | None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(
                f"Invalid string: {_name(param)} is not UTF-8", param=param
            ) from None
    if "\0" in value:
        raise InvalidRequest(f"Invalid string: {_name(param)} holds a NUL byte", param=param)
    if value == "" and kind is not None:
        if _nullable(kind):
            return None
        raise InvalidRequest(
            f"You passed an empty string for '{_name(param)}'. We assume empty values are an"
            f" attempt to unset a parameter; however '{_name(param)}' cannot be unset. You should"
            f" remove"
            f" '{_name(param)}' from your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=param,
        )
    return value if strict or kind is None else _from_form(value, kind, param)


def _from_form(value: str, kind: types.Type, param: str) -> str | bool | int | float:
    """A form's text as the boolean or number that the parameter wants."""
    word = _alternative(kind, types.LiteralType)
    if _alternative(kind, types.StrType) is not None or (word and value in word.values):
        return value
    if _alternative(kind, types.BoolType) is not None and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if _alternative(kind, types.IntType) is not None:
        if not _INTEGER.fullmatch(value):
            raise InvalidRequest(
                f"Invalid integer: {value[:40]}", code="parameter_invalid_integer", param=param
            )
        return int(value)
    if _alternative(kind, types.FloatType) is not None and _DECIMAL.fullmatch(value):
        return float(value)
    return value


_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_INTEGER = re.compile(r"-?[0-9]{1,19}")


def _clean_object(
    value: dict[Any, Any], kind: types.Type | None, param: str, depth: int, strict: bool
) -> dict[str, Any]:
    struct = _alternative(kind, types.StructType)
    fields = _fields(struct.cls) if struct else {}
    mapping = _alternative(kind, types.DictType)
    value_type = mapping.value_type if mapping else None
    cleaned = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise InvalidRequest(f"Parameter names must be strings, in {_name(param)}", param=param)
        _clean_text(key, None, param or "parameters", strict)
        name = _join(param, key[:_SHOWN_NAME])
        cleaned[key] = _clean(item, fields.get(key, value_type), name, depth + 1, strict)
    return cleaned


T = TypeVar("T", bound=types.Type)


def _alternative(kind: types.Type | None, wanted: type[T]) -> T | None:
    """The member of a type (or of a union) that is a `wanted`, if there is one."""
    if isinstance(kind, types.Metadata):
        kind = kind.type
    if isinstance(kind, wanted):
        return kind
    if isinstance(kind, types.UnionType):
        for member in kind.types:
            if found := _alternative(member, wanted):
                return found
    return None


def _nullable(kind: types.Type) -> bool:
    return _alternative(kind, types.NoneType) is not None


def _name(param: str) -> str:
    return param[:80] if param else "parameters"


# --- explaining ---------------------------------------------------------------------------------

_PATH = re.compile(r"(.*?)(?: - at (`key` in )?`\$(.*)`)?$", re.DOTALL)
_QUOTED = re.compile(r"`([^`]*)`")


def _explain(message: str, raw: dict[str, Any]) -> InvalidRequest:
    """Stripe's words for msgspec's.

    msgspec stops at the first error and says what it expected and where (`$.items[0].price`).
    """
    match = _PATH.match(message)
    assert match is not None
    what, is_key, where = match[1], match[2], match[3] or ""
    param = _bracketed(where)
    if what.startswith("Object missing required field"):
        param = _join(param, _quoted(what))
        return InvalidRequest(
            f"Missing required param: {param}.", code="parameter_missing", param=param
        )
    if what.startswith("Object contains unknown field"):
        param = _join(param, _quoted(what)[:_SHOWN_NAME])
        return InvalidRequest(
            f"Received unknown parameter: {param}", code="parameter_unknown", param=param
        )
    shown = "a name in it" if is_key else _shown(raw, where)
    if what.startswith("Expected `int") or "| int" in what:
        return InvalidRequest(
            f"Invalid integer: {shown} ({what})", code="parameter_invalid_integer", param=param
        )
    if what.startswith("Invalid enum value"):
        return InvalidRequest(f"Invalid {param}: {shown} is not one of its values", param=param)
    kind = {"`bool": "boolean", "`array": "array", "`object": "object", "`str": "string"}
    for prefix, name in kind.items():
        if what.startswith(f"Expected {prefix}"):
            return InvalidRequest(f"Invalid {name}: {shown} ({what})", param=param)
    return InvalidRequest(f"Invalid value for {param}: {what}", param=param)


def _quoted(text: str) -> str:
    found = _QUOTED.search(text)
    return found[1] if found else ""


def _join(parent: str, name: str) -> str:
    return f"{parent}[{name}]" if parent else name


def _bracketed(path: str) -> str:
    """`.items[0].price` to `items[0][price]`; a dict's key, which msgspec hides, is left out."""
    out = ""
    for part in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        out = _join(out, part[0] or part[1])
    return out


def _shown(raw: Any, path: str) -> str:
    """The offending value, if it is a short scalar."""
    value = raw
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", path):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError, ValueError):
            return "the value"
    if isinstance(value, (str, int, float, bool)):
        text = str(value)
        return text if len(text) <= 60 else text[:57] + "..."
    return "the value"


CaptureMethod = Literal["automatic", "automatic_async", "manual"]
