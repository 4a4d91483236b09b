"""A payment or cash-in of the sandbox, as the book keeps it and as Orange shows it."""

import re
import secrets
from datetime import UTC, datetime
from time import time
from typing import Annotated, Any, Final, Literal

import msgspec

from providers.sandbox.script import Step

Kind = Literal["mp", "cashin"]  # as in the paths: a merchant payment, money sent to a subscriber
_PREFIXES: Final = {"mp": "MP", "cashin": "CI"}  # of payTokens and transaction ids
PAY_TOKEN: Final = re.compile(r"(MP|CI)\d{6}[0-9A-F]{20}", re.ASCII)


class Wish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of pay. That `notifUrl` and `description` may be missing is our assumption."""

    notif_url: str = ""
    channel_user_msisdn: str
    amount: Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{0,8}$")]
    subscriber_msisdn: str
    pin: str
    order_id: Annotated[str, msgspec.Meta(pattern="^[^-]{1,20}$")]
    description: str = ""
    pay_token: str


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one payToken. The PIN is not kept."""

    kind: Kind
    id: int
    created_at: float  # unix time
    pay_token: str
    status: str = "INITIATED"
    # What follows is known once it was paid with.
    channel: str = ""  # the merchant's own number
    subscriber: str = ""
    amount: int = 0  # XAF
    order_id: str = ""
    description: str = ""
    notif_url: str = ""
    transaction_id: str | None = None
    init_status: str = ""  # "200", or the code of a refusal
    init_message: str = ""
    confirm_status: str | None = None
    confirm_message: str | None = None
    # What follows is not shown.
    answer: int = 200  # HTTP status that pay is answered with
    outcome: str = ""  # the status it will end with
    due_at: float = 0.0  # unix time of that end
    step: Step = Step()

    @property
    def is_waiting(self) -> bool:
        """Whether the subscriber has yet to answer."""
        return self.status == "PENDING"

    def shown(self, life: float) -> dict[str, Any]:
        """As Orange shows it: blank before it was paid with, and expired `life` seconds after it
        was created. A blank cash-in is not documented; we assume it like a payment's."""
        paid_with = bool(self.order_id)
        status = self.status
        if not paid_with and self.created_at + life <= time():
            status = "EXPIRED"
        common = {
            "createtime": str(int(self.created_at)),
            "subscriberMsisdn": self.subscriber or None,
            "amount": self.amount or None,
            "payToken": self.pay_token,
            "txnid": self.transaction_id,
            "txnmode": self.order_id or None,
            "status": status,
            "description": self.description if paid_with else None,
            "channelUserMsisdn": self.channel or None,
        }
        if self.kind == "cashin":
            return common | {
                "txnstatus": self.init_status or None,
                "orderId": self.order_id or None,
            }
        return common | {
            "id": self.id,
            "inittxnmessage": self.init_message or None,
            "inittxnstatus": self.init_status or None,
            "confirmtxnstatus": self.confirm_status,
            "confirmtxnmessage": self.confirm_message,
            "notifUrl": self.notif_url if paid_with else None,
        }


def new_record(kind: Kind) -> Record:
    """A record with a payToken of its own, like MP22120771FEB7B21FD2381C3786."""
    now = time()
    return Record(
        kind=kind,
        id=secrets.randbelow(90_000_000) + 10_000_000,
        created_at=now,
        pay_token=f"{_PREFIXES[kind]}{_clock(now):%y%m%d}{secrets.token_hex(10).upper()}",
    )


def new_transaction_id(kind: Kind) -> str:
    """Of money on its way, like MP221207.2051.B56929."""
    letter = secrets.choice("ABCDEFGH")
    number = secrets.randbelow(100_000)
    return f"{_PREFIXES[kind]}{_clock(time()):%y%m%d.%H%M}.{letter}{number:05}"


def _clock(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
