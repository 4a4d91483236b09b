"""What the MTN sandbox accepts as the body of a call that moves money."""

import re
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from .mtn_http import Refused, decode, error

_WHOLE_UNITS: Final = ("XAF", "XOF", "GNF")

_Amount = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$")]
_Note = Annotated[str, msgspec.Meta(max_length=160)]


class Party(msgspec.Struct, frozen=True, rename="camel"):
    """Who pays, or is paid."""

    party_id_type: str = ""
    party_id: str = ""


class Wish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields that every such body has, and those of one kind or another."""

    amount: _Amount
    currency: str
    external_id: str
    payer_message: _Note = ""
    payee_note: _Note = ""
    payer: Party | None = None  # of a request to pay
    payee: Party | None = None  # of a transfer or deposit
    reference_id_to_refund: str = ""  # of a refund: the X-Reference-Id of the request to pay


class _RequestToPay(Wish, frozen=True, kw_only=True, rename="camel"):
    payer: Party


class _Transfer(Wish, frozen=True, kw_only=True, rename="camel"):
    payee: Party


class _Refund(Wish, frozen=True, kw_only=True, rename="camel"):
    reference_id_to_refund: Annotated[str, msgspec.Meta(min_length=1)]


_SHAPES: Final[dict[str, type[Wish]]] = {
    "requesttopay": _RequestToPay,
    "transfer": _Transfer,
    "deposit": _Transfer,
    "refund": _Refund,
}
KINDS: Final = tuple(_SHAPES)  # of resources, named as in their paths


def read_wish(kind: str, body: bytes) -> Wish:
    """Check a body as MTN does, or refuse."""
    if b"'" in body:  # several integrators met this 400
        raise Refused(400)
    wish = decode(body, _SHAPES[kind])
    if party := wish.payer or wish.payee:
        check_party(party)
    if Decimal(wish.amount) == 0 or ("." in wish.amount and wish.currency in _WHOLE_UNITS):
        raise Refused(400)
    return wish


def check_party(party: Party) -> None:
    """Refuse who cannot be anybody's wallet."""
    if party == Party():
        raise error("INTERNAL_PROCESSING_ERROR")  # so the tests of MTN's own Java client say
    if party.party_id_type not in ("MSISDN", "EMAIL", "PARTY_CODE"):
        raise Refused(400)
    if party.party_id_type == "MSISDN" and not re.fullmatch("[1-9][0-9]{6,14}", party.party_id):
        raise Refused(400)
