"""The page on which a payer plays their bank's part in 3-D Secure."""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .card_intents import Intent
from .card_setups import CardSetup

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem}
button{width:100%;padding:.8rem;margin-top:.6rem;font:inherit;border-radius:.4rem;cursor:pointer}
"""


def authentication_page(intent: Intent | CardSetup) -> str:
    """HTML with the two ends an authentication can have, in French and English."""
    if intent.status != "requires_action":
        body = "<p>Rien à authentifier. / <span lang=en>Nothing to authenticate.</span></p>"
    else:
        body = f"""<p>{_purpose(intent)}</p>
<form method="post"><button name="result" value="complete">
Authentifier / <span lang="en">Complete authentication</span></button>
<button name="result" value="fail">
Échouer / <span lang="en">Fail authentication</span></button></form>"""
    return f"""<!doctype html><html lang="fr"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>3-D Secure</title>
<style>{_STYLE}</style><h1>3-D Secure</h1>{body}</html>"""


def return_address(intent: Intent | CardSetup) -> str:
    """Where the payer goes back to: the return URL with Stripe's three parameters added."""
    parts = urlsplit(intent.return_url or "")
    redirect_status = "failed" if intent.decline else "succeeded"
    kind = "setup_intent" if isinstance(intent, CardSetup) else "payment_intent"
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        (kind, intent.id),
        (f"{kind}_client_secret", intent.client_secret),
        ("redirect_status", redirect_status),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _purpose(intent: Intent | CardSetup) -> str:
    if isinstance(intent, CardSetup):
        return 'Carte à enregistrer / <span lang="en">Card to be saved</span>'
    amount = escape(f"{intent.amount} {intent.currency.upper()}")
    return (
        f'Paiement / <span lang="en">Payment</span>: <strong>{amount}</strong>'
        ' (unités mineures / <span lang="en">minor units</span>)'
    )
