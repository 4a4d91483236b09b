"""Which account takes an attempt, and where it goes when nothing could be sent there."""

import time
import uuid
from collections.abc import Sequence

from processor.errors import InvalidRequest
from processor.money import currency_named, display
from processor.payment_methods.objects import PaymentMethod
from processor.payments.objects import Charge, Intent, Presenter, Routing, Try
from processor.routing.decision import Decision, Payment
from processor.routing.router import Router
from providers.boundary import Answer, Verdict

# An attempt goes to so many accounts at most. All of them together must end before the janitor
# believes that the attempt was never sent.
MOST_TRIES = 3


def choose(
    router: Router,
    schema: str,
    intent: Intent,
    method: PaymentMethod,
    hold_param: str = "capture_method",
    *,
    off_session: bool = False,
) -> Decision:
    """The accounts for an attempt, best first. Raises InvalidRequest when no rail can take it;
    `hold_param` is what asked for an authorization."""
    wallet = method.details.mobile_money
    mandated = wallet.mandated if wallet and off_session else None
    decision = router.decide(
        schema,
        Payment(
            method=method.type,
            currency=intent.currency,
            amount=intent.amount,
            network=wallet.network if wallet else None,
            country=wallet.country if wallet else None,
            hold=intent.details.capture_method == "manual",
            mandated=mandated.account if mandated else None,
            key=intent.id,
        ),
    )
    if not decision.accounts:
        raise _refusal(decision, intent, method, hold_param)
    return decision


def _refusal(
    decision: Decision, intent: Intent, method: PaymentMethod, hold_param: str
) -> InvalidRequest:
    match decision.reason:
        case "no_manual_capture":
            return InvalidRequest(
                "This payment method cannot be authorized first and captured later.",
                param=hold_param,
            )
        case "amount_too_small" | "amount_too_large" as code:
            side = "below what" if code == "amount_too_small" else "above what"
            shown = display(intent.amount, currency_named(intent.currency))
            return InvalidRequest(
                f"{shown} is {side} every provider takes for this payment method.",
                code=code,
                param="amount",
            )
        case "amount_step":
            return InvalidRequest(
                "Every provider for this payment method takes round amounts only.",
                code="parameter_invalid_integer",
                param="amount",
            )
        case _:
            wallet = method.details.mobile_money
            whose = _NAMES.get(method.type, method.type)
            if wallet is not None:
                whose = f"{wallet.network} wallets in {wallet.country}"
            now = " right now" if decision.reason in ("disabled", "not_in_rule") else ""
            return InvalidRequest(
                f"No provider of this account takes {intent.currency.upper()} from {whose}{now}.",
                code="payment_method_not_available",
                param="payment_method",
            )


_NAMES = {"card": "cards", "hosted_card": "cards on a hosted page", "paypal": "PayPal"}


def remember(decision: Decision) -> Routing:
    """Why an attempt goes where it goes, to be kept with it."""
    return Routing(rule=decision.rule, considered=decision.considered)


def next_account(router: Router, charge: Charge, answer: Answer) -> str | None:
    """Where an attempt goes after it could not be sent: only NOT_SENT moves on. None: nowhere."""
    routing = charge.details.routing
    if answer.verdict is not Verdict.NOT_SENT or routing is None:
        return None
    if len(routing.tries) + 1 >= MOST_TRIES:
        return None
    tried = {charge.provider, *(each.account for each in routing.tries)}
    for considered in routing.considered:
        if considered.result == "excluded" or considered.account in tried:
            continue
        account = router.directory.find(considered.account)  # it may have been deleted meanwhile
        if account is not None and account.state("charge") in ("closed", "half_open"):
            return account.name
    return None


async def move(presenter: Presenter, moves: Sequence[tuple[Charge, str, Answer]]) -> list[Charge]:
    """Commit where attempts go next, each under a reference of its own, before anybody hears of
    it. Returns those that moved: one about which somebody else has learned more stays."""
    async with presenter.processor.database.tenant(presenter.schema) as connection:
        rows = await Charge.fetch(
            connection, sorted(charge.id for charge, _, _ in moves), "for update"
        )
        stored = {row.id: row for row in rows}
        moved = []
        for charge, account, answer in moves:
            row = stored[charge.id]
            if row.state != "submitted" or row.reference != charge.reference:
                continue
            if row.details.sent_again_at is not None:
                continue
            routing = row.details.routing
            assert routing is not None
            routing.tries.append(Try(row.provider, row.reference, dict(answer.evidence)))
            row.provider, row.reference = account, str(uuid.uuid4())
            row.provider_reference = None
            row.details.sent_at = int(time.time())
            row.version += 1
            moved.append(row)
        if moved:
            await Charge.update(connection, moved)
    return moved
