"""What CMI says of an order: its payment (ORDERSTATUS) and all its transactions (ORDERHISTORY).

Both are recorded from other banks of the platform. Amounts are in minor units there ("101" is
1.01), unlike everywhere else. No currency is told: it is compared when the callback is answered,
without which nothing is taken, and a PostAuth names it.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from .boundary import Answer, Charge, DeclineCode, Verdict
from .cmi_api import DECLINES, NOT_ALLOWED, Reply
from .cmi_form import AUTHENTICATED
from .money import from_decimal_string

# Where a transaction stands (manual): D declined, ERR failed, CNCL and V voided; A authorised;
# C captured, S settled. PN (pending), NW (in work), R (to be reversed) and others are not final.
_DECLINED: Final = frozenset({"D", "ERR"})
_VOIDED: Final = frozenset({"CNCL", "V"})
_HELD: Final = "A"
_TAKEN: Final = frozenset({"C", "S"})

_MINOR_UNITS: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Order:
    """The payment of an order. Amounts are in minor units, None where CMI tells none."""

    reply: Reply
    state: str
    captured: int | None

    @property
    def held(self) -> bool:
        """Whether the amount is authorised and nobody has taken it yet."""
        return self.state == _HELD

    @property
    def taken(self) -> bool:
        """Whether money moved."""
        return self.state in _TAKEN

    @property
    def voided(self) -> bool:
        """Whether it was given back before it moved."""
        return self.state in _VOIDED

    @property
    def _over(self) -> bool:
        """Whether there is nothing to take, nor will be."""
        return self.voided or self.state in _DECLINED or self.reply.nothing_known

    def awaits_a_yes(self, charge: Charge) -> bool:
        """Whether the payer has agreed, as the bank has, and only we are left to say yes. Without
        an authentication that counts we would not have said it to the callback either."""
        authenticated = self.reply.extra.get("MDSTATUS") in AUTHENTICATED
        return self.held and authenticated and charge.capture and charge.wanted

    def outcome(self, charge: Charge) -> Answer:
        """What became of the attempt.

        Held is all that a manual capture waits for. Otherwise it is PENDING: CMI authorised the
        card and has not had our word, or has lost it, and takes nothing without it. PN is a payer
        who has yet to do 3-D Secure.
        """
        if self.reply.nothing_known:
            return self.reply.answer(Verdict.NOT_SENT)
        if self.taken:
            # A charge that takes its amount at once takes all of it.
            whole = self.captured in (None, charge.amount) or not charge.capture
            return self.reply.answer(Verdict.SUCCEEDED if whole else Verdict.UNKNOWN)
        if self.held:
            return self.reply.answer(Verdict.PENDING if charge.capture else Verdict.SUCCEEDED)
        if self.voided:
            return self.reply.answer(Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)
        if self.state in _DECLINED:
            return self.reply.answer(Verdict.DECLINED, self._decline_code())
        return replace(self.reply.answer(Verdict.PENDING), untouched=self.state == "PN")

    def _decline_code(self) -> DeclineCode:
        extra = self.reply.extra
        if extra.get("MDSTATUS", "") not in AUTHENTICATED | {""}:
            return DeclineCode.AUTHENTICATION_FAILED
        return DECLINES.get(extra.get("PROC_RET_CD", ""), DeclineCode.PROVIDER_ERROR)

    def capture_outcome(self, amount: int) -> Answer | None:
        """What became of a capture of `amount`; None while it can still be made."""
        if self.held:
            return None
        if self.taken and self.captured == amount:
            return self.reply.answer(Verdict.SUCCEEDED)
        if (self.taken and self.captured is not None) or self._over:
            return self.reply.answer(Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)
        return self.reply.answer(Verdict.UNKNOWN)

    def cancel_outcome(self) -> Answer | None:
        """What became of a cancellation; None while it can still be made."""
        if self.held:
            return None
        if self.voided or self.reply.nothing_known:
            return self.reply.answer(Verdict.SUCCEEDED)
        if self.taken or self._over:
            return self.reply.answer(Verdict.DECLINED, DeclineCode.PROVIDER_ERROR)
        return self.reply.answer(Verdict.UNKNOWN)


def read_order(reply: Reply, charge: Charge) -> Order | Answer:
    """The payment that ORDERSTATUS tells of, or that CMI has no such order.

    UNKNOWN for an error, another amount than the charge's, or a refund: whether an order that has
    both is shown by its payment (CHARGE_TYPE_CD S) or its refund (C) is not documented.
    """
    if reply.nothing_known:
        return Order(reply, state="", captured=None)
    extra = reply.extra
    amount = minor_units(extra.get("ORIG_TRANS_AMT", ""), charge.currency)
    of_payment = extra.get("CHARGE_TYPE_CD", "") == "S"
    if not reply.approved or not of_payment or amount != charge.amount:
        return reply.answer(Verdict.UNKNOWN)
    captured = minor_units(extra.get("CAPTURE_AMT", ""), charge.currency)
    if captured is None and extra.get("CAPTURE_AMT", ""):
        return reply.answer(Verdict.UNKNOWN)
    return Order(reply, extra.get("TRANS_STAT", ""), captured)


def read_check(reply: Reply) -> Answer:
    """The verdict of a credentials check by a question about an order that nobody has."""
    if reply.approved or reply.nothing_known:
        return reply.answer(Verdict.SUCCEEDED)
    if reply.error_code in NOT_ALLOWED:
        return reply.answer(Verdict.DECLINED, DeclineCode.CONFIGURATION)
    return reply.answer(Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Credit:
    """A refund in an order's history."""

    transaction: str  # CMI's id of it
    amount: int  # minor units
    state: str

    @property
    def done(self) -> bool:
        """Whether the money went back."""
        return self.state in _TAKEN

    @property
    def failed(self) -> bool:
        """Whether it did not, and will not."""
        return self.state in _DECLINED | _VOIDED


@dataclass(frozen=True, slots=True)
class History:
    """What was taken and given back in an order, in minor units."""

    reply: Reply
    captured: int
    credits: tuple[Credit, ...]

    @property
    def left(self) -> int:
        """What has not been given back, and is not on its way."""
        return self.captured - sum(credit.amount for credit in self.credits if not credit.failed)


def read_history(reply: Reply, currency: str) -> History | Answer:
    """An order's transactions; none when CMI has no such order.

    One line each, TRX1 the latest: kind (S payment, C refund), state, amount, captured amount,
    three times, the bank's reference, authorisation code, return code, transaction id. UNKNOWN when
    any of it cannot be read: what was missed could be the refund in question.
    """
    if reply.nothing_known:
        return History(reply, 0, ())
    count = reply.extra.get("TRXCOUNT", "")
    if not reply.approved or not re.fullmatch(r"[0-9]{1,4}", count):
        return reply.answer(Verdict.UNKNOWN)
    captured = 0
    found: list[Credit] = []
    for position in range(1, int(count) + 1):
        match reply.extra.get(f"TRX{position}", "").split("\t"):
            case [kind, state, amount, taken, _, _, _, _, _, _, transaction]:
                value = minor_units(taken or amount, currency)
            case _:
                return reply.answer(Verdict.UNKNOWN)
        if value is None or kind not in ("S", "C"):
            return reply.answer(Verdict.UNKNOWN)
        if kind == "C":
            found.append(Credit(transaction, value, state))
        elif state in _TAKEN:
            # Paid once; whether a PreAuth and its PostAuth are one line is not documented.
            captured = max(captured, value)
    return History(reply, captured, tuple(found))


def minor_units(text: str, currency: str) -> int | None:
    """A query's amount; with a decimal point it would be major units. None for what is neither."""
    if _MINOR_UNITS.fullmatch(text):
        return int(text)
    try:
        return from_decimal_string(text, currency)
    except ValueError:
        return None
