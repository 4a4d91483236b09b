"""Statements brought by merchants: accepted whole or not at all, matched by a job, page by page."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from live import Merchant, eventually
from payout_books import balance, events_of
from sandbox_control import by_card, by_phone, cameroonian, tell
from statements_made import HEADER, import_lines, line, settings

from cpay.wiring import build_engine
from processor.payments.objects import Presenter
from processor.reconciliation.importing import CHUNK, Statement, accept, reconcile
from processor.reconciliation.objects import (
    Origin,
    Reconciliation,
    ReconciliationDetails,
    ReconciliationItem,
)
from tenants.ids import new_id

CARDS = "cards_test"


def call(merchant: Merchant, method: str, path: str = "", **options: Any) -> httpx.Response:
    """A call to `/v1/reconciliations`, which the SDK does not know."""
    key = options.pop("key", merchant.secret_key)
    return httpx.request(
        method,
        f"{merchant.stack.base}/v1/reconciliations{path}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
        **options,
    )


def upload(merchant: Merchant, *lines: str, purpose: str = "provider_statement") -> str:
    """The id of an uploaded statement of these lines."""
    file = io.BytesIO("\n".join([HEADER, *lines]).encode())
    file.name = "november.csv"
    identifier: str = merchant.api.files.create({"purpose": purpose, "file": file}).id
    return identifier


def bring(merchant: Merchant, *lines: str, **parameters: Any) -> Any:
    """Upload a statement and ask for its reconciliation."""
    data = {"file": upload(merchant, *lines), "provider_account": CARDS, **parameters}
    reply = call(merchant, "POST", data=data)
    assert reply.status_code == 200, reply.text
    return reply.json()


def matched(merchant: Merchant, reconciliation: str) -> Any:
    """The reconciliation when its statement has been matched."""

    def read() -> Any:
        found = call(merchant, "GET", f"/{reconciliation}").json()
        return found if found["status"] != "processing" else None

    return eventually(read, 60)


def items(merchant: Merchant, reconciliation: str, **filters: Any) -> Any:
    """A page of items."""
    return call(merchant, "GET", f"/{reconciliation}/items", params=filters).json()


def resolve(merchant: Merchant, item: Any, action: str, **options: Any) -> httpx.Response:
    """Resolve an item, with a reason."""
    path = f"/{item['reconciliation']}/items/{item['id']}/resolve"
    return call(merchant, "POST", path, data={"action": action, "reason": "agreed"}, **options)


def paid_by_card(merchant: Merchant, amount: int) -> Any:
    """The row of a charge by card that has been paid."""
    intent = merchant.api.payment_intents.create(by_card(amount=amount))
    return merchant.rows("select * from charges where id = $1", intent.latest_charge)[0]


def test_a_statement_is_matched_by_a_job_and_its_differences_are_paged(merchant: Merchant) -> None:
    first, second, third = (paid_by_card(merchant, amount) for amount in (5000, 6000, 7000))
    period = {
        "period[start]": first["created"] - 60,
        "period[end]": third["created"] + 60,
    }
    made = bring(
        merchant,
        line(reference=first["reference"], amount=5000),
        line(reference=second["reference"], amount=6500),
        line(provider_reference="theirs-1", amount=800),
        **period,
    )
    assert (made["object"], made["status"], made["origin"]) == (
        "reconciliation",
        "processing",
        "merchant",
    )
    assert (made["filename"], made["mapping"]) == ("november.csv", "standard")
    done = matched(merchant, made["id"])
    assert done["status"] == "open"
    assert done["progress"] == {"lines": 3, "stored": 3}
    assert done["counts"] == {
        "matched": 1,
        "missing_here": 1,
        "missing_there": 1,
        "different_amount": 1,
        "duplicate": 0,
    }
    (total,) = done["totals"]
    assert (total["statement"], total["ledger"], total["timing"]) == (12_300, 18_000, 0)
    assert call(merchant, "GET", "").json()["data"] == [done]

    waiting = items(merchant, made["id"], resolved="false", limit=2)
    rest = items(merchant, made["id"], resolved="false", starting_after=waiting["data"][-1]["id"])
    assert (waiting["has_more"], rest["has_more"]) == (True, False)
    found = {item["result"]: item for item in waiting["data"] + rest["data"]}
    assert {name: item["difference"] for name, item in found.items()} == {
        "different_amount": 500,
        "missing_here": 800,
        "missing_there": -7000,
    }
    (agrees,) = items(merchant, made["id"], result="matched")["data"]
    assert (agrees["resolved"], agrees["source"]) == (True, first["id"])

    for item in found.values():
        reply = resolve(merchant, item, "adjust")
        assert (reply.status_code, reply.json()["resolution"]) == (200, "adjust")
    assert balance(merchant, "reconciliation") == 500 + 800 - 7000
    assert items(merchant, made["id"], resolved="false")["data"] == []
    assert call(merchant, "GET", f"/{made['id']}").json()["status"] == "completed"
    assert events_of(merchant, made["id"]) == [
        "reconciliation.created",
        "reconciliation.matched",
        "reconciliation.completed",
    ]
    item = found["missing_here"]
    assert events_of(merchant, item["id"]) == ["reconciliation.item_resolved"]
    again = resolve(merchant, item, "ignore").json()["error"]
    assert again["code"] == "reconciliation_item_resolved"


def refused_by_wallet(merchant: Merchant) -> tuple[str, Any]:
    """An intent whose only attempt was refused, and the row of its charge."""
    intent = merchant.api.payment_intents.create(by_phone("+237670000051")).id
    eventually(
        lambda: merchant.api.payment_intents.retrieve(intent).status == "requires_payment_method"
    )
    (charge,) = merchant.rows("select * from charges where payment_intent = $1", intent)
    return intent, charge


def test_a_merchant_books_a_late_success_in_test_mode(merchant: Merchant) -> None:
    intent, charge = refused_by_wallet(merchant)
    made = bring(
        merchant,
        line(reference=charge["reference"], amount=5000),
        provider_account="mtncameroon_test",
    )
    matched(merchant, made["id"])
    (item,) = items(merchant, made["id"])["data"]
    booked = resolve(merchant, item, "book").json()
    assert (booked["resolution"], booked["history"][0]["by"][:4]) == ("book", "key ")
    assert merchant.api.payment_intents.retrieve(intent).status == "succeeded"


def test_a_payer_who_has_paid_late_is_not_asked_again_when_the_next_attempt_is_refused(
    merchant: Merchant,
) -> None:
    intent, late = refused_by_wallet(merchant)
    phone = cameroonian()
    tell(merchant.stack, "mtn", payer=phone[1:], times=1, delay=4, outcome="APPROVAL_REJECTED")
    again = by_phone(phone)["payment_method_data"]
    tried = merchant.api.payment_intents.confirm(intent, {"payment_method_data": again})
    assert tried.status == "requires_action"
    made = bring(
        merchant,
        line(reference=late["reference"], amount=5000),
        provider_account="mtncameroon_test",
    )
    matched(merchant, made["id"])
    (item,) = items(merchant, made["id"], resolved="false")["data"]
    assert resolve(merchant, item, "book").status_code == 200

    def refused() -> bool:
        charge = merchant.api.charges.retrieve(tried.latest_charge)
        return bool(charge.status == "failed")

    eventually(refused, 30)
    paid = merchant.api.payment_intents.retrieve(intent)
    assert (paid.status, paid.amount_received) == ("succeeded", 5000)
    assert (paid.latest_charge, paid.last_payment_error) == (late["id"], None)
    assert events_of(merchant, intent).count("payment_intent.succeeded") == 1


def test_a_long_statement_is_stored_a_chunk_at_a_time(merchant: Merchant) -> None:
    count = 2 * CHUNK + 3
    made = bring(merchant, *(line(provider_reference=f"t{n}", amount=5) for n in range(count)))
    assert made["progress"] == {"lines": count, "stored": 0}
    done = matched(merchant, made["id"])
    assert done["progress"]["stored"] == count
    assert (done["counts"]["missing_here"], done["open_items"]) == (count, count)
    newest = items(merchant, made["id"], limit=1)["data"][0]
    assert newest["line"] == count + 1, "after the header"


def test_every_wrong_line_is_named_and_nothing_is_stored(merchant: Merchant) -> None:
    wrong = [line(reference="a", amount="12.5"), line(amount=5), "too,short"]
    file = upload(merchant, line(reference="good", amount=5), *wrong)
    reply = call(merchant, "POST", data={"file": file, "provider_account": CARDS})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (400, "statement_invalid", "file")
    assert [each["line"] for each in error["lines"]] == [3, 4, 5]
    assert merchant.rows("select 1 from reconciliations") == []
    assert merchant.rows("select 1 from reconciliation_items") == []


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"file": "file_nobody"}, "file"),
        ({"provider_account": "no_such_account"}, "provider_account"),
        ({"mapping": "orange"}, "mapping"),
        ({"period[start]": 200, "period[end]": 100}, "period"),
    ],
)
def test_what_cannot_be_reconciled_is_refused(
    change: dict[str, Any], param: str, merchant: Merchant
) -> None:
    file = upload(merchant, line(reference="a", amount=5))
    data = {"file": file, "provider_account": CARDS} | change
    reply = call(merchant, "POST", data=data)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert merchant.rows("select 1 from reconciliations") == []


def test_a_file_for_something_else_is_no_statement(merchant: Merchant) -> None:
    file = upload(merchant, line(reference="a", amount=5), purpose="dispute_evidence")
    reply = call(merchant, "POST", data={"file": file, "provider_account": CARDS})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "file")


def test_a_file_is_imported_once(merchant: Merchant) -> None:
    text = line(provider_reference="theirs-9", amount=400)
    bring(merchant, text)
    reply = call(merchant, "POST", data={"file": upload(merchant, text), "provider_account": CARDS})
    assert reply.json()["error"]["code"] == "statement_already_imported"
    assert len(merchant.rows("select 1 from reconciliations")) == 1


def test_each_line_is_stored_once_whoever_breaks_off_or_comes_twice(merchant: Merchant) -> None:
    count = 4 * CHUNK
    lines = [line(provider_reference=f"t{n}", amount=5) for n in range(count)]
    statement = Statement(
        data="\n".join([HEADER, *lines]).encode(),
        provider=CARDS,
        mapping="standard",
        origin="operator",
        by="operator awa",
    )

    def some_are_stored() -> Any:
        return merchant.rows("select 1 from reconciliations where details->>'stored' <> '0'")

    async def work() -> tuple[int, str]:
        async with build_engine(settings(merchant)).running() as processor:
            presenter = Presenter(processor, merchant.tenant.test_schema, livemode=False)
            async with processor.database.tenant(presenter.schema) as connection:
                made = await accept(connection, presenter, statement, delay_seconds=3600)

            first = asyncio.create_task(reconcile(presenter, made.id))
            await asyncio.to_thread(eventually, some_are_stored)
            first.cancel()
            await asyncio.wait([first])
            both = [reconcile(presenter, made.id) for _ in range(2)]
            done, _ = await asyncio.gather(*both)
            return done.details.stored, done.status

    assert asyncio.run(work()) == (count, "open")
    (found,) = merchant.rows(
        "select count(*) as items, count(distinct line) as lines from reconciliation_items"
    )
    assert (found["items"], found["lines"]) == (count, count)


def live_item(merchant: Merchant, origin: Origin) -> dict[str, str]:
    """A difference in live mode, for which the dev stack has no provider."""
    reconciliation = Reconciliation(
        id=new_id("rcn"),
        created=1,
        status="open",
        origin=origin,
        provider="mtn",
        content_hash=origin,
        period_start=1,
        period_end=2,
        open_items=1,
        details=ReconciliationDetails(mapping="standard", created_by="somebody"),
    )
    item = ReconciliationItem(
        id=new_id("rci"),
        created=1,
        reconciliation=reconciliation.id,
        provider="mtn",
        line=2,
        kind="collection",
        provider_reference=f"theirs-{origin}",
        amount=400,
        currency="xaf",
        moved=True,
        occurred_at=1,
        statement_amount=400,
    )

    async def write(connection: asyncpg.Connection) -> None:
        await connection.execute(f'set search_path = "{merchant.tenant.live_schema}"')
        await Reconciliation.insert(connection, [reconciliation])
        await ReconciliationItem.insert(connection, [item])

    merchant.run(write)
    return {"id": item.id, "reconciliation": reconciliation.id}


@pytest.mark.parametrize(
    ("origin", "action", "status"),
    [
        ("merchant", "book", 403),
        ("merchant", "adjust", 403),
        ("merchant", "ignore", 200),
        ("operator", "book", 403),
        ("operator", "adjust", 403),
        ("operator", "ignore", 403),
        ("operator", "look_up", 400),  # allowed, but nothing of ours stands behind the line
    ],
)
def test_real_money_is_booked_by_the_operator_alone(
    origin: Origin, action: str, status: int, merchant: Merchant
) -> None:
    key = merchant.key(livemode=True)
    reply = resolve(merchant, live_item(merchant, origin), action, key=key)
    assert reply.status_code == status, reply.text
    if status == 403:
        assert reply.json()["error"]["code"] == "operator_required"


def test_a_merchants_statement_hides_nothing_from_the_operators(
    merchant: Merchant, tmp_path: Path
) -> None:
    charge = paid_by_card(merchant, 5000)
    text = line(reference=charge["reference"], amount=5000)
    assert matched(merchant, bring(merchant, text)["id"])["counts"]["matched"] == 1
    stray = line(provider_reference="theirs-1", amount=800)
    moment = datetime.fromtimestamp(charge["created"], UTC)
    day = {"start": moment - timedelta(minutes=1), "end": moment + timedelta(minutes=1)}
    made, *found = import_lines(merchant, tmp_path, stray, **day)
    assert made["origin"] == "operator"
    assert {item["result"] for item in found} == {"missing_here", "missing_there"}
    # Nor does it stand in the way of the operator's own import of the same file.
    import_lines(merchant, tmp_path, text)
