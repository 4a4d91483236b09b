"""The operator's side: the command, real money, what Prometheus sees, and the night."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest
from live import Merchant
from payout_books import bank, fund
from statements_made import settings
from unresolved_made import (
    ABOVE_THE_LIMIT,
    MTN,
    TWO_DAYS,
    act,
    answer_again,
    breaches,
    call,
    charge,
    queued,
    read,
    resolution,
    row,
    unexplained,
)

from cpay import unresolved_command
from cpay.wiring import build_engine
from processor.jobs import Job
from processor.payments.objects import Charge, ChargeDetails, Intent, IntentDetails
from processor.reconciliation import open_payments
from processor.unresolved_payments.objects import UnresolvedDetails, UnresolvedPayment
from processor.unresolved_payments.store import enter
from tenants.database import Connection
from tenants.ids import new_id


@pytest.fixture(autouse=True)
def _afterwards(merchant: Merchant) -> Iterator[None]:
    yield
    answer_again(merchant)


def command(merchant: Merchant, name: str, *arguments: Any, **options: Any) -> Any:
    """What `cpay unresolved NAME` prints, for a payment of this merchant's."""
    run = getattr(unresolved_command, name)
    given = {"tenant": merchant.tenant.id, "live": False} | options
    return asyncio.run(run(settings(merchant), *arguments, **given))


def listed(merchant: Merchant, **options: Any) -> Any:
    """What `cpay unresolved list` prints."""
    given: dict[str, Any] = {"tenant": None, "type": None, "provider": None, "hours": 0}
    return command(merchant, "list_queue", **(given | options))


def test_two_of_the_operators_people_end_it_by_the_command(
    merchant: Merchant, other_merchant: Merchant
) -> None:
    item = unexplained(merchant, "charge", ABOVE_THE_LIMIT)["id"]
    other = queued(other_merchant, "charge", charge(other_merchant, delay=36_000))["id"]
    found = {each["id"]: each for each in listed(merchant)}
    assert found[item]["tenant"] == merchant.tenant.id
    assert found[other]["tenant"] == other_merchant.tenant.id
    assert [each["id"] for each in listed(merchant, tenant=merchant.tenant.id)] == [item]
    assert listed(merchant, tenant=merchant.tenant.id, hours=TWO_DAYS / 3600 + 1) == []
    assert listed(merchant, tenant=merchant.tenant.id, type="refund") == []
    assert listed(merchant, tenant=merchant.tenant.id, live=True) == []

    assert command(merchant, "look_up", item)["status"] == "open"
    words = ("succeeded", "Statement of November 28", "MP771204")
    proposal = command(merchant, "resolve", item, *words, by="Awa")["proposal"]
    with pytest.raises(RuntimeError, match="another person"):
        command(merchant, "approve", item, proposal, None, by=" awa")
    with pytest.raises(RuntimeError, match="No such proposal"):
        command(merchant, "reject", item, "upd_x", reason="no", by="Bo")
    done = command(merchant, "approve", item, proposal, "Seen it", by="Bo")
    assert (done["status"], done["outcome"]) == ("resolved", "succeeded")
    assert [(deed["by"]["type"], deed["by"]["id"]) for deed in done["history"]] == [
        ("operator", "Awa"),
        ("operator", "Bo"),
    ]
    assert command(merchant, "show", item)["history"] == done["history"]
    assert row(merchant, "charge", done["payment"])["provider_reference"] == "MP771204"
    assert breaches(merchant) == []
    with pytest.raises(RuntimeError, match="resolved already"):
        command(merchant, "resolve", item, "failed", "no", None, by="Eve")
    with pytest.raises(RuntimeError, match="No such unresolved payment"):
        command(merchant, "show", "unp_x")
    with pytest.raises(LookupError):
        command(merchant, "show", item, tenant="acct_nobody")


async def live_item(connection: asyncpg.Connection, merchant: Merchant, amount: int) -> str:
    """A charge that nobody can explain in live mode, for which the dev stack has no provider."""
    await connection.execute(
        f'set role "{merchant.tenant.live_schema}";'
        f'set search_path = "{merchant.tenant.live_schema}"'
    )
    intent = Intent(
        id=new_id("pi"),
        created=1,
        status="processing",
        amount=amount,
        currency="xaf",
        details=IntentDetails(payment_method_types=["mobile_money"]),
    )
    paid = Charge(
        id=new_id("py"),
        created=1,
        state="unknown",
        payment_intent=intent.id,
        amount=amount,
        currency="xaf",
        provider="mtn_live",
        reference=new_id("ref"),
        details=ChargeDetails(method_type="mobile_money", token="+237670000000"),
    )
    intent.latest_charge = paid.id
    item = UnresolvedPayment(
        id=new_id("unp"),
        created=1,
        type="charge",
        reason="outcome_unknown",
        payment=paid.id,
        provider=paid.provider,
        amount=amount,
        currency="xaf",
        since=1,
        details=UnresolvedDetails(reference=paid.reference),
    )
    paid.details.unresolved_payment = item.id
    await Intent.insert(connection, [intent])
    await Charge.insert(connection, [paid])
    await UnresolvedPayment.insert(connection, [item])
    await enter(connection, [item])
    return item.id


@pytest.mark.parametrize("amount", [5000, ABOVE_THE_LIMIT])
def test_with_real_money_a_merchant_proposes_and_the_operator_decides(
    merchant: Merchant, amount: int
) -> None:
    item = merchant.run(lambda connection: live_item(connection, merchant, amount))
    awa, bo = (merchant.key(livemode=True, name=name) for name in ("Awa", "Bo"))
    proposed = act(merchant, item, "resolve", key=awa, **resolution("succeeded")).json()
    assert proposed["status"] == "awaiting_approval"
    refused = act(merchant, item, "approve", key=bo, proposal=proposed["proposal"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "operator_required")
    done = command(merchant, "approve", item, proposed["proposal"], None, by="Operator", live=True)
    assert (done["status"], done["outcome"], done["livemode"]) == ("resolved", "succeeded", True)
    assert call(merchant, "GET").json()["data"] == [], "test mode has nothing of it"


def test_prometheus_sees_how_many_and_how_old(merchant: Merchant) -> None:
    item = unexplained(merchant, "refund")["id"]
    labels = f'{{mode="test",provider="{MTN}",type="refund"}}'

    def gauges() -> dict[str, float]:
        text = httpx.get(f"{merchant.stack.base}/metrics").text
        pairs = (text_line.rpartition(" ") for text_line in text.splitlines())
        return {
            name.removesuffix(labels): float(value)
            for name, _, value in pairs
            if name.endswith(labels)
        }

    before = gauges()
    assert before["cpay_unresolved_payments"] >= 1
    assert before["cpay_unresolved_payments_oldest_age_seconds"] >= TWO_DAYS
    act(merchant, item, "resolve", **resolution("failed")).raise_for_status()
    assert gauges().get("cpay_unresolved_payments", 0) == before["cpay_unresolved_payments"] - 1


def test_a_payout_in_a_banks_file_enters_by_night_and_no_bank_can_be_asked(
    merchant: Merchant,
) -> None:
    fund(merchant)
    made = merchant.api.payouts.create(
        {"amount": 9000, "currency": "xaf", "destination": bank(merchant, "000123456789")}
    ).id

    async def hand_out(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        await connection.execute(
            "update payouts set state = 'in_transit',"
            " created = extract(epoch from now())::bigint - $2 where id = $1",
            made,
            8 * 86_400,
        )

    merchant.run(hand_out)

    async def night() -> None:
        async with build_engine(settings(merchant)).running() as processor:
            job = Job(0, merchant.tenant.test_schema, open_payments.JOB, "daily", 1)
            for _ in range(2):
                await open_payments.count_nightly(processor, job, False)

    asyncio.run(night())
    (item,) = call(merchant, "GET").json()["data"]
    assert (item["payment"], item["reason"], item["look_ups"]) == (made, "overdue", 0)
    error = act(merchant, item["id"], "look_up").json()["error"]
    assert error["code"] == "look_up_unavailable"
    act(merchant, item["id"], "resolve", **resolution("succeeded")).raise_for_status()
    assert row(merchant, "payout", made)["state"] == "paid"
    assert read(merchant, item["id"])["status"] == "resolved"
    assert breaches(merchant) == []


def test_a_tenants_role_sees_its_own_rows_of_the_queue_alone(
    merchant: Merchant, other_merchant: Merchant
) -> None:
    item = queued(merchant, "charge", charge(merchant, delay=36_000))["id"]

    async def seen(connection: Connection, schema: str) -> list[str]:
        await connection.execute(f'set role "{schema}"')
        rows = await connection.fetch("select id from platform.unresolved_queue")
        return [each["id"] for each in rows]

    for owner, expected in ((merchant, [item]), (other_merchant, [])):
        schema = owner.tenant.test_schema
        assert owner.run(lambda connection, schema=schema: seen(connection, schema)) == expected
