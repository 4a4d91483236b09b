"""What a refused payer or merchant reads: Stripe's codes and sentences for our decline codes."""

from dataclasses import dataclass, replace

from providers.boundary import DeclineCode


@dataclass(frozen=True, slots=True)
class Decline:
    """How one reason is told."""

    code: str  # Stripe's error code
    decline_code: str | None
    english: str
    french: str

    def message(self, language: str) -> str:
        """The sentence for the payer."""
        return self.french if language == "fr" else self.english


_DECLINED = ("Your card was declined.", "Votre carte a été refusée.")

_CARD: dict[str, Decline] = {
    "generic_decline": Decline("card_declined", "generic_decline", *_DECLINED),
    "insufficient_funds": Decline(
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
        "Votre carte n'a pas assez de provision.",
    ),
    "expired_card": Decline(
        "expired_card", "expired_card", "Your card has expired.", "Votre carte a expiré."
    ),
    "incorrect_cvc": Decline(
        "incorrect_cvc",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
        "Le code de sécurité de votre carte est incorrect.",
    ),
    "incorrect_number": Decline(
        "incorrect_number",
        "incorrect_number",
        "Your card number is incorrect.",
        "Le numéro de votre carte est incorrect.",
    ),
    "processing_error": Decline(
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        "Une erreur est survenue pendant le traitement de votre carte. Réessayez dans un moment.",
    ),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        "Votre carte a été refusée. Cette transaction demande une authentification.",
    ),
    "authentication_failed": Decline(
        "payment_intent_authentication_failure",
        None,
        "We are unable to authenticate your payment method. Please choose a different payment"
        " method and try again.",
        "Nous n'avons pas pu authentifier votre moyen de paiement. Choisissez-en un autre et"
        " réessayez.",
    ),
}
_WALLET: dict[str, Decline] = {
    "insufficient_funds": Decline(
        "payment_method_provider_decline",
        "insufficient_funds",
        "The wallet does not hold enough money.",
        "Le solde du compte mobile money est insuffisant.",
    ),
    "payer_not_found": Decline(
        "payment_method_provider_decline",
        "invalid_account",
        "No active mobile money account has this number.",
        "Aucun compte mobile money actif n'a ce numéro.",
    ),
    "payer_declined": Decline(
        "payment_method_customer_decline",
        None,
        "The payer refused the payment on the phone.",
        "Le payeur a refusé le paiement sur son téléphone.",
    ),
    "expired": Decline(
        "payment_intent_payment_attempt_expired",
        None,
        "The payer did not confirm the payment in time.",
        "Le payeur n'a pas confirmé le paiement à temps.",
    ),
    "limit_exceeded": Decline(
        "payment_method_provider_decline",
        "withdrawal_count_limit_exceeded",
        "The payment is over a limit of the mobile money account.",
        "Le paiement dépasse un plafond du compte mobile money.",
    ),
    "repeated": Decline(
        "payment_method_provider_decline",
        "duplicate_transaction",
        "This wallet has just been asked for the same amount. Pay that one, or try again in a"
        " minute; nothing was charged.",
        "Le même montant vient d'être demandé à ce compte. Payez cette demande-là, ou réessayez"
        " dans une minute ; rien n'a été débité.",
    ),
    "open_prompt": Decline(
        "payment_method_provider_decline",
        "try_again_later",
        "This wallet has another payment that waits to be confirmed. Confirm or refuse that one"
        " first; nothing was charged.",
        "Un autre paiement attend déjà d'être confirmé sur ce compte. Confirmez-le ou refusez-le"
        " d'abord ; rien n'a été débité.",
    ),
}

# A wallet whose owner was asked to allow later charges, and did not.
_WALLET_SETUP: dict[str, Decline] = {
    "payer_declined": Decline(
        "payment_method_customer_decline",
        None,
        "The wallet's owner refused to allow the coming payments.",
        "Le titulaire du compte a refusé d'autoriser les prochains paiements.",
    ),
    "expired": Decline(
        "setup_intent_setup_attempt_expired",
        None,
        "The wallet's owner did not answer in time.",
        "Le titulaire du compte n'a pas répondu à temps.",
    ),
}
# On a provider's page, whatever is paid with there.
_PAGE: dict[str, Decline] = {
    "payer_declined": Decline(
        "payment_method_customer_decline",
        None,
        "The payer gave the payment up on the provider's page.",
        "Le payeur a abandonné le paiement sur la page du prestataire.",
    ),
    "expired": _WALLET["expired"],
}
_OTHER_CARD = Decline("card_declined", "generic_decline", *_DECLINED)
_OTHER_WALLET = Decline(
    "payment_method_provider_decline",
    "generic_decline",
    "The mobile money operator refused the payment.",
    "L'opérateur mobile money a refusé le paiement.",
)
_NOT_SENT = Decline(
    "payment_method_not_available",
    None,
    "This payment method is not available for the moment. Nothing was charged; try again in a"
    " while or with another one.",
    "Ce moyen de paiement est indisponible pour le moment. Rien n'a été débité ; réessayez dans un"
    " moment ou avec un autre moyen.",
)


def decline(method: str, code: DeclineCode | None) -> Decline:
    """How a refusal is told. `code` None: it never reached the provider."""
    if code is None:
        return _NOT_SENT
    if method == "mobile_money":
        return _WALLET.get(code, _OTHER_WALLET)
    if code in _PAGE:
        return _PAGE[code]
    if code in _CARD:
        return _CARD[code]
    if code in (
        DeclineCode.LOST_CARD,
        DeclineCode.STOLEN_CARD,
        DeclineCode.CARD_VELOCITY_EXCEEDED,
        DeclineCode.DO_NOT_HONOR,
        DeclineCode.FRAUDULENT,
    ):
        return Decline("card_declined", code.value, *_DECLINED)
    return _OTHER_CARD


def decline_of_setup(method: str, code: DeclineCode | None) -> Decline:
    """How a refusal is told of a payment method that was to be saved."""
    if method == "mobile_money" and code in _WALLET_SETUP:
        return _WALLET_SETUP[code]
    told = decline(method, code)
    if code is DeclineCode.AUTHENTICATION_FAILED:
        return replace(told, code="setup_intent_authentication_failure")
    return told
