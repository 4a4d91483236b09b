"""What the engine and a payment provider say to each other.

An adapter is built from credentials and an HTTP client. Every call is two pure functions
(`build_...` makes the request, `read_...` turns the reply into an `Answer`) and one thin async
method that joins them. An adapter never raises for what a provider did: each outcome, a broken
connection included, is one of five verdicts, and whatever is not said aloud is PENDING or UNKNOWN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class Verdict(StrEnum):
    """What a provider's answer means for the money."""

    SUCCEEDED = "succeeded"  # the provider says the money moved (or is held, for a manual capture)
    DECLINED = "declined"  # the provider says it did not move, and never will
    PENDING = "pending"  # accepted; the payer has yet to confirm, or the rail to settle
    NOT_SENT = "not_sent"  # it never reached the provider: safe to send elsewhere
    UNKNOWN = "unknown"  # it may have reached it: never resend, only look up


class DeclineCode(StrEnum):
    """Our closed list of reasons; each adapter maps its provider's words onto it.

    The raw reason stays in `Answer.evidence`, because providers disagree about their own words.
    """

    INSUFFICIENT_FUNDS = "insufficient_funds"
    PAYER_NOT_FOUND = "payer_not_found"  # no such wallet, or the wallet is closed
    PAYER_DECLINED = "payer_declined"  # the payer refused or cancelled the prompt
    EXPIRED = "expired"  # the payer never answered
    OPEN_PROMPT = "open_prompt"  # the payer has another payment to confirm first
    REPEATED = "repeated"  # the payer has just been asked for the same amount
    LIMIT_EXCEEDED = "limit_exceeded"
    GENERIC_DECLINE = "generic_decline"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    INCORRECT_NUMBER = "incorrect_number"
    LOST_CARD = "lost_card"
    STOLEN_CARD = "stolen_card"
    CARD_VELOCITY_EXCEEDED = "card_velocity_exceeded"
    DO_NOT_HONOR = "do_not_honor"
    FRAUDULENT = "fraudulent"
    AUTHENTICATION_REQUIRED = (
        "authentication_required"  # off session, and the bank wants 3-D Secure
    )
    AUTHENTICATION_FAILED = "authentication_failed"  # the payer failed 3-D Secure
    FLOAT_INSUFFICIENT = "float_insufficient"  # our own account there can't pay a refund or payout
    PROCESSING_ERROR = "processing_error"  # the card network's own failure, said aloud
    PROVIDER_ERROR = "provider_error"  # the provider said FAILED for a reason of its own
    CONFIGURATION = "configuration"  # our credentials, environment or currency are wrong


class Flow(StrEnum):
    """What a payer has to do after an attempt was accepted."""

    DIRECT = "direct"  # nothing, as a rule: the answer is final
    PUSH = "push"  # confirm on the phone
    REDIRECT = "redirect"  # go to a page


@dataclass(frozen=True, slots=True)
class AmountRange:
    """What one payment may amount to, in minor units. `step`: amounts are multiples of it."""

    least: int = 1
    most: int | None = None
    step: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an account at a provider can take, as data: routing and `GET /v1/providers` read it.

    What a protocol of this page says by its methods (captures, refunds, payouts...) is not said
    again. An empty set of networks or countries means any.
    """

    methods: frozenset[str]  # payment method types: "mobile_money", "card", "hosted_card", "paypal"
    flow: Flow
    currencies: frozenset[str]  # ISO 4217, lower case
    networks: frozenset[str] = frozenset()  # of wallets: "mtn", "orange", "moov", "tmoney"
    countries: frozenset[str] = frozenset()  # of wallets, ISO 3166-1 alpha-2
    amounts: Mapping[str, AmountRange] = field(default_factory=dict)  # by currency, where published
    # How long a payer is waited for on a page of the provider's; None: it says itself when it is
    # over.
    page_seconds: int | None = None
    # For so many seconds after a charge was sent a look-up may miss it: "never seen" is no news.
    look_up_lag: int = 0
    signed_callbacks: bool = False
    one_open_charge_per_payer: bool = False  # a second prompt would replace the first
    # For so many seconds another open charge of the same wallet and amount is refused as a repeat.
    repeat_pause: int = 0


@dataclass(frozen=True, slots=True)
class Billing:
    """What a hosted page wants to know of its payer; every field may be empty."""

    name: str = ""
    email: str = ""
    phone: str = ""  # E.164
    line1: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""  # ISO 3166-1 alpha-2


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt to take money from a payer."""

    reference: str  # ours, a UUID version 4 in canonical form, stored before the first byte is sent
    amount: int  # minor units: 500 XAF is 500, 5.00 EUR is 500
    currency: str  # ISO 4217, lower case
    # An MSISDN in E.164 ("+237670000000"), or the provider's token of a card. Empty where the
    # provider's own page asks for it.
    payer: str
    callback_url: str | None = None  # where the provider may knock; holds the reference
    description: str = ""
    external_id: str = ""  # our charge id, echoed by providers that allow it
    capture: bool = True  # False: hold the amount, take it with `Captures.capture`
    return_url: str | None = None  # where a redirected payer comes back to
    # Where one comes back to who has given the payment up on the provider's page, if that differs.
    cancel_url: str | None = None
    off_session: bool = False  # the payer is not there: nobody can answer a 3-D Secure challenge
    provider_reference: str | None = None  # the provider's id of this attempt, once it is known
    form_url: str | None = None  # ours: the page that posts a `Forms` provider's form
    network: str | None = None  # of the payer's wallet: "mtn", "orange", "moov", "tmoney"
    language: str = "en"  # of pages and prompts: "en" or "fr"
    billing: Billing = Billing()
    # False: it was given up. A look-up tells what became of it, and takes nothing any more.
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said about an attempt."""

    verdict: Verdict
    provider_reference: str | None = None
    decline_code: DeclineCode | None = None
    redirect_url: str | None = None  # where the payer must go next, if anywhere
    evidence: Mapping[str, Any] = field(default_factory=dict)  # the reply, scrubbed of secrets
    token: str | None = None  # of a verified card: what to charge from now on
    asked: bool = True  # False: the adapter saw by itself that it could not; nobody was called
    # Of a PENDING on a page: its payer has agreed to nothing yet, so that it may be given up when
    # the page's time is over.
    untouched: bool = False


def impossible(why: str) -> Answer:
    """What an adapter answers to what its rail cannot do. Nobody was asked, so it says nothing of
    the provider's health."""
    return Answer(Verdict.NOT_SENT, evidence={"error": why}, asked=False)


class ForgedCallback(Exception):
    """A callback whose signature or shape cannot come from the provider."""


class Provider(Protocol):
    """The three calls every provider has."""

    name: str

    @property
    def capabilities(self) -> Capabilities:
        """What this account can take."""

    async def charge(self, charge: Charge) -> Answer:
        """Send the attempt, once. Sending the same reference again must never move money twice."""

    async def look_up(self, charge: Charge) -> Answer:
        """Ask what became of the attempt. NOT_SENT means that the provider has never seen it.

        Where a provider leaves the last step to us once the payer has agreed, a look-up takes it,
        unless the attempt is no longer `wanted`.
        """

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Check a callback's form (and signature, where there is one).

        Returns our reference if the body holds it, else None: the path of the callback URL does.
        Raises ForgedCallback. A callback is only a knock; nothing it says is ever believed.
        """


@runtime_checkable
class Preparations(Protocol):
    """Providers that hand out the id of an attempt in a call of its own, before money can move.

    The engine commits that id before it calls `charge`, which then finds it in
    `provider_reference`.
    """

    async def prepare(self, charge: Charge) -> Answer:
        """PENDING with the `provider_reference` to charge with; any other verdict is the attempt's.

        Asked again with an id from before, it says whether that one still serves, or brings a new
        one when the old one has expired unused.
        """


@dataclass(frozen=True, slots=True)
class Form:
    """A page that the payer's browser has to post to the provider by itself."""

    url: str
    fields: Mapping[str, str]


@runtime_checkable
class Forms(Protocol):
    """Providers whose page is opened by a form from the payer's browser.

    Their `charge` sends nothing: it is PENDING with `charge.form_url` as its redirect_url.
    """

    def form(self, charge: Charge) -> Form:
        """The form of an attempt; equal for equal charges, so that a reload changes nothing."""


@runtime_checkable
class CallbackReplies(Protocol):
    """Providers that act on the words a callback is answered with."""

    def reply(self, charge: Charge | None, headers: Mapping[str, str], body: bytes) -> str:
        """The plain text to answer with. `charge` is the attempt the callback is about, None if
        nobody knows it or it is not to be taken any more. Nothing may be answered that could not
        be undone, or found out by `look_up`, if we died right after it."""


@runtime_checkable
class CredentialChecks(Protocol):
    """Providers that can be asked something harmless to see whether credentials are right."""

    async def check_credentials(self) -> Answer:
        """SUCCEEDED; DECLINED with CONFIGURATION when the provider refuses them; else UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a provider says of a wallet."""

    active: bool
    holder: str | None = None  # the holder's name, where the rail tells


@runtime_checkable
class WalletChecks(Protocol):
    """Providers that can say whether a wallet exists before money is asked of it or sent to it."""

    async def wallet(self, msisdn: str) -> Wallet | None:
        """The wallet of an E.164 number; None when the provider does not say."""


@runtime_checkable
class Captures(Protocol):
    """Providers that can hold an amount first and take or release it later."""

    async def capture(self, charge: Charge, reference: str, amount: int) -> Answer:
        """Take `amount` (minor units, at most the held amount); the rest is released."""

    async def cancel(self, charge: Charge, reference: str) -> Answer:
        """Release the held amount, or withdraw an attempt the payer has not confirmed."""


@dataclass(frozen=True, slots=True)
class Refund:
    """One attempt to give money of a charge back to its payer."""

    reference: str  # ours, a UUID version 4, stored before the first byte is sent
    amount: int  # minor units, at most what is left of the charge
    charge: Charge  # the original, with its provider_reference
    callback_url: str | None = None
    external_id: str = ""  # our refund id
    provider_reference: str | None = None  # the provider's id of this refund, once it is known


@runtime_checkable
class Refunds(Protocol):
    """Providers that can give money back by their own means. Having the methods is the opt-in."""

    async def refund(self, refund: Refund) -> Answer:
        """Send the refund, once. The same reference again must never move money twice."""

    async def look_up_refund(self, refund: Refund) -> Answer:
        """Ask what became of it. NOT_SENT means that the provider has never seen it."""


@dataclass(frozen=True, slots=True)
class Verification:
    """One check that a card is real and its holder agrees to later charges. No money moves."""

    reference: str  # ours, a UUID version 4, stored before the first byte is sent
    payer: str  # the provider's token of a card
    off_session: bool  # whether the later charges come while the payer is not there
    callback_url: str | None = None
    return_url: str | None = None  # where a redirected payer comes back to
    external_id: str = ""  # our id of this attempt
    provider_reference: str | None = None  # the provider's id of this attempt, once it is known


@runtime_checkable
class Verifications(Protocol):
    """Providers that can check a card without charging it."""

    async def verify(self, verification: Verification) -> Answer:
        """Check the card, or ask what came of it: as no money moves, to ask is to send the same
        reference again. SUCCEEDED may bring a new `token`."""


@dataclass(frozen=True, slots=True)
class PreApproval:
    """One question to a wallet's owner: may later charges come? No money moves."""

    reference: str  # ours, a UUID version 4, stored before the first byte is sent
    payer: str  # an MSISDN in E.164
    currency: str  # of the later charges, ISO 4217, lower case
    seconds: int  # how long the approval is to hold
    callback_url: str | None = None
    description: str = ""  # what the owner reads


@runtime_checkable
class PreApprovals(Protocol):
    """Providers who keep a wallet owner's approval of later charges.

    An approval is the owner's word, and kept with the provider. What it spares the owner when a
    charge comes is the provider's to decide: `charge` is sent as ever, and may be PENDING as ever.
    """

    async def ask_approval(self, approval: PreApproval) -> Answer:
        """Ask the owner; PENDING when the question is on its way. The same reference again is the
        same question."""

    async def look_up_approval(self, approval: PreApproval) -> Answer:
        """What the owner said: SUCCEEDED or DECLINED. NOT_SENT: the provider has never seen it."""

    async def approval_stands(self, approval: PreApproval) -> Answer:
        """Whether one that was given still holds: SUCCEEDED, or DECLINED once it has ended."""

    async def cancel_approval(self, approval: PreApproval) -> Answer:
        """Take it back, or the question. SUCCEEDED; NOT_SENT when there is none."""


@dataclass(frozen=True, slots=True)
class Payout:
    """One attempt to send money to a wallet."""

    reference: str  # ours, a UUID version 4, stored before the first byte is sent
    amount: int  # minor units
    currency: str  # ISO 4217, lower case
    recipient: str  # an MSISDN in E.164
    callback_url: str | None = None
    description: str = ""
    external_id: str = ""  # our payout id
    provider_reference: str | None = None
    network: str | None = None  # of the recipient's wallet


@runtime_checkable
class PayoutPreparations(Protocol):
    """`Preparations` of payouts."""

    async def prepare_payout(self, payout: Payout) -> Answer:
        """As `Preparations.prepare`."""


@runtime_checkable
class Payouts(Protocol):
    """Providers that can send money out."""

    async def pay_out(self, payout: Payout) -> Answer:
        """Send the payout, once. The same reference again must never move money twice."""

    async def look_up_payout(self, payout: Payout) -> Answer:
        """Ask what became of it. NOT_SENT means that the provider has never seen it."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account at a provider holds."""

    amount: int  # minor units
    currency: str  # ISO 4217, lower case


@runtime_checkable
class Balances(Protocol):
    """Providers that say what our account there holds."""

    async def balance(self) -> Balance | None:
        """The balance, or None when the provider does not answer."""
