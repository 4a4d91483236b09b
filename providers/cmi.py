"""CMI, Morocco's card acquirer: cards typed on CMI's own page, reached by a form.

Merchants of CIH, Attijariwafa, Bank of Africa (BMCE) and other Moroccan banks take cards through
it. The payer's browser posts our signed form (`cmi_form`) to CMI, who authorises the card, asks us
by a callback whether to take the money, and takes nothing without a yes. Afterwards the XML API
(`cmi_api`) looks orders up, captures, voids and refunds.

CMI publishes nothing. Sources: its PHP and Node kits, and the manual and recordings of the platform
it runs on; what they leave open is said where it matters.
"""

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

import httpx

from .bearer import checked
from .boundary import (
    Answer,
    Capabilities,
    Charge,
    ForgedCallback,
    Form,
    Refund,
    Verdict,
    impossible,
)
from .cmi_account import (
    CURRENCY_NUMBERS,
    LIVE_URL,
    SANDBOX_URL,
    CmiAccount,
    cmi_capabilities,
    order_id,
    reference_of,
)
from .cmi_api import Reply, build_request, read_movement, read_reply
from .cmi_form import build_form, read_callback, reply_to
from .cmi_orders import History, Order, read_check, read_history, read_order
from .cmi_refunds import read_refund
from .connection import exchange
from .money import to_decimal_string

__all__ = ["LIVE_URL", "SANDBOX_URL", "Cmi", "CmiAccount", "connect_cmi"]

_NO_PAGE: Final = "CMI's form needs a page of ours that posts it, and a callback."


class Cmi:
    """Takes cards on CMI's page: `Provider`, `Forms`, `CallbackReplies`, `Captures`, `Refunds`,
    `CredentialChecks` of the boundary.

    `client` decides time-outs: 30 s to read suit the XML API.
    """

    name = "cmi"

    def __init__(self, account: CmiAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What the contract covers."""
        return cmi_capabilities(self._account)

    async def charge(self, charge: Charge) -> Answer:
        """Send nothing: PENDING, with our page that posts the form.

        NOT_SENT where there could be no such page, no callback to say yes to, or no contract for
        the currency.
        """
        if not self._account.takes(charge.currency):
            return impossible("CMI: currency not contracted.")
        if charge.form_url is None or charge.callback_url is None:
            return impossible(_NO_PAGE)
        return Answer(
            Verdict.PENDING,
            redirect_url=charge.form_url,
            evidence={"oid": order_id(charge.reference)},
        )

    def form(self, charge: Charge) -> Form:
        """The form for CMI's page; of a charge that `charge` has taken."""
        return build_form(self._account, charge)

    async def look_up(self, charge: Charge) -> Answer:
        """Ask for the order's status.

        An order that CMI does not know is NOT_SENT, although the payer may still post the form:
        nothing has moved, and to "send" it again is to show the same form. Should the charge have
        been given up by then, `reply` is called without it and CMI takes nothing.

        An order that is authorised and not taken has not heard our yes, because its callback or our
        answer to it was lost: the yes is then said by a PostAuth, as in `capture`.
        """
        order = await self._order(charge)
        if isinstance(order, Order) and order.awaits_a_yes(charge):
            await self.capture(charge, charge.reference, charge.amount)
            order = await self._order(charge)
        return order.outcome(charge) if isinstance(order, Order) else _no_answer(order)

    def read_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the boundary's signature; the body is signed
        body: bytes,
    ) -> str | None:
        """Our reference, from the `oid` of a callback with a good hash. Raises ForgedCallback."""
        fields = read_callback(self._account, body)
        reference = None if fields is None else reference_of(fields.get("oid", ""))
        if reference is None:
            raise ForgedCallback(
                "A CMI callback is a form signed with the store key, with our oid."
            )
        return reference

    def reply(
        self,
        charge: Charge | None,
        headers: Mapping[str, str],  # noqa: ARG002 - the boundary's signature; the body is signed
        body: bytes,
    ) -> str:
        """CMI takes the money on ACTION=POSTAUTH and releases it on FAILURE; either can be looked
        up. APPROVED leaves it held, or acknowledges a refusal."""
        return reply_to(self._account, charge, read_callback(self._account, body))

    async def capture(
        self,
        charge: Charge,
        reference: str,  # noqa: ARG002 - the boundary's; CC5 takes none, the order's state tells
        amount: int,
    ) -> Answer:
        """PostAuth of a held amount, or a part of it, unless the order shows that it was made."""
        before = await self._order(charge)
        if isinstance(before, Answer):
            return before
        outcome = before.capture_outcome(amount)
        if outcome is not None:
            return outcome
        answer = await self._move(charge, "PostAuth", amount)
        if answer.verdict is not Verdict.DECLINED:
            return answer
        # Somebody may have captured in between: the same step, sent twice at once.
        after = await self._order(charge)
        return (isinstance(after, Order) and after.capture_outcome(amount)) or answer

    async def cancel(
        self,
        charge: Charge,
        reference: str,  # noqa: ARG002 - as with capture
    ) -> Answer:
        """Void what is held. Of an order that CMI does not know there is nothing to release: our
        page stops showing the form, and `reply` says no to one that was posted already.

        Until when a hold can be voided is not documented; one that cannot lapses by itself.
        """
        before = await self._order(charge)
        if isinstance(before, Answer):
            return before
        outcome = before.cancel_outcome()
        if outcome is not None:
            return outcome
        answer = await self._move(charge, "Void")
        if answer.verdict is not Verdict.DECLINED:
            return answer
        after = await self._order(charge)
        return (isinstance(after, Order) and after.cancel_outcome()) or answer

    async def refund(self, refund: Refund) -> Answer:
        """Credit, unless the order's history shows that it was made or may have been.

        CMI credits what it has settled, which it does at the end of a day. Before, the answer is
        UNKNOWN and a look-up says NOT_SENT, so that it is sent again.
        """
        history = await self._history(refund.charge)
        if isinstance(history, Answer):
            return history
        made = read_refund(refund, history)
        if made.verdict is not Verdict.NOT_SENT:
            return made
        return await self._move(refund.charge, "Credit", refund.amount)

    async def look_up_refund(self, refund: Refund) -> Answer:
        """Look for the refund in the order's history; see `cmi_refunds` for what that can tell."""
        history = await self._history(refund.charge)
        return _no_answer(history) if isinstance(history, Answer) else read_refund(refund, history)

    async def check_credentials(self) -> Answer:
        """Ask for an order that nobody has. The store key is not put to the test by it: only a
        payer's browser could do that."""
        oid = uuid4().hex
        request = build_request(self._account, oid, query="ORDERSTATUS")
        reply = await exchange(self._client, request)
        if isinstance(reply, Answer) or reply.status_code != 200:
            return checked(reply, accepted=False)
        read = read_reply(reply, oid)
        return read_check(read) if isinstance(read, Reply) else read

    async def _order(self, charge: Charge) -> Order | Answer:
        """The order's payment; NOT_SENT when CMI could not be asked, UNKNOWN when it said nothing
        that can be relied on."""
        reply = await self._call(charge, query="ORDERSTATUS")
        return reply if isinstance(reply, Answer) else read_order(reply, charge)

    async def _history(self, charge: Charge) -> History | Answer:
        """As `_order`, of all transactions."""
        reply = await self._call(charge, query="ORDERHISTORY")
        return reply if isinstance(reply, Answer) else read_history(reply, charge.currency)

    async def _move(self, charge: Charge, type: str, amount: int | None = None) -> Answer:
        money = None
        if amount is not None:
            currency = charge.currency
            money = to_decimal_string(amount, currency), CURRENCY_NUMBERS[currency]
        reply = await self._call(charge, type=type, amount=money)
        return reply if isinstance(reply, Answer) else read_movement(reply)

    async def _call(
        self,
        charge: Charge,
        *,
        type: str | None = None,
        amount: tuple[str, str] | None = None,
        query: str | None = None,
    ) -> Reply | Answer:
        oid = order_id(charge.reference)
        request = build_request(self._account, oid, type=type, amount=amount, query=query)
        reply = await exchange(self._client, request)
        return reply if isinstance(reply, Answer) else read_reply(reply, oid)


def _no_answer(question: Answer) -> Answer:
    """Not having been able to ask is no answer, least of all "never seen"."""
    return Answer(Verdict.UNKNOWN, evidence=question.evidence)


def connect_cmi(account: CmiAccount, client: httpx.AsyncClient) -> tuple[Cmi, None]:
    """The adapter; CMI sends no money to anybody but back."""
    return Cmi(account, client), None
