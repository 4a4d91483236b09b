"""The page on which a payer plays a PayPal user who approves an order, or does not."""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .resources import Order, money, payer_id
from .tables import CANCEL, CHOICES

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem}
button{width:100%;padding:.8rem;margin-top:.6rem;font:inherit;border-radius:.4rem;cursor:pointer}
"""


def checkout_page(order: Order) -> str:
    """HTML with a button for each way the payer can end it, in French and English."""
    french = order.locale.startswith("fr")
    if order.status == "COMPLETED":
        body = f"<p>{_both('Déjà payé.', 'Already paid.', french=french)}</p>"
    elif order.status == "APPROVED" and not order.return_url:
        said = _both("Approuvé : fermez cette page.", "Approved: close this page.", french=french)
        body = f"<p>{said}</p>"
    else:
        buttons = [
            f'<button name="choice" value="{escape(choice)}">{_both(*said, french=french)}</button>'
            for choice, said in CHOICES.items()
        ]
        body = f'<form method="post">{"".join(buttons)}</form>'
    due = money(order.amount, order.currency)
    title = f"{escape(due['value'])} {escape(due['currency_code'])}"
    return f"""<!doctype html><html lang="{"fr" if french else "en"}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>PayPal (sandbox)</title>
<style>{_STYLE}</style><h1>PayPal</h1><p>{escape(order.description)}</p>
<p><strong>{title}</strong></p>{body}</html>"""


def return_address(order: Order, choice: str) -> str:
    """Where the payer goes back to: the return URL with PayPal's parameters, or the cancel URL;
    empty if the order has none."""
    cancelled = choice == CANCEL
    url = order.cancel_url if cancelled else order.return_url
    if not url:
        return ""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("token", order.id)]
    if not cancelled:
        query.append(("PayerID", payer_id(order)))
    return urlunsplit(parts._replace(query=urlencode(query)))


def _both(in_french: str, in_english: str, *, french: bool) -> str:
    """A text in both languages, the payer's own first."""
    if french:
        return f'{escape(in_french)} / <span lang="en">{escape(in_english)}</span>'
    return f'{escape(in_english)} / <span lang="fr">{escape(in_french)}</span>'
