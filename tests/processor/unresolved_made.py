"""What tests of unresolved payments share: payments that nobody can explain, and who decides."""

from typing import Any

import asyncpg
import httpx
from live import Merchant, eventually
from payout_books import cameroonian, fill_float, fund, wallet
from sandbox_control import by_phone, tell

from processor.ledger.verify import verify

MTN = "mtncameroon_test"
TABLES = {"charge": "charges", "refund": "refunds", "payout": "payouts"}
LOOK_UPS = {"charge": "look_up", "refund": "look_up_refund", "payout": "look_up_transfer"}

# Old enough for the queue, whatever it is and however it came there: pending for two days.
TWO_DAYS = 2 * 86_400

ABOVE_THE_LIMIT = 150_000

# MTN knows what becomes of it before a test can ask, and tells nobody.
AT_ONCE = {"callback": "lost", "delay": 0.001}  # seconds; 0 would be a payer's usual half


def call(merchant: Merchant, method: str, path: str = "", **options: Any) -> httpx.Response:
    """A call to `/v1/unresolved_payments`, which the SDK does not know."""
    key = options.pop("key", merchant.secret_key)
    return httpx.request(
        method,
        f"{merchant.stack.base}/v1/unresolved_payments{path}",
        headers={"Authorization": f"Bearer {key}", **options.pop("headers", {})},
        timeout=60,
        **options,
    )


def act(merchant: Merchant, item: str, action: str, **options: Any) -> httpx.Response:
    """`resolve`, `approve`, `reject` or `look_up`; `key` is who does it, the rest is sent."""
    apart = {name: options.pop(name) for name in ("key", "headers") if name in options}
    return call(merchant, "POST", f"/{item}/{action}", data=options, **apart)


def read(merchant: Merchant, item: str) -> Any:
    """An unresolved payment."""
    return call(merchant, "GET", f"/{item}").json()


def deny_look_ups(merchant: Merchant, type: str) -> None:
    """MTN answers no question of this type, until its script is cleared."""
    tell(merchant.stack, "mtn", operation=LOOK_UPS[type], fault="error_500")


def answer_again(merchant: Merchant) -> None:
    """MTN answers what is true from now on."""
    httpx.delete(f"{merchant.stack.sandbox}/mtn/control/script").raise_for_status()


def charge(merchant: Merchant, amount: int = 5000, **rule: Any) -> str:
    """A charge whose payer has answered as `rule` says, and of which we hear nothing more."""
    phone = cameroonian()
    tell(merchant.stack, "mtn", payer=phone[1:], times=1, **{**AT_ONCE, **rule})
    intent = merchant.api.payment_intents.create(by_phone(phone, amount=amount))
    identifier: str = intent.latest_charge
    return identifier


def refund(merchant: Merchant, amount: int = 5000, **rule: Any) -> str:
    """A refund of a wallet's payment, sent as `rule` says."""
    phone = cameroonian()
    paid = merchant.api.payment_intents.create(by_phone(phone, amount=amount))
    eventually(lambda: merchant.api.payment_intents.retrieve(paid.id).status == "succeeded", 150)
    told = {**AT_ONCE, **rule}
    tell(merchant.stack, "mtn", operation="refund", amount=amount, times=1, **told)
    identifier: str = merchant.api.refunds.create({"payment_intent": paid.id}).id
    return identifier


def payout(merchant: Merchant, amount: int = 5000, **rule: Any) -> str:
    """A payout to a wallet, sent as `rule` says."""
    fund(merchant, amount * 2)
    fill_float(merchant, amount * 2)
    phone = cameroonian()
    told = {**AT_ONCE, **rule}
    tell(merchant.stack, "mtn", operation="transfer", payer=phone[1:], times=1, **told)
    made = merchant.api.payouts.create(
        {"amount": amount, "currency": "xaf", "destination": wallet(merchant, phone)}
    )
    identifier: str = made.id
    eventually(lambda: row(merchant, "payout", identifier)["state"] not in ("pending", "submitted"))
    return identifier


MAKE = {"charge": charge, "refund": refund, "payout": payout}


def row(merchant: Merchant, type: str, identifier: str) -> Any:
    """A payment's row."""
    return merchant.rows(f"select * from {TABLES[type]} where id = $1", identifier)[0]


def grow_old(merchant: Merchant, type: str, identifier: str, seconds: int = TWO_DAYS) -> None:
    """Let this much time pass for a payment, and its next look-up come."""

    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        await connection.execute(
            f"update {TABLES[type]} set created = floor(extract(epoch from now()))::bigint - $2,"
            " details = details - 'submitted_at' where id = $1",
            identifier,
            seconds,
        )
        await connection.execute(
            "update platform.jobs set run_at = now() where subject = $1", identifier
        )

    merchant.run(work)


def queued(merchant: Merchant, type: str, identifier: str) -> Any:
    """The unresolved payment of a payment that has grown old."""

    def entered() -> Any:
        # Again and again: a look-up that was under way writes the row as it had read it.
        grow_old(merchant, type, identifier)
        found = call(merchant, "GET", params={"type": type, "limit": 100}).json()["data"]
        return next((each for each in found if each["payment"] == identifier), None)

    return eventually(entered, 60)


def unexplained(merchant: Merchant, type: str, amount: int = 5000, **rule: Any) -> Any:
    """An unresolved payment of this type. What its provider did is what `rule` says; its answer
    was lost, unless the rule has another fault, and look-ups are denied."""
    deny_look_ups(merchant, type)
    made = MAKE[type](merchant, amount, **{"fault": "reset_after_accepting", **rule})
    return queued(merchant, type, made)


def knock(merchant: Merchant, type: str, payment: str) -> None:
    """Call back as MTN does; nothing in the body is believed."""
    reference = row(merchant, type, payment)["reference"]
    address = f"/callbacks/{MTN}/{merchant.tenant.test_schema}/{reference}"
    body = {"status": "FAILED", "amount": "1", "currency": "XAF"}
    assert httpx.post(merchant.stack.base + address, json=body).status_code == 200


def breaches(merchant: Merchant) -> Any:
    """What does not hold in the merchant's books."""

    async def work(connection: asyncpg.Connection) -> Any:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        return await verify(connection)

    return merchant.run(work)


def resolution(outcome: str, **more: str) -> dict[str, str]:
    """Parameters of a decision."""
    given = {"outcome": outcome, "reason": "MTN's settlement desk, ticket 40511"}
    if outcome == "succeeded":
        given["provider_reference"] = f"MP{cameroonian()[1:]}"
    return given | more
