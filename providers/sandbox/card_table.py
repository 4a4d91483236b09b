"""Stripe's test cards and what becomes of them: https://docs.stripe.com/testing"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Decline:
    """How Stripe words a refusal."""

    code: str
    decline_code: str | None
    message: str

    def as_error(self) -> dict[str, Any]:
        """Stripe's error object."""
        failed_authentication = self.code == "payment_intent_authentication_failure"
        error: dict[str, Any] = {
            "type": "invalid_request_error" if failed_authentication else "card_error",
            "code": self.code,
            "message": self.message,
            "doc_url": f"https://docs.stripe.com/error-codes/{self.code.replace('_', '-')}",
        }
        if self.decline_code:
            error["decline_code"] = self.decline_code
        return error


DECLINES = {
    "generic_decline": Decline("card_declined", "generic_decline", "Your card was declined."),
    "do_not_honor": Decline("card_declined", "do_not_honor", "Your card was declined."),
    "insufficient_funds": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds."
    ),
    "lost_card": Decline("card_declined", "lost_card", "Your card was declined."),
    "stolen_card": Decline("card_declined", "stolen_card", "Your card was declined."),
    "fraudulent": Decline("card_declined", "fraudulent", "Your card was declined."),
    "card_velocity_exceeded": Decline(
        "card_declined", "card_velocity_exceeded", "Your card was used too often or for too much."
    ),
    "expired_card": Decline("expired_card", "expired_card", "Your card has expired."),
    "incorrect_cvc": Decline(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."
    ),
    "incorrect_number": Decline("incorrect_number", None, "Your card number is incorrect."),
    "processing_error": Decline(
        "processing_error", "processing_error", "An error occurred while processing your card."
    ),
    "authentication_required": Decline(
        "authentication_required", "authentication_required", "Your bank asks you to authenticate."
    ),
    "authentication_failed": Decline(
        "payment_intent_authentication_failure", None, "You did not authenticate the payment."
    ),
}


class Authentication(StrEnum):
    """When the card's bank wants 3-D Secure."""

    NEVER = "never"
    ON_SESSION = "on_session"  # set up for off-session use already
    UNTIL_SET_UP = "until_set_up"  # afterwards as ON_SESSION
    ALWAYS = "always"


class Refunding(StrEnum):
    """What becomes of the card's refunds."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"  # succeeds after a while
    FAILED = "failed"  # succeeds, and after a while the bank sends it back


@dataclass(frozen=True, slots=True)
class SandboxCard:
    """A card and its fate. `outcome` is "succeeded" or a key of `DECLINES`."""

    number: str
    brand: str = "visa"
    outcome: str = "succeeded"
    authentication: Authentication = Authentication.NEVER
    refunding: Refunding = Refunding.SUCCEEDED
    set_up: str | None = None  # the outcome of setting it up, where it is not that of a charge


# By alias, without "pm_card_" and without the brand in front of a refusal ("visa_chargeDeclined").
CARDS = {
    "visa": SandboxCard("4242424242424242"),
    "visa_debit": SandboxCard("4000056655665556"),
    "mastercard": SandboxCard("5555555555554444", "mastercard"),
    "mastercard_debit": SandboxCard("5200828282828210", "mastercard"),
    "mastercard_prepaid": SandboxCard("5105105105105100", "mastercard"),
    "amex": SandboxCard("378282246310005", "amex"),
    "discover": SandboxCard("6011111111111117", "discover"),
    "diners": SandboxCard("3056930009020004", "diners"),
    "jcb": SandboxCard("3566002020360505", "jcb"),
    "unionpay": SandboxCard("6200000000000005", "unionpay"),
    "bypassPending": SandboxCard("4000000000000077"),
    "refundFail": SandboxCard("4000000000005126", refunding=Refunding.FAILED),
    "pendingRefund": SandboxCard("4000000000007726", refunding=Refunding.PENDING),
    "createDispute": SandboxCard("4000000000000259"),
    "riskLevelElevated": SandboxCard("4000000000009235"),
    "riskLevelHighest": SandboxCard("4000000000004954", outcome="fraudulent"),
    "radarBlock": SandboxCard("4100000000000019", outcome="fraudulent"),
    "chargeDeclined": SandboxCard("4000000000000002", outcome="generic_decline"),
    "chargeDeclinedInsufficientFunds": SandboxCard(
        "4000000000009995", outcome="insufficient_funds"
    ),
    "chargeDeclinedLostCard": SandboxCard("4000000000009987", outcome="lost_card"),
    "chargeDeclinedStolenCard": SandboxCard("4000000000009979", outcome="stolen_card"),
    "chargeDeclinedExpiredCard": SandboxCard("4000000000000069", outcome="expired_card"),
    "chargeDeclinedIncorrectCvc": SandboxCard("4000000000000127", outcome="incorrect_cvc"),
    "chargeDeclinedProcessingError": SandboxCard("4000000000000119", outcome="processing_error"),
    "chargeDeclinedVelocityLimitExceeded": SandboxCard(
        "4000000000006975", outcome="card_velocity_exceeded"
    ),
    "chargeCustomerFail": SandboxCard(
        "4000000000000341", outcome="generic_decline", set_up="succeeded"
    ),
    "threeDSecureOptional": SandboxCard("4000000000003055"),
    "threeDSecureRequired": SandboxCard("4000000000003063", authentication=Authentication.ALWAYS),
    "threeDSecure2Required": SandboxCard("4000000000003220", authentication=Authentication.ALWAYS),
    "threeDSecureRequiredChargeDeclined": SandboxCard(
        "4000008400001629", outcome="generic_decline", authentication=Authentication.ALWAYS
    ),
    "authenticationRequired": SandboxCard("4000002760003184", authentication=Authentication.ALWAYS),
    "authenticationRequiredOnSetup": SandboxCard(
        "4000002500003155", authentication=Authentication.UNTIL_SET_UP
    ),
    "authenticationRequiredSetupForOffSession": SandboxCard(
        "4000003800000446", authentication=Authentication.ON_SESSION
    ),
    "authenticationRequiredChargeDeclinedInsufficientFunds": SandboxCard(
        "4000008260003178",
        outcome="insufficient_funds",
        authentication=Authentication.ALWAYS,
        set_up="succeeded",
    ),
}
_BY_NUMBER = {card.number: card for card in CARDS.values()}


def card_of_alias(payment_method: str) -> SandboxCard | None:
    """The card behind an alias such as "pm_card_visa"; None if Stripe has no such alias."""
    alias = payment_method.removeprefix("pm_card_")
    if alias == payment_method:
        return None
    return CARDS.get(alias) or CARDS.get(alias.removeprefix("visa_"))


def card_of_number(number: str) -> SandboxCard:
    """The card of a number typed by a payer, blanks allowed. Any other number is refused, because
    test mode must not hold real ones.
    """
    digits = number.replace(" ", "")
    if not digits.isdecimal() or not has_valid_check_digit(digits):
        return SandboxCard(digits, outcome="incorrect_number")
    return _BY_NUMBER.get(digits) or SandboxCard(digits, outcome="generic_decline")


def has_valid_check_digit(digits: str) -> bool:
    """The Luhn check of ISO/IEC 7812-1."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        total += sum(divmod(int(digit) * (1 + position % 2), 10))
    return total % 10 == 0
