"""Who pays, how, and who is paid out: the test payers of each sandbox PSP, and wallets."""

from dataclasses import dataclass, replace
from typing import Literal

from bench.chaos.trouble import Psp

Use = Literal["charge", "refund", "payout"]

# What each PSP's script calls the calls that move money. A use that is left out cannot be spoilt
# for one certain payment: the PSP has no such call, or sees no amount in it.
OPERATIONS: dict[Psp, dict[Use, str]] = {
    "cards": {"charge": "charge", "refund": "refund"},
    "cinetpay": {"charge": "charge"},
    "cmi": {"charge": "charge", "refund": "refund"},
    "flutterwave": {"charge": "charge"},
    "moov": {"charge": "charge", "refund": "transfer", "payout": "transfer"},
    "mtn": {"charge": "charge", "refund": "refund", "payout": "transfer"},
    "orange_cm": {"charge": "charge", "payout": "transfer"},
    "orange_web": {"charge": "charge"},
    "paygate": {"charge": "charge", "refund": "disburse", "payout": "disburse"},
    "paypal": {"charge": "charge"},
}


@dataclass(frozen=True, slots=True)
class Payer:
    """Somebody who pays: what the merchant is told, and what is done on the PSP's page."""

    psp: Psp  # whose account takes it, unless that one is down
    currency: str  # ISO 4217, lower case
    # A wallet's number in E.164, or the alias of a test payment method. In it "{n}" becomes five
    # digits of the payment's number, where a wallet can have one open prompt at a time.
    means: str
    types: str = ""  # on the page: a card, or the button that is pressed

    def of(self, number: int) -> "Payer":
        """The payer of the payment with this number."""
        return replace(self, means=self.means.format(n=f"{number % 100_000:05}"))


@dataclass(frozen=True, slots=True)
class Destination:
    """A wallet that payouts go to."""

    psp: Psp
    currency: str
    phone: str


# The last one of XAF refuses.
DESTINATIONS = [
    Destination("mtn", "xaf", "+237671234568"),
    Destination("mtn", "xof", "+2250512345679"),
    Destination("orange_cm", "xaf", "+237691234567"),
    Destination("moov", "xof", "+2290194123456"),
    Destination("paygate", "xof", "+22890123456"),
    Destination("mtn", "xof", "+2290161234568"),
    Destination("mtn", "xaf", "+237670000051"),
]


def destination(number: int, currency: str) -> Destination:
    """Where the payment with this number pays out to."""
    wallets = [each for each in DESTINATIONS if each.currency == currency]
    return wallets[number % len(wallets)]


def by_card(*aliases: str) -> list[Payer]:
    """Payers with these test cards, in each currency that merchants of a run have."""
    return [
        Payer("cards", currency, alias) for alias in aliases for currency in ("xaf", "xof", "eur")
    ]


# The last digits of a wallet decide its outcome, as the name of a card does in Stripe's sandbox.
WALLETS = [
    Payer("mtn", "xaf", "+237671234567"),
    Payer("mtn", "xof", "+2250512345678"),
    Payer("mtn", "xof", "+2290161234567"),
    Payer("mtn", "eur", "+46733123400"),
    Payer("flutterwave", "xaf", "+235951{n}"),
    Payer("flutterwave", "xaf", "+235961{n}"),
    Payer("moov", "xof", "+22901941{n}"),
    Payer("moov", "xof", "+228961{n}"),
    Payer("orange_cm", "xaf", "+237691{n}1"),
    Payer("paygate", "xof", "+228901{n}"),
]
LACKING_WALLETS = [Payer("mtn", "xaf", "+237670000065"), Payer("moov", "xof", "+2290194000010")]
REFUSING_WALLETS = [
    Payer("mtn", "xaf", "+237670000051"),
    Payer("mtn", "eur", "+46733123451"),
    Payer("flutterwave", "xaf", "+23595000051"),
    Payer("orange_cm", "xaf", "+237690000051"),
    Payer("paygate", "xof", "+22890000051"),
]
SILENT_WALLETS = [
    Payer("mtn", "xaf", "+237670000053"),
    Payer("mtn", "eur", "+46733123453"),
    Payer("flutterwave", "xaf", "+23595000053"),
    Payer("orange_cm", "xaf", "+237690000052"),
    Payer("paygate", "xof", "+22890000053"),
]
# They pay, and refunds to them then end in ways of their own.
HARD_TO_REFUND = [
    Payer("mtn", "xaf", "+237670000070"),
    Payer("mtn", "xaf", "+237670000071"),
    Payer("cards", "eur", "pm_card_refundFail"),
    Payer("cards", "xaf", "pm_card_refundFail"),
    Payer("cards", "xof", "pm_card_pendingRefund"),
]

# On pages that can hold an amount, and give it back.
HOLDING_PAGES = [
    Payer("cmi", "mad", "pm_hosted_card", "4000000000000010"),
    Payer("cmi", "eur", "pm_hosted_card", "5191630100004896"),
    Payer("paypal", "eur", "pm_paypal", "COMPLETED"),
]
PAGES = [
    *HOLDING_PAGES,
    Payer("paypal", "eur", "pm_paypal", "PENDING"),
    Payer("cinetpay", "xof", "+223701{n}"),
    Payer("cinetpay", "xof", "pm_hosted_card", "4242424242424242"),
    Payer("cinetpay", "xaf", "pm_hosted_card", "4242424242424242"),
    Payer("orange_web", "xof", "+221771{n}0"),
]
REFUSING_PAGES = [
    Payer("cmi", "mad", "pm_hosted_card", "4000000000051005"),
    Payer("paypal", "eur", "pm_paypal", "INSTRUMENT_DECLINED"),
    Payer("cinetpay", "xof", "pm_hosted_card", "4000000000009995"),
    Payer("orange_web", "xof", "+221770000051"),
]
