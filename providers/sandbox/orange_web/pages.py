"""The pages of the Orange sandbox: the one a payer pays on, and the phone that shows a code."""

import hmac
import secrets
from html import escape
from typing import Final

from .orders import Order

_STYLE: Final = """
body{font:17px/1.5 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}
input,button{box-sizing:border-box;width:100%;padding:.8rem;margin:.2rem 0 .8rem;font:inherit}
button{border:0;border-radius:.4rem;background:#f16e00;color:#fff;cursor:pointer}
button.plain{background:none;color:inherit;text-decoration:underline}.wrong{color:#b00020}
"""

_WORDS: Final = {
    "fr": {
        "title": "Paiement Orange Money",
        "to": "à",
        "number": "Votre numéro Orange Money",
        "code": "Code à usage unique",
        "pay": "Payer",
        "cancel": "Annuler",
        "wrong": "Ce numéro ou ce code n'est pas correct.",
        "simulator": "Bac à sable : obtenir un code",
        "closed": "Ce paiement n'attend plus rien :",
        "back": "Retour chez le marchand",
    },
    "en": {
        "title": "Orange Money payment",
        "to": "to",
        "number": "Your Orange Money number",
        "code": "One-time code",
        "pay": "Pay",
        "cancel": "Cancel",
        "wrong": "This number or this code is not right.",
        "simulator": "Sandbox: get a code",
        "closed": "This payment waits for nothing more:",
        "back": "Back to the merchant",
    },
}


class Codes:
    """One-time codes, which a payer gets by USSD; here, from the simulator's page. Six digits and
    one code per number are ours. They do not outlive the process."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}

    def issue(self, msisdn: str) -> str:
        """A new code for a number; an earlier one is void."""
        self._codes[msisdn] = f"{secrets.randbelow(10**6):06}"
        return self._codes[msisdn]

    def take(self, msisdn: str, code: str) -> bool:
        """Whether that is the number's code; it is used up if so."""
        known = self._codes.get(msisdn)
        if known is None or not hmac.compare_digest(known.encode(), code.encode()):
            return False
        del self._codes[msisdn]
        return True


def payment_page(order: Order, simulator_url: str, *, wrong: bool = False) -> str:
    """Number and code, in the order's language: French, unless it is English."""
    language = order.lang if order.lang in _WORDS else "fr"
    words = _WORDS[language]
    purpose = f"<strong>{order.amount} {escape(order.currency)}</strong>"
    if order.reference:
        purpose += f" {words['to']} {escape(order.reference)}"
    if order.status != "INITIATED":
        body = f"""<p>{words["closed"]} {order.status}</p>
<p><a href="{escape(order.return_url)}">{words["back"]}</a></p>"""
    else:
        warning = f'<p class="wrong" role="alert">{words["wrong"]}</p>' if wrong else ""
        body = f"""{warning}<form method="post">
<label>{words["number"]}<input name="msisdn" inputmode="tel" autocomplete="tel"></label>
<label>{words["code"]}<input name="code" inputmode="numeric" autocomplete="one-time-code"></label>
<button name="action" value="pay">{words["pay"]}</button>
<button name="action" value="cancel" class="plain">{words["cancel"]}</button></form>
<p><a href="{escape(simulator_url)}" target="_blank">{words["simulator"]}</a></p>"""
    return _page(language, words["title"], f"<p>{purpose}</p>{body}")


def simulator_page(msisdn: str = "", code: str | None = None) -> str:
    """Where a number gets its one-time code, instead of a phone."""
    shown = ""
    if code is not None:
        shown = f"<p>Code : <strong>{code}</strong></p>"
    return _page(
        "fr",
        "Simulateur de code Orange Money",
        f"""{shown}<form method="post">
<label>Numéro / <span lang="en">Number</span>
<input name="msisdn" inputmode="tel" value="{escape(msisdn)}"></label>
<button>Obtenir un code / <span lang="en">Get a code</span></button></form>""",
    )


def no_such_page() -> str:
    """For a token that nobody has."""
    text = 'Ce paiement est inconnu. / <span lang="en">This payment is not known.</span>'
    return _page("fr", "Orange Money", f"<p>{text}</p>")


def _page(language: str, title: str, body: str) -> str:
    return f"""<!doctype html><html lang="{language}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{_STYLE}</style><h1>{title}</h1>{body}</html>"""
