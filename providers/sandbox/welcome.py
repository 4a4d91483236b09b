"""The first page of the sandboxes: what is here, how to call it, and who pays."""

from collections.abc import Iterable
from dataclasses import asdict
from html import escape
from typing import Final

from .demo import DemoAccount, demo_accounts
from .page import page
from .payers import payers_of

_TITLES: Final = {
    "cards": "Cards, as Stripe speaks",
    "cinetpay": "CinetPay",
    "cmi": "CMI (Morocco)",
    "flutterwave": "Flutterwave",
    "moov": "Moov Money (Flooz)",
    "mtn": "MTN MoMo",
    "orange_cm": "Orange Money Cameroon",
    "orange_web": "Orange Money Web Payment",
    "paygate": "PayGate Global (Flooz, T-Money)",
    "paypal": "PayPal",
}

_WORDS: Final = {
    "en": {
        "title": "Sandbox PSPs",
        "what": "They speak the protocols of the real ones, and no real money moves. Give your "
        "program a base URL and credentials of this page, and nothing else has to change.",
        "control": "Control page: requests, money moved, what happens next",
        "base": "Base URL",
        "credentials": "Credentials",
        "payers": "Test payers (whoever is not listed pays)",
    },
    "fr": {
        "title": "PSP de bac à sable",
        "what": "Ils parlent les protocoles des vrais, et aucun argent réel ne circule. Donnez à "
        "votre programme une adresse et des identifiants de cette page ; rien d'autre ne change.",
        "control": "Page de contrôle : requêtes, argent déplacé, suite des événements",
        "base": "Adresse de base",
        "credentials": "Identifiants",
        "payers": "Payeurs de test (tout autre paie)",
    },
}


def welcome_page(names: Iterable[str], public_url: str, language: str) -> str:
    """HTML about the PSPs that are served; `language` is "en" or "fr"."""
    words = _WORDS[language]
    accounts = list(demo_accounts(public_url))
    about = "".join(
        f"""<section id="{name}"><h2>{_TITLES[name]}</h2>
<p><a href="{name}/control?lang={language}">{words["control"]}</a></p>
<p>{words["base"]}: <code>{escape(public_url)}/{name}</code></p>
<details><summary>{words["credentials"]}</summary>{_credentials(name, accounts, public_url)}
</details><details><summary>{words["payers"]}</summary>{_payers(name)}</details></section>"""
        for name in names
    )
    body = f"<h1>{words['title']}</h1><p>{words['what']}</p>{about}"
    return page(language, words["title"], body)


def _credentials(name: str, accounts: Iterable[DemoAccount], public_url: str) -> str:
    """The demo accounts; their secrets open nothing but this sandbox."""
    base_url = f"{public_url}/{name}"
    found = [asdict(each.credentials) for each in accounts if _base_url(each) == base_url]
    return "".join(
        _table((field, str(value)) for field, value in fields.items() if field != "base_url")
        for fields in found
    )


def _base_url(account: DemoAccount) -> str:
    return str(account.credentials.base_url)


def _payers(name: str) -> str:
    return _table(payers_of(name))


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><td><code>{escape(key)}</code></td><td><code>{escape(value)}</code></td></tr>"
        for key, value in rows
    )
    return f"<table>{cells}</table>"
