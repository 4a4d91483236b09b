"""Orange Money in Cameroon: an adapter that asks subscribers to pay, and sends money to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import httpx
import msgspec

from .bearer import Bearer, asked, checked
from .boundary import (
    Answer,
    Capabilities,
    Charge,
    DeclineCode,
    Flow,
    ForgedCallback,
    Payout,
    Verdict,
    Wallet,
    impossible,
)
from .json_replies import decode
from .orange_cm_calls import (
    LIVE_URL,
    Access,
    OrangeCmAccount,
    build_init,
    build_pay,
    build_push,
    build_status,
    build_subscriber,
    build_token,
    national,
)
from .orange_cm_replies import (
    CASH_IN_REASONS,
    PAYMENT_REASONS,
    has_expired,
    is_pay_token,
    read_init,
    read_pay,
    read_status,
    read_subscriber,
    read_token,
)

__all__ = ["LIVE_URL", "ORANGE_CM", "OrangeCm", "OrangeCmAccount", "connect_orange_cm"]

ORANGE_CM: Final = Capabilities(  # limits follow the wallet's own class and are not published
    methods=frozenset({"mobile_money"}),
    flow=Flow.PUSH,
    currencies=frozenset({"xaf"}),
    networks=frozenset({"orange"}),
    countries=frozenset({"CM"}),
)
_LONGEST_CALLBACK: Final = 4096  # bytes; real ones have about 100


@dataclass(frozen=True, slots=True)
class _Product:
    """Where money moves: the calls of one are those of the other."""

    path: str
    reasons: Mapping[str, DeclineCode]


_PAYMENT: Final = _Product("mp", PAYMENT_REASONS)
_CASH_IN: Final = _Product("cashin", CASH_IN_REASONS)


class _CallbackBody(msgspec.Struct, rename="camel"):
    pay_token: str
    status: str


class OrangeCm:
    """A merchant's account: `Provider`, `Preparations`, `Payouts`, `PayoutPreparations`,
    `WalletChecks` and `CredentialChecks` of the boundary. The rail has no refunds.

    Keep one per account: it holds that account's token. `client` decides time-outs (pay waits for
    Orange's core: 30 s to read and 5 s to connect suit it) and the connection pool.
    """

    name = "orange_cm"
    capabilities = ORANGE_CM

    def __init__(self, account: OrangeCmAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client
        self._bearer = Bearer(client, lambda: build_token(account), read_token)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    async def prepare(self, charge: Charge) -> Answer:
        """Get the payToken of a charge, or ask whether the one it has still serves.

        Orange cannot hold an amount: a charge to be captured later is NOT_SENT.
        """
        if not charge.capture:
            return impossible("Orange Money has no manual capture.")
        return await self._prepare(_PAYMENT, charge)

    async def charge(self, charge: Charge) -> Answer:
        """Ask the subscriber to approve; PENDING when Orange took the request.

        `prepare` comes first: a charge without a payToken is NOT_SENT.
        """
        if not charge.capture:
            return impossible("Orange Money has no manual capture.")
        return await self._pay(_PAYMENT, charge)

    async def push(self, charge: Charge) -> Answer:
        """Show the subscriber the prompt of a pending charge again; says what a look-up says.

        The prompt can also be called up by dialling #150*50#.
        """
        if charge.provider_reference is None:
            return impossible("There is no payToken: prepare first.")
        token = charge.provider_reference
        reply = asked(await self._call(lambda access: build_push(access, token)))
        if isinstance(reply, Answer):
            return replace(reply, provider_reference=token)
        return read_status(reply, charge.amount, token, PAYMENT_REASONS)

    async def look_up(self, charge: Charge) -> Answer:
        """Read the payment's status; whatever prevents reading it is UNKNOWN, not NOT_SENT.

        NOT_SENT (no payToken was ever stored, or its record is blank) is the truth only when the
        call that sent the charge has ended: until then pay may be on its way.
        """
        return await self._look_up(_PAYMENT, charge)

    async def prepare_payout(self, payout: Payout) -> Answer:
        """Get the payToken of a cash-in, or ask whether the one it has still serves."""
        return await self._prepare(_CASH_IN, payout)

    async def pay_out(self, payout: Payout) -> Answer:
        """Send money to a subscriber (a cash-in), which is final when Orange answers.

        It is not documented that a second pay with the same payToken is refused: an unclear answer
        has to be looked up before anybody sends again. `prepare_payout` comes first.
        """
        return await self._pay(_CASH_IN, payout)

    async def look_up_payout(self, payout: Payout) -> Answer:
        """As `look_up`. That the record of an unused payToken is blank, as a payment's is, is not
        documented for cash-ins; we assume it."""
        return await self._look_up(_CASH_IN, payout)

    async def wallet(self, msisdn: str) -> Wallet | None:
        """Whose wallet an E.164 number is; None when Orange did not say, or cannot know it."""
        if national(msisdn) is None:
            return None
        reply = await self._call(lambda access: build_subscriber(access, msisdn))
        return None if isinstance(reply, Answer) else read_subscriber(reply)

    async def check_credentials(self) -> Answer:
        """Ask for a payToken and leave it unused: it proves the consumer and the API user.

        It says nothing about the number and its PIN. Calls that want the PIN are avoided, since
        wrong ones may block the wallet.
        """
        reply = await self._call(lambda access: build_init(access, _PAYMENT.path))
        accepted = not isinstance(reply, Answer) and read_init(reply).verdict is Verdict.PENDING
        return checked(reply, accepted=accepted)

    def read_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the boundary's signature; Orange signs nothing
        body: bytes,
    ) -> str | None:
        """Check the form of a callback, `{"payToken", "status", "message"}`; always None, as its
        body never holds our reference."""
        said = decode(body, _CallbackBody) if len(body) <= _LONGEST_CALLBACK else None
        if said is None or not is_pay_token(said.pay_token):
            raise ForgedCallback("not a callback of Orange Money")
        return None

    async def _prepare(self, product: _Product, attempt: Charge | Payout) -> Answer:
        if unfit := _unfit(attempt):
            return unfit
        if (token := attempt.provider_reference) is not None:
            reply = await self._ask_status(product, token)
            seen = _read_status(reply, product, attempt, token)
            if seen.verdict is Verdict.PENDING:
                # It has been paid with; to say PENDING would ask for another pay.
                return replace(seen, verdict=Verdict.UNKNOWN)
            if seen.verdict is not Verdict.NOT_SENT or isinstance(reply, Answer):
                return seen
            if not has_expired(reply):
                return replace(seen, verdict=Verdict.PENDING)
        made = await self._call(lambda access: build_init(access, product.path))
        if isinstance(made, Answer):
            return replace(made, verdict=Verdict.NOT_SENT)  # no money can move without the token
        return read_init(made)

    async def _pay(self, product: _Product, attempt: Charge | Payout) -> Answer:
        token = attempt.provider_reference
        if token is None:
            return impossible("There is no payToken: prepare first.")
        if unfit := _unfit(attempt):
            return unfit
        reply = await self._call(lambda access: build_pay(access, product.path, attempt, token))
        if isinstance(reply, Answer):
            return reply
        return read_pay(reply, attempt.amount, token, product.reasons)

    async def _look_up(self, product: _Product, attempt: Charge | Payout) -> Answer:
        token = attempt.provider_reference
        if token is None:
            return impossible("There is no payToken, and it is stored before pay is called.")
        return _read_status(await self._ask_status(product, token), product, attempt, token)

    async def _ask_status(self, product: _Product, token: str) -> httpx.Response | Answer:
        return asked(await self._call(lambda access: build_status(access, product.path, token)))

    async def _call(self, build: Callable[[Access], httpx.Request]) -> httpx.Response | Answer:
        """Send a business call. A repeat after a 401 is safe: the gateway checks the token before
        anybody else sees the call."""
        return await self._bearer.send(lambda token: build(Access(self._account, token)))


def connect_orange_cm(account: OrangeCmAccount, client: httpx.AsyncClient) -> tuple[OrangeCm, None]:
    """The adapter of an account; it sends money as well."""
    return OrangeCm(account, client), None


def _read_status(
    reply: httpx.Response | Answer, product: _Product, attempt: Charge | Payout, token: str
) -> Answer:
    if isinstance(reply, Answer):
        return replace(reply, provider_reference=token)
    return read_status(reply, attempt.amount, token, product.reasons)


def _unfit(attempt: Charge | Payout) -> Answer | None:
    """Why an attempt cannot be written in Orange's words, if it cannot: bodies have no currency,
    and numbers no country."""
    subscriber = attempt.payer if isinstance(attempt, Charge) else attempt.recipient
    if attempt.currency != "xaf":
        return impossible("Orange Money Cameroon works in XAF.")
    if national(subscriber) is None:
        return impossible("Orange Money Cameroon knows Cameroonian mobile numbers only.")
    return None
