"""What can become of money at the PayPal sandbox, and the words PayPal has for it."""

from typing import Final

# Currencies with two decimals, from memory of PayPal's list. HUF, JPY and TWD, which PayPal takes
# without decimals, are left out.
CURRENCIES: Final = frozenset(
    {
        "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR",
        "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD",
    }
)  # fmt: skip

# Issues of refusals, with status 422 and the name UNPROCESSABLE_ENTITY where nothing else is said.
ISSUES: Final = {
    "ACTION_DOES_NOT_MATCH_INTENT": "The order was made for the other intent.",
    "AUTHORIZATION_ALREADY_CAPTURED": "The authorization has been captured before.",
    "AUTHORIZATION_DENIED": "A denied authorization can't be captured.",
    "AUTHORIZATION_VOIDED": "A voided authorization can't be captured.",
    "AUTH_CAPTURE_CURRENCY_MISMATCH": "The currency is not that of the authorization.",
    "CANNOT_BE_ZERO_OR_NEGATIVE": "Must be greater than zero.",
    "CAPTURE_FULLY_REFUNDED": "The capture has been refunded as a whole.",
    "COMPLIANCE_VIOLATION": "Declined for reasons of compliance.",
    "DECIMAL_PRECISION": "Two decimals at most.",
    "DUPLICATE_INVOICE_ID": "A payment with this invoice id exists.",
    "INSTRUMENT_DECLINED": "The processor or bank declined the instrument.",
    "INVALID_CURRENCY_CODE": "Not a currency of PayPal.",
    "MAX_CAPTURE_AMOUNT_EXCEEDED": "More than what can be captured.",
    "ORDER_ALREADY_AUTHORIZED": "The order has been authorized before.",
    "ORDER_ALREADY_CAPTURED": "The order has been captured before.",
    "ORDER_NOT_APPROVED": "The payer has not approved the order.",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": "The payer's account is locked or closed.",
    "PAYER_ACCOUNT_RESTRICTED": "The payer's account is restricted.",
    "PAYER_ACTION_REQUIRED": "The payer has to return to PayPal.",
    "PAYER_CANNOT_PAY": "This payer can't pay this payee.",
    "PENDING_CAPTURE": "A pending capture can't be refunded.",
    "PREVIOUSLY_CAPTURED": "The authorization has been captured before.",
    "PREVIOUSLY_VOIDED": "The authorization has been voided before.",
    "REFUND_AMOUNT_EXCEEDED": "More than what is left of the capture.",
    "REFUND_CAPTURE_CURRENCY_MISMATCH": "The currency is not that of the capture.",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "The balance does not cover the refund.",
    "REFUND_NOT_ALLOWED": "The capture can't be refunded.",
    "TRANSACTION_BLOCKED_BY_PAYEE": "Blocked by the payee's fraud filters.",
    "TRANSACTION_LIMIT_EXCEEDED": "The amount exceeds the limit.",
    "TRANSACTION_REFUSED": "The request was refused.",
}

# How a completion can end: well, in a payment that PayPal declines or holds for review, or refused.
COMPLETED: Final = "COMPLETED"
DECLINED: Final = "DECLINED"
PENDING: Final = "PENDING"
COMPLETION_REFUSALS: Final = (
    "COMPLIANCE_VIOLATION", "INSTRUMENT_DECLINED", "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYER_ACCOUNT_RESTRICTED", "PAYER_ACTION_REQUIRED", "PAYER_CANNOT_PAY",
    "TRANSACTION_BLOCKED_BY_PAYEE", "TRANSACTION_LIMIT_EXCEEDED", "TRANSACTION_REFUSED",
)  # fmt: skip

# How a refund can end. FAILED is said a while after the refund was accepted.
FAILED: Final = "FAILED"
REFUND_REFUSALS: Final = ("REFUND_FAILED_INSUFFICIENT_FUNDS", "REFUND_NOT_ALLOWED")

OUTCOMES: Final = (COMPLETED, DECLINED, PENDING, FAILED, *COMPLETION_REFUSALS, *REFUND_REFUSALS)

# Amounts that decide by themselves, in minor units of any currency. Ours, not PayPal's.
AMOUNTS: Final = {
    1051: "INSTRUMENT_DECLINED",
    1052: "PAYER_CANNOT_PAY",
    1053: "TRANSACTION_LIMIT_EXCEEDED",
    1054: DECLINED,
    1055: PENDING,
}

# The buttons of the payer's page: what each means for the completion, French and English.
CANCEL: Final = "cancel"
CHOICES: Final = {
    COMPLETED: ("Payer", "Pay"),
    "INSTRUMENT_DECLINED": ("Payer par une carte refusée", "Pay with a card that is declined"),
    PENDING: ("Payer par e-chèque", "Pay by e-cheque"),
    CANCEL: ("Annuler et revenir", "Cancel and return"),
}
