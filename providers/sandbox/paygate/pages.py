"""The pages of the PayGate sandbox: the one a payer pays on, and a merchant's settings."""

from collections.abc import Mapping
from html import escape
from typing import Final

_STYLE: Final = """
body{font:17px/1.5 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}
input,select,button{box-sizing:border-box;width:100%;padding:.8rem;margin:.2rem 0 .8rem}
input,select,button{font:inherit}.wrong{color:#b00020}
button{border:0;border-radius:.4rem;background:#0b6b3a;color:#fff;cursor:pointer}
"""

_NETWORKS: Final = {"MOOV": "Moov (Flooz)", "TOGOCEL": "Mixx by Yas (T-Money)"}


def payment_page(query: Mapping[str, str], problem: str = "") -> str:
    """Number and network, filled in with what the address of the page says."""
    options = "".join(
        f"<option value={name}{' selected' if query.get('network') == name else ''}>{title}"
        for name, title in _NETWORKS.items()
    )
    purpose = f"<strong>{escape(query.get('amount', ''))} XOF</strong>"
    return _page(
        "PayGate",
        f"""{_alert(problem)}<p>{purpose} {escape(query.get("description", ""))}</p>
<form method="post"><label>Numéro / <span lang="en">Number</span>
<input name="phone" inputmode="tel" value="{escape(query.get("phone", ""))}"></label>
<label>Réseau / <span lang="en">Network</span><select name="network">{options}</select></label>
<button>Payer / <span lang="en">Pay</span></button></form>""",
    )


def prompted_page(url: str) -> str:
    """What a payer sees once the phone was prompted."""
    return _page(
        "PayGate",
        f"""<p>Confirmez sur votre téléphone. / <span lang="en">Confirm on your phone.</span></p>
<p><a href="{escape(url)}">Continuer / <span lang="en">Continue</span></a></p>""",
    )


def error_page(problem: str) -> str:
    """A page that cannot be paid on."""
    return _page("PayGate", _alert(problem))


def dashboard_page(message: str = "") -> str:
    """Where a merchant says what PayGate's own dashboard is told: the address of callbacks."""
    return _page(
        "PayGate : paramètres",
        f"""{_alert(message)}<form method="post">
<label>Clé API / <span lang="en">API key</span><input name="auth_token"></label>
<label>URL de notification / <span lang="en">Callback URL</span><input name="url"></label>
<button>Enregistrer / <span lang="en">Save</span></button></form>""",
    )


def _alert(text: str) -> str:
    return f'<p class="wrong" role="alert">{escape(text)}</p>' if text else ""


def _page(title: str, body: str) -> str:
    return f"""<!doctype html><html lang="fr"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{_STYLE}</style><h1>{title}</h1>{body}</html>"""
