"""`settle`: the only way a charge changes once it has been sent.

Answers come from the call itself, from a look-up after a callback or a tick of the janitor, or from
a retry. Whoever brings one, the rows are locked, the transition table decides, and rows, events and
jobs are written as a set in the caller's transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from processor import jobs
from processor.events import log
from processor.events.log import Draft
from processor.ledger.posting import post
from processor.operations import Request
from processor.payment_methods import objects as payment_methods
from processor.payment_methods.objects import PaymentMethod
from processor.payment_methods.test_aliases import TEST_DISPUTES
from processor.payments import prompts
from processor.payments.booking import charge_transactions
from processor.payments.declines import decline
from processor.payments.objects import Charge, Intent, PaymentError, Presenter
from processor.payments.states import OPEN, next_state
from processor.unresolved_payments import heard, queue
from providers.boundary import Answer, Verdict
from tenants.database import Connection
from tenants.ids import new_id


@dataclass(slots=True)
class Settled:
    """A charge and its intent after an answer, and whether anything changed."""

    intent: Intent
    charge: Charge
    changed: bool = False
    paid: bool = False  # money has just moved: it is yet to be posted to the ledger
    older: Charge | None = None  # another attempt at the intent that has the money already
    drafts: list[Draft] = field(default_factory=list)


_LOCK = f"""
select {Charge.columns("c", "c_")}, {Intent.columns("i", "i_")}
from charges c join payment_intents i on i.id = c.payment_intent
where c.id = any($1) order by i.id, c.id for update of i, c
"""


async def lock(connection: Connection, charges: Sequence[str]) -> dict[str, Settled]:
    """The charges with these ids and their intents, locked, by charge id."""
    records = await connection.fetch(_LOCK, charges)
    intents: dict[str, Intent] = {}
    found = {}
    for record in records:
        intent = intents.setdefault(record["i_id"], Intent.read(record, "i_"))
        charge = Charge.read(record, "c_")
        found[charge.id] = Settled(intent, charge)
    return found


async def settle(
    connection: Connection,
    presenter: Presenter,
    answers: Sequence[tuple[str, Answer]],
    requests: Mapping[str, Request] | None = None,
    *,
    first_call: bool = False,
) -> dict[str, Settled]:
    """Apply answers to charges by id, and write all that follows. Returns the rows as they are now.

    `requests` are those behind an answer, by charge id, for the events. `first_call`: these are
    what the charges' first calls came to.
    """
    settled = await lock(connection, [charge for charge, _ in answers])
    if first_call:
        answers = [
            (charge, _as_known_now(settled[charge].charge, said)) for charge, said in answers
        ]
    await _find_older(connection, settled, answers)
    methods = await _methods(connection, settled.values(), answers)
    for identifier, answer in answers:
        apply(
            presenter,
            settled[identifier],
            answer,
            methods.get(settled[identifier].charge.payment_method or ""),
            (requests or {}).get(identifier),
        )
    await write(connection, presenter, list(settled.values()))
    await _attach_saved(connection, presenter, settled.values(), methods)
    router = presenter.processor.router
    said = [
        heard.of_charge(router, settled[charge].charge, answer.verdict, answer.evidence)
        for charge, answer in answers
    ]
    await queue.hear(connection, presenter.livemode, said)
    return settled


def _as_known_now(charge: Charge, answer: Answer) -> Answer:
    """What the first call's answer is worth: that it was not sent is no news of a charge that the
    janitor has sent again meanwhile."""
    if answer.verdict is Verdict.NOT_SENT and charge.details.sent_again_at is not None:
        return Answer(Verdict.UNKNOWN, evidence=answer.evidence)
    return answer


_HAVE_MONEY = f"""
select {Charge.columns("charges")} from charges
where payment_intent = any($1) and not id = any($2)
  and (state = 'authorized' or state = 'succeeded' and amount_refunded < amount_captured)
order by state, id
"""


async def _find_older(
    connection: Connection, settled: Mapping[str, Settled], answers: Iterable[tuple[str, Answer]]
) -> None:
    """Find the attempts that succeeded late, while one that is refused now was under way."""
    refused = [settled[charge] for charge, answer in answers if answer.verdict in _REFUSALS]
    if not refused:
        return
    records = await connection.fetch(
        _HAVE_MONEY, [each.intent.id for each in refused], [each.charge.id for each in refused]
    )
    # The last one stands: what is paid counts for more than what is held.
    found = {record["payment_intent"]: Charge.read(record) for record in records}
    for each in refused:
        each.older = found.get(each.intent.id)


def mark_paid(settled: Settled) -> None:
    """Money has moved: the charge's event, rendered now, names the ledger transaction that
    `write` will post in the same commit."""
    settled.paid = True
    settled.charge.details.balance_transaction = new_id("txn")


async def write(connection: Connection, presenter: Presenter, settled: Sequence[Settled]) -> None:
    """Write changed rows with their events and ledger entries; end the look-ups of what is final,
    ask for receipts."""
    changed = [each for each in settled if each.changed]
    if not changed:
        return
    await Charge.update(connection, [each.charge for each in changed])
    intents = {each.intent.id: each.intent for each in changed}
    await Intent.update(connection, list(intents.values()))
    await log.append(connection, [draft for each in changed for draft in each.drafts])
    final = [
        each.charge.id
        for each in changed
        if each.charge.state not in OPEN and each.charge.details.step is None
    ]
    if final:
        await jobs.forget(connection, "look_up", final)
    paid = [each.charge for each in changed if each.paid]
    if paid:
        await post(connection, await charge_transactions(presenter, paid))
        await jobs.enqueue(connection, "receipt", [charge.id for charge in paid])
        disputed = [charge.id for charge in paid if charge.details.token in TEST_DISPUTES]
        if disputed and not presenter.livemode:
            await jobs.enqueue(connection, "test_dispute", disputed)


def apply(
    presenter: Presenter,
    settled: Settled,
    answer: Answer,
    method: PaymentMethod | None,
    request: Request | None,
) -> None:
    """Let one answer change a charge and its intent, in memory."""
    charge, intent = settled.charge, settled.intent
    state = next_state(charge.state, answer.verdict, capture=charge.details.capture)
    news = answer.provider_reference not in (None, charge.provider_reference)
    # The payer has been led to one page. Another one, made when an answer came too late, is not
    # where the money will be.
    on_page = charge.state == "pending" and charge.details.redirect_url is not None
    if on_page and answer.verdict is Verdict.PENDING and charge.provider_reference is not None:
        return
    if state is None and not news:
        return
    charge.provider_reference = answer.provider_reference or charge.provider_reference
    charge.details.evidence = dict(answer.evidence) or charge.details.evidence
    charge.version += 1
    settled.changed = True
    if state is None or state == charge.state:
        return
    charge.details.late = charge.state in ("failed", "canceled")
    charge.state = state
    charge.details.redirect_url = answer.redirect_url
    if state == "succeeded":
        charge.amount_captured = charge.amount
        mark_paid(settled)
        charge.details.failure = None
    elif state == "authorized":
        charge.details.held = True
    elif state == "failed":
        charge.details.failure = _failure(presenter, charge, answer, method)
    deciding = _deciding(settled)
    if deciding is not None:
        _move_intent(intent, deciding)
    _announce(presenter, settled, request, deciding)


def _deciding(settled: Settled) -> Charge | None:
    """The attempt that decides about the intent now, if this change lets one do so.

    The latest does, and a late success does when nothing else has been tried or decided since. If
    the latest is refused, an older one that succeeded meanwhile does: the payer has paid, and must
    not be asked again.
    """
    charge, intent = settled.charge, settled.intent
    if intent.status in ("succeeded", "canceled"):
        return None
    if intent.latest_charge == charge.id:
        return (settled.older or charge) if charge.state == "failed" else charge
    waits = intent.status in ("requires_payment_method", "requires_confirmation")
    return charge if waits and charge.state in ("succeeded", "authorized") else None


def _move_intent(intent: Intent, charge: Charge) -> None:
    details = intent.details
    intent.version += 1
    intent.latest_charge = charge.id
    details.attempt_hidden = not charge.shown
    details.next_action = None
    match charge.state:
        case "succeeded":
            intent.status = "succeeded"
            intent.payment_method = charge.payment_method
            intent.amount_received = charge.amount_captured
            intent.amount_capturable = 0
            details.last_payment_error = None
        case "authorized":
            intent.status = "requires_capture"
            intent.payment_method = charge.payment_method
            intent.amount_capturable = charge.amount
            details.last_payment_error = None
        case "failed":
            intent.status = "requires_payment_method"
            intent.payment_method = None
            details.last_payment_error = charge.details.failure
        case "pending":
            details.next_action = _next_action(intent, charge)
            intent.status = "requires_action" if details.next_action else "processing"
        case _:
            intent.status = "processing"


def _next_action(intent: Intent, charge: Charge) -> dict[str, object] | None:
    """What the payer must do: go to a page, or answer the prompt on the phone."""
    if charge.details.redirect_url is not None:
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {
                "return_url": intent.details.return_url,
                "url": charge.details.redirect_url,
            },
        }
    wallet = charge.details.mobile_money
    if wallet is None:
        return None
    details = charge.details
    details.expires_at = charge.created + prompts.PROMPT_SECONDS
    message = prompts.PAY[details.language]
    return prompts.await_confirmation(wallet, details.token, message, details.expires_at)


def _failure(
    presenter: Presenter, charge: Charge, answer: Answer, method: PaymentMethod | None
) -> PaymentError:
    code = answer.decline_code if answer.verdict is Verdict.DECLINED else None
    told = decline(charge.details.method_type, code)
    return PaymentError(
        code=told.code,
        message=told.message(charge.details.language),
        decline_code=told.decline_code,
        network_decline_code=_own_word(answer),
        charge=charge.id,
        payment_method=payment_methods.render(method, presenter.livemode) if method else None,
        payment_method_type=charge.details.method_type,
    )


def _own_word(answer: Answer) -> str | None:
    """The mobile operator's own reason, beside ours because operators disagree about their words:
    a string or `{"code": ...}` in the reply that the evidence holds."""
    body = answer.evidence.get("body")
    reason = body.get("reason") if isinstance(body, dict) else None
    if isinstance(reason, dict):
        reason = reason.get("code")
    return str(reason) if reason else None


# What is announced when a charge reaches a state: an event of the charge, one of its intent.
_ANNOUNCED: dict[str, tuple[str | None, str | None]] = {
    "pending": ("charge.pending", "payment_intent.requires_action"),
    "unknown": (None, "payment_intent.processing"),
    "authorized": ("charge.succeeded", "payment_intent.amount_capturable_updated"),
    "succeeded": ("charge.succeeded", "payment_intent.succeeded"),
    "failed": ("charge.failed", "payment_intent.payment_failed"),
}


def _announce(
    presenter: Presenter, settled: Settled, request: Request | None, deciding: Charge | None
) -> None:
    charge, intent = settled.charge, settled.intent
    of_charge, _ = _ANNOUNCED[charge.state]
    if of_charge is not None and charge.shown:
        settled.drafts.append(Draft(of_charge, presenter.charge(charge), charge.version, request))
    if deciding is None or intent.direct:
        return
    _, of_intent = _ANNOUNCED[deciding.state]
    if deciding.state == "pending" and intent.status == "processing":
        of_intent = "payment_intent.processing"
    if of_intent is not None:
        settled.drafts.append(Draft(of_intent, presenter.intent(intent), intent.version, request))


async def _methods(
    connection: Connection, settled: Iterable[Settled], answers: Iterable[tuple[str, Answer]]
) -> dict[str, PaymentMethod]:
    """The payment methods that the answers make us show or save."""
    refused = {charge for charge, answer in answers if answer.verdict in _REFUSALS}
    ids = {
        each.charge.payment_method
        for each in settled
        if each.charge.id in refused or each.intent.details.setup_future_usage
    }
    wanted = sorted(filter(None, ids))
    rows = await PaymentMethod.fetch(connection, wanted, "for update") if wanted else []
    return {row.id: row for row in rows}


_REFUSALS = (Verdict.DECLINED, Verdict.NOT_SENT)


async def _attach_saved(
    connection: Connection,
    presenter: Presenter,
    settled: Iterable[Settled],
    methods: dict[str, PaymentMethod],
) -> None:
    """`setup_future_usage`: what paid once is saved on the customer."""
    saved, drafts = [], []
    for each in settled:
        method = methods.get(each.charge.payment_method or "")
        wanted = each.intent.details.setup_future_usage and each.intent.customer
        paid = each.changed and each.charge.state in ("succeeded", "authorized")
        if not (wanted and paid and method is not None and method.customer is None):
            continue
        method.customer = each.intent.customer
        method.version += 1
        saved.append(method)
        drafts.append(
            Draft(
                "payment_method.attached",
                payment_methods.render(method, presenter.livemode),
                method.version,
            )
        )
    if saved:
        await PaymentMethod.update(connection, saved)
        await log.append(connection, drafts)
