"""Calls that arrive at the same time share a transaction, and nobody suffers for another."""

import asyncio

import asyncpg
import msgspec
import pytest
from engine_here import engine_of
from live import Merchant

from processor.gathering import LARGEST, Gathering

INTENT = {"amount": 5000, "currency": "xaf"}


class Sets:
    """Keeps the sets that it is given, and holds each back until the test lets it go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sets: list[list[int]] = []
        self.error = error
        self.go = asyncio.Semaphore(0)

    async def carry_out(self, _: str, items: list[int]) -> list[int]:
        self.sets.append(items)
        await self.go.acquire()
        if self.error is not None and 13 in items:
            raise self.error
        return [10 * item for item in items]


async def settled(rounds: int = 20) -> None:
    """Let everything run that can."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def test_what_arrives_together_goes_together_and_the_rest_with_the_next_set() -> None:
    sets = Sets()
    gathering = Gathering(sets.carry_out)
    results = []
    for arriving in ([1, 2], [3], [4], [5, 6]):
        results += [asyncio.ensure_future(gathering.add("key", item)) for item in arriving]
        await settled()
    # Two sets are under way; what came later waits, and goes as one when the first has ended.
    assert sets.sets == [[1, 2], [3]]
    sets.go.release()
    await settled()
    assert sets.sets == [[1, 2], [3], [4, 5, 6]]
    for _ in range(2):
        sets.go.release()
    assert await asyncio.gather(*results) == [10, 20, 30, 40, 50, 60]


async def test_keys_do_not_wait_for_each_other_and_are_not_mixed() -> None:
    sets = Sets()
    gathering = Gathering(sets.carry_out)
    results = [asyncio.ensure_future(gathering.add(key, 1)) for key in "abc"]
    await settled()
    assert sets.sets == [[1], [1], [1]]
    for _ in results:
        sets.go.release()
    assert await asyncio.gather(*results) == [10, 10, 10]


async def test_items_that_must_stay_apart_and_long_queues_are_split() -> None:
    sets = Sets()
    gathering = Gathering(sets.carry_out)
    items = [1, 1, 2, 7, 7, *range(100, 100 + LARGEST)]
    results = [
        asyncio.ensure_future(gathering.add("key", item, apart=item if item < 5 else None))
        for item in items
    ]
    for _ in range(3):
        sets.go.release()
    assert await asyncio.gather(*results) == [10 * item for item in items]
    assert [len(each) for each in sets.sets] == [LARGEST, len(items) - LARGEST]
    assert sets.sets[0][:4] == [1, 2, 7, 7]
    assert sets.sets[1][0] == 1


@pytest.mark.parametrize(
    ("error", "sets_of", "spared"),
    [
        (asyncpg.LockNotAvailableError("waited"), [3, 1, 1, 1], True),
        (KeyError("a defect"), [3, 1, 1, 1], True),
        # The commit may have arrived: a second try could do everything twice.
        (asyncpg.ConnectionDoesNotExistError("lost"), [3], False),
        (asyncpg.AdminShutdownError("restarting"), [3], False),
        (ConnectionResetError("lost"), [3], False),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_set_that_failed_is_carried_out_one_by_one_if_nothing_of_it_can_have_stayed(
    error: Exception, sets_of: list[int], spared: bool
) -> None:
    sets = Sets(error)
    gathering = Gathering(sets.carry_out)
    for _ in sets_of:
        sets.go.release()
    results = await asyncio.gather(
        *(gathering.add("key", item) for item in (1, 13, 2)), return_exceptions=True
    )
    assert [len(each) for each in sets.sets] == sets_of
    assert results == ([10, error, 20] if spared else [error] * 3)


async def test_a_caller_who_hangs_up_stops_nothing() -> None:
    sets = Sets()
    gathering = Gathering(sets.carry_out)
    gone, stays = (asyncio.ensure_future(gathering.add("key", item)) for item in (1, 2))
    await settled()
    gone.cancel()
    sets.go.release()
    assert await stays == 20


async def rows(merchant: Merchant, query: str) -> list[asyncpg.Record]:
    """Rows of the merchant's, read by a connection of the test's own."""
    return await asyncio.to_thread(merchant.rows, query)


# --- with the engine ----------------------------------------------------------------------------


async def test_intents_that_arrive_together_are_stored_by_one_transaction(
    merchant: Merchant,
) -> None:
    async with engine_of(merchant) as here:
        here.counted()
        answers = await here.at_once(
            *(
                here.call("payment_intents.create", **INTENT, metadata={"n": str(n)})
                for n in range(20)
            )
        )
        assert (here.database.transactions, here.counted()) == (1, 1)
    shown = [msgspec.json.decode(answer.body) for answer in answers]
    assert [each["metadata"] for each in shown] == [{"n": str(n)} for n in range(20)]
    stored = await asyncio.to_thread(
        merchant.rows, "select distinct xmin::text from payment_intents"
    )
    assert len(stored) == 1


async def test_each_call_of_a_shared_transaction_fails_or_is_replayed_by_itself(
    merchant: Merchant,
) -> None:
    async with engine_of(merchant) as here:
        [before] = await here.at_once(here.call("payment_intents.create", "old", **INTENT))
        answers = await here.at_once(
            here.call("payment_intents.create", "old", **INTENT),
            here.call("payment_intents.create", "old", **INTENT | {"amount": 6000}),
            here.call("payment_intents.create", "small", **INTENT | {"amount": 1}),
            here.call("payment_intents.create", "new", **INTENT),
            here.call("payment_intents.create", "new", **INTENT),
            here.call("payment_intents.create", "other", **INTENT),
        )
    assert [answer.status for answer in answers] == [200, 400, 400, 200, 200, 200]
    assert [answer.replayed for answer in answers] == [True, False, False, False, True, False]
    assert answers[0].body == before.body
    assert answers[3].body == answers[4].body
    assert len(await rows(merchant, "select id from payment_intents")) == 3


_REFUSE_ONE = """
create function refuse() returns trigger language plpgsql as $$
begin
    if new.metadata ? 'poison' then raise exception 'refused by the database'; end if;
    return new;
end $$;
create trigger refuse before insert on payment_intents for each row execute function refuse()
"""


async def test_a_call_that_breaks_the_shared_transaction_breaks_no_other(
    merchant: Merchant,
) -> None:
    async def break_one(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
        await connection.execute(_REFUSE_ONE)

    await asyncio.to_thread(merchant.run, break_one)
    async with engine_of(merchant) as here:
        calls = [
            here.call("payment_intents.create", **INTENT, metadata={word: "1"})
            for word in ("a", "poison", "b")
        ]
        answers = await here.at_once(*calls)
        assert [answer.status for answer in answers] == [200, 500, 200]
        again = await here.at_once(*calls)
    # The innocent are not made twice, and the other's key is free for another try.
    assert [answer.replayed for answer in again] == [True, False, True]
    stored = await asyncio.to_thread(
        merchant.rows, "select metadata from payment_intents order by id"
    )
    assert [row["metadata"] for row in stored] == ['{"a": "1"}', '{"b": "1"}']
