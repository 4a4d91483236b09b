"""What payers see of us around a provider's page, in French and English.

The pages load nothing from anywhere, tell nobody where they were linked from, and are not kept.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import urlsplit

from litestar import Response

from processor.money import currency_named, display
from processor.payments.objects import Intent
from processor.setup_intents.objects import SetupIntent
from providers.boundary import Form

PRIVATE: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:18px/1.5 system-ui,sans-serif;max-width:28rem;margin:15vh auto 0;padding:0 1.25rem;"
    "text-align:center}"
    ".mark{font-size:3.5rem;line-height:1}.amount{font-size:1.5rem;font-weight:600}"
    "[lang=en]{opacity:.75}"
    "button{width:100%;padding:.9rem;font:inherit;border-radius:.5rem;cursor:pointer}"
)
_SUBMIT: Final = "document.forms[0].submit()"

# What became of a payment, by the status of its intent: a mark, French, English.
_PAYMENT: Final = {
    "succeeded": ("✓", "Le paiement a réussi.", "The payment has succeeded."),
    "requires_capture": ("✓", "Le paiement est autorisé.", "The payment is authorized."),
    "canceled": ("✕", "Ce paiement a été annulé.", "This payment was canceled."),
    "requires_payment_method": (
        "✕",
        "Le paiement n'a pas abouti. Vous pouvez réessayer chez le marchand.",
        "The payment did not go through. You can try again at the shop.",
    ),
}
_PAYMENT_WAITS: Final = (
    "…",
    "Le paiement n'est pas encore confirmé. Le marchand sera prévenu dès qu'il le sera.",
    "The payment is not confirmed yet. The shop will be told as soon as it is.",
)
_SETUP: Final = {
    "succeeded": (
        "✓",
        "Votre moyen de paiement est enregistré.",
        "Your means of payment is saved.",
    ),
    "canceled": ("✕", "L'enregistrement a été annulé.", "Saving was canceled."),
    "requires_payment_method": (
        "✕",
        "Votre moyen de paiement n'a pas pu être enregistré.",
        "Your means of payment could not be saved.",
    ),
}
_SETUP_WAITS: Final = (
    "…",
    "L'enregistrement n'est pas encore confirmé.",
    "Saving is not confirmed yet.",
)
_CLOSE: Final = ("Vous pouvez fermer cette page.", "You can close this page.")


def unknown() -> Response[str]:
    """For an address that we never gave out."""
    return _page(_both("Ce paiement est inconnu.", "This payment is not known."), 404)


def happened(intent: Intent | SetupIntent) -> Response[str]:
    """What became of a payment whose merchant has no page of its own for that."""
    amount = ""
    if isinstance(intent, Intent):
        mark, french, english = _PAYMENT.get(intent.status, _PAYMENT_WAITS)
        amount = f'<p class="amount">{display(intent.amount, currency_named(intent.currency))}</p>'
    else:
        mark, french, english = _SETUP.get(intent.status, _SETUP_WAITS)
    body = f'<p class="mark" aria-hidden="true">{mark}</p>{amount}{_both(french, english)}'
    return _page(body + _both(*_CLOSE))


def posting(form: Form) -> Response[str]:
    """A form that sends itself to the provider; a button for browsers without scripts.

    The form may go to the provider's host and nowhere else. Unlike the other pages this one says
    of which host it is: with `no-referrer` a browser would post from the origin "null".
    """
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in form.fields.items()
    )
    french, english = "Continuer vers le paiement", "Continue to the payment"
    body = (
        f'<form method="post" action="{escape(form.url)}" accept-charset="utf-8">{fields}'
        f'<button>{french}<br><span lang="en">{english}</span></button></form>'
        f"<script>{_SUBMIT}</script>"
    )
    host = urlsplit(form.url)
    response = _page(
        body,
        policy=f"script-src {_hash(_SUBMIT)}; form-action {host.scheme}://{host.netloc}",
    )
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


def _both(french: str, english: str) -> str:
    return f'<p>{french}</p><p lang="en">{english}</p>'


def _page(body: str, status: int = 200, policy: str = "form-action 'none'") -> Response[str]:
    html = (
        '<!doctype html><html lang="fr"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Paiement</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
    content = f"default-src 'none'; style-src {_hash(_STYLE)}; base-uri 'none'; {policy}"
    return Response(
        html,
        status_code=status,
        media_type="text/html",
        headers={
            **PRIVATE,
            "Content-Security-Policy": f"{content}; frame-ancestors 'none'",
        },
    )


def _hash(text: str) -> str:
    """How a policy names the one script or style that it lets run."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
