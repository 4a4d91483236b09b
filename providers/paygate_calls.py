"""PayGate Global's calls: what each is sent, and what its numbers mean.

Protocol: PayGate's merchant documentation, which only merchants can read, as public copies and a
third-party description carry it. Amounts are whole numbers of CFA francs (XOF). The token of the
account is in every body.

One number means one thing in the answer to a call and another in the answer to the next: hence a
table for each. Numbers come as numbers or as text. Errors of HTTP are unusual and not documented;
401, 403 and 429 are taken at their word, that nobody got past the door.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx
import msgspec

from .boundary import Answer, Balance, DeclineCode, Verdict
from .json_replies import decode, evidence
from .money import from_decimal_string, to_decimal_string

LIVE_URL: Final = "https://paygateglobal.com"
CURRENCY: Final = "xof"

# How `pay` and `disburse` spell the networks. The page says MOOV and TOGOCEL, answers and
# callbacks FLOOZ and T-Money; nothing here depends on those.
NETWORKS: Final = {"moov": "FLOOZ", "tmoney": "TMONEY"}

_Meaning = tuple[Verdict, DeclineCode | None]

# The answer to `pay` says what became of the registration, not of the money.
REGISTRATION: Final[Mapping[int, _Meaning]] = {
    0: (Verdict.PENDING, None),  # registered, and the payer prompted
    2: (Verdict.DECLINED, DeclineCode.CONFIGURATION),  # the token is not known
    4: (Verdict.DECLINED, DeclineCode.CONFIGURATION),  # parameters are not valid
    6: (Verdict.PENDING, None),  # the identifier was used: an earlier request of ours stands
}

# The answer to `status` about a payment.
PAYMENT: Final[Mapping[int, _Meaning]] = {
    0: (Verdict.SUCCEEDED, None),
    2: (Verdict.PENDING, None),
    4: (Verdict.DECLINED, DeclineCode.EXPIRED),
    6: (Verdict.DECLINED, DeclineCode.PAYER_DECLINED),  # cancelled
}

# The answer to `disburse`. Only 200 is documented, and any other number called a refusal; we
# believe that of a number which says nothing else in any table, and came without a tx_reference.
DISBURSEMENT: Final[Mapping[int, _Meaning]] = {
    200: (Verdict.PENDING, None),  # accepted, not yet paid
    0: (Verdict.UNKNOWN, None),  # elsewhere: registered, or paid
    2: (Verdict.UNKNOWN, None),  # elsewhere: pending
    6: (Verdict.UNKNOWN, None),  # elsewhere: an earlier request with this name stands
}
_REFUSED_DISBURSEMENT: Final = (Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)

# The answer to `status` about a disbursement: the third-party description says that it can be asked
# for so, which nobody has confirmed. Nobody is prompted, so nobody cancels.
TRANSFER: Final[Mapping[int, _Meaning]] = {
    0: (Verdict.SUCCEEDED, None),
    2: (Verdict.PENDING, None),
    4: (Verdict.DECLINED, DeclineCode.EXPIRED),
    6: (Verdict.DECLINED, DeclineCode.GENERIC_DECLINE),
}


@dataclass(frozen=True, slots=True)
class PaygateAccount:
    """What PayGate's dashboard hands out: one token opens everything the merchant has there."""

    auth_token: str = field(repr=False)
    base_url: str = LIVE_URL

    def post(self, path: str, body: Mapping[str, object]) -> httpx.Request:
        """POST /api/{path} in the account's name."""
        url = f"{self.base_url.rstrip('/')}/api/{path}"
        return httpx.Request("POST", url, json={"auth_token": self.auth_token, **body})


@dataclass(frozen=True, slots=True)
class Movement:
    """Money to take or to send, in PayGate's words."""

    reference: str  # ours, a UUID: `identifier` of a payment, `reference` of a disbursement
    amount: int  # minor units, which are whole francs
    phone_number: str  # national: 8 digits
    network: str  # a value of NETWORKS
    reason: str


def build_pay(account: PaygateAccount, movement: Movement) -> httpx.Request:
    """POST /api/v1/pay. An identifier serves once, for ever: the same again is answered 6."""
    return account.post(
        "v1/pay",
        {
            "phone_number": movement.phone_number,
            "amount": int(to_decimal_string(movement.amount, CURRENCY)),
            "description": movement.reason,
            "identifier": movement.reference,
            "network": movement.network,
        },
    )


def build_disburse(account: PaygateAccount, movement: Movement) -> httpx.Request:
    """POST /api/v1/disburse, from addresses on PayGate's list only. `reason` may not be empty."""
    return account.post(
        "v1/disburse",
        {
            "phone_number": movement.phone_number,
            "amount": int(to_decimal_string(movement.amount, CURRENCY)),
            "reason": movement.reason or movement.reference,
            "reference": movement.reference,
            "network": movement.network,
        },
    )


def build_status(account: PaygateAccount, identifier: str) -> httpx.Request:
    """POST /api/v2/status, by our name for it."""
    return account.post("v2/status", {"identifier": identifier})


def build_status_v1(account: PaygateAccount, tx_reference: str) -> httpx.Request:
    """POST /api/v1/status, by PayGate's name for it."""
    return account.post("v1/status", {"tx_reference": tx_reference})


def build_balance(account: PaygateAccount) -> httpx.Request:
    """POST /api/v1/check-balance, from addresses on PayGate's list only."""
    return account.post("v1/check-balance", {})


class _Created(msgspec.Struct):
    status: int
    tx_reference: str | int | None = None


def read_pay(reply: httpx.Response) -> Answer:
    """Whether the request was registered; the payer has yet to confirm it."""
    body = decode(reply.content, _Created, strict=False) if reply.status_code == 200 else None
    if body is None:
        return _turned_away(reply)
    meaning = REGISTRATION.get(body.status, (Verdict.UNKNOWN, None))
    return _answer(reply, meaning, body.status, _text(body.tx_reference))


def read_disburse(reply: httpx.Response) -> Answer:
    """Whether the disbursement was accepted: see DISBURSEMENT."""
    body = decode(reply.content, _Created, strict=False) if reply.status_code == 200 else None
    if body is None:
        return _turned_away(reply)
    meaning = DISBURSEMENT.get(body.status, _REFUSED_DISBURSEMENT)
    tx_reference = _text(body.tx_reference)
    if meaning == _REFUSED_DISBURSEMENT and tx_reference is not None:
        meaning = (Verdict.UNKNOWN, None)
    return _answer(reply, meaning, body.status, tx_reference)


class _Status(msgspec.Struct):
    status: int
    identifier: str | int | None = None
    tx_reference: str | int | None = None
    payment_reference: str | int | None = None  # the network's own; empty until paid
    amount: Decimal | None = None  # not documented: the answer is said to tell none

    def is_about(self, name: str, amount: int) -> bool:
        """Whether it speaks of what was asked by that name and, if it tells, of that money."""
        if name not in (_text(self.identifier), _text(self.tx_reference)):
            return False
        if self.amount is None:
            return True
        try:
            return from_decimal_string(str(self.amount), CURRENCY) == amount
        except ValueError:
            return False


def read_status(
    reply: httpx.Response, name: str, amount: int, meanings: Mapping[int, _Meaning]
) -> Answer:
    """What became of the money, by PAYMENT or TRANSFER; any number that is not there is UNKNOWN.

    How PayGate says that it has never seen a name is not documented, so that nothing is read as
    NOT_SENT. `name` is what was asked for: our identifier or PayGate's tx_reference.
    """
    body = decode(reply.content, _Status, strict=False) if reply.status_code == 200 else None
    if body is None or not body.is_about(name, amount):
        return Answer(Verdict.UNKNOWN, evidence=evidence(reply))
    meaning = meanings.get(body.status, (Verdict.UNKNOWN, None))
    known_as = _text(body.tx_reference)
    if meaning[0] is Verdict.SUCCEEDED:
        known_as = _text(body.payment_reference) or known_as
    return _answer(reply, meaning, body.status, known_as)


class _Balances(msgspec.Struct):
    status: int = 0
    flooz: Decimal | None = None
    tmoney: Decimal | None = None


def read_balances(reply: httpx.Response) -> dict[str, Balance] | None:
    """What the account holds at each network it has a wallet of; None when PayGate did not say."""
    body = decode(reply.content, _Balances, strict=False) if reply.status_code == 200 else None
    if body is None or body.status != 0:
        return None
    told = {"moov": body.flooz, "tmoney": body.tmoney}
    try:
        amounts = {
            network: from_decimal_string(str(amount), CURRENCY)
            for network, amount in told.items()
            if amount is not None
        }
    except ValueError:
        return None
    return {network: Balance(amount, CURRENCY) for network, amount in amounts.items()} or None


def refuses_balance(reply: httpx.Response) -> bool:
    """Whether PayGate itself refused to tell: the token is not known, or our address is not."""
    body = decode(reply.content, _Balances, strict=False) if reply.status_code == 200 else None
    return body is not None and body.status != 0


def _turned_away(reply: httpx.Response) -> Answer:
    said = evidence(reply)
    match reply.status_code:
        case 401 | 403:
            return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=said)
        case 429:
            return Answer(Verdict.NOT_SENT, evidence=said)
    return Answer(Verdict.UNKNOWN, evidence=said)


def _answer(
    reply: httpx.Response, meaning: _Meaning, status: int, provider_reference: str | None
) -> Answer:
    verdict, code = meaning
    refused = verdict is Verdict.DECLINED
    said: dict[str, Any] = evidence(reply, reason=status if refused else None)
    return Answer(verdict, provider_reference, code, evidence=said)


def _text(value: str | int | None) -> str | None:
    """A name as text; None for none, and for an empty one."""
    return str(value) if value not in (None, "") else None
