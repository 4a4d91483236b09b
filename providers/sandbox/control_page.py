"""The control page of a sandbox PSP, in English and French, for screens of any size."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from msgspec.structs import asdict

from .book import Book, Movement
from .page import page
from .requests import Entry, RequestLog
from .scenarios import SCENARIOS
from .script import CallbackBehaviour, Fault, Rule, Script

_SHOWN: Final = 50  # movements and requests, the newest

_WORDS: Final = {
    "en": {
        "all": "Credentials, test payers, all sandboxes",
        "live": "Follow live",
        "still": "Stop following",
        "sound": "No reference moved money twice.",
        "doubled": "Moved more than once",
        "out": "Outage: no call is answered.",
        "end_outage": "End the outage",
        "start_outage": "Begin an outage",
        "next": "What happens next",
        "operation": "operation (* for all)",
        "payer": "payer (empty: any)",
        "amount": "amount in minor units (empty: any)",
        "times": "how many calls (empty: always)",
        "outcome": "outcome",
        "delay": "seconds until the payer acts",
        "callback": "callbacks",
        "callback_seconds": "seconds a callback waits",
        "fault": "fault",
        "fault_seconds": "seconds the fault lasts",
        "add": "Add this rule",
        "scenarios": "Scenarios",
        "begin": "Begin",
        "rules": "Rules that wait",
        "clear": "Forget all rules",
        "book": "Book: money that moved (in minor units)",
        "in": "from",
        "out_of": "to",
        "usual": "as usual",
        "requests": "Requests",
        "no_answer": "no answer",
        "nothing": "Nothing yet.",
    },
    "fr": {
        "all": "Identifiants, payeurs de test, tous les bacs à sable",
        "live": "Suivre en direct",
        "still": "Ne plus suivre",
        "sound": "Aucune référence n'a déplacé d'argent deux fois.",
        "doubled": "Déplacé plus d'une fois",
        "out": "Panne : aucun appel ne reçoit de réponse.",
        "end_outage": "Finir la panne",
        "start_outage": "Commencer une panne",
        "next": "Ce qui va se passer",
        "operation": "opération (* pour toutes)",
        "payer": "payeur (vide : n'importe lequel)",
        "amount": "montant en unités mineures (vide : tous)",
        "times": "nombre d'appels (vide : toujours)",
        "outcome": "issue",
        "delay": "secondes avant que le payeur n'agisse",
        "callback": "notifications",
        "callback_seconds": "secondes d'attente d'une notification",
        "fault": "défaut",
        "fault_seconds": "durée du défaut en secondes",
        "add": "Ajouter cette règle",
        "scenarios": "Scénarios",
        "begin": "Lancer",
        "rules": "Règles en attente",
        "clear": "Oublier toutes les règles",
        "book": "Livre : l'argent déplacé (en unités mineures)",
        "in": "de",
        "out_of": "vers",
        "usual": "comme d'habitude",
        "requests": "Requêtes",
        "no_answer": "sans réponse",
        "nothing": "Rien pour l'instant.",
    },
}


def control_page(
    name: str,
    outcomes: Sequence[str],
    book: Book,
    script: Script,
    log: RequestLog,
    *,
    language: str,
    live: bool,
) -> str:
    """HTML; `language` is "en" or "fr". A live page loads itself anew every two seconds."""
    words = _WORDS[language]
    action = f"control/script?lang={language}"
    body = f"""<nav><a href="../?lang={language}#{escape(name)}">{words["all"]}</a>
<a href="?lang={language}{"" if live else "&amp;live=1"}">{words["still" if live else "live"]}</a>
</nav><h1>{escape(name)}</h1>{_state(words, book, script, action)}
<section><h2>{words["requests"]}</h2>{_requests(words, log.entries(_SHOWN))}</section>
<section><h2>{words["book"]}</h2>{_movements(words, book.movements()[-_SHOWN:])}</section>
<section><h2>{words["next"]}</h2>{_form(words, outcomes, action)}</section>
<section><h2>{words["rules"]}</h2>{_rules(words, script, action)}</section>
<section><h2>{words["scenarios"]}</h2>{_scenarios(words, language, action)}</section>"""
    return page(language, f"{name} · sandbox", body, refresh_seconds=2 if live else None)


def _state(words: Mapping[str, str], book: Book, script: Script, action: str) -> str:
    doubled = book.moved_more_than_once()
    verdict = f"{words['doubled']}: {doubled}" if doubled else words["sound"]
    outage = f'<p class="bad">{words["out"]}</p>' if script.outage else ""
    switch = words["end_outage" if script.outage else "start_outage"]
    return f"""<p class="{"bad" if doubled else "good"}">{escape(verdict)}</p>{outage}
<form method="post" action="{action}">
<button name="outage" value="{"false" if script.outage else "true"}">{switch}</button></form>"""


def _requests(words: Mapping[str, str], entries: Iterable[Entry]) -> str:
    rows = [
        f"""<details><summary><code>{_clock(entry.at)}</code>
<span class="{"good" if entry.status and entry.status < 400 else "bad"}">
{entry.status or words["no_answer"]}</span>
<code>{escape(f"{entry.method} {entry.path}")}</code> {escape(entry.fault or "")}</summary>
<pre>{escape(_head(entry))}{escape(entry.body)}</pre></details>"""
        for entry in entries
    ]
    return "".join(rows) or f"<p>{words['nothing']}</p>"


def _head(entry: Entry) -> str:
    return "".join(f"{name}: {value}\n" for name, value in entry.headers.items()) + "\n"


def _movements(words: Mapping[str, str], movements: Sequence[Movement]) -> str:
    if not movements:
        return f"<p>{words['nothing']}</p>"
    return "".join(_movement(words, movement) for movement in reversed(movements))


def _movement(words: Mapping[str, str], movement: Movement) -> str:
    direction = words["in" if movement.direction == "in" else "out_of"]
    amount = f"{movement.amount} {movement.currency.upper()}"
    return f"""<div class="line"><code>{_clock(movement.at)}</code> {escape(movement.kind)}
<strong>{escape(amount)}</strong> {direction} {escape(movement.payer)}<br>
<code>{escape(movement.reference)}</code></div>"""


def _form(words: Mapping[str, str], outcomes: Sequence[str], action: str) -> str:
    def typed(name: str, value: str = "", kind: str = "text") -> str:
        mode = ' inputmode="decimal"' if kind == "number" else ""
        return f'<label>{words[name]}<input name="{name}" value="{value}"{mode}></label>'

    def chosen(name: str, values: Iterable[str]) -> str:
        options = "".join(f"<option>{escape(value)}</option>" for value in values)
        usual = f'<option value="">{words["usual"]}</option>'
        return f'<label>{words[name]}<select name="{name}">{usual}{options}</select></label>'

    fields = (
        typed("operation", "charge"),
        typed("payer"),
        typed("amount", kind="number"),
        typed("times", "1", "number"),
        chosen("outcome", outcomes),
        typed("delay", kind="number"),
        chosen("callback", CallbackBehaviour),
        typed("callback_seconds", kind="number"),
        chosen("fault", Fault),
        typed("fault_seconds", kind="number"),
    )
    return f"""<form method="post" action="{action}" class="fields">{"".join(fields)}
<button class="main">{words["add"]}</button></form>"""


def _rules(words: Mapping[str, str], script: Script, action: str) -> str:
    if not script.rules:
        return f"<p>{words['nothing']}</p>"
    rules = "".join(f"<li>{escape(_in_short(rule))}</li>" for rule in script.rules)
    return f"""<ol>{rules}</ol><form method="post" action="{action}">
<button name="clear" value="all">{words["clear"]}</button></form>"""


def _in_short(rule: Rule) -> str:
    """Its operation, and whatever else is not as usual."""
    usual = asdict(Rule(operation=rule.operation))
    said = [f"{name}: {value}" for name, value in asdict(rule).items() if value != usual[name]]
    return " · ".join([rule.operation, *said])


def _scenarios(words: Mapping[str, str], language: str, action: str) -> str:
    rows = "".join(
        f"""<li><button name="scenario" value="{name}">{words["begin"]}</button>
<div><code>{name}</code><br>{escape(s.french if language == "fr" else s.english)}</div></li>"""
        for name, s in SCENARIOS.items()
    )
    return f'<form method="post" action="{action}"><ul class="choices">{rows}</ul></form>'


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]
