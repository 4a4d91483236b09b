"""Flutterwave's API v4 as its calls share it: the account, access, and how payers are written.

Protocol: developer.flutterwave.com (v4) and a published third-party description of it. Only calls
and fields found there are used; v3 has others. Amounts are JSON numbers in the currency's main
unit, and the currencies taken here have no smaller one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

import httpx
import msgspec

from .bearer import Token
from .boundary import Charge, Refund
from .json_replies import decode
from .money import to_decimal_string
from .phone import InvalidMsisdn, parse_msisdn

LIVE_URL: Final = "https://f4bexperience.flutterwave.com"
SANDBOX_URL: Final = "https://developersandbox-api.flutterwave.com"
IDENTITY_URL: Final = "https://idp.flutterwave.com"  # gives out the tokens of both

# The countries that Flutterwave lists networks of and whose currency we count in, with the networks
# that have wallets there as far as we know. Which of them Flutterwave serves, its own list says.
WALLETS: Final = {
    "CG": frozenset({"mtn"}),
    "CI": frozenset({"moov", "mtn", "orange", "wave"}),
    "CM": frozenset({"mtn", "orange"}),
    "GA": frozenset({"moov"}),
    "SN": frozenset({"orange", "wave"}),
    "TD": frozenset({"moov"}),
}
CURRENCIES: Final = {country: "xof" if country in ("CI", "SN") else "xaf" for country in WALLETS}

LISTED: Final = 50  # refunds on a page, when one has to be found


@dataclass(frozen=True, slots=True)
class FlutterwaveAccount:
    """What a merchant finds, and sets, in Flutterwave's dashboard, for payers of one country.

    Who charges in several countries opens the account once for each: then routing knows which
    networks and which currency go together. Raises ValueError for a country that we do not know.
    """

    country: str  # of the payers, ISO 3166-1 alpha-2: a key of WALLETS
    client_id: str
    client_secret: str = field(repr=False)
    secret_hash: str = field(repr=False)  # that webhooks are signed with; the merchant chooses it
    # Flutterwave wants an e-mail address of every payer. This one is given for those who left none.
    payer_email: str = ""
    base_url: str = LIVE_URL

    def __post_init__(self) -> None:
        if self.country not in WALLETS:
            raise ValueError(f"country: one of {', '.join(WALLETS)}.")


@dataclass(frozen=True, slots=True)
class Access:
    """What every business call begins with."""

    account: FlutterwaveAccount
    token: str = field(repr=False)

    def get(
        self, path: str, trace_id: str, query: Mapping[str, str] | None = None
    ) -> httpx.Request:
        """A question. X-Trace-Id, of 12 to 255 signs, joins what belongs together in their logs."""
        headers = self._headers(trace_id)
        return httpx.Request("GET", self._url(path), headers=headers, params=query)

    def post(self, path: str, reference: str, body: Mapping[str, object]) -> httpx.Request:
        """A call that moves money. The reference is its X-Idempotency-Key: Flutterwave answers a
        repeated one as it answered the first, for a time that is nowhere published."""
        headers = self._headers(reference) | {"X-Idempotency-Key": reference}
        return httpx.Request("POST", self._url(path), headers=headers, json=body)

    def _url(self, path: str) -> str:
        return f"{self.account.base_url.rstrip('/')}{path}"

    def _headers(self, trace_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "X-Trace-Id": trace_id}


# --- Token ----------------------------------------------------------------------------------------


def build_token(account: FlutterwaveAccount) -> httpx.Request:
    """POST to the identity provider; a server that is not Flutterwave's gives out its own."""
    of_flutterwave = account.base_url.rstrip("/") in (LIVE_URL, SANDBOX_URL)
    base_url = IDENTITY_URL if of_flutterwave else account.base_url.rstrip("/")
    form = {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "grant_type": "client_credentials",
    }
    path = "/realms/flutterwave/protocol/openid-connect/token"
    return httpx.Request("POST", f"{base_url}{path}", data=form)


class _TokenBody(msgspec.Struct):
    access_token: str
    expires_in: float  # seconds, ten minutes as a rule


def read_token(reply: httpx.Response) -> Token | None:
    """The token, or None when Flutterwave gave none."""
    body = decode(reply.content, _TokenBody) if reply.status_code == 200 else None
    if body is None or not body.access_token:
        return None
    return Token.living(body.access_token, body.expires_in)


# --- Charges --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A wallet's number as Flutterwave takes it apart."""

    country: str  # ISO 3166-1 alpha-2
    calling_code: str  # digits only
    number: str  # the rest of the digits


def subscriber_of(msisdn: str) -> Subscriber | None:
    """The parts of an E.164 number; None for what is none."""
    try:
        parsed = parse_msisdn(msisdn)
    except InvalidMsisdn:
        return None
    digits = parsed.e164.removeprefix("+")
    return Subscriber(parsed.country, digits.removesuffix(parsed.national), parsed.national)


def build_networks(access: Access, country: str) -> httpx.Request:
    """GET /mobile-networks: the networks of a country, by the names that charges call them."""
    return access.get("/mobile-networks", str(uuid4()), {"country": country})


def build_charge(
    access: Access, charge: Charge, subscriber: Subscriber, network: str
) -> httpx.Request:
    """POST /orchestration/direct-charges, which makes customer, wallet and charge in one call.

    `meta.callback_url` is for sandboxes: Flutterwave itself has one address of webhooks for an
    account, typed in its dashboard, and only keeps `meta`.
    """
    phone = {"country_code": subscriber.calling_code, "number": subscriber.number}
    customer: dict[str, object] = {
        "email": charge.billing.email or access.account.payer_email,
        "phone": phone,
    }
    given, _, family = charge.billing.name.strip().partition(" ")
    if given:
        customer["name"] = {"first": given, "last": family.strip() or given}
    body: dict[str, object] = {
        "amount": int(to_decimal_string(charge.amount, charge.currency)),
        "currency": charge.currency.upper(),
        "reference": charge.reference,
        "customer": customer,
        "payment_method": {
            "type": "mobile_money",
            "mobile_money": {
                "network": network,
                "country_code": subscriber.calling_code,
                "phone_number": subscriber.number,
            },
        },
        "meta": _meta({"charge": charge.external_id, "callback_url": charge.callback_url}),
    }
    if charge.return_url:
        body["redirect_url"] = charge.return_url
    return access.post("/orchestration/direct-charges", charge.reference, body)


def build_look_up(access: Access, charge: Charge) -> httpx.Request:
    """GET /charges/{id} if Flutterwave's id is known, else the list of charges by our reference.

    Charges are listed by the published v4; that the list can be narrowed to a `reference` is known
    from client libraries. `read_search` does not depend on it.
    """
    if charge.provider_reference is not None:
        return access.get(f"/charges/{charge.provider_reference}", charge.reference)
    return access.get("/charges", charge.reference, {"reference": charge.reference})


# --- Refunds --------------------------------------------------------------------------------------


def build_refund(access: Access, refund: Refund, charge_id: str) -> httpx.Request:
    """POST /refunds. A refund has no reference of ours: it is kept in `meta`."""
    body = {
        "amount": int(to_decimal_string(refund.amount, refund.charge.currency)),
        "charge_id": charge_id,
        "reason": "requested_by_customer",  # of a closed list, and what a merchant can stand by
        "meta": _meta(
            {
                "reference": refund.reference,
                "refund": refund.external_id,
                "callback_url": refund.callback_url,
            }
        ),
    }
    return access.post("/refunds", refund.reference, body)


def build_look_up_refund(access: Access, refund: Refund, page: int = 1) -> httpx.Request:
    """GET /refunds/{id} if Flutterwave's id is known, else a page (from 1) of the list of
    refunds."""
    if refund.provider_reference is not None:
        return access.get(f"/refunds/{refund.provider_reference}", refund.reference)
    return access.get("/refunds", refund.reference, {"page": str(page), "size": str(LISTED)})


def _meta(values: Mapping[str, str | None]) -> dict[str, str]:
    """Values of `meta` are strings."""
    return {name: value for name, value in values.items() if value}
