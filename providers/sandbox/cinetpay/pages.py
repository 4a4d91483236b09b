"""The page on which the CinetPay sandbox's payers choose a wallet, or type a card."""

from html import escape
from typing import Final

from providers.cinetpay import WALLETS

from .payments import Payment
from .tables import MESSAGES, UNOPENED

_STYLE: Final = """
body{font:17px/1.5 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}
fieldset{border:0;margin:0 0 .8rem;padding:0}label{display:block;padding:.3rem 0}
input[type=text],input[type=tel],button{box-sizing:border-box;width:100%;padding:.8rem;
margin:.2rem 0 .8rem;font:inherit}
button{border:0;border-radius:.4rem;background:#0b6b3a;color:#fff;cursor:pointer}
button.plain{background:none;color:inherit;text-decoration:underline}.wrong{color:#b00020}
"""

_WORDS: Final = {
    "fr": {
        "title": "Paiement CinetPay",
        "how": "Moyen de paiement",
        "number": "Numéro de téléphone",
        "card": "Numéro de carte (carte de test)",
        "pay": "Payer",
        "cancel": "Annuler",
        "wrong": "Choisissez un moyen de paiement et indiquez un numéro.",
        "closed": "Ce paiement n'attend plus rien ici :",
        "back": "Retour chez le marchand",
        "unknown": "Ce paiement est inconnu.",
    },
    "en": {
        "title": "CinetPay payment",
        "how": "How to pay",
        "number": "Phone number",
        "card": "Card number (a test card)",
        "pay": "Pay",
        "cancel": "Cancel",
        "wrong": "Choose how to pay, and give a number.",
        "closed": "This payment waits for nothing more here:",
        "back": "Back to the merchant",
        "unknown": "This payment is not known.",
    },
}

CARD: Final = "VISAM"


def methods_of(payment: Payment) -> list[str]:
    """The names of what a payer may choose between, by country and channel."""
    wallets = [name for name, (country, _) in WALLETS.items() if country == payment.site.country]
    return {"MOBILE_MONEY": wallets, "CREDIT_CARD": [CARD]}.get(payment.channels, [*wallets, CARD])


def payment_page(payment: Payment, *, wrong: bool = False) -> str:
    """The page, in the payment's language."""
    words = _WORDS[payment.lang]
    amount = f"{payment.amount} {payment.currency}"
    body = f"<p><strong>{amount}</strong> · {escape(payment.description)}</p>"
    if payment.code != UNOPENED:
        body += f"""<p>{words["closed"]} {MESSAGES[payment.code]}</p>
<p><a href="{escape(payment.return_url)}">{words["back"]}</a></p>"""
        return _page(payment.lang, words["title"], body)
    warning = f'<p class="wrong" role="alert">{words["wrong"]}</p>' if wrong else ""
    choices = "".join(
        f'<label><input type="radio" name="method" value="{name}" required> {name}</label>'
        for name in methods_of(payment)
    )
    by_card = payment.channels == "CREDIT_CARD"
    label, kind = (words["card"], "text") if by_card else (words["number"], "tel")
    body += f"""{warning}<form method="post">
<fieldset><legend>{words["how"]}</legend>{choices}</fieldset>
<label>{label}<input type="{kind}" name="number" value="{escape(payment.phone)}"></label>
<button name="action" value="pay">{words["pay"]}</button>
<button name="action" value="cancel" class="plain" formnovalidate>{words["cancel"]}</button>
</form>"""
    return _page(payment.lang, words["title"], body)


def no_such_page() -> str:
    """For a token that nobody has."""
    text = f'{_WORDS["fr"]["unknown"]} / <span lang="en">{_WORDS["en"]["unknown"]}</span>'
    return _page("fr", "CinetPay", f"<p>{text}</p>")


def _page(language: str, title: str, body: str) -> str:
    return f"""<!doctype html><html lang="{language}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{_STYLE}</style><h1>{title}</h1>{body}</html>"""
