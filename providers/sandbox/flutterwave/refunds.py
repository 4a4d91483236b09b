"""Refunds of the Flutterwave sandbox."""

import asyncio
import secrets
from decimal import Decimal
from time import time
from typing import Any, Final

import msgspec

from providers.sandbox.book import Book, Movement
from providers.sandbox.callbacks import Callbacks
from providers.sandbox.script import Step

from .access import error
from .charges import Charge, Charges, Meta, Settings, francs
from .tables import REASONS, REFUND_ENDS
from .webhooks import Webhooks, timestamp

_REFUNDS: Final = "refund"  # by id


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant asks for."""

    amount: Decimal
    charge_id: str
    reason: str
    meta: Meta = {}


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund, as the book keeps it."""

    id: str
    amount: int
    charge_id: str
    reason: str
    meta: Meta
    outcome: str
    step: Step
    created: str
    due_at: float
    status: str = "new"

    def shown(self) -> dict[str, Any]:
        """The refund object."""
        return {
            "id": self.id,
            "amount_refunded": self.amount,
            "charge_id": self.charge_id,
            "reason": self.reason,
            "status": self.status,
            "meta": self.meta,
            "created_datetime": self.created,
        }


class Refunds:
    """The refunds of one book, and what ends them in the background."""

    def __init__(
        self, book: Book, settings: Settings, charges: Charges, webhooks: Webhooks
    ) -> None:
        self._book = book
        self._settings = settings
        self._charges = charges
        self._webhooks = webhooks
        self._background = Callbacks()

    def find(self, identifier: str) -> Refund | None:
        """The refund with that id."""
        state = self._book.resource(_REFUNDS, identifier)
        return None if state is None else msgspec.convert(state, Refund)

    def listed(self) -> list[dict[str, Any]]:
        """The states of all refunds, newest first: thousands at times, of which few are shown."""
        return list(self._book.resources(_REFUNDS).values())[::-1]

    @staticmethod
    def shown(state: dict[str, Any]) -> dict[str, Any]:
        """A refund's state as the API shows it."""
        return msgspec.convert(state, Refund).shown()

    def made(self, wish: Wish, step: Step) -> tuple[Refund, Charge]:
        """A new refund and its charge with less left, not yet in the book; or refuse."""
        if wish.reason not in REASONS:
            raise error(400, {"reason": f"must be one of {', '.join(sorted(REASONS))}"})
        charge = self._charges.find(wish.charge_id)
        if charge is None:
            raise error(404)
        amount = francs(wish.amount, charge.currency, "amount")
        if charge.status != "succeeded" or charge.refunded + amount > charge.amount:
            raise error(409)
        refund = Refund(
            id=f"rfd_{secrets.token_urlsafe(8)}",
            amount=amount,
            charge_id=charge.id,
            reason=wish.reason,
            meta=wish.meta,
            outcome=step.outcome if step.outcome in REFUND_ENDS else "completed",
            step=step,
            created=timestamp(),
            due_at=time() + (step.delay or self._settings.refund_delay),
        )
        return refund, msgspec.structs.replace(charge, refunded=charge.refunded + amount)

    def resources(self, refund: Refund) -> dict[str, dict[str, dict[str, Any]]]:
        """A refund as the book takes it."""
        return {_REFUNDS: {refund.id: msgspec.to_builtins(refund)}}

    def resume(self) -> None:
        """Wait again for what an earlier process began."""
        for state in self._book.resources(_REFUNDS).values():
            self.wait_for(msgspec.convert(state, Refund))

    def wait_for(self, refund: Refund) -> None:
        """End it when it is due."""
        if refund.status == "new":
            self._background.run(self._end(refund.id, refund.due_at))

    async def _end(self, identifier: str, due_at: float) -> None:
        """End it: in one record the state becomes final and the money moves, or is left again."""
        await asyncio.sleep(max(0.0, due_at - time()))
        refund = self.find(identifier)
        if refund is None or refund.status != "new":  # money moves once, whoever else waited
            return
        refund = msgspec.structs.replace(refund, status=refund.outcome)
        charge = self._charges.find(refund.charge_id)
        assert charge is not None, "a refund is of a charge"
        resources = self.resources(refund)
        if refund.status == "completed":
            await self._book.write(resources, [_movement(refund, charge)])
        else:
            left = msgspec.structs.replace(charge, refunded=charge.refunded - refund.amount)
            await self._book.write(resources | self._charges.resources(left))
        self._webhooks.refund_completed(refund.shown(), refund.step)


def _movement(refund: Refund, charge: Charge) -> Movement:
    return Movement(
        reference=refund.meta.get("reference", refund.id),
        amount=refund.amount,
        currency=charge.currency.lower(),
        direction="out",
        kind="refund",
        payer=f"+{charge.wallet.country_code}{charge.wallet.phone_number}",
    )
