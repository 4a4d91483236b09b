"""An account at Orange Money Web Payment: its country, what it can take, and its access token.

Protocol: as in `orange_web`.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final

import httpx
import msgspec

from .bearer import Token
from .boundary import Capabilities, Flow
from .json_replies import decode

LIVE_URL: Final = "https://api.orange.com"

# The segment of the path that says where an account is, its country and its currency. Orange has
# more of them (bw, cd, mg, sl...), whose currencies the page we follow does not name. That of
# Burkina Faso is named by the description of Mali's only.
COUNTRIES: Final = {
    "bf": ("BF", "xof"),
    "ci": ("CI", "xof"),
    "cm": ("CM", "xaf"),
    "gn": ("GN", "gnf"),
    "ml": ("ML", "xof"),
    "sn": ("SN", "xof"),
}
TOKEN_SECONDS: Final = 600  # how long an order's page can be paid on, by default
SANDBOX: Final = "dev"  # the segment of Orange's own sandbox, at the same address
SANDBOX_CURRENCY: Final = "OUV"  # which is no country's: there it stands for any of them


def orange_web_capabilities(country: str | None) -> Capabilities:
    """What an account of a country segment can take; None: what all of them can.

    The sandbox takes every currency, calling it OUV, and asks for no real wallet. A segment we do
    not know takes nothing.
    """
    served = [COUNTRIES[country]] if country in COUNTRIES else []
    if country in (None, SANDBOX):
        served = list(COUNTRIES.values())
    return Capabilities(
        methods=frozenset({"mobile_money"}),
        flow=Flow.REDIRECT,
        currencies=frozenset(currency for _, currency in served),
        networks=frozenset({"orange"}),
        page_seconds=TOKEN_SECONDS,
        countries=frozenset(country for country, _ in served),
    )


@dataclass(frozen=True, slots=True)
class OrangeWebAccount:
    """What Orange's developer portal and its local subsidiary hand out for one country.

    Raises ValueError for a country that we do not know.
    """

    country: str  # a key of COUNTRIES, or SANDBOX
    client_id: str
    client_secret: str = field(repr=False)
    merchant_key: str = field(repr=False)
    merchant_name: str = ""  # shown on the page, at most 30 characters
    base_url: str = LIVE_URL

    def __post_init__(self) -> None:
        if self.country not in (*COUNTRIES, SANDBOX):
            raise ValueError(f"country: one of {', '.join([*COUNTRIES, SANDBOX])}.")


def build_token(account: OrangeWebAccount) -> httpx.Request:
    """POST /oauth/v3/token. Orange allows about 50 of these a minute: a token is to be kept."""
    pair = f"{account.client_id}:{account.client_secret}".encode()
    return httpx.Request(
        "POST",
        f"{account.base_url.rstrip('/')}/oauth/v3/token",
        headers={"Authorization": f"Basic {b64encode(pair).decode()}"},
        data={"grant_type": "client_credentials"},
    )


class _TokenBody(msgspec.Struct):
    access_token: str
    expires_in: float  # seconds; "3600" and 7776000 have both been seen


def read_token(reply: httpx.Response) -> Token | None:
    """The token, or None when Orange gave none."""
    body = decode(reply.content, _TokenBody, strict=False) if reply.status_code == 200 else None
    if body is None or not body.access_token:
        return None
    return Token.living(body.access_token, body.expires_in)
