"""The business calls of the sandbox: payments, cash-ins, and whose wallet a number is."""

from typing import Final

import msgspec

from .access import Access
from .records import Kind, Record, Wish
from .tables import (
    CHANNEL_MSISDN,
    HOLDER,
    MSISDN,
    PIN,
    REFUSALS,
    TEST_NUMBERS,
    UNKNOWN_NUMBER,
    WRONG_PIN,
)
from .transactions import Settings, Transactions
from .wire import Asked, Reply, decode, refusal

_NO_WALLET: Final = ("99051", UNKNOWN_NUMBER, "0066111")
_ACCEPTED: Final = {
    "mp": "Merchant payment successfully initiated",
    "cashin": "Cash in performed successfully",
}


class _Inquiry(msgspec.Struct, rename="camel"):
    channel_msisdn: str
    pin: str


class Calls:
    """One method per call; `kind` and `pay_token` are as in its path."""

    def __init__(self, access: Access, transactions: Transactions, settings: Settings) -> None:
        self._access = access
        self._transactions = transactions
        self._life = settings.pay_token_life

    async def init(self, asked: Asked, kind: Kind) -> Reply:
        """POST /{kind}/init. The message of a cash-in is not documented."""
        self._access.check(asked)
        record = await self._transactions.init(kind)
        subject = "Payment" if kind == "mp" else "Cash in"
        return 200, {
            "message": f"{subject} request successfully initiated",
            "data": {"payToken": record.pay_token},
        }

    async def pay(self, asked: Asked, kind: Kind) -> Reply:
        """POST /{kind}/pay: a payToken serves once, in its life."""
        self._access.check(asked)
        wish = decode(asked.body, Wish)
        record = self._find(kind, wish.pay_token)
        if record.shown(self._life)["status"] != "INITIATED":
            raise refusal(422, "payToken is expired or has already been used")
        record = await self._transactions.pay(record, wish, asked.step)
        shown = record.shown(self._life)
        message = _ACCEPTED[kind]
        if record.status == "FAILED":
            message = f"{record.init_status} :: {record.init_message}"
        return record.answer, {"message": message, "data": shown}

    async def push(self, asked: Asked, pay_token: str) -> Reply:
        """GET /mp/push/{payToken}. Of what is not PENDING it says, we assume, 422."""
        self._access.check(asked)
        record = self._find("mp", pay_token)
        if not record.is_waiting:
            raise refusal(422, "There is nothing to confirm")
        return 200, {"message": "Push sent to customer", "data": record.shown(self._life)}

    async def show(self, asked: Asked, kind: Kind, pay_token: str) -> Reply:
        """GET /{kind}/paymentstatus/{payToken}."""
        self._access.check(asked)
        shown = self._find(kind, pay_token).shown(self._life)
        return 200, {"message": "Transaction retrieved successfully", "data": shown}

    async def show_subscriber(self, asked: Asked, msisdn: str) -> Reply:
        """POST /infos/subscriber/customer/{msisdn}. The message is not documented."""
        self._access.check(asked)
        inquiry = decode(asked.body, _Inquiry)
        code = TEST_NUMBERS.get(msisdn) if MSISDN.fullmatch(msisdn) else UNKNOWN_NUMBER
        if (inquiry.channel_msisdn, inquiry.pin) != (CHANNEL_MSISDN, PIN):
            code = WRONG_PIN
        if code in (WRONG_PIN, *_NO_WALLET):
            raise refusal(417, f"{code} :: {REFUSALS[code]}")
        first_name, last_name = HOLDER
        return 200, {
            "message": "Subscriber retrieved successfully",
            "data": {"firstName": first_name, "lastName": last_name},
        }

    def _find(self, kind: Kind, pay_token: str) -> Record:
        """How an unknown payToken is answered is not documented; we assume 404."""
        record = self._transactions.get(kind, pay_token)
        if record is None:
            raise refusal(404, "Transaction not found")
        return record
