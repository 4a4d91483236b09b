"""Moov Africa's merchant API (Flooz): an adapter that asks wallets to pay, and sends money to them.

SOAP at one address per country; only that of Benin is known, and we assume that the builds of the
same vendor elsewhere speak alike. There are no callbacks: whoever knocks is an impostor.

**What names an attempt.** A push carries our reference as `externaldata1`, a transfer as
`referenceid`. That a reply to a push brings `externaldata1` back as `transid` is recorded, and an
integration in production asks getTransactionStatus for the UUID it had put there; that transfers
are found by their `referenceid` is our assumption. 36 characters with hyphens are accepted.

**The same reference twice.** No code of the published table refuses it, so we assume that Moov
would move the money again. Hence every call that moves money is preceded by a look-up, and sent
only if Moov does not know the reference. "Never seen" is believed of a charge, which takes a PIN to
move anything. It is never said of a transfer: its look-up stays UNKNOWN, and a person decides.

The older SOAP service of Moov Togo (2014, "OnlinePayment") is left out on purpose: it has no
look-up and its confirmations are unsigned. See docs/decisions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

import httpx

from .bearer import asked
from .boundary import (
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
    Wallet,
    impossible,
)
from .connection import exchange
from .money import from_decimal_string, to_decimal_string
from .moov_replies import (
    COLLECTION_CODES,
    TRANSFER_CODES,
    read_amount,
    read_sent,
    read_status,
    read_wallet,
)
from .moov_soap import CONTENT_TYPE, KEY_LENGTH, PATH, Fields, envelope, make_token

LIVE_URL: Final = "https://apimarchand.moov-africa.bj"  # Benin's
SANDBOX_URL: Final = "https://testapimarchand2.moov-africa.bj:2010"

CURRENCIES: Final = {"BJ": "xof", "TG": "xof"}  # by country of an account
TRANSFERS: Final = ("transferFlooz", "cashintrans")

# Not documented; we assume that a USSD prompt shows no more.
_LONGEST_MESSAGE: Final = 160


@dataclass(frozen=True, slots=True)
class MoovAccount:
    """What Moov hands out with a merchant's contract. Raises ValueError for what it never is."""

    country: str  # ISO 3166-1 alpha-2: "BJ", "TG"
    msisdn: str  # of the merchant's own account, E.164: its balance is asked for by it
    user: str
    password: str = field(repr=False)
    encryption_key: str = field(repr=False)  # 32 characters
    # Which call the contract allows for sending money: "transferFlooz" reaches accounts that Moov
    # has authorised, "cashintrans" is an agent's deposit to any subscriber.
    transfers: str = TRANSFERS[0]
    base_url: str = LIVE_URL

    def __post_init__(self) -> None:
        if self.country not in CURRENCIES:
            raise ValueError(f"country: one of {', '.join(CURRENCIES)}.")
        if len(self.encryption_key.encode()) != KEY_LENGTH:
            raise ValueError(f"encryption_key: {KEY_LENGTH} characters, as Moov issued it.")
        if self.transfers not in TRANSFERS:
            raise ValueError(f"transfers: one of {', '.join(TRANSFERS)}.")


def moov_capabilities(country: str | None) -> Capabilities:
    """What an account of a country takes; with None, what all of them take. Limits follow the
    wallet's class and are not published."""
    countries = [known for known in CURRENCIES if country in (None, known)]
    return Capabilities(
        methods=frozenset({"mobile_money"}),
        flow=Flow.PUSH,
        currencies=frozenset(CURRENCIES[known] for known in countries),
        networks=frozenset({"moov"}),
        countries=frozenset(countries),
        one_open_charge_per_payer=True,
    )


# --- Requests -------------------------------------------------------------------------------------


def build_call(account: MoovAccount, operation: str, fields: Fields) -> httpx.Request:
    """POST /com.tlc.merchant.api/UssdPush."""
    token = make_token(account.user, account.password, account.encryption_key)
    return httpx.Request(
        "POST",
        f"{account.base_url.rstrip('/')}{PATH}",
        headers={"Content-Type": CONTENT_TYPE},
        content=envelope(operation, {"token": token, **fields}),
    )


def build_push(account: MoovAccount, charge: Charge) -> httpx.Request:
    """PushWithPending, which answers at once; Push would hold the connection for the payer's minute
    and lose its answer with it."""
    amount = to_decimal_string(charge.amount, charge.currency)
    default = f"Paiement de {amount} FCFA" if charge.language == "fr" else f"Pay {amount} FCFA"
    fields = {
        "msisdn": charge.payer.removeprefix("+"),
        "message": (charge.description or default)[:_LONGEST_MESSAGE],
        "amount": amount,
        "externaldata1": charge.reference,
        "externaldata2": charge.external_id,
        "fee": "0",
    }
    return build_call(account, "PushWithPending", fields)


def build_status(account: MoovAccount, reference: str) -> httpx.Request:
    """getTransactionStatus; `reference` is ours."""
    return build_call(account, "getTransactionStatus", {"request": {"transid": reference}})


def build_transfer(
    account: MoovAccount, reference: str, recipient: str, amount: int, note: str
) -> httpx.Request:
    """transferFlooz from the main wallet ("0"), or cashintrans; `recipient` is E.164, `amount` in
    minor units."""
    destination = recipient.removeprefix("+")
    written = to_decimal_string(amount, CURRENCIES[account.country])
    if account.transfers == "cashintrans":
        fields = {
            "amount": written,
            "destination": destination,
            "referenceid": reference,
            "remarks": note,
        }
    else:
        fields = {
            "destination": destination,
            "amount": written,
            "referenceid": reference,
            "walletid": "0",
            "extendeddata": note,
        }
    return build_call(account, account.transfers, {"request": fields})


def build_about(account: MoovAccount, operation: str, msisdn: str) -> httpx.Request:
    """getBalance or getMobileAccountStatus of an E.164 number."""
    return build_call(account, operation, {"request": {"msisdn": msisdn.removeprefix("+")}})


# --- The adapter ----------------------------------------------------------------------------------


class Moov:
    """An account at Moov: `Provider`, `Payouts`, `Refunds`, `Balances`, `WalletChecks` and
    `CredentialChecks` of the boundary.

    A refund is a transfer to the payer; Moov does not tie it to the charge. `client` decides
    time-outs (20 s to read suit the platform's core).
    """

    name = "moov"

    def __init__(self, account: MoovAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What this account's country takes."""
        return moov_capabilities(self._account.country)

    async def charge(self, charge: Charge) -> Answer:
        """Ask the payer to confirm; PENDING when the prompt is on its way.

        Moov cannot hold an amount, and is told no currency: a charge to be captured later, or in
        another currency than the account's, is NOT_SENT.
        """
        if not charge.capture:
            return impossible("Moov has no manual capture.")
        return await self._send_once(
            charge.reference,
            charge.currency,
            lambda: build_push(self._account, charge),
            COLLECTION_CODES,
        )

    async def look_up(self, charge: Charge) -> Answer:
        """Ask for the push's status; whatever prevents reading it is UNKNOWN, not NOT_SENT."""
        return await self._ask(charge.reference, COLLECTION_CODES)

    def read_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the boundary's signature
        body: bytes,  # noqa: ARG002
    ) -> NoReturn:
        """Raises ForgedCallback: this API has no callbacks."""
        raise ForgedCallback("Moov's merchant API sends no callbacks.")

    async def check_credentials(self) -> Answer:
        """Ask for our own balance, which needs the key, the user and the number to be right."""
        reply = await self._about("getBalance", self._account.msisdn)
        if isinstance(reply, Answer):
            return Answer(Verdict.UNKNOWN, evidence=reply.evidence)
        # The reply is not evidence: it would show the balance.
        evidence = {"http_status": reply.status_code}
        if read_amount(reply) is not None:
            return Answer(Verdict.SUCCEEDED, evidence=evidence)
        refused = read_sent(reply, "", {}).decline_code is DeclineCode.CONFIGURATION
        if refused:
            return Answer(Verdict.DECLINED, None, DeclineCode.CONFIGURATION, evidence=evidence)
        return Answer(Verdict.UNKNOWN, evidence=evidence)

    async def wallet(self, msisdn: str) -> Wallet | None:
        """Whether this E.164 number has a wallet, and whose; None when Moov did not say."""
        reply = await self._about("getMobileAccountStatus", msisdn)
        return None if isinstance(reply, Answer) else read_wallet(reply)

    async def balance(self) -> Balance | None:
        """What our account holds; None when Moov did not say."""
        reply = await self._about("getBalance", self._account.msisdn)
        written = None if isinstance(reply, Answer) else read_amount(reply)
        currency = CURRENCIES[self._account.country]
        try:
            return (
                None
                if written is None
                else Balance(from_decimal_string(written, currency), currency)
            )
        except ValueError:
            return None

    async def pay_out(self, payout: Payout) -> Answer:
        """Send money to a wallet; as a rule the answer is final."""
        note = payout.description or payout.external_id
        return await self._transfer(
            payout.reference, payout.recipient, payout.amount, payout.currency, note
        )

    async def look_up_payout(self, payout: Payout) -> Answer:
        """Ask for the transfer's status; never NOT_SENT, see the page's head."""
        return await self._ask_about_transfer(payout.reference)

    async def refund(self, refund: Refund) -> Answer:
        """Send a charge's money back to its payer, in whole or in part."""
        charge = refund.charge
        return await self._transfer(
            refund.reference, charge.payer, refund.amount, charge.currency, refund.external_id
        )

    async def look_up_refund(self, refund: Refund) -> Answer:
        """Ask for the transfer's status; never NOT_SENT, see the page's head."""
        return await self._ask_about_transfer(refund.reference)

    async def _transfer(
        self, reference: str, recipient: str, amount: int, currency: str, note: str
    ) -> Answer:
        return await self._send_once(
            reference,
            currency,
            lambda: build_transfer(self._account, reference, recipient, amount, note),
            TRANSFER_CODES,
        )

    async def _send_once(
        self,
        reference: str,
        currency: str,
        build: Callable[[], httpx.Request],
        codes: Mapping[str, DeclineCode],
    ) -> Answer:
        """Send a call that moves money, unless Moov knows its reference already."""
        if currency != CURRENCIES[self._account.country]:
            return impossible(
                f"A Moov account of {self._account.country} has no {currency.upper()}."
            )
        before = await exchange(self._client, build_status(self._account, reference))
        if isinstance(before, Answer):
            return before
        known = read_status(before, reference, codes)
        if known.verdict is Verdict.UNKNOWN:
            return read_sent(before, reference, codes)  # what refuses the question refuses the call
        if known.verdict is not Verdict.NOT_SENT:
            return known
        reply = await exchange(self._client, build())
        return reply if isinstance(reply, Answer) else read_sent(reply, reference, codes)

    async def _ask(self, reference: str, codes: Mapping[str, DeclineCode]) -> Answer:
        reply = asked(await exchange(self._client, build_status(self._account, reference)))
        return reply if isinstance(reply, Answer) else read_status(reply, reference, codes)

    async def _ask_about_transfer(self, reference: str) -> Answer:
        answer = await self._ask(reference, TRANSFER_CODES)
        if answer.verdict is Verdict.NOT_SENT:
            return Answer(Verdict.UNKNOWN, evidence=answer.evidence)
        return answer

    async def _about(self, operation: str, msisdn: str) -> httpx.Response | Answer:
        return await exchange(self._client, build_about(self._account, operation, msisdn))


def connect_moov(account: MoovAccount, client: httpx.AsyncClient) -> tuple[Moov, None]:
    """The adapter; one account does everything."""
    return Moov(account, client), None
