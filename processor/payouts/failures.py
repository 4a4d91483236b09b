"""Why payouts fail, in Stripe's words (docs.stripe.com/api/payouts/failures)."""

from providers.boundary import DeclineCode

MESSAGES = {
    "account_closed": "The account has been closed.",
    "account_frozen": "The account has been frozen.",
    "bank_account_restricted": (
        "The account has restrictions on either the type, or the number, of payouts allowed."
    ),
    "could_not_process": "The payout could not be processed.",
    "debit_not_authorized": "Debit transactions are not approved on this account.",
    "declined": "The payout was declined.",
    "incorrect_account_holder_name": "The account holder's name is incorrect.",
    "insufficient_funds": "The account does not have enough funds to cover the debit.",
    "invalid_account_number": "The account number is not valid.",
    "invalid_currency": "The account cannot receive this currency.",
    "no_account": "No account could be found with these details.",
}

# Our closed list of reasons in those words. What is not here is "could_not_process": our own
# trouble at a provider is nothing that a merchant can mend.
CODES = {
    DeclineCode.PAYER_NOT_FOUND: "no_account",
    DeclineCode.LIMIT_EXCEEDED: "bank_account_restricted",
    DeclineCode.GENERIC_DECLINE: "declined",
    DeclineCode.PAYER_DECLINED: "declined",
}


def code_of(reason: DeclineCode | None) -> str:
    """Stripe's failure code for a provider's refusal."""
    return CODES.get(reason, "could_not_process") if reason else "could_not_process"
