"""Begin an attempt, send it, and say what became of it.

The order is the promise: the charge, with its reference and the job that will look it up, is
committed before the first byte goes to a provider.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence

from processor import jobs
from processor.errors import APIError, CardError, InvalidRequest
from processor.operations import Object, Request
from processor.payment_methods.objects import PaymentMethod
from processor.payments.objects import (
    Charge,
    ChargeDetails,
    Intent,
    PaymentError,
    Presenter,
    snapshot,
)
from processor.routing import Account, Router
from providers import boundary
from providers.boundary import Answer
from tenants.database import Connection
from tenants.ids import new_id


def begin(
    account: Account,
    intent: Intent,
    method: PaymentMethod,
    request: Request,
    *,
    off_session: bool = False,
) -> Charge:
    """A new charge of this intent, not yet stored, and the intent's state while it is open."""
    details = intent.details
    charge = Charge(
        id=new_id("ch" if method.type == "card" else "py"),
        created=int(time.time()),
        state="submitted",
        payment_intent=intent.id,
        amount=intent.amount,
        currency=intent.currency,
        customer=intent.customer,
        payment_method=method.id,
        provider=account.name,
        reference=str(uuid.uuid4()),
        metadata=dict(intent.metadata),
        details=ChargeDetails(
            **snapshot(method),
            description=details.description,
            receipt_email=details.receipt_email,
            shipping=details.shipping,
            statement_descriptor=details.statement_descriptor,
            statement_descriptor_suffix=details.statement_descriptor_suffix,
            transfer_group=details.transfer_group,
            capture=details.capture_method != "manual",
            off_session=off_session,
            language=request.language,
        ),
    )
    intent.status = "processing"
    intent.latest_charge = charge.id
    details.attempt_hidden = not charge.shown
    details.next_action = None
    details.last_payment_error = None
    return charge


def route(router: Router, livemode: bool, intent: Intent, method: PaymentMethod) -> Account:
    """The account for this attempt. Raises InvalidRequest when no rail can take it."""
    wallet = method.details.mobile_money
    candidates = router.candidates(
        livemode=livemode,
        method=method.type,
        currency=intent.currency,
        network=wallet.network if wallet else None,
        country=wallet.country if wallet else None,
    )
    if not candidates:
        what = f"{wallet.network} wallets in {wallet.country}" if wallet else "cards"
        raise InvalidRequest(
            f"No provider of this account takes {intent.currency.upper()} from {what}.",
            code="payment_method_not_available",
            param="payment_method",
        )
    return candidates[0]


async def store(connection: Connection, charges: Sequence[Charge]) -> None:
    """Store new charges with the jobs that will look them up."""
    await Charge.insert(connection, charges)
    await jobs.enqueue(connection, "look_up", [charge.id for charge in charges], delay_seconds=5)


async def send(
    router: Router, presenter: Presenter, charges: Sequence[Charge]
) -> list[tuple[str, Answer]]:
    """Send committed charges, all at once within each account's bounds. No transaction is open."""
    answers = await asyncio.gather(
        *(router.charge(charge.provider, as_sent(presenter, charge)) for charge in charges)
    )
    return [(charge.id, answer) for charge, answer in zip(charges, answers, strict=True)]


def as_sent(presenter: Presenter, charge: Charge) -> boundary.Charge:
    """A charge as its provider sees it."""
    base, where = presenter.processor.public_url, f"{presenter.schema}/{charge.reference}"
    return boundary.Charge(
        reference=charge.reference,
        amount=charge.amount,
        currency=charge.currency,
        payer=charge.details.token,
        callback_url=f"{base}/callbacks/{charge.provider}/{where}",
        description=charge.details.description or "",
        external_id=charge.id,
        capture=charge.details.capture,
        return_url=f"{base}/redirects/{where}" if charge.details.method_type == "card" else None,
        off_session=charge.details.off_session,
        provider_reference=charge.provider_reference,
    )


def outcome(presenter: Presenter, intent: Intent, charge: Charge | None) -> Object | APIError:
    """What an attempt answers: the intent (the charge, if it was made directly), or the refusal."""
    if charge is None or charge.state != "failed" or charge.details.failure is None:
        if charge is not None and intent.direct:
            return presenter.charge(charge)
        return presenter.answer(intent)
    failure = charge.details.failure
    fields: Object = {"charge": charge.id}
    if not intent.direct:
        fields["payment_intent"] = presenter.answer(intent)
    if failure.decline_code is not None:
        fields["decline_code"] = failure.decline_code
    return CardError(failure.message, code=failure.code, **fields, **_method_shown(failure))


def _method_shown(failure: PaymentError) -> Object:
    if failure.payment_method is None:
        return {}
    return {
        "payment_method": failure.payment_method,
        "payment_method_type": failure.payment_method_type,
    }
