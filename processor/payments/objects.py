"""Rows of intents and charges, and the objects the API shows."""

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec
from msgspec import Struct

from processor.errors import InvalidRequest, PermissionDenied
from processor.operations import Object
from processor.parameters import BillingDetails, Shipping
from processor.payment_methods import objects as payment_methods
from processor.payment_methods.objects import PaymentMethod
from processor.payments.states import OPEN, ChargeState, IntentStatus
from processor.routing.decision import Considered
from processor.rows import Row
from tenants import tables
from tenants.keys import Caller

if TYPE_CHECKING:
    from processor.engine import Processor


# A charge made directly has an intent too, so that one engine moves all money. Its id begins with
# this instead of "pi"; nothing that the API shows names it.
DIRECT = "direct"


class PaymentError(Struct, omit_defaults=True):
    """Why the last attempt failed, as a payer's page shows it."""

    code: str
    message: str
    decline_code: str | None = None
    network_decline_code: str | None = None  # the provider's own word
    charge: str | None = None
    payment_method: dict[str, Any] | None = None  # as it was at that moment
    payment_method_type: str | None = None


class IntentDetails(Struct, omit_defaults=True):
    """What the engine's statements do not look at."""

    capture_method: str = "automatic"
    confirmation_method: str = "automatic"
    description: str | None = None
    receipt_email: str | None = None
    return_url: str | None = None
    setup_future_usage: str | None = None
    shipping: Shipping | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_group: str | None = None
    automatic_payment_methods: dict[str, Any] | None = None
    allowed_payment_method_types: list[str] | None = None
    excluded_payment_method_types: list[str] | None = None
    payment_method_types: list[str] = []
    payment_method_options: dict[str, dict[str, Any]] = {}
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    next_action: dict[str, Any] | None = None
    # The latest attempt is no charge yet: a card that waits for 3-D Secure.
    attempt_hidden: bool = False
    last_payment_error: PaymentError | None = None


class Intent(Row, kw_only=True):
    """A row of `payment_intents`: what a merchant wants to be paid."""

    table = tables.payment_intents

    status: IntentStatus
    amount: int
    currency: str
    amount_capturable: int = 0
    amount_received: int = 0
    customer: str | None = None
    payment_method: str | None = None
    latest_charge: str | None = None
    details: IntentDetails

    @property
    def direct(self) -> bool:
        """Whether it stands behind a charge that was made without an intent, and is not shown."""
        return self.id.startswith(f"{DIRECT}_")


def shown_intent(identifier: str) -> str | None:
    """A charge's payment intent as the API shows it: none, if it was made directly."""
    return None if identifier.startswith(f"{DIRECT}_") else identifier


class PendingStep(Struct, omit_defaults=True):
    """A capture or release that was committed and whose answer is not known yet."""

    kind: Literal["capture", "cancel"]
    reference: str  # ours: repeating the step with it can do it once only
    amount: int = 0
    reason: str | None = None  # of a cancellation
    repeated: bool = False  # sent again, so that one "not sent" proves nothing any more


class Try(Struct, frozen=True):
    """An account that an attempt could not be sent to."""

    account: str
    reference: str
    evidence: dict[str, Any]

    @property
    def reason(self) -> str:
        """Why nothing was sent there, in a word: the router's, or that nobody answered."""
        words = {"account": "disabled", "breaker": "provider_degraded", "queue": "busy"}
        return next((word for name, word in words.items() if name in self.evidence), "not_reached")


class Routing(Struct, omit_defaults=True):
    """Why an attempt went where it went."""

    considered: list[Considered]
    rule: str | None = None  # the merchant's, if one decided
    tries: list[Try] = []  # before the account that it is with now


class ChargeDetails(Struct, omit_defaults=True):
    """A snapshot of what the attempt was made with, and what came of it."""

    method_type: str
    card: payment_methods.Card | None = None
    mobile_money: payment_methods.MobileMoney | None = None
    token: str = ""  # of the means of payment, as the provider knows it
    billing_details: BillingDetails = msgspec.field(default_factory=BillingDetails)
    description: str | None = None
    receipt_email: str | None = None
    shipping: Shipping | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_group: str | None = None
    capture: bool = True
    off_session: bool = False
    language: Literal["en", "fr"] = "en"  # of the payer's sentences
    redirect_url: str | None = None
    expires_at: int | None = None  # when the payer's prompt ends, in unix seconds
    step: PendingStep | None = None
    failure: PaymentError | None = None
    balance_transaction: str | None = None  # in the ledger, once it is paid
    held: bool = False  # the amount was held before it was taken or released
    disputed: bool = False
    routing: Routing | None = None
    sent_at: int | None = None  # when it moved on to another account, in unix seconds
    # When its account, which had not seen it, was last sent it once more; that was committed first.
    # From then on it proves nothing that the first call was not sent.
    sent_again_at: int | None = None
    late: bool = False  # the provider took the money after the attempt had been given up
    fraud_details: dict[str, str] = {}
    evidence: dict[str, Any] = {}  # the provider's last words, scrubbed
    unresolved_payment: str | None = None  # where nobody could explain it, then or now
    decided_at: int | None = None  # when a person last said what became of it, in unix seconds


class Charge(Row, kw_only=True):
    """A row of `charges`: one attempt."""

    table = tables.charges

    state: ChargeState
    payment_intent: str
    amount: int
    amount_captured: int = 0
    amount_refunded: int = 0
    currency: str
    customer: str | None = None
    payment_method: str | None = None
    provider: str
    reference: str
    provider_reference: str | None = None
    details: ChargeDetails

    @property
    def sent(self) -> int:
        """When it was first on its way to the account it is with, in unix seconds."""
        return self.details.sent_at or self.created

    @property
    def last_sent(self) -> int:
        """When it was last on its way there, in unix seconds."""
        return self.details.sent_again_at or self.sent

    @property
    def wanted(self) -> bool:
        """Whether its payer may still pay: it is open, and nobody is canceling it."""
        step = self.details.step
        return self.state in OPEN and (step is None or step.kind != "cancel")

    @property
    def shown(self) -> bool:
        """Whether the API shows it: a card that waits for 3-D Secure is no charge yet, and never
        becomes one when the wait is ended by a cancellation."""
        waited = self.state == "canceled" and not self.details.held
        no_charge = waited or self.state in ("submitted", "pending")
        waits = self.details.method_type == "card" and shown_intent(self.payment_intent) is not None
        return not (waits and no_charge)


@dataclass(frozen=True, slots=True)
class Presenter:
    """Shows the rows of one tenant and mode as API objects."""

    processor: "Processor"
    schema: str
    livemode: bool
    to_payer: bool = False  # the caller has a publishable key: a browser, or anybody

    @classmethod
    def of(cls, processor: "Processor", caller: Caller) -> Self:
        """The presenter for a caller's own rows."""
        return cls(processor, caller.schema, caller.livemode, caller.kind == "publishable")

    def answer(self, intent: Intent) -> Object:
        """The payment intent as this caller may see it: the merchant's notes are not a payer's."""
        shown = self.intent(intent)
        return shown | {"customer": None, "metadata": {}} if self.to_payer else shown

    def client_secret(self, identifier: str) -> str:
        """What a payer's browser shows to act on one payment or setup intent."""
        return self.processor.secrets.client_secret(self.schema, identifier)

    def check_client_secret(self, caller: Caller, identifier: str, given: str | None) -> None:
        """A publishable key acts on one intent only, by its client secret.

        Raises PermissionDenied without one, InvalidRequest for that of another intent.
        """
        if given is None and caller.kind != "publishable":
            return
        if given is None:
            raise PermissionDenied(
                "With a publishable key, the intent's client_secret is required.",
                param="client_secret",
            )
        if not hmac.compare_digest(self.client_secret(identifier).encode(), given.encode()):
            setup = identifier.startswith("seti_")
            noun, kind = ("SetupIntent", "setup") if setup else ("PaymentIntent", "payment")
            raise InvalidRequest(
                "The client_secret provided does not match the client_secret associated with the"
                f" {noun}.",
                code=f"{kind}_intent_invalid_parameter",
                param="client_secret",
            )

    def intent(self, intent: Intent) -> Object:
        """The payment intent object."""
        details = intent.details
        return {
            "id": intent.id,
            "object": "payment_intent",
            "allowed_payment_method_types": details.allowed_payment_method_types,
            "amount": intent.amount,
            "amount_capturable": intent.amount_capturable,
            "amount_details": {"tip": {}},
            "amount_received": intent.amount_received,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": details.automatic_payment_methods,
            "canceled_at": details.canceled_at,
            "cancellation_reason": details.cancellation_reason,
            "capture_method": details.capture_method,
            "client_secret": self.client_secret(intent.id),
            "confirmation_method": details.confirmation_method,
            "created": intent.created,
            "currency": intent.currency,
            "customer": intent.customer,
            "customer_account": None,
            "description": details.description,
            "excluded_payment_method_types": details.excluded_payment_method_types,
            "last_payment_error": error_object(details.last_payment_error),
            "latest_charge": None if details.attempt_hidden else intent.latest_charge,
            "livemode": self.livemode,
            "managed_payments": None,
            "metadata": intent.metadata,
            "next_action": details.next_action,
            "on_behalf_of": None,
            "payment_method": intent.payment_method,
            "payment_method_configuration_details": None,
            "payment_method_options": _options(details),
            "payment_method_types": details.payment_method_types,
            "payment_record": None,
            "processing": None,
            "receipt_email": details.receipt_email,
            "review": None,
            "setup_future_usage": details.setup_future_usage,
            "shipping": msgspec.to_builtins(details.shipping),
            "source": None,
            "statement_descriptor": details.statement_descriptor,
            "statement_descriptor_suffix": details.statement_descriptor_suffix,
            "status": intent.status,
            "transfer_data": None,
            "transfer_group": details.transfer_group,
        }

    def charge(self, charge: Charge) -> Object:
        """The charge object."""
        details = charge.details
        succeeded = charge.state in ("succeeded", "authorized", "canceled")
        failure = details.failure if charge.state == "failed" else None
        shown = {
            "id": charge.id,
            "object": "charge",
            "amount": charge.amount,
            "amount_captured": charge.amount_captured,
            "amount_refunded": charge.amount_refunded,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": details.balance_transaction,
            "billing_details": payment_methods.billing_details(details.billing_details),
            "calculated_statement_descriptor": details.statement_descriptor,
            "captured": charge.state == "succeeded",
            "created": charge.created,
            "currency": charge.currency,
            "customer": charge.customer,
            "description": details.description,
            "disputed": details.disputed,
            "failure_balance_transaction": None,
            "failure_code": failure.code if failure else None,
            "failure_message": failure.message if failure else None,
            "fraud_details": details.fraud_details,
            "livemode": self.livemode,
            "metadata": charge.metadata,
            "on_behalf_of": None,
            "outcome": _outcome(charge),
            "paid": succeeded,
            "payment_intent": shown_intent(charge.payment_intent),
            "payment_method": charge.payment_method,
            "payment_method_details": _method_details(charge),
            "receipt_email": details.receipt_email,
            "receipt_number": None,
            "receipt_url": self.receipt_url(charge) if charge.state == "succeeded" else None,
            "refunded": charge.state == "canceled"
            or 0 < charge.amount_captured == charge.amount_refunded,
            "review": None,
            "routing": None if self.to_payer else _routing(charge),
            "shipping": msgspec.to_builtins(details.shipping),
            "source": None,
            "source_transfer": None,
            "statement_descriptor": details.statement_descriptor,
            "statement_descriptor_suffix": details.statement_descriptor_suffix,
            "status": _status(charge),
            "transfer_data": None,
            "transfer_group": details.transfer_group,
        }
        if details.unresolved_payment is not None:
            shown["unresolved_payment"] = details.unresolved_payment
        return shown

    def redirect_state(self, reference: str) -> str:
        """What proves that a payer comes back by an address that we gave out."""
        return self.processor.secrets.redirect_state(self.schema, reference)

    def receipt_url(self, charge: Charge) -> str:
        """Where the payer's receipt is served; the token in it cannot be guessed."""
        token = self.processor.secrets.receipt_token(self.schema, charge.id)
        return f"{self.processor.public_url}/receipts/{self.schema}/{charge.id}/{token}"


def _routing(charge: Charge) -> Object | None:
    """Why an attempt is with its provider: for the merchant, whose accounts and rules it names."""
    routing = charge.details.routing
    if routing is None:
        return None
    return {
        "account": charge.provider,
        "considered": msgspec.to_builtins(routing.considered),
        "rule": routing.rule,
        "tries": [{"account": tried.account, "reason": tried.reason} for tried in routing.tries],
    }


def _status(charge: Charge) -> str:
    if charge.state in ("succeeded", "authorized", "canceled"):
        return "succeeded"
    return "failed" if charge.state == "failed" else "pending"


# What Stripe always shows of the options of a type.
_USUAL_OPTIONS: dict[str, Object] = {
    "card": {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    },
    "paypal": {"preferred_locale": None, "reference": None},
}


def _options(details: IntentDetails) -> Object:
    return {
        name: _USUAL_OPTIONS.get(name, {}) | details.payment_method_options.get(name, {})
        for name in details.payment_method_types
    }


def error_object(error: PaymentError | None) -> Object | None:
    """Why an attempt failed, as an intent shows it."""
    if error is None:
        return None
    return {"type": "card_error", **msgspec.to_builtins(error)}


def _outcome(charge: Charge) -> Object | None:
    if charge.state in ("submitted", "pending", "unknown"):
        return None
    failure = charge.details.failure if charge.state == "failed" else None
    if failure is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    sent = failure.code != "payment_method_not_available"
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": failure.network_decline_code,
        "network_status": "declined_by_network" if sent else "not_sent_to_network",
        "reason": failure.decline_code or failure.code,
        "risk_level": "normal",
        "seller_message": failure.message,
        "type": "issuer_declined" if sent else "invalid",
    }


def _method_details(charge: Charge) -> Object:
    details = charge.details
    if details.mobile_money is not None:
        return {
            "type": "mobile_money",
            "mobile_money": {
                "country": details.mobile_money.country,
                "fingerprint": payment_methods.fingerprint(details.token),
                "last4": details.token[-4:],
                "mandate": _mandate(charge),
                "network": details.mobile_money.network,
                "transaction_id": charge.provider_reference,
            },
        }
    if details.card is None:
        return {"type": details.method_type, details.method_type: _hosted(charge)}
    card = details.card
    return {
        "type": "card",
        "card": {
            "amount_authorized": charge.amount if charge.state != "failed" else None,
            "authorization_code": None,
            "brand": card.brand,
            "checks": payment_methods.card_checks(),
            "country": card.country,
            "electronic_commerce_indicator": None,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "fingerprint": payment_methods.card_fingerprint(card, details.token),
            "funding": card.funding,
            "installments": None,
            "last4": card.last4,
            "mandate": None,
            "network": card.brand,
            "network_transaction_id": None,
            "regulated_status": "unregulated",
            "three_d_secure": None,
            "transaction_link_id": None,
            "wallet": None,
        },
    }


def _mandate(charge: Charge) -> str | None:
    """The mandate that a charge was made under: the payer's, where nobody was there, and through
    the account that keeps it."""
    wallet = charge.details.mobile_money
    mandated = wallet.mandated if wallet else None
    if mandated is None or not charge.details.off_session or mandated.account != charge.provider:
        return None
    return mandated.mandate


def _hosted(charge: Charge) -> Object:
    """What is known of a payment that was made on a provider's page."""
    if charge.details.method_type != "paypal":
        return {"transaction_id": charge.provider_reference}
    unknown = ("country", "payer_email", "payer_id", "payer_name", "seller_protection", "shipping")
    return dict.fromkeys(unknown) | {"transaction_id": charge.provider_reference}


def snapshot(method: PaymentMethod) -> dict[str, Any]:
    """The parts of a payment method that a charge keeps."""
    return {
        "method_type": method.type,
        "card": method.details.card,
        "mobile_money": method.details.mobile_money,
        "token": method.token,
        "billing_details": method.details.billing_details,
    }
