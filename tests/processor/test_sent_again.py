"""What was sent a second time is no longer known by what its first call came to.

A call may wait for its turn, and its process may stand still. Meanwhile the janitor may have
believed the provider that it was never sent, and have sent it: whoever then hears that the first
call was not sent must neither give the payment up nor take it elsewhere.
"""

import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from engine_here import Here, engine_of
from live import Merchant, eventually
from payout_books import cameroonian, fill_float, fund, wallet
from sandbox_control import by_phone, tell

from processor.payments import routes
from processor.payments import settlement as charges
from processor.payments.attempts import as_sent
from processor.payments.objects import Charge, Presenter
from processor.payouts import settlement as payouts
from processor.payouts.settlement import Outcome
from processor.routing.router import BEGIN_SECONDS
from processor.unresolved_payments.store import may_send_again
from providers.boundary import Answer, Verdict

NOT_SENT = Answer(Verdict.NOT_SENT, evidence={"queue": "full"})
PAGE = Answer(Verdict.PENDING, "page-1", redirect_url="https://psp.example.test/1")


@pytest.fixture
async def here(merchant: Merchant) -> AsyncIterator[Here]:
    async with engine_of(merchant) as here:
        yield here


def presenter(here: Here) -> Presenter:
    return Presenter.of(here.processor, here.caller)


def under_way(merchant: Merchant, table: str, identifier: str) -> None:
    """Put a payment back to where its call is being made, and hide it from the worker."""

    async def work(connection: Any) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        await connection.execute("delete from platform.jobs where subject = $1", identifier)
        await connection.execute(
            f"update {table} set state = 'submitted', provider_reference = null where id = $1",
            identifier,
        )

    merchant.run(work)


def state(merchant: Merchant, table: str, identifier: str) -> str:
    (row,) = merchant.rows(f"select state from {table} where id = $1", identifier)
    return str(row["state"])


def prompted(merchant: Merchant) -> str:
    """A charge whose payer takes a long time."""
    phone = cameroonian()
    tell(merchant.stack, "mtn", payer=phone[1:], times=1, delay=600)
    identifier: str = merchant.api.payment_intents.create(by_phone(phone)).latest_charge
    under_way(merchant, "charges", identifier)
    return identifier


def paying_out(merchant: Merchant) -> str:
    """A payout to a wallet."""
    fund(merchant, 10_000)
    fill_float(merchant, 10_000)
    phone = cameroonian()
    tell(merchant.stack, "mtn", operation="transfer", payer=phone[1:], times=1, delay=600)
    identifier: str = merchant.api.payouts.create(
        {"amount": 5000, "currency": "xaf", "destination": wallet(merchant, phone)}
    ).id
    eventually(lambda: state(merchant, "payouts", identifier) == "in_transit")
    under_way(merchant, "payouts", identifier)
    return identifier


@pytest.mark.parametrize(("again", "reached"), [(False, "failed"), (True, "unknown")])
async def test_a_charge(merchant: Merchant, here: Here, again: bool, reached: str) -> None:
    identifier = await to_thread(prompted, merchant)
    async with here.database.tenant(here.caller.schema) as connection:
        if again:
            assert await may_send_again(connection, "charges", identifier)
        await charges.settle(connection, presenter(here), [(identifier, NOT_SENT)], first_call=True)
    assert await to_thread(state, merchant, "charges", identifier) == reached


async def test_a_charge_is_given_up_by_its_providers_word(merchant: Merchant, here: Here) -> None:
    identifier = await to_thread(prompted, merchant)
    async with here.database.tenant(here.caller.schema) as connection:
        assert await may_send_again(connection, "charges", identifier)
        await charges.settle(connection, presenter(here), [(identifier, NOT_SENT)])
    assert await to_thread(state, merchant, "charges", identifier) == "failed"


async def test_a_charge_that_is_over_is_not_sent_again(merchant: Merchant, here: Here) -> None:
    identifier = await to_thread(prompted, merchant)
    async with here.database.tenant(here.caller.schema) as connection:
        await charges.settle(connection, presenter(here), [(identifier, NOT_SENT)], first_call=True)
        assert not await may_send_again(connection, "charges", identifier)


@pytest.mark.parametrize("again", [False, True])
async def test_a_charge_moves_on_only_while_it_was_sent_once(
    merchant: Merchant, here: Here, again: bool
) -> None:
    identifier = await to_thread(prompted, merchant)
    async with here.database.tenant(here.caller.schema) as connection:
        charge = await Charge.find(connection, identifier)
        if again:
            assert await may_send_again(connection, "charges", identifier)
    assert charge is not None
    moved = await routes.move(presenter(here), [(charge, "cinetpay_cm_test", NOT_SENT)])
    assert bool(moved) is not again


async def test_a_payer_stays_on_the_page_that_was_shown_first(
    merchant: Merchant, here: Here
) -> None:
    identifier = await to_thread(prompted, merchant)
    other = replace(PAGE, provider_reference="page-2", redirect_url="https://psp.example.test/2")
    for answer in (PAGE, other):
        async with here.database.tenant(here.caller.schema) as connection:
            await charges.settle(connection, presenter(here), [(identifier, answer)])
    (row,) = await to_thread(
        merchant.rows,
        "select provider_reference, details->>'redirect_url' as url from charges where id = $1",
        identifier,
    )
    assert tuple(row) == ("page-1", "https://psp.example.test/1")


@pytest.mark.parametrize(("again", "reached"), [(False, "pending"), (True, "submitted")])
async def test_a_payout(merchant: Merchant, here: Here, again: bool, reached: str) -> None:
    identifier = await to_thread(paying_out, merchant)
    async with here.database.tenant(here.caller.schema) as connection:
        if again:
            assert await may_send_again(connection, "payouts", identifier)
        await payouts.settle(connection, False, [Outcome(identifier, Verdict.NOT_SENT)])
    assert await to_thread(state, merchant, "payouts", identifier) == reached


async def test_what_was_committed_too_long_ago_is_not_begun(merchant: Merchant, here: Here) -> None:
    identifier = await to_thread(prompted, merchant)
    async with here.database.tenant(here.caller.schema) as connection:
        charge = await Charge.find(connection, identifier)
    assert charge is not None
    sent = as_sent(presenter(here), charge)
    long_ago = time.time() - BEGIN_SECONDS - 1
    answer = await here.processor.router.charge(charge.provider, sent, here.caller.schema, long_ago)
    assert (answer.verdict, answer.evidence) == (Verdict.NOT_SENT, {"queue": "full"})
