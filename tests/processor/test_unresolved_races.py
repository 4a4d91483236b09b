"""Two people at once, a person beside the provider, and a process that dies: each is safe."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from live import Merchant, eventually
from payout_books import events_of
from sandbox_control import movements, tell
from unresolved_made import (
    ABOVE_THE_LIMIT,
    act,
    answer_again,
    breaches,
    knock,
    read,
    resolution,
    row,
    unexplained,
)


@pytest.fixture(autouse=True)
def _afterwards(merchant: Merchant) -> Iterator[None]:
    yield
    answer_again(merchant)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """The results of works that begin together."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]


def proposed(merchant: Merchant, type: str, outcome: str) -> Any:
    """An item above the limit, with a proposal of Awa's."""
    item = unexplained(merchant, type, ABOVE_THE_LIMIT)["id"]
    awa = merchant.key(name="Awa")
    return act(merchant, item, "resolve", key=awa, **resolution(outcome)).json()


def test_of_many_approvals_at_once_one_settles(merchant: Merchant) -> None:
    item = proposed(merchant, "charge", "succeeded")
    keys = [merchant.key(name=f"person {number}") for number in range(8)]
    replies = at_once(
        *(
            lambda key=key: act(merchant, item["id"], "approve", key=key, proposal=item["proposal"])
            for key in keys
        )
    )
    answers = Counter(
        reply.status_code if reply.status_code == 200 else reply.json()["error"]["code"]
        for reply in replies
    )
    assert answers == {200: 1, "unresolved_payment_resolved": 7}
    done = read(merchant, item["id"])
    assert [deed["action"] for deed in done["history"]] == ["propose", "approve"]
    assert events_of(merchant, item["payment"]).count("charge.succeeded") == 1
    assert breaches(merchant) == []


def test_an_approval_and_a_rejection_at_once_leave_one(merchant: Merchant) -> None:
    item = proposed(merchant, "charge", "failed")
    bo, eve = merchant.key(name="Bo"), merchant.key(name="Eve")
    told = {"proposal": item["proposal"]}
    yes, no = at_once(
        lambda: act(merchant, item["id"], "approve", key=bo, **told),
        lambda: act(merchant, item["id"], "reject", key=eve, reason="no", **told),
    )
    assert sorted([yes.status_code, no.status_code]) == [200, 400]
    state = row(merchant, "charge", item["payment"])["state"]
    assert state == ("failed" if yes.status_code == 200 else "unknown")
    assert breaches(merchant) == []


def test_an_approval_beside_the_providers_answer_keeps_both_words(merchant: Merchant) -> None:
    item = proposed(merchant, "charge", "failed")
    bo = merchant.key(name="Bo")
    answer_again(merchant)  # the payer has paid, and from now on MTN says so
    at_once(
        lambda: act(merchant, item["id"], "approve", key=bo, proposal=item["proposal"]),
        lambda: act(merchant, item["id"], "look_up"),
        lambda: knock(merchant, "charge", item["payment"]),
    )
    knock(merchant, "charge", item["payment"])

    def over() -> Any:
        now = read(merchant, item["id"])
        actions = [deed["action"] for deed in now["history"]]
        first = actions == ["propose", "answer"] and now["status"] == "resolved"
        second = actions == ["propose", "approve", "contradict"] and now["status"] == "open"
        return first or second

    eventually(over, 30)
    paid = row(merchant, "charge", item["payment"])
    assert (paid["state"], paid["amount_captured"]) == ("succeeded", ABOVE_THE_LIMIT)
    assert events_of(merchant, item["payment"]).count("charge.succeeded") == 1
    assert breaches(merchant) == []


def test_nobody_decides_about_a_payout_that_is_being_sent_again(merchant: Merchant) -> None:
    # It never arrived; MTN will say so when it answers again, and then takes its time.
    item = unexplained(merchant, "payout", fault="reset_before_accepting")
    answer_again(merchant)
    tell(merchant.stack, "mtn", operation="transfer", fault="slow", fault_seconds=4, times=1)

    def decide() -> Any:
        eventually(
            lambda: merchant.rows(
                "select 1 from payouts where id = $1 and details ? 'sent_again_at'",
                item["payment"],
            ),
            30,
        )
        return act(merchant, item["id"], "resolve", **resolution("failed"))

    _, decided = at_once(lambda: act(merchant, item["id"], "look_up"), decide)
    assert (decided.status_code, decided.json()["error"]["code"]) == (400, "payment_being_sent")
    eventually(lambda: row(merchant, "payout", item["payment"])["state"] == "paid", 30)
    assert read(merchant, item["id"])["resolved_by"] == "provider"
    assert len(sent(merchant, item)) == 1
    assert breaches(merchant) == []


def test_what_has_been_decided_is_not_sent_again(merchant: Merchant) -> None:
    item = unexplained(merchant, "payout", fault="reset_before_accepting")
    act(merchant, item["id"], "resolve", **resolution("failed")).raise_for_status()
    answer_again(merchant)
    looked = act(merchant, item["id"], "look_up").json()
    assert looked["last_answer"]["verdict"] == "not_sent"
    assert (looked["status"], looked["outcome"]) == ("resolved", "failed")
    assert sent(merchant, item) == []
    assert breaches(merchant) == []


def sent(merchant: Merchant, item: Any) -> list[Any]:
    """What MTN moved for a payment."""
    reference = row(merchant, item["type"], item["payment"])["reference"]
    return movements(merchant.stack, "mtn", reference)


@pytest.mark.parametrize("table", ["unresolved_payment_deeds", "ledger_entries", "events"])
def test_a_decision_that_cannot_be_committed_leaves_nothing_behind(
    merchant: Merchant, table: str
) -> None:
    item = unexplained(merchant, "charge")

    async def refuse(connection: asyncpg.Connection) -> None:
        await connection.execute(
            f'set search_path = "{merchant.tenant.test_schema}";'
            "create function refuse() returns trigger language plpgsql as"
            " $$ begin raise 'the process dies' ; end $$;"
            f"create constraint trigger refuse after insert on {table}"
            " deferrable initially deferred for each row execute function refuse()"
        )

    async def allow(connection: asyncpg.Connection) -> None:
        await connection.execute(
            f'set search_path = "{merchant.tenant.test_schema}"; drop trigger refuse on {table}'
        )

    merchant.run(refuse)
    decision = resolution("succeeded")
    headers = {"Idempotency-Key": "once"}
    assert act(merchant, item["id"], "resolve", headers=headers, **decision).status_code == 500
    assert read(merchant, item["id"])["status"] == "open"
    assert read(merchant, item["id"])["history"] == []
    assert row(merchant, "charge", item["payment"])["state"] == "unknown"
    merchant.run(allow)
    reply = act(merchant, item["id"], "resolve", headers=headers, **decision)
    assert (reply.status_code, reply.json()["status"]) == (200, "resolved")
    assert breaches(merchant) == []
