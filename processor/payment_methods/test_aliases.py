"""Names that make a fresh payment method in test mode, as Stripe's `pm_card_visa` does.

What becomes of a charge is not decided here: the sandbox PSP behind the token decides it. This
table only says what the card or wallet looks like.
"""

from dataclasses import dataclass

from processor.parameters import Address, BillingDetails


@dataclass(frozen=True, slots=True)
class TestCard:
    """How a test card shows itself, and the token our card PSP knows it by."""

    token: str
    brand: str = "visa"
    last4: str = "4242"
    funding: str = "credit"
    country: str = "US"


@dataclass(frozen=True, slots=True)
class TestWallet:
    """A test wallet: its network and number. The last digits decide the outcome."""

    network: str
    phone: str


def _cards() -> dict[str, TestCard]:
    brands = {
        "visa": TestCard("pm_card_visa"),
        "visa_debit": TestCard("pm_card_visa_debit", last4="5556", funding="debit"),
        "mastercard": TestCard("pm_card_mastercard", "mastercard", "4444"),
        "mastercard_debit": TestCard("pm_card_mastercard_debit", "mastercard", "3222", "debit"),
        "mastercard_prepaid": TestCard(
            "pm_card_mastercard_prepaid", "mastercard", "5100", "prepaid"
        ),
        "amex": TestCard("pm_card_amex", "amex", "8431"),
        "discover": TestCard("pm_card_discover", "discover", "1117"),
        "diners": TestCard("pm_card_diners", "diners", "0004"),
        "jcb": TestCard("pm_card_jcb", "jcb", "0505"),
        "unionpay": TestCard("pm_card_unionpay", "unionpay", "0005"),
    }
    outcomes = {
        "bypassPending": "0077",
        "createDispute": "0259",
        "createDisputeProductNotReceived": "2685",
        "chargeDeclined": "0002",
        "chargeDeclinedInsufficientFunds": "9995",
        "chargeDeclinedLostCard": "9987",
        "chargeDeclinedStolenCard": "9979",
        "chargeDeclinedExpiredCard": "0069",
        "chargeDeclinedIncorrectCvc": "0127",
        "chargeDeclinedProcessingError": "0119",
        "chargeDeclinedVelocityLimitExceeded": "6975",
        "chargeDeclinedFraudulent": "0019",
        "chargeCustomerFail": "0341",
        "refundFail": "5126",
        "pendingRefund": "7726",
        "radarBlock": "0019",
        "riskLevelElevated": "9235",
        "riskLevelHighest": "4954",
        "authenticationRequired": "3184",
        "authenticationRequiredOnSetup": "3155",
        "authenticationRequiredSetupForOffSession": "0446",
        "authenticationRequiredChargeDeclinedInsufficientFunds": "3178",
        "threeDSecure2Required": "3220",
        "threeDSecureRequired": "3063",
        "threeDSecureRequiredChargeDeclined": "1629",
        "threeDSecureOptional": "3055",
    }
    cards = dict(brands)
    for name, last4 in outcomes.items():
        cards[name] = TestCard(f"pm_card_{name}", last4=last4)
        if name.startswith("chargeDeclined"):
            cards[f"visa_{name}"] = TestCard(f"pm_card_visa_{name}", last4=last4)
    return cards


TEST_CARDS = {f"pm_card_{name}": card for name, card in _cards().items()}
TEST_TOKENS = {f"tok_{name}": card for name, card in _cards().items()}

# Cards whose money can be paid out at once, as Stripe's own test card does.
SETTLES_AT_ONCE = frozenset({"pm_card_bypassPending"})

# Cards whose payers dispute the charge as soon as it is paid, and what for.
TEST_DISPUTES = {
    "pm_card_createDispute": "fraudulent",
    "pm_card_createDisputeProductNotReceived": "product_not_received",
    "pm_card_createDisputeInquiry": "general",
}

# Where the networks' sandboxes have such an outcome, a number ends in the same two digits: those of
# MTN's own test numbers. Moov says the same of a payer who refuses as of one who does not answer.
_WALLETS = {
    "mtn": "+2376700000",
    "orange": "+2376900000",
    "moov": "+228960000",
    "tmoney": "+228900000",
}
_OUTCOMES = {
    "": ("00", "mtn orange moov tmoney"),
    "_declined": ("51", "mtn orange moov tmoney"),
    "_timeout": ("52", "mtn orange moov tmoney"),
    "_delayed": ("54", "mtn orange tmoney"),
    "_insufficient_funds": ("65", "mtn orange moov"),
}
TEST_WALLETS = {
    f"pm_mobile_money_{network}{outcome}": TestWallet(network, _WALLETS[network] + digits)
    for outcome, (digits, networks) in _OUTCOMES.items()
    for network in networks.split()
}

# Methods paid on a provider's page; what becomes of them is chosen there.
TEST_HOSTED = {"pm_hosted_card": "hosted_card", "pm_paypal": "paypal"}

# Some acquirers' pages want to know their payer.
TEST_PAYER = BillingDetails(
    name="Awa Test",
    email="awa@example.com",
    phone="+237670000000",
    address=Address(
        city="Douala", country="CM", line1="1 rue Joss", postal_code="00237", state="LT"
    ),
)
