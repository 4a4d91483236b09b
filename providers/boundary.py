"""What the engine and a payment provider say to each other.

An adapter is built from credentials and an HTTP client. Every call is two pure functions
(`build_...` makes the request, `read_...` turns the reply into an `Answer`) and one thin async
method that joins them. An adapter never raises for what a provider did: each outcome, a broken
connection included, is one of five verdicts, and whatever is not said aloud is PENDING or UNKNOWN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class Verdict(StrEnum):
    """What a provider's answer means for the money."""

    SUCCEEDED = "succeeded"  # the provider says the money moved (or is held, for a manual capture)
    DECLINED = "declined"  # the provider says it did not move, and never will
    PENDING = "pending"  # accepted; the payer has yet to confirm, or the rail to settle
    NOT_SENT = "not_sent"  # it never reached the provider: safe to send elsewhere
    UNKNOWN = "unknown"  # it may have reached it: never resend, only look up


class DeclineCode(StrEnum):
    """Our closed list of reasons; each adapter maps its provider's words onto it.

    The raw reason stays in `Answer.evidence`, because providers disagree about their own words.
    """

    INSUFFICIENT_FUNDS = "insufficient_funds"
    PAYER_NOT_FOUND = "payer_not_found"  # no such wallet, or the wallet is closed
    PAYER_DECLINED = "payer_declined"  # the payer refused or cancelled the prompt
    EXPIRED = "expired"  # the payer never answered
    LIMIT_EXCEEDED = "limit_exceeded"
    GENERIC_DECLINE = "generic_decline"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    INCORRECT_NUMBER = "incorrect_number"
    LOST_CARD = "lost_card"
    STOLEN_CARD = "stolen_card"
    CARD_VELOCITY_EXCEEDED = "card_velocity_exceeded"
    DO_NOT_HONOR = "do_not_honor"
    FRAUDULENT = "fraudulent"
    AUTHENTICATION_REQUIRED = (
        "authentication_required"  # off session, and the bank wants 3-D Secure
    )
    AUTHENTICATION_FAILED = "authentication_failed"  # the payer failed 3-D Secure
    FLOAT_INSUFFICIENT = "float_insufficient"  # our own account there can't pay a refund or payout
    PROCESSING_ERROR = "processing_error"  # the card network's own failure, said aloud
    PROVIDER_ERROR = "provider_error"  # the provider said FAILED for a reason of its own
    CONFIGURATION = "configuration"  # our credentials, environment or currency are wrong


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt to take money from a payer."""

    reference: str  # ours, a UUID version 4 in canonical form, stored before the first byte is sent
    amount: int  # minor units: 500 XAF is 500, 5.00 EUR is 500
    currency: str  # ISO 4217, lower case
    payer: str  # an MSISDN in E.164 ("+237670000000"), or the provider's token of a card
    callback_url: str | None = None  # where the provider may knock; holds the reference
    description: str = ""
    external_id: str = ""  # our charge id, echoed by providers that allow it
    capture: bool = True  # False: hold the amount, take it with `Captures.capture`
    return_url: str | None = None  # where a redirected payer comes back to
    off_session: bool = False  # the payer is not there: nobody can answer a 3-D Secure challenge
    provider_reference: str | None = None  # the provider's id of this attempt, once it is known


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said about an attempt."""

    verdict: Verdict
    provider_reference: str | None = None
    decline_code: DeclineCode | None = None
    redirect_url: str | None = None  # where the payer must go next, if anywhere
    evidence: Mapping[str, Any] = field(default_factory=dict)  # the reply, scrubbed of secrets
    token: str | None = None  # of a verified card: what to charge from now on


class ForgedCallback(Exception):
    """A callback whose signature or shape cannot come from the provider."""


class Provider(Protocol):
    """The three calls every provider has."""

    name: str

    async def charge(self, charge: Charge) -> Answer:
        """Send the attempt, once. Sending the same reference again must never move money twice."""

    async def look_up(self, charge: Charge) -> Answer:
        """Ask what became of the attempt. NOT_SENT means that the provider has never seen it."""

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Check a callback's form (and signature, where there is one).

        Returns our reference if the body holds it, else None: the path of the callback URL does.
        Raises ForgedCallback. A callback is only a knock; nothing it says is ever believed.
        """


@runtime_checkable
class Captures(Protocol):
    """Providers that can hold an amount first and take or release it later."""

    async def capture(self, charge: Charge, reference: str, amount: int) -> Answer:
        """Take `amount` (minor units, at most the held amount); the rest is released."""

    async def cancel(self, charge: Charge, reference: str) -> Answer:
        """Release the held amount, or withdraw an attempt the payer has not confirmed."""


@dataclass(frozen=True, slots=True)
class Refund:
    """One attempt to give money of a charge back to its payer."""

    reference: str  # ours, a UUID version 4, stored before the first byte is sent
    amount: int  # minor units, at most what is left of the charge
    charge: Charge  # the original, with its provider_reference
    callback_url: str | None = None
    external_id: str = ""  # our refund id
    provider_reference: str | None = None  # the provider's id of this refund, once it is known


@runtime_checkable
class Refunds(Protocol):
    """Providers that can give money back by their own means. Having the methods is the opt-in."""

    async def refund(self, refund: Refund) -> Answer:
        """Send the refund, once. The same reference again must never move money twice."""

    async def look_up_refund(self, refund: Refund) -> Answer:
        """Ask what became of it. NOT_SENT means that the provider has never seen it."""


@dataclass(frozen=True, slots=True)
class Verification:
    """One check that a card is real and its holder agrees to later charges. No money moves."""

    reference: str  # ours, a UUID version 4, stored before the first byte is sent
    payer: str  # the provider's token of a card
    off_session: bool  # whether the later charges come while the payer is not there
    callback_url: str | None = None
    return_url: str | None = None  # where a redirected payer comes back to
    external_id: str = ""  # our id of this attempt
    provider_reference: str | None = None  # the provider's id of this attempt, once it is known


@runtime_checkable
class Verifications(Protocol):
    """Providers that can check a card without charging it."""

    async def verify(self, verification: Verification) -> Answer:
        """Check the card, or ask what came of it: as no money moves, to ask is to send the same
        reference again. SUCCEEDED may bring a new `token`."""


@dataclass(frozen=True, slots=True)
class Payout:
    """One attempt to send money to a wallet."""

    reference: str  # ours, a UUID version 4, stored before the first byte is sent
    amount: int  # minor units
    currency: str  # ISO 4217, lower case
    recipient: str  # an MSISDN in E.164
    callback_url: str | None = None
    description: str = ""
    external_id: str = ""  # our payout id
    provider_reference: str | None = None


@runtime_checkable
class Payouts(Protocol):
    """Providers that can send money out."""

    async def pay_out(self, payout: Payout) -> Answer:
        """Send the payout, once. The same reference again must never move money twice."""

    async def look_up_payout(self, payout: Payout) -> Answer:
        """Ask what became of it. NOT_SENT means that the provider has never seen it."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account at a provider holds."""

    amount: int  # minor units
    currency: str  # ISO 4217, lower case


@runtime_checkable
class Balances(Protocol):
    """Providers that say what our account there holds."""

    async def balance(self) -> Balance | None:
        """The balance, or None when the provider does not answer."""
