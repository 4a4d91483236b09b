"""What MTN can do to us on a bad day, over real HTTP: each payment ends where it should, and the
book of the sandbox PSP shows that money moved once or never.

An answer that was lost is worked out by looking up (MTN's own rule: the status of the reference
decides; 404 means that the same reference may be posted again). Some of that takes half a minute,
so the slow cases are begun together and awaited one by one.
"""

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx
import pytest
import stripe
from live import Merchant, Stack, eventually, new_merchant
from sandbox_control import by_phone, moved, references, requests, tell

from processor.breaker import Breaker, Limits
from processor.secrets import Secrets

# Looks come after 5, 10, 15, 30 and 60 seconds; a breaker that opens again rests twice as long.
SETTLED_SECONDS = 150

# The MTN accounts of test mode by country: a prefix of its numbers, how many digits follow, and its
# currency. A breaker belongs to an account, so the cases are spread over them.
COUNTRIES: dict[str, tuple[str, int, str]] = {
    "CM": ("+23767", 7, "xaf"),
    "CI": ("+22505", 8, "xof"),
    "BJ": ("+2290196", 6, "xof"),
    "CG": ("+24206", 7, "xaf"),
}

# What goes wrong with a payment, and which calls that should take money are then seen at MTN, by
# status; 0 is a connection closed without an answer. All of them succeed in the end.
CASES: dict[str, tuple[str, list[dict[str, Any]], list[int]]] = {
    "callback lost": ("CM", [{"callback": "lost"}], [202]),
    "callback doubled": ("CM", [{"callback": "doubled"}], [202]),
    "callback late": ("CM", [{"callback": "late", "callback_seconds": 8}], [202]),
    "callback reordered": ("CM", [{"callback": "reordered", "callback_seconds": 8}], [202]),
    "answer slow": ("CM", [{"fault": "slow", "fault_seconds": 7}], [202]),
    "time-out after accepting": ("CM", [{"fault": "timeout_after_accepting"}], [0]),
    "reset after accepting": ("CM", [{"fault": "reset_after_accepting"}], [0]),
    "reset before accepting": ("CM", [{"fault": "reset_before_accepting"}], [0, 202]),
    "500 before accepting": ("CI", [{"fault": "error_500"}], [500, 202]),
    "503 before accepting": ("CI", [{"fault": "error_503"}], [503, 202]),
    "500 after accepting": ("CI", [{"fault": "error_500_after_accepting"}], [500]),
    "nonsense after accepting": ("CI", [{"fault": "unparsable_after_accepting"}], [200]),
    "two lost requests": ("CG", [{"fault": "reset_before_accepting", "times": 2}], [0, 0, 202]),
    "answer lost, look-ups fail": (
        "CG",
        [
            {"fault": "reset_after_accepting"},
            {"operation": "look_up", "fault": "error_500", "times": 1},
        ],
        [0],
    ),
}


def payer(country: str) -> str:
    """A number of MTN's in that country whom no other test knows."""
    prefix, digits, _ = COUNTRIES[country]
    return f"{prefix}{random.randrange(10 ** (digits - 1), 10**digits)}"


def pay(merchant: Merchant, country: str, phone: str) -> Any:
    """Ask that payer for money."""
    return merchant.api.payment_intents.create(by_phone(phone, currency=COUNTRIES[country][2]))


def script(stack: Stack, phone: str, **rule: Any) -> None:
    """Tell MTN what to do at the next charge of this payer (or at the next look-up of anybody)."""
    if rule.get("operation", "charge") == "charge":
        rule["payer"] = phone.removeprefix("+")
    tell(stack, "mtn", **{"times": 1} | rule)


def status(merchant: Merchant, intent: str) -> str:
    return str(merchant.api.payment_intents.retrieve(intent).status)


def charges_seen(merchant: Merchant, intent: str) -> list[int]:
    """The statuses of the calls that should take money for this intent, oldest first."""
    known = references(merchant, intent)
    return [
        request["status"] or 0
        for request in reversed(requests(merchant.stack, "mtn"))
        if request["headers"].get("x-reference-id") in known
    ]


Begun = tuple[Merchant, dict[str, "Future[Any]"]]


@pytest.fixture(scope="module")
def begun(stack: Stack) -> Begun:
    """Every case, begun at once."""
    merchant = new_merchant(stack)
    pool = ThreadPoolExecutor(len(CASES))
    payments = {}
    for name, (country, rules, _) in CASES.items():
        phone = payer(country)
        for rule in rules:
            script(stack, phone, **rule)
        payments[name] = pool.submit(pay, merchant, country, phone)
    pool.shutdown(wait=False)
    return merchant, payments


@pytest.mark.parametrize("name", CASES)
def test_whatever_gets_lost_the_payer_pays_once(begun: Begun, name: str) -> None:
    merchant, payments = begun
    intent = payments[name].result()
    assert intent.status in ("requires_action", "processing", "succeeded")
    eventually(lambda: status(merchant, intent.id) == "succeeded", SETTLED_SECONDS)
    assert moved(merchant, "mtn", intent.id) == [5000]
    assert charges_seen(merchant, intent.id) == CASES[name][2]
    succeeded = merchant.rows(
        "select type from events where object_id = $1 and type = 'payment_intent.succeeded'",
        intent.id,
    )
    assert len(succeeded) == 1


def test_a_doubled_callback_is_stored_once(begun: Begun) -> None:
    merchant, payments = begun
    (reference,) = references(merchant, payments["callback doubled"].result().id)
    eventually(lambda: merchant.rows("select 1 from callbacks where reference = $1", reference))
    assert len(merchant.rows("select 1 from callbacks where reference = $1", reference)) == 1


def knock(merchant: Merchant, intent: str, account: str) -> int:
    """Call back as MTN does. Nothing in the body is believed, so it may be anybody's."""
    (reference,) = references(merchant, intent)
    address = f"/callbacks/{account}/{merchant.tenant.test_schema}/{reference}"
    body = {"status": "SUCCESSFUL", "amount": "5000", "currency": "XAF"}
    return httpx.post(merchant.stack.base + address, json=body).status_code


def test_a_forged_callback_makes_us_look_and_nothing_else(merchant: Merchant) -> None:
    intent = pay(merchant, "CM", "+237670000053")
    assert knock(merchant, intent.id, "mtncameroon_test") == 200
    assert knock(merchant, intent.id, "mtnbenin_test") == 404
    eventually(lambda: looked_up(merchant, intent.id))
    assert status(merchant, intent.id) == "requires_action"


def looked_up(merchant: Merchant, intent: str) -> bool:
    (reference,) = references(merchant, intent)
    return any(
        request["method"] == "GET" and request["path"].endswith(reference)
        for request in requests(merchant.stack, "mtn")
    )


def test_a_knock_while_the_request_is_sent_again_is_answered_409_and_costs_nothing(
    merchant: Merchant,
) -> None:
    phone = payer("CG")
    script(merchant.stack, phone, fault="error_500")
    script(merchant.stack, phone, fault="slow", fault_seconds=6)
    intent = pay(merchant, "CG", phone)
    eventually(lambda: len(charges_seen(merchant, intent.id)) == 2)  # the second is on its way
    assert knock(merchant, intent.id, "mtncongo_test") == 200
    eventually(lambda: sorted(charges_seen(merchant, intent.id)) == [202, 409, 500], 30)
    eventually(lambda: status(merchant, intent.id) == "succeeded")
    assert moved(merchant, "mtn", intent.id) == [5000]


# --- what time alone does and does not do -------------------------------------------------------


def age(merchant: Merchant, intent: str, seconds: int) -> None:
    """Make an intent's attempt older than it is."""
    merchant.rows(
        "update charges set created = created - $2 where payment_intent = $1 returning id",
        intent,
        seconds,
    )


def test_an_attempt_that_never_arrived_is_given_up_when_its_payer_is_gone(
    merchant: Merchant,
) -> None:
    phone = payer("CM")
    script(merchant.stack, phone, fault="reset_before_accepting")
    intent = pay(merchant, "CM", phone)
    assert intent.status == "processing"
    age(merchant, intent.id, 200)
    eventually(lambda: status(merchant, intent.id) == "requires_payment_method")
    error = merchant.api.payment_intents.retrieve(intent.id).last_payment_error
    assert error.code == "payment_method_not_available"
    assert charges_seen(merchant, intent.id) == [0]
    assert moved(merchant, "mtn", intent.id) == []


def test_an_open_prompt_is_never_failed_by_our_own_clock(merchant: Merchant) -> None:
    intent = pay(merchant, "CM", "+237670000053")
    age(merchant, intent.id, 3 * 86_400)
    knock(merchant, intent.id, "mtncameroon_test")
    eventually(lambda: looked_up(merchant, intent.id))
    assert status(merchant, intent.id) == "requires_action"


def test_a_card_that_stripes_search_does_not_show_yet_is_not_given_up(merchant: Merchant) -> None:
    amount = 40_000 + random.randrange(9_000)
    lost = {"fault": "reset_after_accepting", "callback": "lost", "times": 1}
    tell(merchant.stack, "cards", amount=amount, **lost)
    tell(merchant.stack, "cards", operation="look_up", outcome="not_indexed", times=1)
    card = {"payment_method": "pm_card_visa", "confirm": True}
    intent = merchant.api.payment_intents.create({"amount": amount, "currency": "xaf", **card})
    # Nobody sends a charge of this age again, and Stripe says that it has never seen it.
    age(merchant, intent.id, 600)
    asked = """
    select from platform.jobs where schema_name = $1 and kind = 'look_up' and attempts > 0
    """
    eventually(lambda: merchant.rows(asked, merchant.tenant.test_schema))
    assert status(merchant, intent.id) == "processing"
    eventually(lambda: status(merchant, intent.id) == "succeeded", SETTLED_SECONDS)
    assert moved(merchant, "cards", intent.id) == [amount]


@pytest.mark.parametrize("canceled", [False, True], ids=["given up", "given up, then canceled"])
def test_a_success_after_we_had_given_up_is_booked_and_shown(
    merchant: Merchant, *, canceled: bool
) -> None:
    phone = payer("CM")
    script(merchant.stack, phone, delay=3)
    intent = pay(merchant, "CM", phone)
    # As the janitor does for an attempt that MTN says it has never seen.
    merchant.rows("update charges set state = 'failed' returning id")
    merchant.rows("update payment_intents set status = 'requires_payment_method' returning id")
    if canceled:
        merchant.api.payment_intents.cancel(intent.id)
    eventually(lambda: merchant.api.charges.retrieve(intent.latest_charge).paid)
    assert moved(merchant, "mtn", intent.id) == [5000]
    assert status(merchant, intent.id) == ("canceled" if canceled else "succeeded")
    types = [event.type for event in merchant.api.events.list({"limit": 2}).data]
    assert ("charge.succeeded" in types, "payment_intent.succeeded" in types) == (
        True,
        not canceled,
    )


# --- outage -------------------------------------------------------------------------------------


def test_an_outage_opens_the_breaker_which_stops_charges_and_no_look_up(
    merchant: Merchant,
) -> None:
    stack = merchant.stack
    waiting = payer("BJ")
    script(stack, waiting, callback="lost")
    before = pay(merchant, "BJ", waiting)
    tell(stack, "mtn", outage=True)
    try:
        struck = until_refused(merchant)
    finally:
        tell(stack, "mtn", outage=False)
    assert len(struck) >= 9  # the least calls of a window, of which one was answered
    assert (
        charge_or_code(merchant) == "payment_method_not_available"
    )  # it rests, whether MTN is back

    eventually(lambda: moved(merchant, "mtn", before.id))
    (reference,) = references(merchant, before.id)
    schema = merchant.tenant.test_schema
    signed = Secrets((stack.state / "key_pepper").read_bytes()).redirect_state(schema, reference)
    httpx.get(f"{stack.base}/redirects/{schema}/{reference}/{signed}")
    assert status(merchant, before.id) == "succeeded"  # asked by the process whose breaker is open

    for intent in struck:
        eventually(
            lambda intent=intent: status(merchant, intent.id) == "succeeded", SETTLED_SECONDS
        )
        assert moved(merchant, "mtn", intent.id) == [5000]
    eventually(lambda: charge_or_code(merchant) != "payment_method_not_available")
    never_sent = merchant.rows("select payment_intent from charges where state = 'failed'")
    assert len(never_sent) >= 2
    assert all(moved(merchant, "mtn", row["payment_intent"]) == [] for row in never_sent)


def until_refused(merchant: Merchant) -> list[Any]:
    """Charge until the breaker opens. Returns the intents whose charge got lost."""
    lost = []
    while (intent := charge_or_code(merchant)) != "payment_method_not_available":
        assert intent.status == "processing"
        lost.append(intent)
    return lost


def charge_or_code(merchant: Merchant) -> Any:
    """A new payment, or the code with which it was refused."""
    try:
        return pay(merchant, "BJ", payer("BJ"))
    except stripe.CardError as error:
        return error.code


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def tripped(clock: Callable[[], float]) -> Breaker:
    breaker = Breaker(Limits(least_calls=4, rest=5, probes=2), clock)
    for _ in range(4):
        assert breaker.allow()
        breaker.report(answered=False)
    return breaker


def test_a_breaker_rests_probes_and_closes() -> None:
    clock = Clock()
    breaker = tripped(clock)
    assert (breaker.state, breaker.allow()) == ("open", False)
    clock.now = 5
    assert [breaker.allow() for _ in range(3)] == [True, True, False]
    breaker.report(answered=True)
    assert (breaker.state, breaker.allow()) == ("closed", True)


def test_a_failed_probe_doubles_the_rest() -> None:
    clock = Clock()
    breaker = tripped(clock)
    clock.now = 5
    assert breaker.allow()
    breaker.report(answered=False)
    clock.now = 14
    assert breaker.state == "open"
    clock.now = 15
    assert breaker.state == "half_open"


def test_calls_from_before_the_outage_do_not_lengthen_the_rest() -> None:
    clock = Clock()
    breaker = tripped(clock)
    for _ in range(60):
        breaker.report(answered=False)
    clock.now = 5
    assert breaker.state == "half_open"


def test_refusals_are_answers() -> None:
    breaker = Breaker(Limits(least_calls=2))
    for _ in range(20):
        assert breaker.allow()
        breaker.report(answered=True)
    assert breaker.state == "closed"


# --- our own database ---------------------------------------------------------------------------


@pytest.fixture
def refuse_commits(merchant: Merchant) -> Callable[[str], None]:
    """Make every transaction that writes to a table fail at its very end, at the commit."""

    def refuse(table: str) -> None:
        async def prepare(connection: asyncpg.Connection) -> None:
            schema = merchant.tenant.test_schema
            await connection.execute(
                f'set search_path = "{schema}";'
                "create function refuse() returns trigger language plpgsql as"
                " $$ begin raise 'the disk is full'; end $$;"
                f"create constraint trigger refuse after insert on {table}"
                " deferrable initially deferred for each row execute function refuse()"
            )

        merchant.run(prepare)

    return refuse


@pytest.mark.parametrize(
    ("table", "create"),
    [
        (
            "payment_intents",
            lambda m: m.api.payment_intents.create({"amount": 9, "currency": "xaf"}),
        ),
        ("customers", lambda m: m.api.customers.create()),
    ],
)
def test_nothing_is_acknowledged_before_its_commit(
    merchant: Merchant,
    refuse_commits: Callable[[str], None],
    table: str,
    create: Callable[[Merchant], Any],
) -> None:
    refuse_commits(table)
    with pytest.raises(stripe.APIError) as failed:
        create(merchant)
    assert failed.value.http_status == 500
    assert "disk" not in str(failed.value)
    assert merchant.rows(f"select id from {table}") == []
