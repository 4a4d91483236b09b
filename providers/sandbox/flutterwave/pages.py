"""What people see of the Flutterwave sandbox: the payer's page, and the merchant's dashboard."""

from html import escape
from typing import Final

from .charges import Charge

_STYLE: Final = """
body{font:17px/1.5 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}
input,button{box-sizing:border-box;width:100%;padding:.8rem;margin:.2rem 0 .8rem;font:inherit}
button{border:0;border-radius:.4rem;background:#b45309;color:#fff;cursor:pointer}
button.plain{background:none;color:inherit;text-decoration:underline}[lang=en]{opacity:.8}
"""


def payment_page(charge: Charge) -> str:
    """The page a payer is sent to. It speaks French and English, as no charge says which."""
    amount = f"{charge.amount} {charge.currency}"
    body = f"<p><strong>{amount}</strong> · +{charge.wallet.country_code} "
    body += f"{escape(charge.wallet.phone_number)}</p>"
    if charge.status != "pending" or charge.due_at is not None:
        body += "<p>Plus rien à faire ici. <span lang='en'>/ Nothing more to do here.</span></p>"
    else:
        body += """<form method="post">
<button name="action" value="pay">Autoriser le paiement / Authorise the payment</button>
<button name="action" value="refuse" class="plain">Refuser / Refuse</button></form>"""
    if charge.redirect_url:
        back = escape(charge.redirect_url)
        body += f'<p><a href="{back}">Retour chez le marchand / Back to the merchant</a></p>'
    return _page(body)


def no_such_page() -> str:
    """For a token that nobody has."""
    return _page(
        "<p>Ce paiement est inconnu. <span lang='en'>/ This payment is unknown.</span></p>"
    )


def dashboard_page(url: str) -> str:
    """Where a merchant says what Flutterwave's own dashboard is told: the address of webhooks."""
    return _page(
        f"""<form method="post"><label>URL de webhook / <span lang="en">Webhook URL</span>
<input name="url" value="{escape(url)}"></label><button>Enregistrer / Save</button></form>"""
    )


def _page(body: str) -> str:
    return f"""<!doctype html><html lang="fr"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Flutterwave (sandbox)</title>
<style>{_STYLE}</style><h1>Flutterwave</h1>{body}</html>"""
