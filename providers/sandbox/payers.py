"""The test payers of every sandbox PSP: what is typed or charged, and what becomes of it.

The words for what becomes of a payment are the PSP's own; whoever is in no list pays.
"""

from collections.abc import Iterator

from providers.money import to_decimal_string

from . import mtn_tables
from .card_table import CARDS, Authentication, Refunding, SandboxCard
from .cinetpay import tables as cinetpay
from .cmi import tables as cmi
from .flutterwave import tables as flutterwave
from .moov import tables as moov
from .orange_cm import tables as orange_cm
from .orange_web import tables as orange_web
from .paygate import tables as paygate
from .paypal import tables as paypal

Payers = list[tuple[str, str]]
"""What stands for the payer, and the PSP's word for what becomes of the payment."""


def payers_of(psp: str) -> Payers:
    """Those of one PSP, the one who simply pays first."""
    return list(_PAYERS[psp]())


def _cards() -> Iterator[tuple[str, str]]:
    for alias, card in CARDS.items():
        yield f"{card.number} (pm_card_{alias})", _fate(card)


def _fate(card: SandboxCard) -> str:
    asked = card.authentication is not Authentication.NEVER
    before = f"3-D Secure {card.authentication}, then " if asked else ""
    refunded = card.refunding is not Refunding.SUCCEEDED
    return before + card.outcome + (f"; refunds: {card.refunding}" if refunded else "")


def _cinetpay() -> Iterator[tuple[str, str]]:
    yield "+2250700000000", _coded(cinetpay.PAID)
    for code in cinetpay.OUTCOMES[1:]:
        yield f"+2250700000{code}", _coded(code)
    yield "4242 4242 4242 4242", _coded(cinetpay.PAID)
    yield "4000 0000 0000 9995", _coded("602")
    yield "4000 0000 0000 0002", _coded("600")


def _coded(code: str) -> str:
    return f"{code} {cinetpay.MESSAGES[code]}"


def _cmi() -> Iterator[tuple[str, str]]:
    for number, card in cmi.CARDS.items():
        asked = f"3-D Secure asks for the code {cmi.CODE}, then " if card.asks_for_code else ""
        failed = card.md_status not in ("1", "2")
        said = f"mdStatus {card.md_status}" if failed else card.outcome
        yield number, f"{asked}{said} {cmi.MESSAGES.get(card.outcome, '')}".strip()


def _flutterwave() -> Iterator[tuple[str, str]]:
    yield "+237670123456", "approved"
    for pair, outcome in flutterwave.TEST_NUMBERS.items():
        yield f"+2376700000{pair}", outcome


def _moov() -> Iterator[tuple[str, str]]:
    yield "+22896000000", f"{moov.COMPLETED} {moov.STATUSES[moov.COMPLETED]}"
    for digits, code in moov.TEST_NUMBERS.items():
        yield f"+22896000{digits}", f"{code} {moov.STATUSES.get(code, '')}".strip()


def _mtn() -> Iterator[tuple[str, str]]:
    yield "+237670000000", "SUCCESSFUL"
    for pair, outcome in mtn_tables.CAMEROONIAN_NUMBERS.items():
        yield f"+2376700000{pair}", outcome
    for pair, outcome in mtn_tables.TEST_NUMBERS.items():
        yield f"+467331234{pair}", outcome


def _orange_cm() -> Iterator[tuple[str, str]]:
    yield "+237690000000", "SUCCESSFULL"
    for number, outcome in orange_cm.TEST_NUMBERS.items():
        yield f"+237{number}", outcome


def _orange_web() -> Iterator[tuple[str, str]]:
    yield "0700000000", "SUCCESS"
    for pair, outcome in orange_web.TEST_NUMBERS.items():
        yield f"07000000{pair}", outcome


def _paygate() -> Iterator[tuple[str, str]]:
    yield "+22890000000", "paid"
    for pair, outcome in paygate.TEST_NUMBERS.items():
        yield f"+228900000{pair}", outcome


def _paypal() -> Iterator[tuple[str, str]]:
    for choice, (_, english) in paypal.CHOICES.items():
        yield f'"{english}"', choice
    for amount, outcome in paypal.AMOUNTS.items():
        yield to_decimal_string(amount, "eur"), outcome


_PAYERS = {
    "cards": _cards,
    "cinetpay": _cinetpay,
    "cmi": _cmi,
    "flutterwave": _flutterwave,
    "moov": _moov,
    "mtn": _mtn,
    "orange_cm": _orange_cm,
    "orange_web": _orange_web,
    "paygate": _paygate,
    "paypal": _paypal,
}
