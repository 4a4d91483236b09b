"""Which of an order's Credits is one of our refunds.

CC5 has no idempotency key, and a Credit has room for no name of ours: a transaction id may only be
sent with a Void (CORE-1028), and a history shows no other text. So a refund whose answer was lost
is known by its order and its amount alone, which two refunds of an order may share. What decides
then is the money: we never give back more than was taken, so if what is left of the order would
not do for this refund, it must be among those that were made.
"""

from .boundary import Answer, DeclineCode, Refund, Verdict
from .cmi_orders import Credit, History


def read_refund(refund: Refund, history: History) -> Answer:
    """What became of a refund: NOT_SENT when no Credit of the order can be it.

    UNKNOWN when one can and need not be: a person has to compare the amounts at CMI.
    """
    if refund.provider_reference:
        for credit in history.credits:
            if credit.transaction == refund.provider_reference:
                return _told(history, credit)
        return _answer(history, Verdict.UNKNOWN)
    equal = [each for each in history.credits if each.amount == refund.amount and not each.failed]
    if not equal:
        return _answer(history, Verdict.NOT_SENT)
    if refund.amount <= history.left:
        return _answer(history, Verdict.UNKNOWN)
    # Of several, which one is ours is nobody's question: each gave the same amount back.
    return _told(history, equal[0])


def _told(history: History, credit: Credit) -> Answer:
    if credit.done:
        return _answer(history, Verdict.SUCCEEDED, credit)
    if credit.failed:
        return _answer(history, Verdict.DECLINED, credit)
    return _answer(history, Verdict.PENDING, credit)


def _answer(history: History, verdict: Verdict, credit: Credit | None = None) -> Answer:
    code = DeclineCode.PROVIDER_ERROR if verdict is Verdict.DECLINED else None
    evidence = {
        **history.reply.evidence,
        "credits": [[each.transaction, each.state, each.amount] for each in history.credits],
    }
    return Answer(verdict, credit.transaction if credit else None, code, evidence=evidence)
