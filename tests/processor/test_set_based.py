"""A batch costs as many statements as one call, whatever its length."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from engine_here import Here, engine_of
from live import Merchant

SIZES = (1, 10, 500)
# Each of these calls talks to a provider, which takes its time.
SIZES_SENT = (1, 10, 100)

CARD = {
    "amount": 5000,
    "currency": "xaf",
    "confirm": True,
    "payment_method": "pm_card_bypassPending",
    "expand": ["latest_charge"],
}


@pytest.fixture
async def here(merchant: Merchant) -> AsyncIterator[Here]:
    """The engine, for a merchant who wants to hear of everything."""
    async with engine_of(merchant) as here:
        await carried_out(
            here,
            "webhook_endpoints.create",
            [{"url": "http://127.0.0.1:9/hooks", "enabled_events": ["*"]}],
        )
        yield here


async def carried_out(
    here: Here, operation: str, parameters: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The objects that a batch of an operation answers. All its calls must succeed."""
    answers = await here.together(*(here.call(operation, **each) for each in parameters))
    found = [msgspec.json.decode(answer.body) for answer in answers]
    assert {answer.status for answer in answers} == {200}, found
    return found


async def costs(
    here: Here, operation: str, batches: list[list[dict[str, Any]]]
) -> tuple[list[list[dict[str, Any]]], list[tuple[int, int]]]:
    """What batches of an operation answer, and the transactions and statements of each."""
    answers, counts = [], []
    for batch in batches:
        here.counted()
        answers.append(await carried_out(here, operation, batch))
        counts.append((here.database.transactions, here.counted()))
    return answers, counts


def assert_bounded(counts: list[tuple[int, int]], transactions: int, statements: int) -> None:
    """Every length costs the same, and no more than this."""
    assert len(set(counts)) == 1, counts
    assert counts[0][0] <= transactions
    assert counts[0][1] <= statements, counts


def batches(sizes: tuple[int, ...], one: Callable[[int], dict[str, Any]]) -> list[Any]:
    """Batches of these sizes, each item made from its number."""
    return [[one(number) for number in range(size)] for size in sizes]


async def test_plain_intents(here: Here) -> None:
    intents = batches(SIZES, lambda n: {"amount": 5000 + n, "currency": "xaf"})
    _, counts = await costs(here, "payment_intents.create", intents)
    assert_bounded(counts, transactions=1, statements=1)


async def test_payments_from_the_promise_to_the_refund(here: Here) -> None:
    """Paid, captured and refunded in batches: ledger entries, events, deliveries and jobs too."""
    await carried_out(here, "payment_intents.create", [CARD])  # prices are read once
    held = batches(SIZES_SENT, lambda n: CARD | {"amount": 5000 + n, "capture_method": "manual"})
    answers, counts = await costs(here, "payment_intents.create", held)
    assert_bounded(counts, transactions=2, statements=14)
    by_intent = [[{"intent": each["id"]} for each in batch] for batch in answers]
    answers, counts = await costs(here, "payment_intents.capture", by_intent)
    assert_bounded(counts, transactions=2, statements=16)
    by_charge = [[{"charge": each["latest_charge"]} for each in batch] for batch in answers]
    _, counts = await costs(here, "refunds.create", by_charge)
    assert_bounded(counts, transactions=2, statements=16)


async def test_confirmations(here: Here) -> None:
    plain = batches(SIZES_SENT, lambda n: {"amount": 5000 + n, "currency": "xaf"})
    answers, _ = await costs(here, "payment_intents.create", plain)
    confirmed = [
        [{"intent": each["id"], "payment_method": "pm_card_visa"} for each in batch]
        for batch in answers
    ]
    await carried_out(here, "payment_intents.create", [CARD])  # prices are read once
    answers, counts = await costs(here, "payment_intents.confirm", confirmed)
    assert {each["status"] for batch in answers for each in batch} == {"succeeded"}
    assert_bounded(counts, transactions=2, statements=18)


async def test_direct_charges(here: Here) -> None:
    charges = batches(
        SIZES_SENT, lambda n: {"amount": 5000 + n, "currency": "xaf", "source": "tok_visa"}
    )
    await carried_out(here, "charges.create", charges[0])
    _, counts = await costs(here, "charges.create", charges)
    assert_bounded(counts, transactions=2, statements=16)


async def test_payouts(here: Here) -> None:
    await carried_out(here, "payment_intents.create", [CARD | {"amount": 500_000}])
    payouts = batches(SIZES, lambda n: {"amount": 100 + n, "currency": "xaf"})
    await carried_out(here, "payouts.create", payouts[0])  # makes the test account
    _, counts = await costs(here, "payouts.create", payouts)
    assert_bounded(counts, transactions=1, statements=12)


async def test_a_batch_that_is_repeated_or_refused(here: Here) -> None:
    """Repetition and refusal are no slower way."""
    for parameters in CARD, CARD | {"payment_method": "pm_nobody"}:
        counts = []
        for size in (1, 10):
            calls = [here.call("payment_intents.create", **parameters) for _ in range(size)]
            await here.together(*calls)
            here.counted()
            await here.together(*calls)
            counts.append((here.database.transactions, here.counted()))
        assert_bounded(counts, transactions=1, statements=5)
