"""Payments that nobody can explain: MTN takes a call, loses its answer, and denies every look-up.

Each is seen in the queue, ended in every way there is, and the ledger proves itself afterwards.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from live import Merchant, Stack, eventually, new_merchant
from payout_books import balance, cameroonian, events_of
from sandbox_control import by_phone
from statements_made import import_lines, line
from statements_made import resolve as book
from unresolved_made import (
    ABOVE_THE_LIMIT,
    MTN,
    TWO_DAYS,
    act,
    answer_again,
    breaches,
    call,
    charge,
    deny_look_ups,
    knock,
    queued,
    read,
    resolution,
    row,
    unexplained,
)

AVAILABLE = "merchant:available"
STATES = {
    ("charge", "succeeded"): "succeeded",
    ("charge", "failed"): "failed",
    ("refund", "succeeded"): "succeeded",
    ("refund", "failed"): "failed",
    ("payout", "succeeded"): "paid",
    ("payout", "failed"): "failed",
}
TYPES = ("charge", "refund", "payout")
ENDS = [(noun, outcome) for noun in TYPES for outcome in ("succeeded", "failed")]
OPPOSITE = {"succeeded": "failed", "failed": "succeeded"}


@pytest.fixture(scope="module")
def crowd(stack: Stack) -> Merchant:
    """A merchant all of whose payments go well."""
    return new_merchant(stack)


@pytest.fixture(autouse=True)
def _afterwards(merchant: Merchant, crowd: Merchant) -> Iterator[None]:
    # Payments go elsewhere while half of a provider's calls fail, as most calls of these tests do.
    for _ in range(4):
        crowd.api.payment_intents.create(by_phone(cameroonian()))
    yield
    answer_again(merchant)


@pytest.fixture(scope="module")
def shared(stack: Stack) -> tuple[Merchant, str]:
    """A merchant with a payment in the queue that no test ends: its payer never answers."""
    merchant = new_merchant(stack)
    return merchant, queued(merchant, "charge", charge(merchant, delay=36_000))["id"]


def merchants_money(merchant: Merchant) -> int:
    """Both balances in XAF."""
    return balance(merchant, AVAILABLE) + balance(merchant, "merchant:pending")


def in_the_operators_queue(merchant: Merchant) -> list[str]:
    """The ids of this merchant's items in the queue of all tenants."""

    async def fetch(connection: asyncpg.Connection) -> list[str]:
        rows = await connection.fetch(
            "select id from platform.unresolved_queue where schema_name = $1 order by id",
            merchant.tenant.test_schema,
        )
        return [each["id"] for each in rows]

    found: list[str] = merchant.run(fetch)
    return found


def deeds(item: Any) -> list[tuple[str, str, str]]:
    """What was done, by what kind of author, to which end."""
    return [(deed["action"], deed["by"]["type"], deed["outcome"]) for deed in item["history"]]


@pytest.mark.parametrize(("type", "outcome"), ENDS)
def test_a_person_ends_it_and_is_held_to_what_the_provider_says_later(
    merchant: Merchant, type: str, outcome: str
) -> None:
    refusal = "APPROVAL_REJECTED" if type == "charge" else "SENDER_ACCOUNT_NOT_ACTIVE"
    truth = {} if outcome == "failed" else {"outcome": refusal}
    item = unexplained(merchant, type, **truth)
    check_queued(merchant, item, type)
    before = merchants_money(merchant)

    parameters = resolution(outcome)
    reply = act(merchant, item["id"], "resolve", **parameters)
    assert reply.status_code == 200, reply.text
    check_decided(merchant, reply.json(), parameters)
    gained = {
        ("charge", "succeeded"): item["amount"] - 89,  # its fee of 1.5 % with VAT
        ("refund", "failed"): item["amount"],
        ("payout", "failed"): item["amount"],
    }
    assert merchants_money(merchant) == before + gained.get((type, outcome), 0)

    answer_again(merchant)
    knock(merchant, type, item["payment"])
    said = OPPOSITE[outcome]
    check_contradicted(merchant, item["id"], said)
    # Somebody weighs both words, and it is over.
    act(merchant, item["id"], "resolve", **resolution(said)).raise_for_status()
    over = read(merchant, item["id"])
    assert (over["status"], over["outcome"]) == ("resolved", said)
    assert breaches(merchant) == []


def check_queued(merchant: Merchant, item: Any, type: str) -> None:
    """What is known of a payment that has just entered."""
    assert (item["status"], item["type"], item["outcome"]) == ("open", type, None)
    assert (item["provider_account"], item["reason"]) == (MTN, "outcome_unknown")
    assert item["last_answer"]["verdict"] == "unknown"
    assert item["next_look_up"] >= item["created"]  # the tests have it come at once
    assert item["age"] >= TWO_DAYS
    assert in_the_operators_queue(merchant) == [item["id"]]


def check_decided(merchant: Merchant, ended: Any, sent: dict[str, str]) -> None:
    """What a decision below the limit leaves behind."""
    outcome, reference = sent["outcome"], sent.get("provider_reference")
    assert (ended["status"], ended["outcome"]) == ("resolved", outcome)
    assert ended["resolved_by"] == "decision"
    assert deeds(ended) == [("resolve", "api_key", outcome)]
    (deed,) = ended["history"]
    assert (deed["reason"], deed["provider_reference"]) == (sent["reason"], reference)
    assert deed["evidence"]["verdict"] == "unknown"
    payment = row(merchant, ended["type"], ended["payment"])
    assert payment["state"] == STATES[ended["type"], outcome]
    assert reference in (None, payment["provider_reference"])
    assert breaches(merchant) == []
    assert in_the_operators_queue(merchant) == []
    assert call(merchant, "GET").json()["data"] == []
    assert ended["next_look_up"] > ended["resolved_at"], "the provider is asked on"
    assert events_of(merchant, ended["id"])[-1] == "unresolved_payment.resolved"
    again = act(merchant, ended["id"], "resolve", **resolution(outcome)).json()["error"]
    assert again["code"] == "unresolved_payment_resolved"


def check_contradicted(merchant: Merchant, identifier: str, said: str) -> None:
    """What is seen when the provider says `said`, and a person has said the opposite."""

    def contradicted() -> Any:
        now = read(merchant, identifier)
        return now if now["reason"] == "contradiction" else None

    found = eventually(contradicted, 30)
    assert (found["status"], found["outcome"]) == ("open", None)
    assert deeds(found)[1:] == [("contradict", "provider", said)]
    assert found["age"] < TWO_DAYS, "counted from the contradiction"
    assert in_the_operators_queue(merchant) == [identifier]
    # The provider's account says what the provider says, in whichever way that was booked.
    signed = found["amount"] if found["type"] == "charge" else -found["amount"]
    assert cleared(merchant, found["payment"]) == (signed if said == "succeeded" else 0)
    assert breaches(merchant) == []
    assert events_of(merchant, identifier)[-1] == "unresolved_payment.contradicted"


def cleared(merchant: Merchant, payment: str) -> int:
    """What the ledger has of a payment in the provider's account: money into it."""
    rows = merchant.rows(
        "select coalesce(-sum(e.amount), 0)::bigint from ledger_entries e"
        " join ledger_transactions t on t.id = e.transaction"
        " where t.source = $1 and e.account = $2",
        payment,
        f"clearing:{MTN}",
    )
    return int(rows[0][0])


def test_the_providers_word_ends_it_when_it_comes(merchant: Merchant) -> None:
    item = unexplained(merchant, "charge")
    answer_again(merchant)
    # The payer may take a moment to give the PIN.
    replies = iter(lambda: act(merchant, item["id"], "look_up").json(), None)
    reply = eventually(lambda: (told := next(replies))["status"] == "resolved" and told)
    assert reply["outcome"] == "succeeded"
    assert reply["resolved_by"] == "provider"
    assert reply["look_ups"] > item["look_ups"]
    assert deeds(reply) == [("answer", "provider", "succeeded")]
    assert row(merchant, "charge", item["payment"])["state"] == "succeeded"
    assert breaches(merchant) == []


def test_a_look_up_asks_once_for_one_key(merchant: Merchant) -> None:
    item = unexplained(merchant, "charge")
    first, again = (
        act(merchant, item["id"], "look_up", headers={"Idempotency-Key": "look"}) for _ in range(2)
    )
    assert (first.json()["status"], first.json()["look_ups"] > item["look_ups"]) == ("open", True)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")


def test_a_statement_ends_it_as_well(merchant: Merchant, tmp_path: Path) -> None:
    item = unexplained(merchant, "payout")
    reference = row(merchant, "payout", item["payment"])["reference"]
    text = line(reference=reference, amount=item["amount"], kind="payout")
    made, *items = import_lines(merchant, tmp_path, text, provider=MTN)
    # The charge that filled the float is missing in this statement, if it is of the same second.
    [found] = [each for each in items if each["source"] == item["payment"]]
    book(merchant, found["id"], "book")
    over = read(merchant, item["id"])
    assert (over["status"], over["resolved_by"], over["outcome"]) == (
        "resolved",
        "statement",
        "succeeded",
    )
    assert over["history"][0]["by"] == {"type": "statement", "id": made["id"], "name": None}
    assert breaches(merchant) == []


def test_above_the_limit_another_person_approves(merchant: Merchant) -> None:
    awa, bo = merchant.key(name="Awa"), merchant.key(name="Bo")
    item = unexplained(merchant, "charge", ABOVE_THE_LIMIT)["id"]
    proposed = act(merchant, item, "resolve", key=awa, **resolution("succeeded")).json()
    assert (proposed["status"], proposed["outcome"]) == ("awaiting_approval", None)
    assert row(merchant, "charge", proposed["payment"])["state"] == "unknown"
    proposal = proposed["proposal"]

    # Nobody approves what one has proposed, not even with the key that replaced one's own.
    for key in (awa, merchant.key(name="Awa")):
        refused = act(merchant, item, "approve", key=key, proposal=proposal)
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            403,
            "approval_by_proposer",
        )
    # Nor another proposal than was read, nor decides beside it.
    other = act(merchant, item, "approve", key=bo, proposal="upd_other").json()["error"]
    assert (other["code"], other["param"]) == ("resource_missing", "proposal")
    beside = act(merchant, item, "resolve", key=bo, **resolution("failed")).json()["error"]
    assert beside["code"] == "unresolved_payment_awaiting_approval"

    no = act(merchant, item, "reject", key=bo, proposal=proposal, reason="Another ticket").json()
    assert (no["status"], no["proposal"]) == ("open", None)
    gone = act(merchant, item, "approve", key=bo, proposal=proposal).json()["error"]
    assert gone["code"] == "resource_missing"

    again = act(merchant, item, "resolve", key=bo, **resolution("failed")).json()["proposal"]
    done = act(merchant, item, "approve", key=awa, proposal=again, reason="Agreed").json()
    assert (done["status"], done["outcome"]) == ("resolved", "failed")
    assert [(deed["action"], deed["by"]["name"]) for deed in done["history"]] == [
        ("propose", "Awa"),
        ("reject", "Bo"),
        ("propose", "Bo"),
        ("approve", "Awa"),
    ]
    told = [name.rpartition(".")[2] for name in events_of(merchant, item)]
    # It is also old enough to be spoken of, which the worker does when it comes round, or not any
    # more: once at most.
    assert told.count("aged") <= 1
    assert [each for each in told if each != "aged"] == [
        *("created", "proposed", "rejected", "proposed", "resolved"),
    ]
    assert row(merchant, "charge", done["payment"])["state"] == "failed"
    shown = merchant.api.charges.retrieve(
        done["payment"], {"expand": ["unresolved_payment"]}
    ).unresolved_payment
    assert (shown.id, shown.outcome) == (item, "failed")
    assert breaches(merchant) == []


def test_a_charge_that_waits_longer_than_a_prompt_lives_is_overdue(merchant: Merchant) -> None:
    deny_look_ups(merchant, "charge")
    made = charge(merchant, delay=3600)
    item = queued(merchant, "charge", made)
    assert (item["reason"], row(merchant, "charge", made)["state"]) == ("overdue", "pending")
    act(merchant, item["id"], "resolve", **resolution("failed")).raise_for_status()
    assert breaches(merchant) == []


def test_it_ages_aloud_and_says_each_age_once(merchant: Merchant) -> None:
    deny_look_ups(merchant, "charge")
    made = charge(merchant, fault="reset_after_accepting")
    item = queued(merchant, "charge", made)["id"]

    def aged(hours: float, times: int) -> None:
        async def pass_time(connection: asyncpg.Connection) -> None:
            await connection.execute(f'set search_path = "{merchant.tenant.test_schema}"')
            await connection.execute(
                "update unresolved_payments set"
                " since = extract(epoch from now())::bigint - $2 where id = $1",
                item,
                int(hours * 3600),
            )
            await connection.execute(
                "update platform.jobs set run_at = now() where subject = $1", item
            )

        merchant.run(pass_time)
        wanted = ["unresolved_payment.created"] + ["unresolved_payment.aged"] * times
        eventually(lambda: events_of(merchant, item) == wanted, 30)

    aged(48, 1)  # a day, which it was when it entered; the hour before was nobody's to speak of
    aged(71, 1)
    aged(73, 2)
    aged(1000, 2)
    jobs = merchant.run(
        lambda connection: connection.fetch(
            "select run_at from platform.jobs where subject = $1", item
        )
    )
    assert jobs == [], "there is no age left to speak of"


def test_the_list_is_filtered_and_paged_oldest_first(merchant: Merchant) -> None:
    first = unexplained(merchant, "refund")["id"]
    second = unexplained(merchant, "charge")["id"]
    third = unexplained(merchant, "charge")["id"]

    def listed(**filters: Any) -> list[str]:
        page = call(merchant, "GET", params=filters).json()
        return [each["id"] for each in page["data"]]

    assert listed() == [first, second, third]
    assert listed(limit=1) == [first]
    assert listed(limit=1, starting_after=first) == [second]
    assert listed(limit=1, ending_before=third) == [second]
    assert listed(type="refund") == [first]
    assert listed(provider_account=MTN, min_age=3600) == [first, second, third]
    assert listed(provider_account="cards_test") == listed(min_age=10 * TWO_DAYS) == []
    assert listed(resolved="true") == []
    act(merchant, first, "resolve", **resolution("failed")).raise_for_status()
    assert (listed(resolved="true"), listed()) == ([first], [second, third])


@pytest.mark.parametrize(
    ("action", "sent", "code", "param"),
    [
        ("resolve", {}, "parameter_missing", "outcome"),
        ("resolve", {"outcome": "failed"}, "parameter_missing", "reason"),
        ("resolve", resolution("lost"), None, "outcome"),
        ("resolve", resolution("failed", reason=""), "parameter_invalid_empty", "reason"),
        ("resolve", resolution("failed", reason="x" * 501), None, "reason"),
        (
            "resolve",
            {"outcome": "succeeded", "reason": "they say so"},
            "parameter_missing",
            "provider_reference",
        ),
        ("resolve", resolution("failed", by="boss"), "parameter_unknown", "by"),
        ("approve", {}, "parameter_missing", "proposal"),
        ("approve", {"proposal": "upd_x"}, "resource_missing", "proposal"),
        ("reject", {"proposal": "upd_x"}, "parameter_missing", "reason"),
        ("reject", {"proposal": "upd_x", "reason": "no"}, "resource_missing", "proposal"),
        ("look_up", {"now": "yes"}, "parameter_unknown", "now"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    shared: tuple[Merchant, str], action: str, sent: dict[str, str], code: str | None, param: str
) -> None:
    merchant, item = shared
    reply = act(merchant, item, action, **sent)
    error = reply.json()["error"]
    assert (reply.status_code, error.get("code"), error["param"]) == (400, code, param)
    assert (read(merchant, item)["status"], read(merchant, item)["history"]) == ("open", [])


@pytest.mark.parametrize(
    ("filters", "param"),
    [
        ({"type": "dispute"}, "type"),
        ({"min_age": "-1"}, "min_age"),
        ({"min_age": "old"}, "min_age"),
        ({"resolved": "perhaps"}, "resolved"),
        ({"starting_after": "unp_x"}, "starting_after"),
    ],
)
def test_bad_filters_are_refused(merchant: Merchant, filters: dict[str, str], param: str) -> None:
    reply = call(merchant, "GET", params=filters)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


def test_another_transaction_of_the_provider_proves_nothing(merchant: Merchant) -> None:
    paid = charge(merchant)
    eventually(lambda: row(merchant, "charge", paid)["state"] == "succeeded", 30)
    taken = row(merchant, "charge", paid)["provider_reference"]
    item = unexplained(merchant, "charge")["id"]
    parameters = resolution("succeeded", provider_reference=taken)
    error = act(merchant, item, "resolve", **parameters).json()["error"]
    assert (error["code"], error["param"]) == ("provider_reference_taken", "provider_reference")


def test_a_key_needs_the_scope_and_other_merchants_see_nothing(
    shared: tuple[Merchant, str], other_merchant: Merchant
) -> None:
    merchant, item = shared
    reader = merchant.key(kind="restricted", scopes=("unresolved_payments:read",))
    assert call(merchant, "GET", f"/{item}", key=reader).status_code == 200
    assert act(merchant, item, "look_up", key=reader).status_code == 403
    assert call(merchant, "GET", key=merchant.publishable_key).status_code == 401
    for action, sent in (
        ("look_up", {}),
        ("resolve", resolution("failed")),
        ("approve", {"proposal": "upd_x"}),
        ("reject", {"proposal": "upd_x", "reason": "no"}),
    ):
        assert act(other_merchant, item, action, **sent).status_code == 404
    assert call(other_merchant, "GET").json()["data"] == []
    assert in_the_operators_queue(other_merchant) == []
    assert read(merchant, item)["status"] == "open"
