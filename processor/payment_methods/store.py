"""Find, make, attach and detach payment methods, a set at a time where payments need it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from msgspec import Struct, UnsetType

from processor.errors import InvalidRequest, missing
from processor.events.log import Draft
from processor.mandates import store as mandates
from processor.operations import Work
from processor.parameters import BillingDetails, Id, Metadata, ShortText
from processor.payment_methods.objects import (
    HOSTED,
    Card,
    Details,
    MobileMoney,
    PaymentMethod,
    render,
)
from processor.payment_methods.test_aliases import (
    TEST_CARDS,
    TEST_HOSTED,
    TEST_PAYER,
    TEST_TOKENS,
    TEST_WALLETS,
    TestCard,
    TestWallet,
)
from processor.payment_methods.test_numbers import read_card
from processor.tokens.objects import Token, spend, usable
from providers.phone import InvalidMsisdn, network_of, parse_msisdn
from tenants.database import Connection
from tenants.ids import new_id
from tenants.keys import Caller

NETWORKS = ("mtn", "orange", "moov", "tmoney")


class CardParameters(Struct, forbid_unknown_fields=True):
    """A card, by the token that stands for it; in test mode also typed, by a test number."""

    token: Id | None = None
    number: str | int | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    cvc: str | int | None = None


class MobileMoneyParameters(Struct, forbid_unknown_fields=True):
    """A wallet. Without a network it is found from the number."""

    network: ShortText | None = None
    phone: ShortText | None = None


class HostedParameters(Struct, forbid_unknown_fields=True):
    """Nothing: the provider's page asks for what it needs."""


class PaymentMethodData(Struct, forbid_unknown_fields=True):
    """The means of payment itself, where there is no payment method to name."""

    type: ShortText
    card: CardParameters | None = None
    mobile_money: MobileMoneyParameters | None = None
    hosted_card: HostedParameters | None = None
    paypal: HostedParameters | None = None
    billing_details: BillingDetails | None = None
    allow_redisplay: ShortText | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The payment method that a call names, and what has to be written for it."""

    method: PaymentMethod
    new: bool = False  # to be inserted
    token: Token | None = None  # was used to make it: to be updated


async def write(connection: Connection, chosen: Iterable[Chosen | None]) -> None:
    """Insert the payment methods that were made, and use their tokens up."""
    made = [each for each in chosen if each is not None and each.new]
    if made:
        await PaymentMethod.insert(connection, [each.method for each in made])
    used = [each.token for each in made if each.token is not None]
    if used:
        await Token.update(connection, used)


def token_named(data: PaymentMethodData | None | UnsetType) -> str | None:
    """The id of the stored token that a new payment method is to be made from, if any."""
    if not isinstance(data, PaymentMethodData) or data.card is None:
        return None
    return None if data.card.token in TEST_TOKENS else data.card.token


def choose(
    caller: Caller,
    identifier: str | None,
    data: PaymentMethodData | UnsetType,
    methods: Mapping[str, PaymentMethod],
    tokens: Mapping[str, Token],
) -> Chosen | None:
    """Find or make the payment method of a call's `payment_method` and `payment_method_data`.

    `methods` and `tokens` hold what the call names, as far as it exists. Raises APIError.
    """
    if isinstance(data, PaymentMethodData):
        if identifier is not None:
            raise InvalidRequest(
                "You may only specify one of these parameters: payment_method, payment_method_data."
            )
        method = make(caller, data, tokens, "payment_method_data")
        return Chosen(method, new=True, token=tokens.get(token_named(data) or ""))
    if identifier is None:
        return None
    if identifier in methods:
        return Chosen(methods[identifier])
    fresh = from_alias(caller, identifier)
    if fresh is None:
        raise missing("PaymentMethod", identifier, "payment_method")
    return Chosen(fresh, new=True)


def make(
    caller: Caller, data: PaymentMethodData, tokens: Mapping[str, Token], param: str = ""
) -> PaymentMethod:
    """A new payment method, not yet stored. `param` is where `data` stood in the call.

    The token among `tokens` that it is made from is spent, in memory. Raises APIError.
    """
    if data.type == "card":
        return _make_card(caller, data, tokens, param)
    if data.type == "mobile_money":
        return _make_wallet(caller, data, param)
    if data.type in HOSTED:
        return _make_hosted(data, param)
    raise InvalidRequest(
        f"Invalid type: {data.type[:40]} must be one of card, mobile_money, {', '.join(HOSTED)}.",
        param=_inside(param, "type"),
    )


def from_alias(caller: Caller, identifier: str) -> PaymentMethod | None:
    """A fresh payment method for a test alias in test mode; None for any other id."""
    if caller.livemode:
        return None
    if card := TEST_CARDS.get(identifier):
        return _method("card", card.token, Details(card=_test_card(card)))
    if wallet := TEST_WALLETS.get(identifier):
        return _test_wallet(wallet)
    if identifier in TEST_HOSTED:
        return _method(TEST_HOSTED[identifier], "", Details(billing_details=TEST_PAYER))
    return None


async def attach(
    work: Work, identifier: str, customer: str, param: str = "payment_method"
) -> PaymentMethod:
    """Attach a payment method (or a fresh one, for an alias) to a customer. The caller has made
    sure that the customer exists. Raises InvalidRequest."""
    method = from_alias(work.caller, identifier)
    if method is not None:
        method.customer = customer
        await PaymentMethod.insert(work.connection, [method])
    else:
        method = await PaymentMethod.find(work.connection, identifier, "for update")
        if method is None:
            raise missing("PaymentMethod", identifier, param)
        if method.customer not in (None, customer):
            raise InvalidRequest(
                "The payment method you provided has already been attached to a customer.",
                code="resource_already_exists",
                param=param,
            )
        if method.customer == customer:
            return method
        method.customer = customer
        method.version += 1
        await PaymentMethod.update(work.connection, [method])
    shown = render(method, work.caller.livemode)
    work.events.append(Draft("payment_method.attached", shown, method.version, work.request))
    return method


async def attach_token(work: Work, identifier: str, customer: str) -> PaymentMethod:
    """Attach the card of a token, which is then used up, to a customer. Raises InvalidRequest."""
    stored = [] if identifier in TEST_TOKENS else [identifier]
    tokens = await usable(work.connection, stored)
    method = from_token(work.caller, identifier, tokens, "source")
    method.customer = customer
    chosen = Chosen(method, new=True, token=tokens.get(identifier))
    await write(work.connection, [chosen])
    shown = render(method, work.caller.livemode)
    work.events.append(Draft("payment_method.attached", shown, method.version, work.request))
    return method


async def detach_all(work: Work, customer: str) -> None:
    """Detach everything from a customer that is being deleted."""
    records = await work.connection.fetch(
        f"select {PaymentMethod.columns('payment_methods')} from payment_methods"
        " where customer = $1 order by id for update",
        customer,
    )
    methods = [PaymentMethod.read(record) for record in records]
    if methods:
        await detach(work, methods)


async def detach(work: Work, methods: Sequence[PaymentMethod]) -> None:
    """Take methods, whose rows are locked, from their customers, and end their mandates."""
    for method in methods:
        previous = {"customer": method.customer}
        method.customer = None
        method.version += 1
        shown = render(method, work.caller.livemode)
        work.events.append(
            Draft("payment_method.detached", shown, method.version, work.request, previous)
        )
    await PaymentMethod.update(work.connection, methods)
    await mandates.revoke(work, [method.id for method in methods])


async def check_attached(work: Work, identifier: str, customer: str, param: str) -> None:
    """Refuse a payment method that is not this customer's. Raises InvalidRequest."""
    method = await PaymentMethod.find(work.connection, identifier)
    if method is None:
        raise missing("PaymentMethod", identifier, param)
    if method.customer != customer:
        raise InvalidRequest(
            f"The customer does not have a payment method with the ID {identifier}. The payment"
            " method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )


# --- making -------------------------------------------------------------------------------------


def _method(kind: str, token: str, details: Details) -> PaymentMethod:
    return PaymentMethod(
        id=new_id("pm"), created=int(time.time()), type=kind, token=token, details=details
    )


def from_token(
    caller: Caller, identifier: str, tokens: Mapping[str, Token], param: str
) -> PaymentMethod:
    """A fresh card by its token, a test alias or one of `tokens`. Raises InvalidRequest."""
    if identifier in tokens:
        token = tokens[identifier]
        spend(token)
        details = Details(card=token.details.card, billing_details=token.details.billing_details)
        return _method("card", token.token, details)
    card = None if caller.livemode else TEST_TOKENS.get(identifier)
    if card is None:
        raise missing("token", identifier, param)
    return _method("card", card.token, Details(card=_test_card(card)))


def _make_card(
    caller: Caller, data: PaymentMethodData, tokens: Mapping[str, Token], param: str
) -> PaymentMethod:
    given = data.card
    if given is None:
        raise _missing_parameter(_inside(param, "card"))
    redisplay = _redisplay(data, param)
    if given.number is not None:
        method = _typed_card(caller, given, param)
    elif given.token is not None:
        method = from_token(caller, given.token, tokens, _inside(param, "card", "token"))
    else:
        raise _missing_parameter(_inside(param, "card", "token"))
    method.details.billing_details = data.billing_details or method.details.billing_details
    method.details.allow_redisplay = redisplay
    method.metadata = data.metadata or {}
    return method


def _typed_card(caller: Caller, given: CardParameters, param: str) -> PaymentMethod:
    assert given.number is not None
    if given.token is not None:
        raise InvalidRequest("A card is given by its token or by its number, not by both.")
    if given.exp_month is None or given.exp_year is None:
        name = "exp_month" if given.exp_month is None else "exp_year"
        raise _missing_parameter(_inside(param, "card", name))
    card, token = read_card(
        given.number, given.exp_month, given.exp_year, given.cvc, livemode=caller.livemode
    )
    return _method("card", token, Details(card=card))


def _missing_parameter(param: str) -> InvalidRequest:
    return InvalidRequest(
        f"Missing required param: {param}.", code="parameter_missing", param=param
    )


def _make_wallet(caller: Caller, data: PaymentMethodData, param: str) -> PaymentMethod:
    given = data.mobile_money or MobileMoneyParameters()
    billing = data.billing_details or BillingDetails()
    where = (
        _inside(param, "mobile_money", "phone")
        if given.phone
        else _inside(param, "billing_details", "phone")
    )
    text = given.phone or billing.phone
    if not text:
        raise InvalidRequest(
            f"Missing required param: {where}. A mobile money payment needs the payer's number.",
            code="parameter_missing",
            param=where,
        )
    try:
        msisdn = parse_msisdn(text, caller.country, sandbox=not caller.livemode)
    except InvalidMsisdn as error:
        raise InvalidRequest(str(error), code="phone_number_invalid", param=where) from None
    if given.network is not None and given.network not in NETWORKS:
        raise InvalidRequest(
            f"Invalid network: {given.network[:40]} must be one of {', '.join(NETWORKS)}.",
            param=_inside(param, "mobile_money", "network"),
        )
    network = given.network or network_of(msisdn)
    if network is None:
        raise InvalidRequest(
            "The network of this number is not known. Name it:"
            f" mobile_money[network], one of {', '.join(NETWORKS)}.",
            param=_inside(param, "mobile_money", "network"),
        )
    billing = msgspec.structs.replace(billing, phone=msisdn.e164)
    details = Details(
        mobile_money=MobileMoney(network, msisdn.country),
        billing_details=billing,
        allow_redisplay=_redisplay(data, param),
    )
    method = _method("mobile_money", msisdn.e164, details)
    method.metadata = data.metadata or {}
    return method


def _make_hosted(data: PaymentMethodData, param: str) -> PaymentMethod:
    details = Details(
        billing_details=data.billing_details or BillingDetails(),
        allow_redisplay=_redisplay(data, param),
    )
    method = _method(data.type, "", details)
    method.metadata = data.metadata or {}
    return method


def _redisplay(data: PaymentMethodData, param: str) -> str:
    value = data.allow_redisplay or "unspecified"
    if value not in ("always", "limited", "unspecified"):
        raise InvalidRequest(
            "Invalid allow_redisplay: must be one of always, limited, unspecified.",
            param=_inside(param, "allow_redisplay"),
        )
    return value


def _test_card(card: TestCard) -> Card:
    # Test cards never expire: the year is always well ahead.
    year = datetime.now(UTC).year + 4
    return Card(card.brand, card.last4, card.funding, card.country, exp_month=12, exp_year=year)


def _test_wallet(wallet: TestWallet) -> PaymentMethod:
    msisdn = parse_msisdn(wallet.phone)
    details = Details(
        mobile_money=MobileMoney(wallet.network, msisdn.country),
        billing_details=BillingDetails(phone=msisdn.e164),
    )
    return _method("mobile_money", msisdn.e164, details)


def _inside(param: str, *names: str) -> str:
    for name in names:
        param = f"{param}[{name}]" if param else name
    return param
