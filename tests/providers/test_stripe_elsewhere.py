"""Our Stripe adapter against Stripes that were not written here.

localstripe (PyPI) keeps state, and knows no more of payment intents than the attempts below. It
refuses every parameter that it does not know: `description`, `return_url` and
`error_on_requires_action`, so that our charges reach it only if the payer is absent. It has neither
search nor idempotency keys nor a page for 3-D Secure, and confirms no setup intent while it is
created; its intents have no `amount_received`. stripe-mock (Stripe's own, in Go) keeps no state and
checks every request against Stripe's published schema; what it answers is an example, about
somebody else's money.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fetched import go_command, python_package
from sandbox_servers import listen, url_of

from providers.boundary import Answer, Charge, DeclineCode, Refund, Verdict, Verification
from providers.stripe import StripeCards

LOCALSTRIPE = "localstripe==1.15.10"
STRIPE_MOCK = ("github.com/stripe/stripe-mock", "v0.203.0")
KEY = "sk_test_elsewhere"
CLIENT_TIMEOUT = 5.0  # nobody loses an answer here


@contextmanager
def running(command: Sequence[str | Path], url: str, **environment: str) -> Iterator[str]:
    """The server in a process of its own, once it answers."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while True:
                assert process.poll() is None, "it did not start"
                assert time.monotonic() < deadline, "it did not start in time"
                try:
                    httpx.get(f"{url}/v1/charges", trust_env=False)
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield url
        finally:
            process.kill()


@pytest.fixture(scope="module")
def localstripe() -> Iterator[str]:
    with listen() as free:
        url = url_of(free)
    port = url.rpartition(":")[2]
    command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", port]
    with running(command, url, PYTHONPATH=str(python_package(LOCALSTRIPE))) as base:
        yield base


@pytest.fixture(scope="module")
def stripe_mock() -> Iterator[str]:
    program = go_command(*STRIPE_MOCK)
    with listen() as free:
        url = url_of(free)
    with running([program, "-http-addr", url.removeprefix("http://")], url) as base:
        yield base


@pytest.fixture
def adapter(localstripe: str, client: httpx.AsyncClient) -> StripeCards:
    return StripeCards(KEY, client, localstripe)


def charge(payer: str = "pm_card_visa", **fields: Any) -> Charge:
    return Charge(str(uuid4()), 1500, "eur", payer, external_id="ch_1", off_session=True, **fields)


async def sent(adapter: StripeCards, attempt: Charge) -> tuple[Charge, Answer]:
    """The charge as the engine keeps it, and the answer."""
    answer = await adapter.charge(attempt)
    return replace(attempt, provider_reference=answer.provider_reference), answer


# --- localstripe ---


async def test_a_charge_is_paid_and_found_by_its_id(adapter: StripeCards) -> None:
    known, answer = await sent(adapter, charge())
    assert answer.verdict is Verdict.SUCCEEDED
    assert known.provider_reference is not None
    assert (await adapter.look_up(known)).verdict is Verdict.SUCCEEDED
    other = replace(known, amount=1501)
    assert (await adapter.look_up(other)).verdict is Verdict.UNKNOWN  # not this charge's intent


@pytest.mark.parametrize(
    ("number", "passed", "verdict", "code"),
    [
        ("4000000000003220", True, Verdict.SUCCEEDED, None),
        ("4000000000003220", False, Verdict.DECLINED, DeclineCode.AUTHENTICATION_FAILED),
        ("4000008400001629", True, Verdict.DECLINED, DeclineCode.GENERIC_DECLINE),
    ],
)
async def test_three_d_secure(
    adapter: StripeCards,
    localstripe: str,
    client: httpx.AsyncClient,
    number: str,
    passed: bool,
    verdict: Verdict,
    code: DeclineCode | None,
) -> None:
    async def post(path: str, **form: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {KEY}"}
        reply = await client.post(f"{localstripe}/v1/{path}", data=form, headers=headers)
        body: dict[str, Any] = reply.json()
        return body

    card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
    form = {f"card[{name}]": value for name, value in card.items()}
    method = await post("payment_methods", type="card", **form)
    known, answer = await sent(adapter, charge(method["id"]))
    assert (answer.verdict, answer.redirect_url) == (Verdict.PENDING, None)
    assert (await adapter.look_up(known)).verdict is Verdict.PENDING
    shown = await client.get(
        f"{localstripe}/v1/payment_intents/{known.provider_reference}",
        headers={"Authorization": f"Bearer {KEY}"},
    )
    await post(
        f"payment_intents/{known.provider_reference}/_authenticate",
        client_secret=shown.json()["client_secret"],
        success=str(passed).lower(),
    )
    final = await adapter.look_up(known)
    assert (final.verdict, final.decline_code) == (verdict, code)


async def test_a_hold_is_released_or_taken(adapter: StripeCards) -> None:
    released, answer = await sent(adapter, charge(capture=False))
    assert answer.verdict is Verdict.SUCCEEDED
    assert (await adapter.cancel(released, str(uuid4()))).verdict is Verdict.SUCCEEDED
    assert (await adapter.look_up(released)).verdict is Verdict.DECLINED
    taken, _ = await sent(adapter, charge(capture=False))
    # It does not say how much it took, and we do not guess.
    assert (await adapter.capture(taken, str(uuid4()), 900)).verdict is Verdict.UNKNOWN
    assert (await adapter.look_up(taken)).evidence["status"] == "succeeded"


async def test_a_refund_is_given_and_found_among_the_payments_own(adapter: StripeCards) -> None:
    paid, _ = await sent(adapter, charge())
    refund = Refund(str(uuid4()), 600, paid, external_id="re_1")
    assert (await adapter.look_up_refund(refund)).verdict is Verdict.NOT_SENT
    answer = await adapter.refund(refund)
    assert answer.verdict is Verdict.SUCCEEDED
    assert (await adapter.look_up_refund(refund)).provider_reference == answer.provider_reference
    known = replace(refund, provider_reference=answer.provider_reference)
    assert (await adapter.look_up_refund(known)).verdict is Verdict.SUCCEEDED


async def test_where_localstripe_ends(adapter: StripeCards) -> None:
    # A card that is declined at once is no card_error there, and no intent comes with it.
    _, declined = await sent(adapter, charge("pm_card_chargeCustomerFail"))
    assert (declined.verdict, declined.evidence["http_status"]) == (Verdict.UNKNOWN, 402)
    refused = await adapter.charge(replace(charge(), off_session=False))
    assert (refused.verdict, refused.decline_code) == (Verdict.DECLINED, DeclineCode.CONFIGURATION)
    assert "error_on_requires_action" in refused.evidence["error"]["message"]
    assert (await adapter.look_up(charge())).verdict is Verdict.UNKNOWN  # no search
    assert (await adapter.check_credentials()).verdict is Verdict.UNKNOWN
    card = Verification(str(uuid4()), "pm_card_visa", off_session=True)
    assert (await adapter.verify(card)).verdict is Verdict.DECLINED


# --- stripe-mock ---


async def test_stripes_own_schema_has_every_parameter_we_send(
    stripe_mock: str, client: httpx.AsyncClient
) -> None:
    adapter = StripeCards("sk_test_123", client, stripe_mock)
    there = charge(description="Order 1", callback_url="https://m.example.test/cb")
    there = replace(there, off_session=False)
    known = replace(there, provider_reference="pi_1")
    refund = Refund(str(uuid4()), 600, known, "https://m.example.test/cb", "re_1")
    card = Verification(
        str(uuid4()), "pm_card_visa", True, "https://m.example.test/cb",
        "https://m.example.test/back", "seti_1",
    )  # fmt: skip
    answers = [
        *[await adapter.charge(replace(there, **other)) for other in VARIANTS],
        await adapter.look_up(there),
        await adapter.look_up(known),
        await adapter.capture(known, str(uuid4()), 900),
        await adapter.cancel(known, str(uuid4())),
        await adapter.refund(refund),
        await adapter.look_up_refund(refund),
        await adapter.look_up_refund(replace(refund, provider_reference="re_1")),
        await adapter.verify(card),
        await adapter.verify(replace(card, provider_reference="seti_1")),
        await adapter.check_credentials(),
    ]
    assert [answer.evidence["http_status"] for answer in answers] == [200] * len(answers)
    # An example of somebody else's payment is not taken for ours.
    assert not any(answer.verdict is Verdict.SUCCEEDED for answer in answers[:-3])


VARIANTS: list[dict[str, Any]] = [
    {},
    {"off_session": True},
    {"return_url": "https://m.example.test/back"},
    {"capture": False},
]


async def test_stripes_schema_refuses_what_it_does_not_have(
    stripe_mock: str, client: httpx.AsyncClient
) -> None:
    """So that the test above can fail."""
    form = {"amount": "1500", "currency": "eur", "confrim": "true"}
    headers = {"Authorization": "Bearer sk_test_123"}
    reply = await client.post(f"{stripe_mock}/v1/payment_intents", data=form, headers=headers)
    assert reply.status_code == 400
