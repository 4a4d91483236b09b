"""Card numbers that may be typed in test mode, and what is said of all others.

Test mode knows Stripe's documented test numbers (https://docs.stripe.com/testing) and each becomes
the alias of the card behind it at once: no number is ever stored, logged or repeated. In live mode
none is taken: a real card is tokenised by the card PSP's own fields.
"""

from datetime import UTC, datetime

from processor.errors import CardError, InvalidRequest
from processor.payment_methods.objects import Card
from processor.payment_methods.test_aliases import TEST_CARDS

# By number, the alias without "pm_card_".
_ALIASES = {
    "4242424242424242": "visa",
    "4000056655665556": "visa_debit",
    "5555555555554444": "mastercard",
    "2223003122003222": "mastercard",
    "5200828282828210": "mastercard_debit",
    "5105105105105100": "mastercard_prepaid",
    "378282246310005": "amex",
    "371449635398431": "amex",
    "6011111111111117": "discover",
    "6011000990139424": "discover",
    "3056930009020004": "diners",
    "36227206271667": "diners",
    "3566002020360505": "jcb",
    "6200000000000005": "unionpay",
    "4000000000000077": "bypassPending",
    "4000000000000259": "createDispute",
    "4000000000007726": "pendingRefund",
    "4000000000005126": "refundFail",
    "4000000000000002": "chargeDeclined",
    "4000000000009995": "chargeDeclinedInsufficientFunds",
    "4000000000009987": "chargeDeclinedLostCard",
    "4000000000009979": "chargeDeclinedStolenCard",
    "4000000000000069": "chargeDeclinedExpiredCard",
    "4000000000000127": "chargeDeclinedIncorrectCvc",
    "4000000000000119": "chargeDeclinedProcessingError",
    "4000000000006975": "chargeDeclinedVelocityLimitExceeded",
    "4000000000000341": "chargeCustomerFail",
    "4100000000000019": "radarBlock",
    "4000000000004954": "riskLevelHighest",
    "4000000000009235": "riskLevelElevated",
    "4000002760003184": "authenticationRequired",
    "4000002500003155": "authenticationRequiredOnSetup",
    "4000003800000446": "authenticationRequiredSetupForOffSession",
    "4000008260003178": "authenticationRequiredChargeDeclinedInsufficientFunds",
    "4000008400001629": "threeDSecureRequiredChargeDeclined",
    "4000000000003220": "threeDSecure2Required",
    "4000000000003063": "threeDSecureRequired",
    "4000000000003055": "threeDSecureOptional",
}

# A card is not issued for longer.
_LONGEST_VALIDITY = 50  # years


def read_card(
    number: str | int, exp_month: int, exp_year: int, cvc: str | int | None, *, livemode: bool
) -> tuple[Card, str]:
    """What may be kept of a typed card, and the token that its PSP knows it by.

    Raises CardError as Stripe does for a card that cannot be one, and InvalidRequest in live mode.
    """
    if livemode:
        raise InvalidRequest(
            "Sending card numbers directly to this API is unsafe, and it takes none. Collect the"
            " card on a page of the card provider and send the token that it answers.",
            param="card[number]",
        )
    digits = str(number).replace(" ", "").replace("-", "")
    if not 12 <= len(digits) <= 19 or not digits.isdecimal() or not _has_check_digit(digits):
        raise CardError("Your card number is incorrect.", code="incorrect_number", param="number")
    year = _year(exp_month, exp_year)
    if cvc is not None and not (str(cvc).isdecimal() and len(str(cvc)) in (3, 4)):
        raise CardError("Your card's security code is invalid.", code="invalid_cvc", param="cvc")
    if digits not in _ALIASES:
        raise CardError(
            "Your card was declined. Your request was in test mode, but used a non test card. For a"
            " list of valid test cards, visit: https://docs.stripe.com/testing.",
            code="card_declined",
            decline_code="test_mode_live_card",
        )
    known = TEST_CARDS[f"pm_card_{_ALIASES[digits]}"]
    card = Card(known.brand, digits[-4:], known.funding, known.country, exp_month, year)
    return card, known.token


def _has_check_digit(digits: str) -> bool:
    """The Luhn check of ISO/IEC 7812-1."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        total += sum(divmod(int(digit) * (1 + position % 2), 10))
    return total % 10 == 0


def _year(month: int, year: int) -> int:
    """The year in four digits. Raises CardError for what is past, or no date at all."""
    today = datetime.now(UTC)
    if 0 <= year < 100:
        year += 2000
    if not today.year <= year <= today.year + _LONGEST_VALIDITY:
        raise CardError(
            "Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year"
        )
    if not 1 <= month <= 12 or (year, month) < (today.year, today.month):
        raise CardError(
            "Your card's expiration month is invalid.",
            code="invalid_expiry_month",
            param="exp_month",
        )
    return year
