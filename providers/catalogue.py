"""The kinds of provider there are: how an account at each is opened, and what it can do."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

import httpx

from .boundary import (
    Balances,
    Capabilities,
    Captures,
    Payouts,
    PreApprovals,
    Provider,
    Refunds,
    Verifications,
    WalletChecks,
)
from .cinetpay import CinetPay, CinetPayAccount, cinetpay_capabilities, connect_cinetpay
from .cmi import SANDBOX_URL as CMI_SANDBOX_URL
from .cmi import Cmi, CmiAccount, connect_cmi
from .cmi_account import cmi_capabilities
from .flutterwave import SANDBOX_URL as FLUTTERWAVE_SANDBOX_URL
from .flutterwave import (
    Flutterwave,
    FlutterwaveAccount,
    connect_flutterwave,
    flutterwave_capabilities,
)
from .moov import SANDBOX_URL as MOOV_SANDBOX_URL
from .moov import Moov, MoovAccount, connect_moov, moov_capabilities
from .mtn import MtnCollection
from .mtn_account import MtnAccount, connect_mtn
from .mtn_disbursement import MtnDisbursement
from .mtn_product import SANDBOX_URL, mtn_capabilities
from .orange_cm import ORANGE_CM, OrangeCm, OrangeCmAccount, connect_orange_cm
from .orange_web import LIVE_URL as ORANGE_URL
from .orange_web import OrangeWeb, OrangeWebAccount, connect_orange_web, orange_web_capabilities
from .orange_web_account import SANDBOX as ORANGE_SANDBOX
from .paygate import TOGO, Paygate, PaygateAccount, connect_paygate
from .paypal import PAYPAL, PayPal, PayPalAccount, connect_paypal
from .paypal import SANDBOX_URL as PAYPAL_SANDBOX_URL
from .stripe import CARDS, LIVE_URL, StripeAccount, StripeCards, connect_stripe


@dataclass(frozen=True, slots=True)
class Rails:
    """An open account: who takes money, and who sends it where that is another product."""

    provider: Provider
    disbursement: object | None = None


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing an account is opened with."""

    name: str
    secret: bool
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderType:
    """A kind of provider.

    `credentials` is a frozen dataclass of strings; a field kept out of its repr is a secret. Its
    `base_url` is not for merchants to choose: whose servers we call is not theirs to say.
    """

    id: str
    title: str
    credentials: type[Any]
    connect: Callable[[Any, httpx.AsyncClient], tuple[Provider, object | None]]
    capabilities: Capabilities  # the widest that an account can have
    provider: type[Any]
    disbursement: type[Any] | None = None
    psp: str = ""  # name of its sandbox PSP in `providers.sandbox`, where it is not the id
    official_sandbox: str | None = None  # base URL of the provider's own sandbox, if it has one
    # Whether credentials are a test account's, where the provider's own sandbox is at the address
    # of its live accounts.
    of_test: Callable[[Any], bool] | None = None

    @property
    def sandbox(self) -> str:
        """The name of its sandbox PSP."""
        return self.psp or self.id

    def open(self, credentials: Any, client: httpx.AsyncClient) -> Rails:
        """An account. `client` decides time-outs and keeps the connections."""
        return Rails(*self.connect(credentials, client))

    def can(self, protocol: type[Any]) -> bool:
        """Whether accounts of this kind have an opt-in protocol of the boundary."""
        kinds = (self.provider, self.disbursement)
        return any(kind is not None and issubclass(kind, protocol) for kind in kinds)

    @property
    def supports(self) -> dict[str, bool]:
        """The opt-in protocols by the words the API shows."""
        return {word: self.can(protocol) for word, protocol in PROTOCOLS.items()}

    @property
    def fields(self) -> list[CredentialField]:
        """What a merchant gives to open an account."""
        return [
            CredentialField(field.name, not field.repr, field.default is MISSING)
            for field in fields(self.credentials)
            if field.name != "base_url"
        ]


# The opt-in protocols by the words the API shows.
PROTOCOLS: Final[dict[str, type[Any]]] = {
    "balance": Balances,
    "manual_capture": Captures,
    "payouts": Payouts,
    "pre_approval": PreApprovals,
    "refunds": Refunds,
    "setup": Verifications,
    "wallet_check": WalletChecks,
}

PROVIDER_TYPES: Final[dict[str, ProviderType]] = {
    kind.id: kind
    for kind in (
        ProviderType(
            id="cinetpay",
            title="CinetPay",
            credentials=CinetPayAccount,
            connect=connect_cinetpay,
            capabilities=cinetpay_capabilities(None, signed=True),
            provider=CinetPay,
        ),
        ProviderType(
            id="cmi",
            title="CMI Morocco (CIH, Attijariwafa, Bank of Africa)",
            credentials=CmiAccount,
            connect=connect_cmi,
            capabilities=cmi_capabilities(None),
            provider=Cmi,
            official_sandbox=CMI_SANDBOX_URL,
        ),
        ProviderType(
            id="flutterwave",
            title="Flutterwave",
            credentials=FlutterwaveAccount,
            connect=connect_flutterwave,
            capabilities=flutterwave_capabilities(None),
            provider=Flutterwave,
            official_sandbox=FLUTTERWAVE_SANDBOX_URL,
        ),
        ProviderType(
            id="moov",
            title="Moov Money",
            credentials=MoovAccount,
            connect=connect_moov,
            capabilities=moov_capabilities(None),
            provider=Moov,
            official_sandbox=MOOV_SANDBOX_URL,  # Benin's
        ),
        ProviderType(
            id="mtn",
            title="MTN MoMo",
            credentials=MtnAccount,
            connect=connect_mtn,
            capabilities=mtn_capabilities(None),
            provider=MtnCollection,
            disbursement=MtnDisbursement,
            official_sandbox=SANDBOX_URL,
        ),
        ProviderType(
            id="orange_cm",
            title="Orange Money Cameroon",
            credentials=OrangeCmAccount,
            connect=connect_orange_cm,
            capabilities=ORANGE_CM,
            provider=OrangeCm,
        ),
        ProviderType(
            id="orange_web",
            title="Orange Money Web Payment",
            credentials=OrangeWebAccount,
            connect=connect_orange_web,
            capabilities=orange_web_capabilities(None),
            provider=OrangeWeb,
            official_sandbox=ORANGE_URL,
            of_test=lambda account: bool(account.country == ORANGE_SANDBOX),
        ),
        ProviderType(
            id="paygate",
            title="PayGate Global (Flooz, Mixx by Yas)",
            credentials=PaygateAccount,
            connect=connect_paygate,
            capabilities=TOGO,
            provider=Paygate,
        ),
        ProviderType(
            id="paypal",
            title="PayPal",
            credentials=PayPalAccount,
            connect=connect_paypal,
            capabilities=PAYPAL,
            provider=PayPal,
            official_sandbox=PAYPAL_SANDBOX_URL,
        ),
        ProviderType(
            id="stripe",
            title="Stripe",
            credentials=StripeAccount,
            connect=connect_stripe,
            capabilities=CARDS,
            provider=StripeCards,
            psp="cards",
            official_sandbox=LIVE_URL,
            of_test=lambda account: account.secret_key.startswith(("sk_test_", "rk_test_")),
        ),
    )
}
