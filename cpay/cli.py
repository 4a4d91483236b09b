"""The `cpay` command: what can be asked for, and which function answers."""

# ruff: noqa: PLC0415  # a subcommand imports what it needs when it runs, so that `--help` is instant

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from cpay.settings import Settings, SettingsError
from cpay.supervision import end_with_parent

if TYPE_CHECKING:
    from litestar.types import ASGIApp

SANDBOX_PORT = 8421
# Open requests get this long at a stop; a server-sent event stream would never end by itself.
GRACEFUL_SECONDS = 5

_LEDGER = "cpay.ledger_command"
_PRICE = "cpay.price_command"
_PAYOUTS = "cpay.payouts_command"
_PROVIDERS = "cpay.providers_command"
_RECONCILE = "cpay.reconcile_command"
_REPORT = "cpay.report_command"
_UNRESOLVED = "cpay.unresolved_command"

Command = Callable[[Settings, argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 1 after a sentence on stderr, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    end_with_parent()
    command: Command = options.command
    try:
        command(Settings.from_environment(), options)
    except SettingsError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cpay",
        description="A payment processor shaped like Stripe, for mobile money and cards in Africa.",
        epilog="Settings are environment variables: `cpay settings` lists and explains them.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add(commands, "dev", _dev, "run everything on this machine until Ctrl-C (`make run`)")
    _add(commands, "serve", _serve, "serve the API, the dashboard and the hosted checkout")
    _add(commands, "worker", _worker, "do the background work: look-ups, webhooks, receipts")
    sandbox = _add(commands, "sandbox", _sandbox, "run the sandbox PSPs")
    sandbox.add_argument("name", nargs="?", help="one PSP alone, for example `mtn` (default: all)")
    sandbox.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    sandbox.add_argument("--port", type=int, default=SANDBOX_PORT, help="default: %(default)s")
    sandbox.add_argument("--public-url", help="where payers' browsers reach it, if elsewhere")
    _add(commands, "migrate", _migrate, "bring the database and all tenants to this version")
    _add(commands, "settings", _settings, "explain every setting and show the value in force")
    _add_tenant_commands(
        commands.add_parser("tenant", help="create, list, suspend, export, restore, delete tenants")
    )
    _add_ledger_commands(commands.add_parser("ledger", help="prove the books"))
    _add_payout_commands(commands.add_parser("payouts", help="bank files, and banks' answers"))
    _add_reconcile_commands(
        commands.add_parser("reconcile", help="hold providers' statements against the books")
    )
    _add_unresolved_commands(
        commands.add_parser("unresolved", help="payments that nobody can explain: see and end them")
    )
    _add_report_command(commands)
    _add_provider_commands(
        commands.add_parser("providers", help="accounts at providers, their credentials and health")
    )
    _add_price_commands(commands.add_parser("price", help="set, list, unset what charges cost"))
    _add_key_commands(commands.add_parser("key", help="create, roll, revoke, list API keys"))
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Command,
    summary: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"{summary}.")
    parser.set_defaults(command=command)
    return parser


def _add_tenant_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    create = _add(commands, "create", _operator("create_tenant"), "create a tenant with its keys")
    create.add_argument("name", help="the merchant's name, as payers read it")
    create.add_argument("--country", default="CM", help="ISO 3166 code (default: %(default)s)")
    create.add_argument("--currency", default="xaf", help="default currency (default: %(default)s)")
    _add(commands, "list", _operator("list_tenants"), "list all tenants, one JSON object a line")
    export = _add(
        commands, "export", _operator("export_tenant"), "write a tenant and its documents to a file"
    )
    export.add_argument("tenant", help="acct_...")
    export.add_argument("file", type=Path, help="target, a tar archive")
    restore = _add(
        commands, "restore", _operator("restore_tenant"), "bring an exported tenant back, alone"
    )
    restore.add_argument("file", type=Path, help="what `cpay tenant export` wrote")
    suspend = _add(
        commands, "suspend", _operator("suspend_tenant"), "do nothing for a tenant until it resumes"
    )
    suspend.add_argument("tenant", help="acct_...")
    resume = _add(commands, "resume", _operator("resume_tenant"), "go on with a suspended tenant")
    resume.add_argument("tenant", help="acct_...")
    delete = _add(commands, "delete", _operator("delete_tenant"), "delete a tenant for ever")
    delete.add_argument("tenant", help="acct_...")
    delete.add_argument(
        "--confirm", required=True, metavar="NAME", help="the tenant's name, to prove it is meant"
    )


def _add_key_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    create = _add(commands, "create", _operator("create_key"), "create an API key; shown only once")
    create.add_argument("tenant", help="acct_...")
    create.add_argument("--kind", choices=("secret", "publishable", "restricted"), default="secret")
    create.add_argument("--live", action="store_true", help="for real money (default: test mode)")
    create.add_argument("--name", default="", help="what the key is for")
    create.add_argument(
        "--scope", action="append", default=[], help="what a restricted key may do; repeatable"
    )
    roll = _add(commands, "roll", _operator("roll_key"), "replace a key by a new one; shown once")
    roll.add_argument("key", help="the key's id")
    roll.add_argument("--hours", type=int, default=24, help="the old one's rest (default: 24)")
    revoke = _add(commands, "revoke", _operator("revoke_key"), "make a key useless at once")
    revoke.add_argument("key", help="the key's id")
    listing = _add(
        commands, "list", _operator("list_keys"), "list a tenant's keys, without secrets"
    )
    listing.add_argument("tenant", help="acct_...")


def _add_ledger_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    verify = _add(
        commands,
        "verify",
        _operator("verify", _LEDGER),
        "prove that every entry balances and every balance equals its entries",
    )
    verify.add_argument("--tenant", help="acct_...; every tenant when not given")
    close = _add(
        commands, "close", _operator("close", _LEDGER), "close days: signed, chained, for good"
    )
    close.add_argument("--day", type=date.fromisoformat, help="the last one; yesterday (UTC)")
    close.add_argument("--tenant", help="acct_...; every tenant when not given")
    _add(commands, "key", _ledger_key, "show the public key that closed days are checked with")
    check = _add(commands, "check", _ledger_check, "check a closed day's file; needs no database")
    check.add_argument("file", type=Path)
    check.add_argument("--public-key", required=True, help="64 hexadecimal digits")
    check.add_argument("--previous", type=Path, help="the file of the day before")


def _add_payout_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    export = _add(
        commands,
        "export",
        _operator("export", _PAYOUTS),
        "hand waiting payouts to banks out, in a file for your bank",
    )
    export.add_argument("file", type=Path, help="where to write it; the object store keeps it too")
    export.add_argument("--format", choices=("csv", "pain.001"), default="csv")
    export.add_argument("--currency", required=True, help="ISO 4217: one file has one currency")
    export.add_argument("--tenant", help="acct_...; every tenant when not given")
    export.add_argument("--debtor-name", help="of pain.001: whose account pays")
    export.add_argument("--debtor-account", help="of pain.001: its IBAN or number")
    export.add_argument("--debtor-bic", help="of pain.001: its bank")
    fetch = _add(
        commands, "fetch", _operator("fetch", _PAYOUTS), "write an earlier bank file again"
    )
    fetch.add_argument("key", help="bank_files/..., as `export` printed it")
    fetch.add_argument("file", type=Path)
    confirm = _add(
        commands,
        "confirm",
        _operator("confirm", _PAYOUTS),
        "apply the bank's answer: CSV with payout, status (paid or failed) and reason",
    )
    confirm.add_argument("file", type=Path)


def _add_reconcile_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    read = _add(
        commands,
        "import",
        _operator("import_file", _RECONCILE),
        "match a provider's statement with the books, and keep it",
    )
    read.add_argument("file", type=Path, help="CSV in UTF-8")
    read.add_argument("--provider", required=True, help="the account, as charges name it")
    read.add_argument("--mapping", required=True, help="how to read it: standard, mtn, stripe")
    read.add_argument("--from", dest="start", type=datetime.fromisoformat, help="default: 1st line")
    read.add_argument("--to", dest="end", type=datetime.fromisoformat, help="not included")
    report = _add(
        commands,
        "report",
        _operator("report", _RECONCILE),
        "show a reconciliation and its open items; without one, all of them and what is open",
    )
    report.add_argument("reconciliation", nargs="?", help="rcn_...")
    resolve = _add(
        commands, "resolve", _operator("resolve", _RECONCILE), "do something about an open item"
    )
    resolve.add_argument("item", help="rci_...")
    resolve.add_argument("action", choices=("look_up", "book", "adjust", "ignore"))
    resolve.add_argument("--reason", required=True, help="why, for the auditor")
    for command in (read, report, resolve):
        command.add_argument("--tenant", required=True, help="acct_...")
        command.add_argument("--live", action="store_true", help="real money (default: test mode)")
    for command in (read, resolve):
        command.add_argument("--by", required=True, help="who does it, for the auditor")


def _add_unresolved_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    queue = _add(
        commands, "list", _operator("list_queue", _UNRESOLVED), "list the queue, oldest first"
    )
    queue.add_argument("--tenant", help="acct_...; every tenant when not given")
    queue.add_argument("--type", choices=("charge", "refund", "payout"), help="default: any")
    queue.add_argument("--provider", help="account as charges name it; any when not given")
    queue.add_argument("--hours", type=float, default=0, help="only those at least this old")
    show = _add(commands, "show", _operator("show", _UNRESOLVED), "show one, with its history")
    look = _add(commands, "look-up", _operator("look_up", _UNRESOLVED), "ask the provider now")
    resolve = _add(
        commands,
        "resolve",
        _operator("resolve", _UNRESOLVED),
        "say what became of the money; above the limit, propose it",
    )
    approve = _add(
        commands, "approve", _operator("approve", _UNRESOLVED), "approve another one's proposal"
    )
    reject = _add(commands, "reject", _operator("reject", _UNRESOLVED), "reject a proposal")
    for command in (show, look, resolve, approve, reject):
        command.add_argument("item", help="unp_...")
        command.add_argument("--tenant", required=True, help="acct_...")
    resolve.add_argument("outcome", choices=("succeeded", "failed"))
    resolve.add_argument("--reference", help="the provider's number; needed for succeeded")
    for command in (approve, reject):
        command.add_argument("--proposal", required=True, help="upd_..., as `show` shows it")
    for command in (resolve, approve, reject):
        command.add_argument(
            "--by", required=True, type=_words, help="who does it, for the auditor"
        )
        command.add_argument(
            "--reason",
            required=command is not approve,
            type=_words,
            help="why, for the auditor",
        )
    for command in (queue, show, look, resolve, approve, reject):
        command.add_argument("--live", action="store_true", help="real money (default: test mode)")


def _words(text: str) -> str:
    """A text that says something. Raises ValueError, which argparse explains."""
    if not text.strip():
        raise ValueError
    return text.strip()


def _add_report_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    report = _add(
        commands, "report", _operator("report", _REPORT), "write a tenant's report as CSV"
    )
    report.add_argument("type", help="as the API names it, for example balance.summary.1")
    report.add_argument("--tenant", required=True, help="acct_...")
    report.add_argument("--live", action="store_true", help="real money (default: test mode)")
    report.add_argument(
        "--from", dest="start", required=True, type=datetime.fromisoformat, help="included"
    )
    report.add_argument(
        "--to", dest="end", type=datetime.fromisoformat, help="not included (default: now)"
    )
    report.add_argument("--currency", help="only this one")
    report.add_argument(
        "--category", dest="reporting_category", help="only this one, for example refund"
    )
    report.add_argument("--columns", help="names with commas between them; all when not given")
    report.add_argument("--timezone", help="of the times in it (default: UTC)")


def _add_provider_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def account(verb: str, summary: str, function: str = "") -> argparse.ArgumentParser:
        command = _add(commands, verb, _operator(function or verb, _PROVIDERS), summary)
        command.add_argument("--tenant", help="acct_...; the installation's own when not given")
        command.add_argument("--live", action="store_true", help="real money (default: test mode)")
        return command

    account("list", "list accounts, without secrets", "list_accounts")
    opening = account("add", "add an account, if its provider accepts the credentials")
    opening.add_argument("--provider", required=True, help="kind, for example mtn")
    opening.add_argument("--environment", choices=("live", "sandbox", "provider_sandbox"))
    renewal = account("replace", "replace an account's credentials, all or some")
    check = account("check", "ask the provider whether it still accepts the credentials")
    remove = account("remove", "forget an account and its credentials")
    disable = account("disable", "the kill switch: send nothing new there")
    disable.add_argument("--reason", required=True, help="why, for merchants and colleagues")
    enable = account("enable", "let an account take payments again")
    for command in (opening, renewal):
        command.add_argument(
            "--credentials", type=Path, help="file with a JSON object (default: standard input)"
        )
    for command in (opening, renewal, check, remove, disable, enable):
        command.add_argument("name", help="as charges name it; the nickname of a tenant's new one")
    health = _add(commands, "health", _operator("health", _PROVIDERS), "show how accounts are")
    health.add_argument("name", nargs="?", help="all that are remarkable when not given")
    _add(
        commands,
        "reseal",
        _operator("reseal", _PROVIDERS),
        "seal all credentials anew under the first of CPAY_ENCRYPTION_KEYS",
    )


def _add_price_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    change = _add(
        commands, "set", _operator("set_plan", _PRICE), "set what charges cost from now on"
    )
    change.add_argument("--percent", required=True, help="of the amount, for example 1.5")
    change.add_argument("--fixed", type=int, default=0, help="added, in minor units (default: 0)")
    change.add_argument("--minimum", type=int, help="least fee, in minor units")
    change.add_argument("--maximum", type=int, help="most fee, in minor units, without VAT")
    change.add_argument("--vat", default="19.25", help="per cent of the fee (default: %(default)s)")
    change.add_argument(
        "--days", type=int, default=1, help="until money is available (default: %(default)s)"
    )
    remove = _add(
        commands, "unset", _operator("unset_plan", _PRICE), "remove the plan of exactly these"
    )
    for command in (change, remove):
        command.add_argument("--tenant", help="acct_...; every tenant when not given")
        command.add_argument("--provider", help="account as charges name it; any when not given")
        command.add_argument("--method", choices=("card", "mobile_money"), help="default: any")
        command.add_argument("--currency", help="default: any")
    listing = _add(
        commands, "list", _operator("list_plans", _PRICE), "list plans; the most specific one wins"
    )
    listing.add_argument("--tenant", help="acct_...: only those that its charges can meet")


def _ledger_key(settings: Settings, _: argparse.Namespace) -> None:
    from processor.ledger.close import public_key, signing_key

    settings.need("ledger_key")
    print(public_key(signing_key(settings.ledger_key)))


def _ledger_check(_: Settings, options: argparse.Namespace) -> None:
    from processor.ledger.close import CloseError, check_file

    try:
        previous = options.previous.read_bytes() if options.previous else None
        found = check_file(options.file.read_bytes(), options.public_key, previous)
    except (CloseError, OSError) as error:
        sys.exit(str(error))
    print(msgspec.json.encode(found).decode())


def _dev(settings: Settings, _: argparse.Namespace) -> None:
    from cpay.dev import DevError, run_dev
    from tenants.embedded import EmbeddedPostgresError

    try:
        run_dev(settings)
    except (DevError, EmbeddedPostgresError) as error:
        sys.exit(str(error))


def _serve(settings: Settings, _: argparse.Namespace) -> None:
    from cpay.app import create_app

    settings.need("database_url", "key_pepper")
    _run_server(create_app(settings), settings.host, settings.port, settings)


def _sandbox(settings: Settings, options: argparse.Namespace) -> None:
    from providers.sandbox.server import PSPS, create_sandbox

    url = (options.public_url or f"http://{options.host}:{options.port}").rstrip("/")
    if options.name and options.name not in PSPS:
        sys.exit(f"There is no sandbox PSP {options.name!r}; there are: {', '.join(PSPS)}.")
    names = [options.name] if options.name else list(PSPS)
    for name in names:
        print(f"{name}: {url}/{name} (control: {url}/{name}/control)")
    print(f"Credentials and test payers: {url}/", flush=True)
    books = settings.state_dir / "sandbox"
    books.mkdir(parents=True, exist_ok=True)
    _run_server(create_sandbox(books, url, names), options.host, options.port, settings)


def _run_server(app: "ASGIApp", host: str, port: int, settings: Settings) -> None:
    import uvicorn

    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level=settings.log_level,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


def _worker(settings: Settings, _: argparse.Namespace) -> None:
    import uvloop

    from cpay.worker import run_worker

    async def work() -> None:
        stop = asyncio.Event()
        for ending in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(ending, stop.set)
        await run_worker(settings, stop)

    settings.need("database_url", "key_pepper")
    uvloop.run(work())


def _settings(settings: Settings, _: argparse.Namespace) -> None:
    print(settings.manual())


def _migrate(settings: Settings, options: argparse.Namespace) -> None:
    _operator("migrate")(settings, options)


def _operator(name: str, module: str = "cpay.tenants_command") -> Command:
    """Return the command that runs a function of a module of ours with its own options.

    The function is `async (settings, **options)`; what it returns is printed as JSON, a list as one
    line an element.
    """

    def command(settings: Settings, options: argparse.Namespace) -> None:
        settings.need("admin_database_url")
        function: Callable[..., Coroutine[Any, Any, object]] = getattr(import_module(module), name)
        keywords = {key: value for key, value in vars(options).items() if key != "command"}
        try:
            result = asyncio.run(function(settings, **keywords))
        except (LookupError, RuntimeError, OSError, asyncpg.PostgresError) as error:
            sys.exit(f"{error}")  # no such tenant, pg_dump failed, no database there, ...
        for line in result if isinstance(result, list) else [result]:
            print(msgspec.json.encode(line).decode())

    return command


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1
