"""What a payer is told to do on the phone."""

from processor.operations import Object
from processor.payment_methods.objects import MobileMoney

# A mobile money prompt lives about five minutes on MTN; shown to the payer, never enforced by us.
PROMPT_SECONDS = 300

# The code a payer dials to see waiting approvals, where it is known.
USSD_CODES = {("mtn", "CM"): "*126#"}

PAY = {
    "en": "Confirm the payment on your phone with your PIN.",
    "fr": "Confirmez le paiement sur votre téléphone avec votre code secret.",
}
ALLOW = {
    "en": "Allow the coming payments on your phone with your PIN.",
    "fr": "Autorisez les prochains paiements sur votre téléphone avec votre code secret.",
}


def await_confirmation(wallet: MobileMoney, number: str, message: str, expires_at: int) -> Object:
    """The `next_action` of a prompt that ends at `expires_at`, in unix seconds."""
    return {
        "type": "mobile_money_await_confirmation",
        "mobile_money_await_confirmation": {
            "expires_at": expires_at,
            "message": message,
            "network": wallet.network,
            "phone_last4": number[-4:],
            "ussd_code": USSD_CODES.get((wallet.network, wallet.country)),
        },
    }
