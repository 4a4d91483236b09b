"""An attempt that could not be sent moves on under a new reference. Should its first provider have
it after all, nobody mistakes the one for the other, and no money goes unseen.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
from live import Merchant, eventually
from payer_browser import Browser
from sandbox_control import by_phone, cameroonian, tell

from processor.provider_accounts.objects import seal
from processor.secrets import Secrets
from processor.vault import Vault
from providers.boundary import Charge, Verdict
from providers.mtn_account import MtnAccount, connect_mtn
from providers.sandbox.mtn_tables import DEMO_API_KEY, DEMO_API_USERS, SUBSCRIPTION_KEYS
from tenants.ids import new_id

SHOWN = {"target_environment": "mtncameroon", "api_user": DEMO_API_USERS["mtncameroon"]}
COLLECTION = SUBSCRIPTION_KEYS["collection"]
TOLD = b'{"status": "SUCCESSFUL", "amount": "5000", "currency": "XAF"}'


@dataclass
class Moved:
    """A payment that moved on, while its payer hesitates at the second account."""

    merchant: Merchant
    own: str  # the merchant's own account at MTN, which is asked first
    intent: str
    old: str  # the reference that the first account was to have
    new: str

    def knock(self, account: str, reference: str) -> int:
        """A callback; returns the answer's status."""
        where = f"{self.merchant.tenant.test_schema}/{reference}"
        url = f"{self.merchant.stack.base}/callbacks/{account}/{where}"
        return httpx.post(url, content=TOLD).status_code

    def charges(self) -> dict[str, str]:
        """The states of the intent's charges, by reference."""
        rows = self.merchant.rows(
            "select reference, state from charges where payment_intent = $1", self.intent
        )
        return {row["reference"]: row["state"] for row in rows}


def set_own_account(merchant: Merchant, own: str, api_key: str) -> None:
    """Open the merchant's own account at MTN's sandbox PSP, or mend its key."""
    digits = (merchant.stack.state / "encryption_key").read_text().strip()
    schema = merchant.tenant.test_schema
    secret = {"api_key": api_key, "collection_subscription_key": COLLECTION}
    key, sealed = seal(Vault.from_setting(f"dev:{digits}"), schema, own, secret)
    details = json.dumps({"environment": "sandbox", "shown": SHOWN})

    async def write(connection: asyncpg.Connection) -> None:
        await connection.execute(
            f'insert into "{schema}".provider_accounts'
            " (id, version, created, provider, status, sealed, key_id, details)"
            " values ($1, 1, 1, 'mtn', 'active', $2, $3, $4)"
            " on conflict (id) do update set sealed = excluded.sealed",
            own,
            sealed,
            key,
            details,
        )
        await connection.execute(
            "insert into platform.routing_changes as c (schema_name, changes) values ($1, 1) on"
            " conflict (schema_name) do update set changes = c.changes + 1, changed_at = now()",
            schema,
        )

    merchant.run(write)


@pytest.fixture
def moved(merchant: Merchant) -> Moved:
    """The first account's key is wrong when the payment is made, and right afterwards."""
    phone = cameroonian()
    rule = {"outcome": "APPROVAL_REJECTED", "delay": 8}
    tell(merchant.stack, "mtn", payer=phone.removeprefix("+"), **rule)
    own = new_id("pa")
    set_own_account(merchant, own, "wrong")

    def attempt() -> Any:  # once the API has heard of the account, within a second
        intent = merchant.api.payment_intents.create(by_phone(phone))
        (row,) = merchant.rows(
            "select reference, provider, details->'routing'->'tries' as tries from charges"
            " where payment_intent = $1",
            intent.id,
        )
        return (intent.id, row) if row["tries"] else None

    intent, row = eventually(attempt)
    set_own_account(merchant, own, DEMO_API_KEY)
    (left,) = json.loads(row["tries"])
    assert (left["account"], row["provider"]) == (own, "mtncameroon_test")
    return Moved(merchant, own, intent, left["reference"], row["reference"])


def pay_at_the_first(moved: Moved) -> None:
    """Let the first account have taken the money after all, under the old reference."""

    async def ask(*, send: bool) -> Verdict:
        async with httpx.AsyncClient(verify=False) as client:
            base = f"{moved.merchant.stack.sandbox}/mtn"
            account = MtnAccount(
                **SHOWN,
                api_key=DEMO_API_KEY,
                collection_subscription_key=COLLECTION,
                base_url=base,
            )
            adapter, _ = connect_mtn(account, client)
            return (await (adapter.charge if send else adapter.look_up)(charge)).verdict

    charge = Charge(moved.old, 5000, "xaf", cameroonian())
    assert asyncio.run(ask(send=True)) is Verdict.PENDING
    eventually(lambda: asyncio.run(ask(send=False)) is Verdict.SUCCEEDED)


def test_late_money_of_the_first_account_is_a_charge_of_its_own(moved: Moved) -> None:
    pay_at_the_first(moved)
    # The second account is not the one that knows the old reference, nor the reverse.
    assert moved.knock("mtncameroon_test", moved.old) == 404
    assert moved.knock(moved.own, moved.new) == 404
    assert moved.charges()[moved.new] != "succeeded"
    assert [moved.knock(moved.own, moved.old) for _ in range(3)] == [200] * 3
    eventually(lambda: moved.charges().get(moved.old) == "succeeded")
    # The payer refuses at the second: the first has paid, so that nobody is asked again.
    eventually(lambda: moved.charges()[moved.new] == "failed", 30)
    intent = moved.merchant.api.payment_intents.retrieve(moved.intent)
    assert (intent.status, intent.amount_received) == ("succeeded", 5000)
    late = moved.merchant.api.charges.retrieve(intent.latest_charge)
    assert (late.paid, late.amount_captured) == (True, 5000)
    told = [event.data.object.id for event in _succeeded(moved.merchant)]
    assert told == [late.id]
    booked = moved.merchant.api.balance_transactions.list({"source": late.id}).data
    assert [each.amount for each in booked] == [5000]


def _succeeded(merchant: Merchant) -> list[Any]:
    events: list[Any] = merchant.api.events.list({"type": "charge.succeeded"}).data
    return events


def test_a_payer_on_the_first_accounts_page_is_looked_up_there(moved: Moved) -> None:
    pay_at_the_first(moved)
    schema = moved.merchant.tenant.test_schema
    signed = Secrets(moved.merchant.stack.pepper).redirect_state(schema, moved.old)
    address = f"{moved.merchant.stack.base}/redirects/{schema}/{moved.old}/{signed}"

    def booked() -> bool:  # once the API has heard of the mended key
        assert Browser().open(address).status == 200
        return moved.charges().get(moved.old) == "succeeded"

    eventually(booked)


def test_of_what_never_was_there_is_nothing_to_book(moved: Moved) -> None:
    assert moved.knock(moved.own, moved.old) == 200
    eventually(
        lambda: moved.merchant.rows(
            "select 1 where not exists (select from platform.jobs where subject = $1)", moved.old
        )
    )
    assert moved.old not in moved.charges()
