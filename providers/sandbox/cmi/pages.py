"""What a payer sees at the CMI sandbox, in French and English: small pages for small screens."""

from collections.abc import Mapping
from html import escape
from typing import Final

from .tables import CODE

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}
label{display:block;margin-top:.8rem}input,button{width:100%;box-sizing:border-box;padding:.7rem;
font:inherit;border:1px solid #888;border-radius:.4rem}button{margin-top:1.2rem;cursor:pointer}
.error{color:#a00000}
"""

_WORDS: Final = {
    "fr": {
        "title": "Paiement par carte",
        "sandbox": "Bac à sable : aucune vraie carte n'est acceptée.",
        "amount": "Montant",
        "number": "Numéro de carte",
        "expiry": "Expiration (MM/AA)",
        "cvv": "Cryptogramme",
        "pay": "Payer",
        "code": f"Code reçu de votre banque (ici {CODE})",
        "confirm": "Confirmer",
        "approved": "Paiement accepté.",
        "refused": "Paiement refusé.",
        "back": "Retour à la boutique",
        "unknown_card": "Cette carte n'est pas une carte de test.",
        "bad_expiry": "La date d'expiration s'écrit MM/AA et n'est pas passée.",
        "bad_cvv": "Le cryptogramme a trois chiffres.",
        "gone": "Cette page de paiement n'existe pas ou a déjà servi.",
    },
    "en": {
        "title": "Card payment",
        "sandbox": "Sandbox: no real card is accepted.",
        "amount": "Amount",
        "number": "Card number",
        "expiry": "Expiry (MM/YY)",
        "cvv": "Security code",
        "pay": "Pay",
        "code": f"Code from your bank (here {CODE})",
        "confirm": "Confirm",
        "approved": "Payment accepted.",
        "refused": "Payment refused.",
        "back": "Back to the shop",
        "unknown_card": "This card is no test card.",
        "bad_expiry": "The expiry date is MM/YY, and to come.",
        "bad_cvv": "The security code has three digits.",
        "gone": "There is no such payment page, or it was used before.",
    },
}


def card_page(action: str, fields: Mapping[str, str], error: str = "") -> str:
    """Where the card is typed. `error` is a word of this file's."""
    words = _words(fields)
    problem = f'<p class="error">{words[error]}</p>' if error else ""
    return _page(
        fields,
        f"""<p>{words["sandbox"]}</p>{problem}
<p>{words["amount"]}: <strong>{_amount(fields)}</strong></p>
<form method="post" action="{escape(action)}" autocomplete="off">
<label>{words["number"]}<input name="pan" inputmode="numeric" required maxlength="23"></label>
<label>{words["expiry"]}<input name="expiry" placeholder="12/30" required maxlength="5"></label>
<label>{words["cvv"]}<input name="cvv" inputmode="numeric" required maxlength="3"></label>
<button>{words["pay"]}</button></form>""",
    )


def code_page(action: str, fields: Mapping[str, str]) -> str:
    """The bank's page of 3-D Secure."""
    words = _words(fields)
    return _page(
        fields,
        f"""<h2>3-D Secure</h2><p>{words["amount"]}: <strong>{_amount(fields)}</strong></p>
<form method="post" action="{escape(action)}" autocomplete="off">
<label>{words["code"]}<input name="code" inputmode="numeric" required maxlength="8"></label>
<button>{words["confirm"]}</button></form>""",
    )


def result_page(url: str, answer: Mapping[str, str]) -> str:
    """Posts the signed answer back to the shop: by itself after `refreshtime` seconds if the shop
    wants so (`AutoRedirect`), else when the payer is done reading."""
    words = _words(answer)
    approved = answer.get("Response") == "Approved"
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in answer.items()
    )
    message = words["approved" if approved else "refused"]
    return _page(
        answer,
        f"""<p>{message} {escape(answer.get("ErrMsg", ""))}</p>
<form id="back" method="post" action="{escape(url)}">{inputs}
<button>{words["back"]}</button></form>{_redirect(answer)}""",
    )


def error_page(fields: Mapping[str, str], error: str) -> str:
    """A form that is not taken, for a developer's eyes; or a page that is gone."""
    words = _words(fields)
    return _page(fields, f'<p class="error">{escape(words.get(error, error))}</p>')


def _redirect(answer: Mapping[str, str]) -> str:
    if answer.get("AutoRedirect", "").lower() != "true":
        return ""
    seconds = answer.get("refreshtime", "")
    delay = 1000 * int(seconds) if seconds.isdecimal() and len(seconds) <= 3 else 0
    return f"<script>setTimeout(() => document.getElementById('back').submit(), {delay})</script>"


def _words(fields: Mapping[str, str]) -> Mapping[str, str]:
    return _WORDS["en" if fields.get("lang") == "en" else "fr"]


def _amount(fields: Mapping[str, str]) -> str:
    currency = {"504": "MAD", "978": "EUR", "840": "USD"}.get(fields.get("currency", ""), "")
    return escape(f"{fields.get('amount', '')} {currency}")


def _page(fields: Mapping[str, str], body: str) -> str:
    language = "en" if fields.get("lang") == "en" else "fr"
    title = _words(fields)["title"]
    return f"""<!doctype html><html lang="{language}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">
<title>{title} - CMI</title><style>{_STYLE}</style><h1>{title}</h1>{body}</html>"""
