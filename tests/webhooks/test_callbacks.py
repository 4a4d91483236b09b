"""What knocks at the callback door: nothing is believed, nothing breaks it, nothing leaks.

Each refused callback is sent to a real API while payments wait at real sandbox PSPs; afterwards
they wait as before.
"""

import hmac
import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from live import Merchant, Stack, eventually, new_merchant

from processor.secrets import Secrets
from providers import cinetpay_notification, cmi_hash
from providers.sandbox.cards import webhook_secret
from providers.sandbox.cinetpay.tables import SITES
from providers.sandbox.cmi.tables import DEMO_CLIENT_ID, SHOPS

STORE_KEY = SHOPS[DEMO_CLIENT_ID].store_key
SITE = next(site for site in SITES.values() if site.country == "CI")
STRIPE_SECRET = webhook_secret("sk_test_cpay_sandbox")

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}

# By account, a payment that waits there for its payer.
WAITING: dict[str, dict[str, Any]] = {
    "mtncameroon_test": {"currency": "xaf", "phone": "+237670000053"},
    "orange_web_bf_test": {"currency": "xof", "phone": "+22607000001", "amount": 5003},
    "cinetpay_ci_test": {"currency": "xof", "phone": "+2250700000123"},
    "cmi_test": {"currency": "mad", "alias": "pm_hosted_card"},
    "paypal_test": {"currency": "eur", "alias": "pm_paypal"},
    "cards_test": {"currency": "xaf", "alias": "pm_card_threeDSecure2Required"},
}


class Door:
    """The callback door of one merchant, and what waits behind it."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant
        self.schema = merchant.tenant.test_schema
        self.references = {}
        for account, payment in WAITING.items():
            intent = merchant.api.payment_intents.create(_parameters(payment))
            assert intent.status == "requires_action", account
            rows = merchant.rows(
                "select reference, provider from charges where payment_intent = $1", intent.id
            )
            assert [row["provider"] for row in rows] == [account]
            self.references[account] = rows[0]["reference"]
        # The PSP of cards tells by itself that a payer is asked: not in the midst of a test.
        eventually(lambda: self.kept() == 1)

    def path(self, account: str, reference: str | None = None, schema: str | None = None) -> str:
        """The address that the account's provider was given, or another one."""
        reference = self.references[account] if reference is None else reference
        return f"/callbacks/{account}/{schema or self.schema}/{reference}"

    def knock(
        self, path: str, body: bytes, headers: dict[str, str] = JSON, method: str = "POST"
    ) -> httpx.Response:
        """Send a callback."""
        url = f"{self.merchant.stack.base}{path}"
        return httpx.request(method, url, content=body, headers=headers, verify=False, timeout=30)

    def kept(self) -> int:
        """How many callbacks were taken."""
        return int(self.merchant.rows("select count(*) from callbacks")[0][0])

    def states(self) -> list[str]:
        """The states of all charges."""
        rows = self.merchant.rows("select distinct state from charges")
        return [row["state"] for row in rows]


def _parameters(payment: dict[str, Any]) -> dict[str, Any]:
    amount, currency = payment.get("amount", 5000), payment["currency"]
    parameters = {"amount": amount, "currency": currency, "confirm": True}
    if "alias" in payment:
        return parameters | {"payment_method": payment["alias"]}
    wallet = {"type": "mobile_money", "billing_details": {"phone": payment["phone"]}}
    return parameters | {"payment_method_data": wallet}


@pytest.fixture(scope="module")
def door(stack: Stack) -> Door:
    return Door(new_merchant(stack))


def mtn(**changes: Any) -> bytes:
    """MTN's callback about a payment that was made."""
    told = {"status": "SUCCESSFUL", "amount": "5000", "currency": "XAF", "externalId": "1"}
    return json.dumps(told | changes).encode()


def orange() -> bytes:
    return b'{"status": "SUCCESS", "notif_token": "dd497bda3b250e536186fc0663f32f40", "txnid": "M"}'


def cmi(door: Door, **changes: str) -> bytes:
    """CMI's callback about an approved payment, as only CMI can sign it."""
    fields = {
        "clientid": DEMO_CLIENT_ID,
        "oid": door.references["cmi_test"].replace("-", ""),
        "amount": "50.00",
        "currency": "504",
        "ProcReturnCode": "00",
        "Response": "Approved",
        "mdStatus": "1",
        "hashAlgorithm": "ver3",
        **changes,
    }
    return urlencode(fields | {"HASH": cmi_hash.sign(fields, STORE_KEY)}).encode()


def cinetpay(door: Door, key: str = SITE.secret_key) -> tuple[bytes, dict[str, str]]:
    """CinetPay's notification, signed with this key."""
    fields = {
        "cpm_site_id": SITE.site_id,
        "cpm_trans_id": door.references["cinetpay_ci_test"],
        "cpm_amount": "5000",
    }
    return urlencode(fields).encode(), FORM | {"x-token": cinetpay_notification.sign(fields, key)}


def stripe(door: Door, secret: str = STRIPE_SECRET, age: int = 0) -> tuple[bytes, dict[str, str]]:
    """A webhook of the card PSP, signed with this secret so many seconds ago."""
    metadata = {"reference": door.references["cards_test"]}
    body = json.dumps({"type": "payment_intent.succeeded", "data": {"object": metadata}}).encode()
    sent = int(time.time()) - age
    signature = hmac.new(secret.encode(), f"{sent}.".encode() + body, "sha256").hexdigest()
    return body, JSON | {"stripe-signature": f"t={sent},v1={signature}"}


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cccccccccc">'
    + b"".join(b'<!ENTITY b%d "%s">' % (n, b"&b%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><a>&b9;</a>"
)
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
NOBODYS = "00000000-0000-4000-8000-000000000000"
NOBODYS_OID = NOBODYS.replace("-", "")

# What is wrong; how it is sent; the answer.
Sent = Callable[[Door], tuple[str, bytes, dict[str, str]]]
REFUSED: list[tuple[str, Sent, int]] = [
    ("nothing", lambda d: (d.path("mtncameroon_test"), b"", JSON), 400),
    ("no JSON", lambda d: (d.path("mtncameroon_test"), b"status=SUCCESSFUL", FORM), 400),
    ("a list", lambda d: (d.path("mtncameroon_test"), b"[]", JSON), 400),
    ("a nest", lambda d: (d.path("mtncameroon_test"), b"[" * 99_000, JSON), 400),
    ("a nest in a field", lambda d: (d.path("mtncameroon_test"), _nest(), JSON), 400),
    ("NULs", lambda d: (d.path("mtncameroon_test"), b"\0" * 1000, JSON), 400),
    ("not UTF-8", lambda d: (d.path("mtncameroon_test"), b'{"status":"\xff\xfe"}', JSON), 400),
    ("a bomb for MTN", lambda d: (d.path("mtncameroon_test"), BOMB, {}), 400),
    ("a bomb for CMI", lambda d: (d.path("cmi_test"), BOMB, {"content-type": "text/xml"}), 400),
    ("a file for CMI", lambda d: (d.path("cmi_test"), OUTSIDE, {"content-type": "text/xml"}), 400),
    ("a bomb for Moov", lambda d: (d.path("moov_tg_test", NOBODYS), BOMB, {}), 400),
    ("a file for Moov", lambda d: (d.path("moov_tg_test", NOBODYS), OUTSIDE, {}), 400),
    ("nobody's reference", lambda d: (d.path("mtncameroon_test", NOBODYS), mtn(), JSON), 404),
    ("no reference", lambda d: (d.path("mtncameroon_test", "1' or 1=1--"), mtn(), JSON), 404),
    ("a NUL", lambda d: (d.path("mtncameroon_test", "%00"), mtn(), JSON), 404),
    ("no UTF-8 in the path", lambda d: (d.path("mtncameroon_test", "%ff%fe"), mtn(), JSON), 404),
    ("capitals", lambda d: (d.path("mtncameroon_test", NOBODYS.upper()), mtn(), JSON), 404),
    (
        "another account's payment",
        lambda d: (d.path("orange_web_bf_test", d.references["mtncameroon_test"]), orange(), JSON),
        404,
    ),
    ("nobody's account", lambda d: (d.path("nobody", NOBODYS), mtn(), JSON), 404),
    ("a NUL for an account", lambda d: (d.path("%00", NOBODYS), mtn(), JSON), 404),
    ("nobody's tenant", lambda d: (d.path("mtncameroon_test", schema="t9_test"), mtn(), JSON), 404),
    ("no tenant", lambda d: (d.path("mtncameroon_test", schema="platform"), mtn(), JSON), 404),
    ("SQL", lambda d: (d.path("mtncameroon_test", schema='t1_test";x'), mtn(), JSON), 404),
    (
        "the other mode",
        lambda d: (
            d.path("mtncameroon_test", schema=d.merchant.tenant.live_schema),
            mtn(),
            JSON,
        ),
        404,
    ),
    ("a wrong hash", lambda d: (d.path("cmi_test"), cmi(d)[:-3] + b"AAA", FORM), 400),
    ("no hash", lambda d: (d.path("cmi_test"), cmi(d).partition(b"&HASH")[0], FORM), 400),
    ("an added field", lambda d: (d.path("cmi_test"), cmi(d) + b"&amount=1.00", FORM), 400),
    ("a changed field", lambda d: (d.path("cmi_test"), _dearer(d), FORM), 400),
    ("another order", lambda d: (d.path("cmi_test"), cmi(d, oid=NOBODYS_OID), FORM), 404),
    ("a wrong x-token", lambda d: (d.path("cinetpay_ci_test"), *cinetpay(d, "no")), 400),
    ("no x-token", lambda d: (d.path("cinetpay_ci_test"), cinetpay(d)[0], FORM), 400),
    ("a wrong signature", lambda d: (d.path("cards_test"), *stripe(d, "whsec_no")), 400),
    ("an old signature", lambda d: (d.path("cards_test"), *stripe(d, age=301)), 400),
    ("no signature", lambda d: (d.path("cards_test"), stripe(d)[0], JSON), 400),
    ("no headers of PayPal", lambda d: (d.path("paypal_test"), b"{}", JSON), 400),
    ("no notif_token", lambda d: (d.path("orange_web_bf_test"), b'{"status":"F"}', JSON), 400),
]  # fmt: skip


def _nest() -> bytes:
    return b'{"status":' + b'{"a":' * 15_000 + b"1" + b"}" * 15_001


def _dearer(door: Door) -> bytes:
    return cmi(door).replace(b"amount=50.00", b"amount=5.00")


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_what_is_refused(door: Door, case: tuple[str, Sent, int]) -> None:
    _, sent, status = case
    before = door.kept()
    reply = door.knock(*sent(door))
    assert reply.status_code == status, reply.text
    assert "POSTAUTH" not in reply.text
    assert (door.kept(), door.states()) == (before, ["pending"])


def test_of_another_tenant_nothing_is_told_and_nothing_stored(stack: Stack, door: Door) -> None:
    other = new_merchant(stack)
    theirs = door.path("mtncameroon_test", schema=other.tenant.test_schema)
    assert door.knock(theirs, mtn()).status_code == 404
    # CMI is told no, in its own words: it must not take money that nobody knows of.
    theirs = door.path("cmi_test", schema=other.tenant.test_schema)
    reply = door.knock(theirs, cmi(door), FORM)
    assert (reply.status_code, reply.text) == (404, "FAILURE")
    assert other.rows("select id from callbacks") == []


# Callbacks of the right form that lie: by account, and what is answered to them.
LIES: list[tuple[str, Callable[[Door], tuple[bytes, dict[str, str]]], str]] = [
    ("mtncameroon_test", lambda _: (mtn(), JSON), ""),
    ("mtncameroon_test", lambda _: (mtn(), {"content-type": "text/plain"}), ""),
    ("mtncameroon_test", lambda _: (mtn(amount="1"), {"content-type": "multipart/form-data"}), ""),
    ("orange_web_bf_test", lambda _: (orange(), JSON), ""),
    ("cinetpay_ci_test", cinetpay, ""),
    ("cards_test", stripe, ""),
    ("cmi_test", lambda d: (cmi(d), FORM), "ACTION=POSTAUTH"),
    ("cmi_test", lambda d: (cmi(d, amount="5.00"), FORM), "FAILURE"),
    ("cmi_test", lambda d: (cmi(d, currency="840"), FORM), "FAILURE"),
    ("cmi_test", lambda d: (cmi(d, mdStatus="0"), FORM), "FAILURE"),
    ("cmi_test", lambda d: (cmi(d, clientid="600000001"), FORM), "FAILURE"),
]


@pytest.mark.parametrize("lie", LIES)
def test_a_knock_is_not_believed_but_looked_into(
    door: Door, lie: tuple[str, Callable[[Door], tuple[bytes, dict[str, str]]], str]
) -> None:
    account, told, answer = lie
    body, headers = told(door)
    first, knocked = door.kept(), time.time()
    for _ in range(3):  # and is kept once, however often it is replayed
        reply = door.knock(door.path(account), body, headers)
        assert (reply.status_code, reply.text) == (200, answer)
    assert door.kept() <= first + 1
    eventually(lambda: asked_at(door, account) > knocked)
    assert door.states() == ["pending"]


def asked_at(door: Door, account: str) -> float:
    """When the PSP behind an account was last asked something, in unix seconds; 0 for never."""
    log = f"{door.merchant.stack.sandbox}/{WAITING_PSPS[account]}/control/requests"
    asked = httpx.get(log).json()
    return float(asked[0]["at"]) if asked else 0.0


WAITING_PSPS = {
    "mtncameroon_test": "mtn",
    "orange_web_bf_test": "orange_web",
    "cinetpay_ci_test": "cinetpay",
    "cards_test": "cards",
    "cmi_test": "cmi",
}


def test_a_flood_about_one_payment_is_not_kept(door: Door) -> None:
    with httpx.Client(base_url=door.merchant.stack.base, verify=False) as client:
        for number in range(60):
            body = mtn(externalId=str(number))
            assert client.put(door.path("mtncameroon_test"), content=body).status_code == 200
    reference = door.references["mtncameroon_test"]
    kept = door.merchant.rows("select count(*) from callbacks where reference = $1", reference)
    assert kept[0][0] == 50


def test_a_body_that_is_too_long_is_not_read(door: Door) -> None:
    body = mtn(padding="x" * 100_000)
    for account in WAITING:
        assert door.knock(door.path(account), body).status_code == 413


@pytest.mark.parametrize("length", ["Content-Length: 999999999999", "Transfer-Encoding: chunked"])
def test_a_body_without_an_end_is_cut_off(door: Door, length: str) -> None:
    """Whoever promises terabytes, or goes on and on, is answered after at most 100 kB."""
    address = urlsplit(door.merchant.stack.base)
    head = f"POST {door.path('mtncameroon_test')} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n"
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(head.encode())
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(20):  # 320 kB
                connection.sendall(chunk)
        with suppress(ConnectionResetError):
            assert connection.recv(12) == b"HTTP/1.1 413"
    assert httpx.get(f"{door.merchant.stack.base}/healthz").status_code == 200


def test_a_provider_that_tries_whether_the_address_answers_is_answered(door: Door) -> None:
    for path in (door.path("cmi_test"), f"/callbacks/paygate_test/{door.schema}"):
        assert door.knock(path, b"", method="GET").status_code == 200


def test_the_logs_hold_neither_failures_nor_secrets(door: Door) -> None:
    """Of all that was sent above: the last test of this page."""
    written = "".join(
        (door.merchant.stack.state / "logs" / name).read_text()
        for name in ("serve.log", "worker.log")
    )
    ours = [line for line in written.splitlines() if door.schema in line]
    assert [line for line in ours if "Traceback" in line or " ERROR " in line] == []
    pepper = Secrets(door.merchant.stack.pepper)
    signed = [pepper.redirect_state(door.schema, each) for each in door.references.values()]
    for secret in (STORE_KEY, SITE.secret_key, STRIPE_SECRET, "dd497bda3b250e53", *signed):
        assert secret not in written
