"""CinetPay checkout: an adapter that sends payers to CinetPay's page, for wallets and for cards.

Protocol: docs.cinetpay.com, API v2. There is no refund. Payouts are another API with accounts of
its own, of which too little is known to us; it is left out.

**What names an attempt.** `transaction_id` is our reference, and is taken once. The answer to its
creation brings the page's address and the `payment_token`, which is the `provider_reference` from
then on. If that answer is lost, nobody has the page, so that nothing can be paid on it, whatever
payment/check says of the id: without the token a look-up that finds no end says NOT_SENT. The
attempt may then be sent again. CinetPay refuses its id by now, and a page is to be had for a new id
only: the reference with "-2" behind it, then "-3". With the token in hand nothing is created again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from .bearer import asked
from .boundary import (
    AmountRange,
    Answer,
    Billing,
    Capabilities,
    Charge,
    Flow,
    Verdict,
    impossible,
)
from .cinetpay_notification import read_notification
from .cinetpay_replies import is_taken, read_check, read_creation, read_credentials
from .connection import exchange
from .money import to_decimal_string

LIVE_URL: Final = "https://api-checkout.cinetpay.com"

# Wallets by CinetPay's name of them: the country, and the network. The published list varies; these
# are the names that were seen. Niger, Guinea and the DR Congo are CinetPay's too, but no name of a
# wallet there is known to us.
WALLETS: Final = {
    "OM": ("CI", "orange"),
    "MOMO": ("CI", "mtn"),
    "FLOOZ": ("CI", "moov"),
    "WAVECI": ("CI", "wave"),
    "WAVESN": ("SN", "wave"),
    "FLOOZTG": ("TG", "moov"),
    "TMONEYTG": ("TG", "tmoney"),
    "FLOOZBJ": ("BJ", "moov"),
    "OMCM": ("CM", "orange"),
    "MOMOCM": ("CM", "mtn"),
    "OMML": ("ML", "orange"),
    "OMBF": ("BF", "orange"),
}
CURRENCIES: Final = {
    country: "xaf" if country == "CM" else "xof" for country, _ in WALLETS.values()
}
STEP: Final = 5  # francs; amounts are multiples of it

_CREATIONS: Final = 3  # of one attempt, at most: each takes the loss of the answer before it
# "For a better functioning, no special characters" in a description, and these are named.
_UNWANTED: Final = re.compile(r"[#/$_&\s]+")


@dataclass(frozen=True, slots=True)
class CinetPayAccount:
    """What a merchant finds in CinetPay's back office, below "Integrations".

    Raises ValueError for a country that we do not know.
    """

    country: str  # of the site, ISO 3166-1 alpha-2: a key of CURRENCIES
    site_id: str
    api_key: str = field(repr=False)
    secret_key: str = field(default="", repr=False)  # of notifications; empty: unchecked
    base_url: str = LIVE_URL

    def __post_init__(self) -> None:
        if self.country not in CURRENCIES:
            raise ValueError(f"country: one of {', '.join(CURRENCIES)}.")


def cinetpay_capabilities(country: str | None, *, signed: bool) -> Capabilities:
    """What a site of a country takes; with None, what all of them take."""
    served = {
        name: wallet for name, wallet in WALLETS.items() if country is None or country in wallet
    }
    countries = frozenset(country for country, _ in served.values())
    currencies = frozenset(CURRENCIES[country] for country in countries)
    return Capabilities(
        methods=frozenset({"mobile_money", "hosted_card"}),
        flow=Flow.REDIRECT,
        currencies=currencies,
        networks=frozenset(network for _, network in served.values()),
        countries=countries,
        amounts={currency: AmountRange(least=STEP, step=STEP) for currency in currencies},
        signed_callbacks=signed,
        repeat_pause=60,  # "at once" is all that is said of a repeat (code 606): our margin
    )


# --- Requests -------------------------------------------------------------------------------------


def build_payment(account: CinetPayAccount, charge: Charge, transaction_id: str) -> httpx.Request:
    """POST /v2/payment. `metadata` carries the reference, whichever id the attempt has now."""
    default = "Paiement" if charge.language == "fr" else "Payment"
    body: dict[str, object] = {
        "transaction_id": transaction_id,
        "amount": int(to_decimal_string(charge.amount, charge.currency)),
        "currency": charge.currency.upper(),
        "description": _UNWANTED.sub(" ", charge.description).strip() or default,
        "notify_url": charge.callback_url,
        "return_url": charge.return_url,
        "channels": "CREDIT_CARD" if _is_card(charge) else "MOBILE_MONEY",
        "lang": charge.language,
        "metadata": charge.reference,
    }
    customer = {name: value for name, value in customer_of(charge).items() if value}
    return _post(account, "/v2/payment", body | customer)


def build_check(account: CinetPayAccount, name: str, value: str) -> httpx.Request:
    """POST /v2/payment/check; `name` is "transaction_id" or "token"."""
    return _post(account, "/v2/payment/check", {name: value})


def _post(account: CinetPayAccount, path: str, body: Mapping[str, object]) -> httpx.Request:
    # CinetPay's firewall turns some clients away that do not say who they are.
    return httpx.Request(
        "POST",
        f"{account.base_url.rstrip('/')}{path}",
        headers={"User-Agent": "CPay"},
        json={"apikey": account.api_key, "site_id": account.site_id, **body},
    )


def _is_card(charge: Charge) -> bool:
    """A wallet has a number, or a network at least; a card is typed on the page."""
    return not (charge.payer or charge.network)


def customer_of(charge: Charge) -> dict[str, str]:
    """The `customer_...` fields, all of which a card needs. `customer_name` is the family name,
    `customer_surname` the given one: those who have a single name have it in both."""
    billing: Billing = charge.billing
    given, _, family = billing.name.strip().rpartition(" ")
    return {
        "customer_name": family,
        "customer_surname": given or family,
        "customer_email": billing.email,
        "customer_phone_number": charge.payer or billing.phone,
        "customer_address": billing.line1,
        "customer_city": billing.city,
        "customer_country": billing.country,
        "customer_state": billing.state,
        "customer_zip_code": billing.postal_code,
    }


def missing(charge: Charge) -> list[str]:
    """What CinetPay requires of a payment and this charge has not."""
    wanted: dict[str, str | None] = {
        "notify_url": charge.callback_url,
        "return_url": charge.return_url,
    }
    if _is_card(charge):
        wanted |= customer_of(charge)
    return [name for name, value in wanted.items() if not value]


# --- The adapter ----------------------------------------------------------------------------------


class CinetPay:
    """A site at CinetPay: `Provider` and `CredentialChecks` of the boundary.

    A charge with a payer or a network is for the page's wallets, any other for its cards. `client`
    decides time-outs.
    """

    name = "cinetpay"

    def __init__(self, account: CinetPayAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What this site takes."""
        return cinetpay_capabilities(self._account.country, signed=bool(self._account.secret_key))

    async def charge(self, charge: Charge) -> Answer:
        """Have a page made; PENDING with its address."""
        if charge.provider_reference is not None:
            return await self.look_up(charge)
        if (problem := self._problem(charge)) is not None:
            return impossible(problem)
        answer = Answer(Verdict.NOT_SENT)
        for creation in range(1, _CREATIONS + 1):
            suffix = "" if creation == 1 else f"-{creation}"
            request = build_payment(self._account, charge, f"{charge.reference}{suffix}")
            reply = await exchange(self._client, request)
            if isinstance(reply, Answer):
                return reply
            answer = read_creation(reply)
            if not is_taken(reply):
                break
        return answer

    async def look_up(self, charge: Charge) -> Answer:
        """Ask for the payment by its token or, when that was lost, by our reference."""
        token = charge.provider_reference
        name, value = ("token", token) if token else ("transaction_id", charge.reference)
        reply = asked(await exchange(self._client, build_check(self._account, name, value)))
        if isinstance(reply, Answer):
            return reply
        return read_check(reply, charge.amount, charge.currency, token)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Check a notification's form and, if the account has a secret key, its signature.

        Returns our reference. Raises ForgedCallback.
        """
        return read_notification(headers, body, self._account.site_id, self._account.secret_key)

    async def check_credentials(self) -> Answer:
        """Ask for a payment that does not exist."""
        request = build_check(self._account, "transaction_id", "credential-check")
        reply = await exchange(self._client, request)
        if isinstance(reply, Answer):
            return Answer(Verdict.UNKNOWN, evidence=reply.evidence)
        return read_credentials(reply)

    def _problem(self, charge: Charge) -> str | None:
        """Why CinetPay could not take this charge, whoever asked."""
        if not charge.capture:
            return "CinetPay has no manual capture."
        if charge.currency != CURRENCIES[self._account.country]:
            return f"A CinetPay site of {self._account.country} has no {charge.currency.upper()}."
        if charge.amount % STEP:
            return f"CinetPay takes multiples of {STEP} francs."
        if names := missing(charge):
            return f"CinetPay requires {', '.join(names)}."
        return None


def connect_cinetpay(account: CinetPayAccount, client: httpx.AsyncClient) -> tuple[CinetPay, None]:
    """The adapter; there is nothing to send money with."""
    return CinetPay(account, client), None
