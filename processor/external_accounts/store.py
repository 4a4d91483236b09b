"""Make and find external accounts, for their own operations and for payouts."""

import time
from collections.abc import Mapping, Sequence
from typing import Literal

from processor.errors import InvalidRequest
from processor.external_accounts.numbers import InvalidAccountNumber, read_number
from processor.external_accounts.objects import Details, ExternalAccount
from processor.external_accounts.parameters import Data
from processor.money import currency_named
from processor.payment_methods.store import NETWORKS
from providers.phone import InvalidMsisdn, Msisdn, network_of, parse_msisdn
from tenants.database import Connection
from tenants.ids import new_id
from tenants.keys import Caller

TEST_NUMBER = "000123456789"
TEST_ROUTING_NUMBER = "110000000"


def make(caller: Caller, data: Data) -> ExternalAccount:
    """A new external account, not yet stored. Raises InvalidRequest."""
    currency = currency_named(data.currency or caller.currency, "external_account[currency]").code
    country = (data.country or caller.country).upper()
    details = Details(
        account_holder_name=data.account_holder_name,
        account_holder_type=data.account_holder_type,
        bank_name=data.bank_name,
        routing_number=data.routing_number,
    )
    if data.object == "bank_account":
        return _account("ba", "bank_account", country, currency, _number(caller, data), details)
    if data.account_number or data.routing_number:
        raise _surplus("account_number" if data.account_number else "routing_number", "wallet")
    msisdn, network = read_wallet(caller, data.phone, data.network, "external_account")
    details.network = network
    return _account("mw", "mobile_wallet", msisdn.country, currency, msisdn.e164, details)


def _account(
    prefix: str,
    kind: Literal["bank_account", "mobile_wallet"],
    country: str,
    currency: str,
    number: str,
    details: Details,
) -> ExternalAccount:
    return ExternalAccount(
        id=new_id(prefix),
        created=int(time.time()),
        kind=kind,
        country=country,
        currency=currency,
        number=number,
        details=details,
    )


def _number(caller: Caller, data: Data) -> str:
    if data.phone or data.network:
        raise _surplus("phone" if data.phone else "network", "bank account")
    if not data.account_number:
        raise InvalidRequest(
            "Missing required param: external_account[account_number].",
            code="parameter_missing",
            param="external_account[account_number]",
        )
    country = (data.country or caller.country).upper()
    try:
        return read_number(data.account_number, country, test=not caller.livemode)
    except InvalidAccountNumber as error:
        raise InvalidRequest(
            str(error),
            code="account_number_invalid",
            param="external_account[account_number]",
        ) from None


def _surplus(name: str, kind: str) -> InvalidRequest:
    return InvalidRequest(
        f"Received unknown parameter: external_account[{name}]. It is none of a {kind}'s.",
        code="parameter_unknown",
        param=f"external_account[{name}]",
    )


def read_wallet(
    caller: Caller, phone: str | None, network: str | None, param: str = ""
) -> tuple[Msisdn, str]:
    """A wallet's number and network, which is found from the number where it is not named.

    `param` is where the two stood in the call. Raises InvalidRequest.
    """
    where = {name: f"{param}[{name}]" if param else name for name in ("phone", "network")}
    if not phone:
        raise InvalidRequest(
            f"Missing required param: {where['phone']}.",
            code="parameter_missing",
            param=where["phone"],
        )
    try:
        msisdn = parse_msisdn(phone, caller.country, sandbox=not caller.livemode)
    except InvalidMsisdn as error:
        raise InvalidRequest(
            str(error), code="phone_number_invalid", param=where["phone"]
        ) from None
    found = network or network_of(msisdn)
    if found not in NETWORKS:
        raise InvalidRequest(
            f"The network of this wallet must be one of {', '.join(NETWORKS)}.",
            param=where["network"],
        )
    return msisdn, found


async def find(connection: Connection, ids: Sequence[str]) -> dict[str, ExternalAccount]:
    """The external accounts with these ids that are not deleted."""
    accounts = await ExternalAccount.fetch(connection, ids)
    return {account.id: account for account in accounts if not account.deleted}


async def defaults(
    connection: Connection, caller: Caller, currencies: Sequence[str]
) -> Mapping[str, ExternalAccount]:
    """The default of each of these currencies.

    In test mode a currency without one gets a test bank account, as Stripe's test accounts have:
    payouts can be tried before anything is set up.
    """
    found = await _defaults(connection, currencies)
    missing = sorted(set(currencies) - found.keys())
    if missing and not caller.livemode:
        await lock_defaults(connection)
        found = await _defaults(connection, currencies)
        made = [_test_account(caller, currency) for currency in missing if currency not in found]
        await ExternalAccount.insert(connection, made)
        found |= {account.currency: account for account in made}
    return found


async def lock_defaults(connection: Connection) -> None:
    """Let nobody else make an account a default until this transaction ends: a currency has one."""
    await connection.execute("lock table external_accounts in share row exclusive mode")


async def _defaults(
    connection: Connection, currencies: Sequence[str]
) -> dict[str, ExternalAccount]:
    records = await connection.fetch(
        f"select {ExternalAccount.columns('external_accounts')} from external_accounts"
        " where default_for_currency and currency = any($1)",
        list(currencies),
    )
    accounts = [ExternalAccount.read(record) for record in records]
    return {account.currency: account for account in accounts}


def _test_account(caller: Caller, currency: str) -> ExternalAccount:
    details = Details(bank_name="CPAY TEST BANK", routing_number=TEST_ROUTING_NUMBER)
    account = _account("ba", "bank_account", caller.country, currency, TEST_NUMBER, details)
    account.default_for_currency = True
    return account
