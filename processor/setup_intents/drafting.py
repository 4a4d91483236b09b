"""From parameters to a setup intent and to an attempt: defaults, checks and the payment method."""

import time
import uuid
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
from msgspec import UNSET

from processor.errors import InvalidRequest, missing
from processor.mandates.objects import Acceptance, Online, SingleUse
from processor.money import check_amount, currency_named
from processor.operations import Item, Request
from processor.parameters import Parameters
from processor.payment_methods.objects import PaymentMethod
from processor.payment_methods.store import Chosen
from processor.payments import drafting as payments
from processor.payments import return_urls
from processor.payments.drafting import References
from processor.payments.objects import Presenter
from processor.routing.accounts import Account
from processor.routing.router import Router
from processor.setup_intents.objects import (
    AttemptDetails,
    SetupAttempt,
    SetupDetails,
    SetupIntent,
    for_caller,
)
from processor.setup_intents.parameters import Confirm, Create, MandateData, SetupFields, Update
from processor.setup_intents.states import ALLOWED
from tenants.ids import new_id
from tenants.keys import Caller

P = TypeVar("P", bound=Parameters)


@dataclass(slots=True)
class Draft(Generic[P]):
    """One item on its way: its setup intent, what is set up, and the attempt if there is one."""

    item: Item[P]
    intent: SetupIntent
    method: PaymentMethod | None = None
    chosen: Chosen | None = None  # by this very call
    attempt: SetupAttempt | None = None


def new_intent(parameters: Create) -> SetupIntent:
    """A new setup intent with all that does not need the database. Raises InvalidRequest."""
    automatic = parameters.automatic_payment_methods
    if automatic is not None and automatic.enabled and parameters.payment_method_types is not UNSET:
        raise InvalidRequest(
            "You may only specify one of these parameters: automatic_payment_methods,"
            " payment_method_types."
        )
    details = SetupDetails(usage=parameters.usage, payment_method_types=list(payments.SAVED_TYPES))
    if automatic is not None:
        details.automatic_payment_methods = {
            "enabled": automatic.enabled,
            "allow_redirects": automatic.allow_redirects,
        }
    if parameters.single_use is not None:
        currency = currency_named(parameters.single_use.currency, "single_use[currency]")
        check_amount(parameters.single_use.amount, currency)
        details.single_use = SingleUse(parameters.single_use.amount, currency.code)
    intent = SetupIntent(
        id=new_id("seti"),
        created=int(time.time()),
        status="requires_payment_method",
        metadata=parameters.metadata or {},
        details=details,
    )
    apply_fields(intent, parameters)
    apply_consent(intent, parameters)
    return intent


def apply_fields(intent: SetupIntent, parameters: SetupFields | Confirm) -> None:
    """Write the given members into the setup intent. Raises InvalidRequest."""
    details = intent.details
    description = getattr(parameters, "description", UNSET)
    if description is not UNSET:
        details.description = description
    if parameters.payment_method_options is not UNSET:
        given = msgspec.to_builtins(parameters.payment_method_options) or {}
        details.payment_method_options = {k: v for k, v in given.items() if v is not None}
    payments.apply_types(details, parameters)


def apply_consent(intent: SetupIntent, parameters: Create | Confirm) -> None:
    """Where the payer comes back to, and what the mandate will say. Raises InvalidRequest."""
    if parameters.return_url is not None:
        return_urls.check(parameters.return_url)
        intent.details.return_url = parameters.return_url
    if parameters.mandate_data is not None:
        intent.details.acceptance = _acceptance(parameters.mandate_data)


def _acceptance(data: MandateData) -> Acceptance:
    given = data.customer_acceptance
    online = None
    if given.type == "online":
        where = given.online
        online = Online(where.ip_address, where.user_agent) if where else Online()
    return Acceptance(given.type, given.accepted_at, online)


def apply_references(
    caller: Caller, draft: Draft[P], parameters: Create | Update | Confirm, known: References
) -> None:
    """Set the customer and the payment method that the parameters name. Raises APIError."""
    intent = draft.intent
    customer = UNSET if isinstance(parameters, Confirm) else parameters.customer
    if customer is not UNSET:
        if customer not in known.customers:
            raise missing("customer", customer, "customer")
        intent.customer = customer
    draft.chosen = payments.chosen(caller, parameters, known)
    if draft.chosen is not None:
        intent.payment_method = draft.chosen.method.id
        draft.method = draft.chosen.method
    elif parameters.payment_method is None:
        intent.payment_method = None
    elif intent.payment_method is not None:
        draft.method = known.methods[intent.payment_method]
    if draft.method is not None:
        _check_method(intent, draft.method)


def _check_method(intent: SetupIntent, method: PaymentMethod) -> None:
    payments.check_owner(method, intent.customer, "SetupIntent")
    if method.type not in intent.details.payment_method_types:
        raise InvalidRequest(
            f"The PaymentMethod provided ({method.type}) is not allowed for this SetupIntent."
            f" Its types are: {', '.join(intent.details.payment_method_types)}.",
            param="payment_method",
        )


def begin(router: Router, presenter: Presenter, draft: Draft[P], request: Request) -> None:
    """Start an attempt, not yet stored, and the state of its intent while it is open.

    Raises InvalidRequest without a payment method, or for a card that nobody can check.
    """
    intent, method = draft.intent, draft.method
    if method is None:
        raise unexpected(
            presenter,
            intent,
            "You cannot confirm this SetupIntent because it's missing a payment method. You can"
            " either update the SetupIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method.",
        )
    account = _checker(router, presenter.schema, intent, method)
    if account is None and method.type != "mobile_money":
        raise InvalidRequest(
            f"No provider of this account can set up {method.type} for later payments.",
            code="payment_method_not_available",
            param="payment_method",
        )
    draft.attempt = SetupAttempt(
        id=new_id("setatt"),
        created=int(time.time()),
        state="submitted",
        setup_intent=intent.id,
        customer=intent.customer,
        payment_method=method.id,
        provider=account.name if account else None,
        reference=str(uuid.uuid4()),
        details=AttemptDetails(
            method_type=method.type,
            card=method.details.card,
            mobile_money=method.details.mobile_money,
            token=method.token,
            usage=intent.details.usage,
            language=request.language,
        ),
    )
    intent.status = "processing"
    intent.latest_attempt = draft.attempt.id
    intent.details.next_action = None
    intent.details.last_setup_error = None


def _checker(
    router: Router, schema: str, intent: SetupIntent, method: PaymentMethod
) -> Account | None:
    """Who checks a card, or keeps a wallet owner's approval of charges while nobody is there."""
    wallet = method.details.mobile_money
    if wallet is None:
        return router.verifier(schema, method=method.type)
    if intent.details.usage == "on_session":
        return None
    return router.approver(schema, network=wallet.network, country=wallet.country)


def check_status(presenter: Presenter, intent: SetupIntent, action: str) -> None:
    """Refuse what the setup intent's status does not allow. Raises InvalidRequest."""
    if intent.status in ALLOWED[action]:
        return
    raise unexpected(
        presenter,
        intent,
        f"You cannot {action} this SetupIntent because it has a status of {intent.status}. Only a"
        " SetupIntent with one of the following statuses may be used:"
        f" {', '.join(sorted(ALLOWED[action]))}.",
    )


def unexpected(presenter: Presenter, intent: SetupIntent, message: str) -> InvalidRequest:
    """The refusal of what cannot be done to a setup intent now."""
    return InvalidRequest(
        message, code="setup_intent_unexpected_state", setup_intent=for_caller(presenter, intent)
    )
