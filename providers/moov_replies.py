"""What Moov Africa's status codes say about money: to a call that moves it, and to a look-up.

Every reply has a `status` out of one table for all calls, so that one number may be about the call
or about the transaction it asks for. Amounts and currencies are never told.
"""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from .boundary import Answer, DeclineCode, Verdict, Wallet
from .moov_soap import read_result

COMPLETED: Final = "0"
PENDING: Final = "100"
PROMPT_OVER: Final = "92"  # "USSD push timed out or cancelled": nobody says which
NEVER_SEEN: Final = "94"
INVALID_CREDENTIALS: Final = "98"

# The caller may not do this, or not so. -1 and 99 are in no table here: an internal error says
# nothing about the money.
_CALL_REFUSED: Final = {
    "1": DeclineCode.CONFIGURATION,  # method not allowed
    "2": DeclineCode.CONFIGURATION,  # transaction not allowed
    "4": DeclineCode.CONFIGURATION,  # no permission
    "91": DeclineCode.CONFIGURATION,  # parameters incomplete
    INVALID_CREDENTIALS: DeclineCode.CONFIGURATION,
}

_WALLETS_AND_LIMITS: Final = {
    "3": DeclineCode.PAYER_NOT_FOUND,  # number not valid
    "7": DeclineCode.PAYER_NOT_FOUND,  # wallet locked
    "9": DeclineCode.PAYER_NOT_FOUND,  # wallet inactive
    "555": DeclineCode.PAYER_NOT_FOUND,  # not registered
    "11": DeclineCode.LIMIT_EXCEEDED,  # amount above maximum
    "12": DeclineCode.LIMIT_EXCEEDED,  # amount below minimum
    "13": DeclineCode.LIMIT_EXCEEDED,  # daily amount
    "14": DeclineCode.LIMIT_EXCEEDED,  # monthly amount
    "15": DeclineCode.LIMIT_EXCEEDED,  # daily count
    "16": DeclineCode.LIMIT_EXCEEDED,  # monthly count
    "17": DeclineCode.LIMIT_EXCEEDED,  # destination's minimum
    "18": DeclineCode.LIMIT_EXCEEDED,  # destination's maximum balance
    "19": DeclineCode.LIMIT_EXCEEDED,  # sender's daily limit
    "20": DeclineCode.LIMIT_EXCEEDED,  # sender's monthly limit
    "95": DeclineCode.PROVIDER_ERROR,  # transaction failed
}

# Who pays is the wallet, and the merchant's account is the destination.
COLLECTION_CODES: Final = _WALLETS_AND_LIMITS | {
    "6": DeclineCode.CONFIGURATION,  # destination may not receive
    "8": DeclineCode.INSUFFICIENT_FUNDS,  # caller's balance
    "10": DeclineCode.INSUFFICIENT_FUNDS,
    PROMPT_OVER: DeclineCode.EXPIRED,
}
# Who pays is the merchant's account, and the wallet is the destination.
TRANSFER_CODES: Final = _WALLETS_AND_LIMITS | {
    "6": DeclineCode.GENERIC_DECLINE,
    "8": DeclineCode.FLOAT_INSUFFICIENT,
    "10": DeclineCode.FLOAT_INSUFFICIENT,
}

_LONGEST_EVIDENCE: Final = 4000  # bytes; what Moov says fits, a proxy's error page need not


def read_sent(reply: httpx.Response, reference: str, codes: Mapping[str, DeclineCode]) -> Answer:
    """The reply to a call that moves money. A SOAP fault may come from before or after it moved."""
    answer = _final(reply, reference, {**_CALL_REFUSED, **codes})
    # The prompt is over, but a pending push may still be confirmed from the USSD menu, and
    # merchants were seen to find such payments completed: the look-up says how it ended.
    if answer.verdict is Verdict.DECLINED and _status(reply) == PROMPT_OVER:
        return Answer(Verdict.PENDING, answer.provider_reference, evidence=answer.evidence)
    return answer


def read_status(reply: httpx.Response, reference: str, codes: Mapping[str, DeclineCode]) -> Answer:
    """What became of a transaction. A refusal of the question itself is UNKNOWN."""
    answer = _final(reply, reference, codes)
    if _status(reply) == NEVER_SEEN:
        return Answer(Verdict.NOT_SENT, evidence=answer.evidence)
    return answer


def _final(reply: httpx.Response, reference: str, codes: Mapping[str, DeclineCode]) -> Answer:
    result = read_result(reply)
    evidence: dict[str, Any] = {"http_status": reply.status_code}
    if result is None or len(reply.content) > _LONGEST_EVIDENCE:
        return Answer(Verdict.UNKNOWN, evidence=evidence | {"body": reply.text[:_LONGEST_EVIDENCE]})
    status = result.get("status", "")
    theirs = _id_of_theirs(result, reference)
    if status == COMPLETED:
        return Answer(Verdict.SUCCEEDED, theirs, evidence=evidence | {"body": result})
    if status == PENDING:
        return Answer(Verdict.PENDING, theirs, evidence=evidence | {"body": result})
    evidence["body"] = result | {"reason": status}
    if status in codes:
        return Answer(Verdict.DECLINED, theirs, codes[status], evidence=evidence)
    return Answer(Verdict.UNKNOWN, theirs, evidence=evidence)


def _status(reply: httpx.Response) -> str:
    return (read_result(reply) or {}).get("status", "")


def _id_of_theirs(result: Mapping[str, str], reference: str) -> str | None:
    """Moov's id of a transaction. `transid` echoes ours after a push and is theirs after a deposit;
    `referenceid` is the other way round."""
    named = (result.get(name, "") for name in ("referenceid", "transid", "transactionid"))
    return next((theirs for theirs in named if theirs not in ("", reference)), None)


def read_wallet(reply: httpx.Response) -> Wallet | None:
    """What getMobileAccountStatus says of a number; None when it does not say."""
    result = read_result(reply) or {}
    if result.get("status") in ("3", "7", "9", "555"):
        return Wallet(active=False)
    if result.get("status") != COMPLETED or not result.get("subscriberstatus"):
        return None
    holder = f"{result.get('firstname', '')} {result.get('lastname', '')}".strip()
    return Wallet(active=result["subscriberstatus"] == "ACTIVE", holder=holder or None)


def read_amount(reply: httpx.Response) -> str | None:
    """The balance of getBalance, as it is written; None when Moov did not say."""
    result = read_result(reply) or {}
    return result.get("balance") if result.get("status") == COMPLETED else None
