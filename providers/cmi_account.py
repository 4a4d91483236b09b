"""A merchant's account at CMI (Centre Monétique Interbancaire, Morocco), and our names there.

CMI is the acquiring centre of Morocco's banks: merchants of CIH, Attijariwafa and Bank of Africa
(BMCE), among others, take cards through it with the contract of their own bank.
"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from .boundary import Capabilities, Flow

LIVE_URL: Final = "https://payment.cmi.co.ma"
SANDBOX_URL: Final = "https://testpayment.cmi.co.ma"

# ISO 4217 numbers. Dirhams always; the other two by contract.
CURRENCY_NUMBERS: Final = {"mad": "504", "eur": "978", "usd": "840"}


@dataclass(frozen=True, slots=True)
class CmiAccount:
    """What CMI hands out: the shop's keys, and a user for the server-to-server API.

    That CMI opens this API to every merchant is unconfirmed. Without it nothing can be looked up,
    so an account here needs it.
    """

    client_id: str  # "clientid" of the shop
    store_key: str = field(repr=False)  # signs the form and its answers
    api_user: str
    api_password: str = field(repr=False)
    currencies: str = "mad"  # those of the contract, separated by commas: "mad,eur,usd"
    base_url: str = LIVE_URL

    def takes(self, currency: str) -> bool:
        """Whether the contract covers this ISO 4217 code (lower case)."""
        return currency in CURRENCY_NUMBERS and currency in self.currencies.lower().split(",")


def cmi_capabilities(account: CmiAccount | None) -> Capabilities:
    """What an account can take; with None, the widest that one can have. No limits are published.

    Cards of the whole world are typed on CMI's page, so there are no networks or countries.
    """
    return Capabilities(
        methods=frozenset({"hosted_card"}),
        flow=Flow.REDIRECT,
        currencies=frozenset(
            currency for currency in CURRENCY_NUMBERS if account is None or account.takes(currency)
        ),
        # Ours, as CMI documents no end of its page. One that is paid later takes nothing: the
        # callback is answered with no.
        page_seconds=1800,
        signed_callbacks=True,
    )


def order_id(reference: str) -> str:
    """The `oid` of an attempt: our reference without its hyphens.

    An order id is alphanumeric and of at most 64 characters (NestPay merchant API manual, errors
    CORE-1015 and CORE-2301), so 32 hexadecimal digits fit and nothing has to be shortened.
    """
    return UUID(reference).hex


def reference_of(oid: str) -> str | None:
    """Our reference of an `oid`; None for one we cannot have made."""
    try:
        reference = UUID(hex=oid)
    except ValueError:
        return None
    return str(reference) if reference.hex == oid else None
