"""The calls of the PayGate sandbox, one method each; every answer is HTTP 200 unless it says so."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from providers.sandbox.script import Step

from .tables import (
    ACCEPTED,
    ACCOUNTS,
    DUPLICATE,
    INSUFFICIENT_FUNDS,
    INVALID_PARAMETERS,
    INVALID_TOKEN,
    LEAST,
    MOST,
    REGISTERED,
)
from .transactions import Transaction, Transactions

_Amount = Annotated[int, msgspec.Meta(ge=LEAST, le=MOST)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Number = Annotated[str, msgspec.Meta(pattern="^[0-9]{8}$")]
_Network = Literal["FLOOZ", "TMONEY"]

_Shape = TypeVar("_Shape")


class Pay(msgspec.Struct, frozen=True):
    """What a merchant asks of a payer."""

    phone_number: _Number
    amount: _Amount
    identifier: _Name
    network: _Network
    description: str = ""


class _Disburse(msgspec.Struct, frozen=True):
    phone_number: _Number
    amount: _Amount
    reason: _Name
    network: _Network
    reference: str = ""


class _Identifier(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="identifier")


class _TxReference(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="tx_reference")


class _Token(msgspec.Struct, frozen=True):
    auth_token: str


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, body: dict[str, Any], status: int = 200) -> None:
        super().__init__(body, status)
        self.body = body
        self.status = status


def _error(code: int, message: str, status: int = 200) -> Refused:
    return Refused({"error_code": code, "error_message": message}, status)


def read(body: bytes, shape: type[_Shape]) -> _Shape:
    """Read JSON of that shape, or refuse; PayGate does not say which parameter was wrong."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused({"status": INVALID_PARAMETERS}) from None


class Calls:
    """What merchants can call, and the page too."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def pay(self, body: bytes, step: Step) -> dict[str, Any]:
        """POST /api/v1/pay."""
        return await self.register(_account(body), read(body, Pay), step)

    async def register(self, account: str, wish: Pay, step: Step) -> dict[str, Any]:
        """Prompt the payer. An identifier is used once per merchant, for ever."""
        if self._transactions.named(account, "pay", wish.identifier) is not None:
            raise Refused({"status": DUPLICATE})
        begun = await self._transactions.begin(
            "pay", account, wish.identifier, wish.phone_number, wish.amount, wish.network, step
        )
        return {"tx_reference": begun.tx_reference, "status": REGISTERED}

    async def disburse(self, body: bytes, step: Step) -> dict[str, Any]:
        """POST /api/v1/disburse. A second one with the same reference pays a second time: PayGate
        is not known to stop it, and whoever relies on that has to find out here."""
        account = _account(body)
        _check_address(step)
        wish = read(body, _Disburse)
        if wish.amount > self._transactions.balance(account, wish.network):
            raise Refused({"status": INSUFFICIENT_FUNDS})
        begun = await self._transactions.begin(
            "disburse", account, wish.reference, wish.phone_number, wish.amount, wish.network, step
        )
        return {"tx_reference": begun.tx_reference, "status": ACCEPTED}

    async def show(self, body: bytes, _: Step) -> dict[str, Any]:
        """POST /api/v2/status, by identifier of a payment or reference of a disbursement."""
        account, name = _question(body, _Identifier)
        paid = self._transactions.named(account, "pay", name)
        return _shown(paid or self._transactions.named(account, "disburse", name))

    async def show_v1(self, body: bytes, _: Step) -> dict[str, Any]:
        """POST /api/v1/status, by tx_reference."""
        account, tx_reference = _question(body, _TxReference)
        return _shown(self._transactions.find(account, tx_reference))

    async def balances(self, body: bytes, step: Step) -> dict[str, Any]:
        """POST /api/v1/check-balance."""
        account = _account(body)
        _check_address(step)
        flooz, tmoney = (
            self._transactions.balance(account, network) for network in ("FLOOZ", "TMONEY")
        )
        return {"flooz": flooz, "tmoney": tmoney, "status": 0}


def account_of(token: str) -> str | None:
    """The account that a token opens."""
    return ACCOUNTS.get(token)


def _account(body: bytes) -> str:
    account = account_of(read(body, _Token).auth_token)
    if account is None:
        raise Refused({"status": INVALID_TOKEN})
    return account


def _question(body: bytes, shape: type[_Identifier | _TxReference]) -> tuple[str, str]:
    """Who asks, and about what. Here a refusal has no `status`: 2 would mean "pending", 4
    "expired"."""
    try:
        return _account(body), read(body, shape).name
    except Refused:
        raise _error(400, "Invalid token or parameters.") from None


def _check_address(step: Step) -> None:
    if step.outcome == "address_refused":
        raise _error(403, "This address is not on the list.", 403)


def _shown(transaction: Transaction | None) -> dict[str, Any]:
    if transaction is None:
        raise _error(404, "Transaction not found.")
    return transaction.shown()
