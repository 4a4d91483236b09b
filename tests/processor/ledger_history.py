"""Histories of money for the property tests of the ledger: how one is drawn, and lived through.

A history is rounds of calls. Two merchants make the calls of a round at the same time, each in one
batch, so that the engine meets them concurrently and several for one object at once. A call that
cannot be is refused by the engine; nothing here knows which those are.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import asyncpg
from hypothesis import strategies as st
from live import Merchant, Stack, eventually
from payout_books import bank, wallet
from sandbox_control import tell

from processor.ledger import posting
from rpc.client import Client, RpcError

FOREVER = 2**40  # unix seconds: all pending money is due by then

CARDS = (
    "pm_card_visa",
    "pm_card_bypassPending",
    "pm_card_createDispute",
    "pm_card_createDisputeProductNotReceived",
    "pm_card_refundFail",
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_chargeDeclined",
)
# A payer of each of MTN's environments that we have, and one who refuses.
WALLETS = {
    "+237671234567": "xaf",
    "+237670000051": "xaf",
    "+2250512345678": "xof",
    "+2290161234567": "xof",
    "+46733123400": "eur",
}
# What a PSP does after it has carried out a call. A charge can also be lost on its way there.
LOST_ANSWERS = (
    "reset_after_accepting",
    "error_500_after_accepting",
    "unparsable_after_accepting",
)
LOST_CHARGES = (*LOST_ANSWERS, "error_500", "reset_before_accepting")

Kind = Literal[
    "capture",
    "cancel",
    "refund",
    "win",
    "lose",
    "give up",
    "pay a bank",
    "pay a closed account",
    "pay a wallet",
    "pay a refusing wallet",
    "cancel a payout",
    "ask a payout back",
    "release",
]


@dataclass(frozen=True)
class Payment:
    """A payer pays, or the amount is held."""

    merchant: int
    payer: str  # a test card's alias, or an MSISDN
    currency: str
    amount: int
    manual: bool
    fault: str | None


@dataclass(frozen=True)
class Act:
    """Something is done with the money. `which` picks one of the things that there are."""

    merchant: int
    kind: Kind
    which: int
    per_cent: int  # of what there is, where a part can be taken
    currency: str
    fault: str | None


Round = Sequence[Payment | Act]


def _payments() -> st.SearchStrategy[Payment]:
    by_card = st.tuples(
        st.sampled_from(CARDS), st.sampled_from(["xaf", "xof", "mad", "eur", "usd"])
    )
    by_wallet = st.sampled_from(sorted(WALLETS.items()))
    return st.builds(
        lambda merchant, means, amount, manual, fault: Payment(
            merchant, *means, amount, manual and not means[0].startswith("+"), fault
        ),
        st.integers(0, 1),
        st.one_of(by_card, by_wallet),
        st.integers(100, 50_000),
        st.integers(0, 3).map(lambda number: number == 0),
        st.sampled_from([None] * 15 + list(LOST_CHARGES)),
    )


def _acts() -> st.SearchStrategy[Act]:
    return st.builds(
        Act,
        st.integers(0, 1),
        st.sampled_from([*get_args(Kind), "refund", "refund", "capture", "win"]),
        st.integers(0, 1_000),
        st.sampled_from([1, 10, 33, 50, 100]),
        st.sampled_from(["xaf", "xaf", "xof", "eur"]),
        st.sampled_from([None] * 12 + list(LOST_ANSWERS)),
    )


def histories() -> st.SearchStrategy[list[Round]]:
    """Payments first; then rounds in which anything can happen."""
    opening = st.lists(_payments(), min_size=10, max_size=25)
    later = st.lists(st.one_of(_acts(), _acts(), _acts(), _payments()), min_size=20, max_size=40)
    return st.builds(
        lambda first, rest: [first, *rest], opening, st.lists(later, min_size=3, max_size=5)
    )


@dataclass
class World:
    """Two merchants on a stack of their own, and where they send money."""

    stack: Stack
    merchants: list[Merchant]
    clients: list[Client] = field(init=False)
    destinations: list[dict[Kind, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.clients = [Client(m.secret_key, self.stack.base) for m in self.merchants]
        self.destinations = [
            {
                "pay a bank": bank(merchant, "000123456789"),
                "pay a closed account": bank(merchant, "000111111113"),
                "pay a wallet": wallet(merchant, "+237671234568"),
                "pay a refusing wallet": wallet(merchant, "+237670000051"),
            }
            for merchant in self.merchants
        ]

    def close(self) -> None:
        """Close the clients' connections."""
        for client in self.clients:
            client.close()

    def live_through(self, history: Sequence[Round]) -> None:
        """All rounds, until nothing is open any more."""
        for number, each in enumerate(history):
            for step in each:
                self._tell(step)
            with ThreadPoolExecutor(len(self.merchants)) as pool:
                for done in [pool.submit(self._play, n, each) for n in range(len(self.merchants))]:
                    done.result()
            if number == 0:
                self.become_quiet()
        for psp in ("cards", "mtn"):
            tell(self.stack, psp, clear=True)
        self.become_quiet()

    def _tell(self, step: Payment | Act) -> None:
        """Have a PSP lose its answer to what is about to be asked."""
        if step.fault is None:
            return
        if isinstance(step, Payment):
            psp = "mtn" if step.payer.startswith("+") else "cards"
            tell(self.stack, psp, amount=step.amount, fault=step.fault, times=1)
        elif step.kind in ("capture", "cancel", "refund"):
            tell(self.stack, "cards", operation=step.kind, fault=step.fault, times=1)
        elif step.kind == "pay a wallet":
            tell(self.stack, "mtn", operation="transfer", fault=step.fault, times=1)

    def _play(self, merchant: int, steps: Round) -> None:
        things = self._things(merchant)
        calls = []
        for step in steps:
            if step.merchant != merchant:
                continue
            if isinstance(step, Payment):
                calls.append(_pay(step))
            elif step.kind == "release":
                self._release(merchant, 1 + step.which % 5)
            else:
                calls += self._calls(step, things)
        for outcome in self.clients[merchant].batch(calls) if calls else []:
            if isinstance(outcome, RpcError):
                assert 400 <= outcome.status < 500, outcome.error

    def _calls(self, act: Act, things: dict[str, list[Any]]) -> list[tuple[str, dict[str, Any]]]:
        """The call of an act, if there is something to do it with."""
        if act.kind in self.destinations[act.merchant]:
            amount = _part(dict(things["available"]).get(act.currency, 0), act)
            destination = {"destination": self.destinations[act.merchant][act.kind]}
            is_home = act.currency == "xaf"
            parameters = {"amount": min(amount, 20_000), "currency": act.currency}
            return [("payouts.create", parameters | (destination if is_home else {}))]
        method, name, more = _METHODS[act.kind]
        found = things[_TABLES[name]]
        if not found:
            return []
        identifier, amount = found[act.which % len(found)]
        part = {_PARTS[method]: _part(amount, act)} if method in _PARTS else {}
        return [(method, {name: identifier, **part, **more})]

    def _things(self, merchant: int) -> dict[str, list[Any]]:
        """What the merchant has, each with its amount."""
        queries = {
            table: f"select id, amount from {table} order by id desc limit {most}"
            for table, most in (("payment_intents", 30), ("disputes", 8), ("payouts", 8))
        }
        queries["available"] = _AVAILABLE
        rows = self.merchants[merchant].rows
        return {name: [tuple(row) for row in rows(query)] for name, query in queries.items()}

    def _release(self, merchant: int, count: int) -> None:
        """Some of the merchant's pending money becomes available, as if its day had come."""
        schema = self.merchants[merchant].tenant.test_schema

        async def work(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await connection.execute(f'set local search_path = "{schema}"')
                await posting.release(connection, FOREVER, count)

        self.merchants[merchant].run(work)

    def become_quiet(self) -> None:
        """Wait until every payment, refund, dispute and payout has found its end."""
        # A refund that a breaker has kept from being sent is sent a minute later (`janitor.grace`).
        eventually(lambda: not self._open(), 150)

    def _open(self) -> list[str]:
        """What is under way. Whatever waits for its turn has it now, as after a callback."""

        async def wind_on(connection: asyncpg.Connection) -> int:
            await connection.execute(
                # What the worker has in its hands is left to it.
                "update platform.jobs set run_at = now() where id in ("
                " select id from platform.jobs where run_at > now()"
                " and kind not in ('prune', 'release') for update skip locked)"
            )
            waiting: int = await connection.fetchval(
                "select count(*) from platform.jobs where kind = 'test_dispute'"
            )
            return waiting

        found = ["a dispute to come"] * self.merchants[0].run(wind_on)
        return found + [identifier for (identifier,) in self.rows(_OPEN)]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of both merchants."""
        return [tuple(row) for merchant in self.merchants for row in merchant.rows(query)]


_AVAILABLE = """
select currency, sum(amount)::bigint from ledger_balances
where account = 'merchant:available' group by currency
"""
# A refund that its bank will send back counts as open until it has been.
_OPEN = """
select id from charges
where state in ('submitted', 'pending', 'unknown') or details->'step'->>'kind' is not null
union all select id from refunds where state in ('submitted', 'pending', 'unknown')
union all select id from payouts where state not in ('paid', 'failed', 'canceled')
union all select r.id from refunds r join charges c on c.id = r.charge
where c.details->>'token' = 'pm_card_refundFail' and r.state = 'succeeded'
"""


def _pay(payment: Payment) -> tuple[str, dict[str, Any]]:
    means: dict[str, Any] = {"payment_method": payment.payer}
    if payment.payer.startswith("+"):
        details = {"phone": payment.payer}
        means = {"payment_method_data": {"type": "mobile_money", "billing_details": details}}
    return "payment_intents.create", {
        "amount": payment.amount,
        "currency": payment.currency,
        "confirm": True,
        "capture_method": "manual" if payment.manual else "automatic",
        **means,
    }


# The method of each act on one object, the parameter that names the object, and what else it says.
_METHODS: dict[Kind, tuple[str, str, dict[str, Any]]] = {
    "capture": ("payment_intents.capture", "intent", {}),
    "cancel": ("payment_intents.cancel", "intent", {}),
    "refund": ("refunds.create", "payment_intent", {}),
    "win": ("disputes.update", "dispute", {"evidence": {"uncategorized_text": "winning_evidence"}}),
    "lose": ("disputes.update", "dispute", {"evidence": {"uncategorized_text": "losing_evidence"}}),
    "give up": ("disputes.close", "dispute", {}),
    "cancel a payout": ("payouts.cancel", "payout", {}),
    "ask a payout back": ("payouts.reverse", "payout", {}),
}
# The parameter for a part of the amount, where one can be taken.
_PARTS = {"payment_intents.capture": "amount_to_capture", "refunds.create": "amount"}
_TABLES = {
    "intent": "payment_intents",
    "payment_intent": "payment_intents",
    "dispute": "disputes",
    "payout": "payouts",
}


def _part(amount: int, act: Act) -> int:
    return max(1, amount * act.per_cent // 100)
