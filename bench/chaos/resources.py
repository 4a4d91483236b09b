"""How each sandbox PSP words an attempt to move money, in the resources of its book."""

from base64 import b32encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from bench.chaos.trouble import Psp
from providers.money import from_decimal_string, to_decimal_string

Direction = Literal["in", "out"]
Fate = Literal["nothing", "open", "held", "moved"]
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """One attempt, as one state of a resource tells it."""

    reference: str  # the PSP's word for ours: `name_at`
    direction: Direction  # in: from a payer; out: to a payer or a payout's wallet
    amount: int  # asked for, in minor units
    currency: str  # ISO 4217, lower case
    fate: Fate


def name_at(psp: str, reference: str) -> str:
    """What a PSP calls the attempt whose reference this is."""
    match psp:
        case "cmi":
            return UUID(reference).hex
        case "orange_cm":
            return reference.replace("-", "")[:20]
        case "orange_web":  # an order's id goes on with what makes it new
            return b32encode(UUID(reference).bytes).decode()[:26].lower()
        case _:
            return reference


def name_of_refund(psp: str, reference: str, of: str, amount: int, currency: str) -> str:
    """What a PSP calls a refund; `of` is the charge's reference. CMI has no name for it."""
    if psp == "cmi":
        return f"{name_at(psp, of)} Credit {to_decimal_string(amount, currency)}"
    return name_at(psp, reference)


def name_of_movement(psp: str, name: str) -> str:
    """The same of a movement's reference."""
    return name[:26] if psp == "orange_web" else name


# --- one reader per PSP: kind of resource, its id and state -> attempts --------------------------


def _cards(kind: str, name: str, state: State) -> Iterator[Seen]:
    if kind not in ("intent", "refund"):
        return
    fates: dict[str, Fate] = {
        "succeeded": "moved",
        "requires_capture": "held",
        "requires_action": "open",
        "processing": "open",
        "pending": "open",
    }
    fate = fates.get(state["status"], "nothing")
    if state.get("due") is not None:
        fate = "open"  # the bank has yet to answer, whatever it looks like until then
    reference = state["metadata"].get("reference", name)
    direction: Direction = "in" if kind == "intent" else "out"
    yield Seen(reference, direction, state["amount"], state["currency"].lower(), fate)


def _cinetpay(kind: str, _: str, state: State) -> Iterator[Seen]:
    if kind == "payment":
        fates: dict[str, Fate] = {"00": "moved", "623": "open", "662": "open", "663": "open"}
        fate = fates.get(state.get("code", "662"), "nothing")
        yield Seen(state["metadata"], "in", state["amount"], state["currency"].lower(), fate)


def _cmi(kind: str, _: str, state: State) -> Iterator[Seen]:
    """An order: its last payment attempt, and each Credit."""
    if kind != "order":
        return
    oid, currency = state["oid"], state["currency"]
    fates: dict[str, Fate] = {"PN": "open", "A": "held", "C": "moved", "S": "moved"}
    payments = [line for line in state["transactions"] if line["kind"] == "S"]
    fate = fates.get(payments[-1]["state"], "nothing") if payments else "open"
    yield Seen(oid, "in", state["amount"], currency, fate)
    for line in state["transactions"]:
        if line["kind"] == "C" and line["state"] == "C":
            name = f"{oid} Credit {to_decimal_string(line['amount'], currency)}"
            yield Seen(name, "out", line["amount"], currency, "moved")


def _flutterwave(kind: str, _: str, state: State) -> Iterator[Seen]:
    fates: dict[str, Fate] = {"succeeded": "moved", "pending": "open"}
    if kind == "charge":
        fate = fates.get(state["status"], "nothing")
        yield Seen(state["reference"], "in", state["amount"], state["currency"].lower(), fate)


def _moov(kind: str, _: str, state: State) -> Iterator[Seen]:
    if kind == "transaction":
        fates: dict[str, Fate] = {"0": "moved", "100": "open"}
        direction: Direction = "in" if state["kind"] == "charge" else "out"
        fate = fates.get(state["status"], "nothing")
        yield Seen(state["reference"], direction, state["amount"], state["currency"], fate)


def _mtn(kind: str, name: str, state: State) -> Iterator[Seen]:
    directions: dict[str, Direction] = {
        "requesttopay": "in", "transfer": "out", "deposit": "out", "refund": "out",
    }  # fmt: skip
    if kind in directions:
        fates: dict[str, Fate] = {"SUCCESSFUL": "moved", "PENDING": "open", "CREATED": "open"}
        amount = from_decimal_string(state["amount"], state["currency"])
        fate = fates.get(state["status"], "nothing")
        yield Seen(name, directions[kind], amount, state["currency"].lower(), fate)


def _orange_cm(kind: str, _: str, state: State) -> Iterator[Seen]:
    if kind in ("mp", "cashin") and state.get("order_id"):  # a payToken alone moves nothing
        fates: dict[str, Fate] = {"SUCCESSFULL": "moved", "PENDING": "open"}
        direction: Direction = "in" if kind == "mp" else "out"
        fate = fates.get(state["status"], "nothing")
        yield Seen(state["order_id"], direction, state["amount"], "xaf", fate)


def _orange_web(kind: str, _: str, state: State) -> Iterator[Seen]:
    if kind == "order":
        fates: dict[str, Fate] = {"SUCCESS": "moved", "PENDING": "open", "INITIATED": "open"}
        fate = fates.get(state["status"], "nothing")
        reference = name_of_movement("orange_web", state["order_id"])
        yield Seen(reference, "in", state["amount"], state["currency"].lower(), fate)


def _paygate(kind: str, _: str, state: State) -> Iterator[Seen]:
    if kind == "transaction":
        fates: dict[int, Fate] = {0: "moved", 2: "open"}
        direction: Direction = "in" if state["kind"] == "pay" else "out"
        fate = fates.get(state["status"], "nothing")
        yield Seen(state["name"], direction, state["amount"], "xof", fate)


def _paypal(kind: str, name: str, state: State) -> Iterator[Seen]:
    if kind not in ("order", "refund"):
        return
    reference, currency = state["invoice_id"] or name, state["currency"].lower()
    fates: dict[str, Fate] = {"COMPLETED": "moved", "PENDING": "open", "CREATED": "held"}
    # An order without a payment waits for its payer.
    status = "PENDING"
    if kind == "refund":
        status = state["status"]
    elif found := state.get("capture") or state.get("authorization"):
        status = found["status"]
    direction: Direction = "in" if kind == "order" else "out"
    yield Seen(reference, direction, state["amount"], currency, fates.get(status, "nothing"))


READERS: dict[Psp, Callable[[str, str, State], Iterator[Seen]]] = {
    "cards": _cards,
    "cinetpay": _cinetpay,
    "cmi": _cmi,
    "flutterwave": _flutterwave,
    "moov": _moov,
    "mtn": _mtn,
    "orange_cm": _orange_cm,
    "orange_web": _orange_web,
    "paygate": _paygate,
    "paypal": _paypal,
}


def psp_of(account: str) -> str:
    """The PSP of a test account, by the account's name. MTN's are named after its environments."""
    return next((psp for psp in READERS if account.startswith(psp)), "mtn")
