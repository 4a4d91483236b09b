"""Destinations of payouts: wallets and bank accounts, their numbers and their defaults."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe
from live import Merchant
from payout_books import bank, cameroonian, wallet

from processor.external_accounts.numbers import InvalidAccountNumber, read_number

# Examples of SWIFT's IBAN registry, and what a Cameroonian and a Moroccan bank print.
NUMBERS = [
    ("CM", "CM21 1000 2000 3002 7797 6315 008", "CM2110002000300277976315008"),
    ("CM", "10002 00030 02779763150 08", "CM2110002000300277976315008"),
    ("SN", "SN08SN0100152000048500003035", "SN08SN0100152000048500003035"),
    ("SN", "SN010 01520 000485000030 35", "SN08SN0100152000048500003035"),
    ("MA", "MA64 0115 1900 0001 2050 0053 4921", "MA64011519000001205000534921"),
    ("MA", "011 519 0000012050005349 21", "MA64011519000001205000534921"),
    ("FR", "FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"),
]


@pytest.mark.parametrize(("country", "text", "iban"), NUMBERS, ids=[row[1] for row in NUMBERS])
def test_a_number_has_one_spelling(country: str, text: str, iban: str) -> None:
    assert read_number(text, country, test=False) == iban


@pytest.mark.parametrize(
    ("country", "text"),
    [
        ("CM", "CM22 1000 2000 3002 7797 6315 008"),  # wrong check digits
        ("CM", "CM21 1000 2000 3002 7797 6315 00"),  # too short
        ("SN", "CM21 1000 2000 3002 7797 6315 008"),  # another country's
        ("CM", "000123456789"),  # a test number, in live mode
        ("FR", "FR14 2004 1010 0505 0001 3M02 607"),
        ("CM", "'; drop table payouts; --"),
        ("CM", "²" * 23),
        ("CM", ""),
    ],
)
def test_a_wrong_number_is_refused(country: str, text: str) -> None:
    with pytest.raises(InvalidAccountNumber):
        read_number(text, country, test=False)


def test_the_first_of_a_currency_is_its_default_and_another_can_become_it(
    merchant: Merchant,
) -> None:
    account = merchant.tenant.id
    api = merchant.api.accounts.external_accounts
    first, second = wallet(merchant, cameroonian()), bank(merchant, "000123456789")
    assert api.retrieve(account, first).default_for_currency is True
    api.update(account, second, {"default_for_currency": True, "metadata": {"k": "v"}})
    shown = {each.id: each.default_for_currency for each in api.list(account).data}
    assert shown == {second: True, first: False}
    with pytest.raises(stripe.InvalidRequestError, match="cannot delete the default"):
        api.delete(account, second)
    assert api.delete(account, first).deleted is True
    assert [each.id for each in api.list(account).data] == [second]
    with pytest.raises(stripe.InvalidRequestError, match="No such external account"):
        api.retrieve(account, first)
    assert api.delete(account, second).deleted is True


def test_many_made_at_once_leave_one_default(merchant: Merchant) -> None:
    with ThreadPoolExecutor(10) as pool:
        list(
            pool.map(
                lambda _: wallet(merchant, cameroonian(), default_for_currency=True), range(20)
            )
        )
    accounts = merchant.api.accounts.external_accounts.list(merchant.tenant.id, {"limit": 100}).data
    assert len(accounts) == 20
    assert sum(account.default_for_currency for account in accounts) == 1


def test_a_number_is_never_shown_whole(merchant: Merchant) -> None:
    api = merchant.api.accounts.external_accounts
    shown = api.retrieve(merchant.tenant.id, bank(merchant, "CM2110002000300277976315008"))
    assert shown.last4 == "5008"
    assert "277976315" not in str(shown)
    phone = cameroonian()
    assert phone[1:] not in str(api.retrieve(merchant.tenant.id, wallet(merchant, phone)))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"object": "card"}, "object"),
        ({"object": "mobile_wallet"}, "phone"),
        ({"object": "mobile_wallet", "phone": "+23767"}, "phone"),
        ({"object": "mobile_wallet", "phone": "+237670000000", "network": "wave"}, "network"),
        (
            {"object": "mobile_wallet", "phone": "+237670000000", "account_number": "1"},
            "account_number",
        ),
        ({"object": "bank_account"}, "account_number"),
        ({"object": "bank_account", "account_number": "12345"}, "account_number"),
        ({"object": "bank_account", "account_number": "000123456789", "phone": "1"}, "phone"),
        (
            {"object": "bank_account", "account_number": "000123456789", "currency": "zzz"},
            "currency",
        ),
    ],
    ids=str,
)
def test_a_wrong_destination_is_refused(
    merchant: Merchant, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.accounts.external_accounts.create(
            merchant.tenant.id, {"external_account": fields}
        )
    assert refused.value.param == f"external_account[{param}]"
    assert merchant.rows("select * from external_accounts") == []
