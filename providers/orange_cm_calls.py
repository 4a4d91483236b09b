"""Orange Money Cameroon: the account there and the calls of its API, as requests.

Protocol: "omcoreapis" 1.0.2 behind a WSO2 gateway. Orange publishes no text of it; what stands here
is what its public clients send and were answered (NdoleStudio/orangemoney-go with recorded replies,
NdoleStudio/ynote-go, karibu-cap/orange_money_apis_js), and said as "not documented" where those are
silent too. Two of its products are used, each with the calls init, pay and paymentstatus: "mp"
(merchant payment) asks a subscriber to pay, "cashin" sends money to one.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from .boundary import Charge, Payout
from .money import to_decimal_string

LIVE_URL: Final = "https://api-s1.orange.cm"
ORDER_ID_LENGTH: Final = 20
_BASE_PATH: Final = "/omcoreapis/1.0.2"
_CAMEROONIAN: Final = re.compile(r"(?:\+237)?(6[0-9]{8})", re.ASCII)
_LONGEST_DESCRIPTION: Final = 100  # characters; the limit is not documented, we assume a low one


@dataclass(frozen=True, slots=True)
class OrangeCmAccount:
    """What Orange hands a merchant: access to the gateway, to the API, and to the wallet."""

    consumer_key: str  # of the gateway
    api_user: str
    channel_msisdn: str  # the merchant's own number, "690000000" or "+237690000000"
    consumer_secret: str = field(repr=False)
    api_password: str = field(repr=False)
    pin: str = field(repr=False)  # of the merchant's number; travels in every call that pays
    base_url: str = LIVE_URL


@dataclass(frozen=True, slots=True)
class Access:
    """What every business call begins with."""

    account: OrangeCmAccount
    token: str = field(repr=False)

    def get(self, path: str) -> httpx.Request:
        """GET /omcoreapis/1.0.2/{path}."""
        return httpx.Request("GET", self._url(path), headers=self._headers())

    def post(self, path: str, body: Mapping[str, object] | None = None) -> httpx.Request:
        """POST /omcoreapis/1.0.2/{path}."""
        return httpx.Request("POST", self._url(path), headers=self._headers(), json=body)

    def _url(self, path: str) -> str:
        return f"{self.account.base_url.rstrip('/')}{_BASE_PATH}/{path}"

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "X-AUTH-TOKEN": _pair(self.account.api_user, self.account.api_password),
            "Content-Type": "application/json",
            "Accept": "application/json",  # the gateway's faults come as XML otherwise
        }


def build_token(account: OrangeCmAccount) -> httpx.Request:
    """POST /token."""
    return httpx.Request(
        "POST",
        f"{account.base_url.rstrip('/')}/token",
        headers={"Authorization": f"Basic {_pair(account.consumer_key, account.consumer_secret)}"},
        data={"grant_type": "client_credentials"},
    )


def build_init(access: Access, product: str) -> httpx.Request:
    """POST {product}/init, without a body: asks for the payToken of one attempt."""
    return access.post(f"{product}/init")


def build_pay(access: Access, product: str, attempt: Charge | Payout, token: str) -> httpx.Request:
    """POST {product}/pay. `token` is the payToken, which serves once: it is the idempotency key.

    A cash-in has the same body as a merchant payment.
    """
    account = access.account
    subscriber = attempt.payer if isinstance(attempt, Charge) else attempt.recipient
    order = order_id(attempt.reference)
    description = attempt.description or attempt.external_id or order
    return access.post(
        f"{product}/pay",
        {
            "notifUrl": attempt.callback_url or "",
            "channelUserMsisdn": national(account.channel_msisdn),
            "amount": to_decimal_string(attempt.amount, attempt.currency),
            "subscriberMsisdn": national(subscriber),
            "pin": account.pin,
            "orderId": order,
            "description": description[:_LONGEST_DESCRIPTION],
            "payToken": token,
        },
    )


def build_push(access: Access, token: str) -> httpx.Request:
    """GET mp/push/{payToken}: shows the subscriber the prompt again."""
    return access.get(f"mp/push/{token}")


def build_status(access: Access, product: str, token: str) -> httpx.Request:
    """GET {product}/paymentstatus/{payToken}."""
    return access.get(f"{product}/paymentstatus/{token}")


def build_subscriber(access: Access, msisdn: str) -> httpx.Request:
    """POST infos/subscriber/customer/{msisdn}: whose wallet it is. `msisdn` is E.164."""
    account = access.account
    return access.post(
        f"infos/subscriber/customer/{national(msisdn)}",
        {"channelMsisdn": national(account.channel_msisdn), "pin": account.pin},
    )


def order_id(reference: str) -> str:
    """Our reference as Orange takes it: the first 20 hexadecimal digits of the UUID.

    Orange's orderId has at most 20 characters and no hyphen. It is a label that comes back as
    `txnmode` and the payToken is what must be unique, so that the 76 random bits left are plenty.
    """
    return reference.replace("-", "")[:ORDER_ID_LENGTH]


def national(msisdn: str) -> str | None:
    """A Cameroonian mobile number as Orange writes it, nine digits; None for any other number."""
    number = _CAMEROONIAN.fullmatch(msisdn)
    return None if number is None else number[1]


def _pair(user: str, secret: str) -> str:
    return b64encode(f"{user}:{secret}".encode()).decode()
