"""PayGate Global: an adapter for the wallets of Togo, Flooz (Moov) and T-Money (Mixx by Yas).

Protocol: see `paygate_calls`. PayGate has no sandbox of its own; nothing but the token tells one
environment from another. Everything about a payment can be asked by our reference.

Its hosted page is not offered: the page's address carries the account's only secret, and the payer
would hold it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

import httpx
import msgspec

from .bearer import asked, checked
from .boundary import (
    AmountRange,
    Answer,
    Balance,
    Capabilities,
    Charge,
    DeclineCode,
    Flow,
    ForgedCallback,
    Payout,
    Refund,
    Verdict,
    impossible,
)
from .connection import exchange
from .json_replies import decode, evidence
from .paygate_calls import (
    CURRENCY,
    LIVE_URL,
    NETWORKS,
    PAYMENT,
    TRANSFER,
    Movement,
    PaygateAccount,
    build_balance,
    build_disburse,
    build_pay,
    build_status,
    build_status_v1,
    read_balances,
    read_disburse,
    read_pay,
    read_status,
    refuses_balance,
)
from .phone import InvalidMsisdn, network_of, parse_msisdn

__all__ = ["LIVE_URL", "TOGO", "Paygate", "PaygateAccount", "connect_paygate"]

TOGO: Final = Capabilities(
    methods=frozenset({"mobile_money"}),
    flow=Flow.PUSH,
    currencies=frozenset({CURRENCY}),
    networks=frozenset(NETWORKS),
    countries=frozenset({"TG"}),
    # Hearsay: from one client library. PayGate publishes no limits.
    amounts={CURRENCY: AmountRange(least=100, most=1_000_000)},
)

_NUMBER: Final = re.compile(r"\+228([0-9]{8})", re.ASCII)


class _Callback(msgspec.Struct):
    tx_reference: str | int
    identifier: str


class Paygate:
    """Takes money from Togo's wallets and sends it there: `Provider`, `CredentialChecks`,
    `Payouts`, `Refunds` and `Balances` of the boundary.

    `client` decides time-outs; 30 s to read suit PayGate.
    """

    name = "paygate"
    capabilities = TOGO

    def __init__(self, account: PaygateAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    async def charge(self, charge: Charge) -> Answer:
        """Ask the payer to confirm on the phone; PENDING when PayGate registered the request.

        The identifier is our reference: sent again, it is refused as used, and the first stands.
        """
        if not charge.capture:
            return impossible("PayGate has no manual capture.")
        movement = _movement(
            charge.reference, charge.amount, charge.currency, charge.payer, charge.network,
            charge.description,
        )  # fmt: skip
        if movement is None:
            return _OUT_OF_REACH
        reply = await exchange(self._client, build_pay(self._account, movement))
        return reply if isinstance(reply, Answer) else read_pay(reply)

    async def look_up(self, charge: Charge) -> Answer:
        """Read the payment's status. Never NOT_SENT: PayGate has no documented word for it.

        The status tells no amount as a rule: that of a success is the one that was asked for.
        """
        return await self._look_up(
            charge.reference, charge.provider_reference, charge.amount, PAYMENT
        )

    async def pay_out(self, payout: Payout) -> Answer:
        """Disburse to a wallet; PENDING when PayGate accepted it, which is not yet paid.

        PayGate is not known to stop a second disbursement with our reference: one it has accepted
        is asked about, never sent again, and whoever lost the answer must look it up, never send it
        again.
        """
        if payout.provider_reference is not None:
            return await self.look_up_payout(payout)
        movement = _movement(
            payout.reference, payout.amount, payout.currency, payout.recipient, payout.network,
            payout.description,
        )  # fmt: skip
        if movement is None:
            return _OUT_OF_REACH
        reply = await exchange(self._client, build_disburse(self._account, movement))
        return reply if isinstance(reply, Answer) else read_disburse(reply)

    async def look_up_payout(self, payout: Payout) -> Answer:
        """Read the disbursement's status. Never NOT_SENT, as PayGate has no documented word for it:
        a lost answer that stays UNKNOWN is for a person to settle."""
        return await self._look_up(
            payout.reference, payout.provider_reference, payout.amount, TRANSFER
        )

    async def refund(self, refund: Refund) -> Answer:
        """Disburse to the payer, as PayGate has no refund; all that `pay_out` says holds here."""
        return await self.pay_out(_as_payout(refund))

    async def look_up_refund(self, refund: Refund) -> Answer:
        """As `look_up_payout`."""
        return await self.look_up_payout(_as_payout(refund))

    async def balance(self, network: str | None = None) -> Balance | None:
        """What the account holds at a network ("moov", "tmoney"); None if PayGate is silent.

        Each network has its wallet, and a disbursement is paid from that of its own. Without
        `network` it is the sum of them: more than one disbursement may be able to draw.
        """
        reply = await exchange(self._client, build_balance(self._account))
        balances = None if isinstance(reply, Answer) else read_balances(reply)
        if balances is None:
            return None
        if network is not None:
            return balances.get(network)
        return Balance(sum(balance.amount for balance in balances.values()), CURRENCY)

    async def check_credentials(self) -> Answer:
        """Ask for the balances, which takes the token and an address on PayGate's list.

        PayGate refuses for either reason alike. Payments need no address on the list; payouts do.
        """
        reply = await exchange(self._client, build_balance(self._account))
        if not isinstance(reply, Answer) and refuses_balance(reply):
            code, said = DeclineCode.CONFIGURATION, evidence(reply)
            return Answer(Verdict.DECLINED, decline_code=code, evidence=said)
        accepted = not isinstance(reply, Answer) and read_balances(reply) is not None
        return checked(reply, accepted=accepted)

    def read_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the boundary's signature; nothing is signed
        body: bytes,
    ) -> str | None:
        """Our reference: the `identifier` in the body.

        PayGate sends a callback when a payment is paid, to one address per account, unsigned. One
        about a payment that was not made here (PayGate's own page, another program with the same
        token) has an identifier of another form. Raises ForgedCallback.
        """
        callback = decode(body, _Callback)
        if callback is None or not _is_reference(callback.identifier):
            raise ForgedCallback("A callback is a JSON object with an identifier of ours.")
        return callback.identifier

    async def _look_up(
        self,
        reference: str,
        provider_reference: str | None,
        amount: int,
        meanings: Mapping[int, tuple[Verdict, DeclineCode | None]],
    ) -> Answer:
        """Ask by our name, and by PayGate's if that told nothing: nobody has confirmed that a
        disbursement can be asked for by ours."""

        async def ask(build: Callable[[PaygateAccount, str], httpx.Request], name: str) -> Answer:
            reply = asked(await exchange(self._client, build(self._account, name)))
            if isinstance(reply, Answer):
                return reply
            return read_status(reply, name, amount, meanings)

        answer = await ask(build_status, reference)
        if answer.verdict is Verdict.UNKNOWN and provider_reference is not None:
            return await ask(build_status_v1, provider_reference)
        return answer


def connect_paygate(account: PaygateAccount, client: httpx.AsyncClient) -> tuple[Paygate, None]:
    """The adapter, which sends money as well."""
    return Paygate(account, client), None


_OUT_OF_REACH: Final = impossible("PayGate reaches XOF wallets of Moov and Yas in Togo.")


def _movement(
    reference: str,
    amount: int,
    currency: str,
    msisdn: str,
    network: str | None,
    description: str,
) -> Movement | None:
    """In PayGate's words; None for what it cannot reach. A network that nobody named is guessed
    from the number, which is no harm in Togo: numbers are not portable there."""
    number = _NUMBER.fullmatch(msisdn)
    if number is None or currency != CURRENCY:
        return None
    spelling = NETWORKS.get(network or _guess(msisdn) or "")
    if spelling is None:
        return None
    return Movement(reference, amount, number[1], spelling, description)


def _guess(msisdn: str) -> str | None:
    try:
        return network_of(parse_msisdn(msisdn))
    except InvalidMsisdn:
        return None


def _as_payout(refund: Refund) -> Payout:
    charge = refund.charge
    return Payout(
        reference=refund.reference,
        amount=refund.amount,
        currency=charge.currency,
        recipient=charge.payer,
        description=charge.description,
        external_id=refund.external_id,
        provider_reference=refund.provider_reference,
        network=charge.network,
    )


def _is_reference(text: str) -> bool:
    try:
        reference = UUID(text)
    except ValueError:
        return False
    return reference.version == 4 and str(reference) == text
