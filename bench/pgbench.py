"""The limit of a REST write: pgbench carrying out the statements that the API itself carried out.

The statements are not written here, where they would grow old: PostgreSQL is asked to log one real
request, and what it logged becomes a pgbench script. Only the ids are changed, to be new each time.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx

from bench.stack import Stack, in_database
from tenants.embedded_binaries import Account, find_binaries
from tenants.migrate import APP_ROLE

# The log's lines begin with the process that wrote them; further lines of an entry with a tab.
_LINE_PREFIX = "<%p>"
_ENTRY = re.compile(r"^<(\d+)>([A-Z]+):  (.*(?:\n\t.*)*)", re.MULTILINE)
_STATEMENT = re.compile(r"(?:statement|execute [^:]+): (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (?:NULL|'((?:[^']|'')*)')")

# Our ids end in 24 base-62 digits: 8 of the time, then what tells them apart. Sixteen decimal
# digits take the place of the latter, so that the new ids are as long and as ascending.
_ID = re.compile(r"\b([a-z]+_[0-9A-Za-z]{8})[0-9A-Za-z]{16}(?![0-9A-Za-z])")
_NUMBER = "1000000000000000 + :i * 100 + :client_id"


class CaptureFailed(Exception):
    """The log does not hold the request's statements."""


@dataclass(slots=True)
class Statement:
    """One statement as it was carried out. A parameter's value is its text, or None for null."""

    sql: str
    parameters: dict[int, str | None] = field(default_factory=dict)


def capture(stack: Stack, secret_key: str) -> list[Statement]:
    """The statements of one `POST /v1/payment_intents`, from `begin` to `commit`."""
    log = stack.state / "postgres" / "server.log"
    began = log.stat().st_size
    with _logging(stack):
        # The last one is captured: on a new connection the driver first asks about types.
        for _ in range(3):
            key = f"bench-{uuid4().int % 10**16:016}"
            answer = httpx.post(
                f"{stack.base}/v1/payment_intents",
                headers={"Authorization": f"Bearer {secret_key}", "Idempotency-Key": key},
                data={"amount": "5000", "currency": "xaf", "metadata[order]": "1"},
            )
            answer.raise_for_status()
    with log.open("rb") as file:
        file.seek(began)
        return _with_key(transactions(file.read().decode()), key)


@contextmanager
def _logging(stack: Stack) -> Iterator[None]:
    """Let the server log every statement with its parameters."""
    settings = {"log_statement": "all", "log_line_prefix": _LINE_PREFIX}
    _configure(stack, [f"alter system set {name} = '{value}'" for name, value in settings.items()])
    try:
        yield
    finally:
        _configure(stack, [f"alter system reset {name}" for name in settings])


def _configure(stack: Stack, statements: list[str]) -> None:
    async def run(connection: asyncpg.Connection) -> None:
        for statement in (*statements, "select pg_reload_conf()"):
            await connection.execute(statement)

    in_database(stack.database_url, run)
    time.sleep(0.5)  # until every process has read the settings, and written its log


def transactions(log: str) -> Iterator[list[Statement]]:
    """The transactions in a log, each from `begin` to `commit`."""
    running: dict[str, list[Statement]] = {}
    for process, level, text in _ENTRY.findall(log):
        statement = _STATEMENT.fullmatch(text.replace("\n\t", "\n"))
        if level == "LOG" and statement:
            sql = statement[1].strip()
            if sql.startswith("begin"):
                running[process] = []
            running.setdefault(process, []).append(Statement(sql))
            if sql == "commit":
                yield running.pop(process)
        elif level == "DETAIL" and process in running:
            running[process][-1].parameters = {
                int(number): value.replace("''", "'") if f"${number} = '" in text else None
                for number, value in _PARAMETER.findall(text)
            }


def _with_key(transactions: Iterator[list[Statement]], key: str) -> list[Statement]:
    for statements in transactions:
        values = [value for one in statements for value in one.parameters.values() if value]
        if any(key in value for value in values):
            return [_renamed(one, key) for one in statements]
    raise CaptureFailed(f"no transaction with the key {key} in the server's log")


def _renamed(statement: Statement, key: str) -> Statement:
    """The statement with the idempotency key in the shape of our ids, to be replaced like them."""
    parameters = {
        number: value.replace(key, "key_" + "0" * 8 + key[-16:]) if value else value
        for number, value in statement.parameters.items()
    }
    return Statement(statement.sql, parameters)


# --- the script ---------------------------------------------------------------------------------


def script(stack: Stack, schema: str, statements: list[Statement]) -> str:
    """A pgbench script that does the same with new ids, in as many trips to the server."""
    lines = ["\\set i :i + 1", f"\\set n {_NUMBER}"]
    types = _parameter_types(stack, schema, statements)
    for statement, kinds in zip(statements, types, strict=True):
        parts = [part.strip() for part in statement.sql.split(";")]
        if len(parts) > 1:  # one simple-protocol message; in the extended protocol, one pipeline
            lines += ["\\startpipeline", *(f"{part};" for part in parts), "\\endpipeline"]
            continue
        lines.append(_with_literals(statement, kinds).replace("\n", " ") + ";")
    return "\n".join(lines) + "\n"


def _with_literals(statement: Statement, kinds: list[str]) -> str:
    """The SQL with its parameters written in place; `kinds` are their types."""

    def written(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"({literal(statement.parameters[number])})::{kinds[number - 1]}"

    return re.sub(r"\$(\d+)", written, statement.sql)


def literal(value: str | None) -> str:
    """A value as an expression in which each id is a new one."""
    if value is None:
        return "null"
    parts = _ID.split(value)
    joined = parts[0]
    expression = []
    for beginning, rest in zip(parts[1::2], parts[2::2], strict=True):
        expression.append(_escaped(joined + beginning))
        joined = rest
    return " || :n::text || ".join([*expression, _escaped(joined)])


def _escaped(text: str) -> str:
    """A string constant without a colon, which pgbench would take for the start of a variable."""
    quoted = text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    return f"E'{quoted}'".replace("\n", "\\n")


def _parameter_types(stack: Stack, schema: str, statements: list[Statement]) -> list[list[str]]:
    """The types that PostgreSQL finds for the parameters of each statement."""

    async def find(connection: asyncpg.Connection) -> list[list[str]]:
        await connection.execute(f'set search_path = "{schema}"')
        found = []
        for statement in statements:
            kinds: list[str] = []
            if statement.parameters:
                prepared = await connection.prepare(statement.sql)
                kinds = [kind.name for kind in prepared.get_parameters()]
            found.append(kinds)
        return found

    types: list[list[str]] = in_database(stack.database_url, find)
    return types


# --- the run ------------------------------------------------------------------------------------


def run(stack: Stack, file: Path, clients: int, seconds: float, start: int) -> float:
    """Transactions per second of `clients` connections. `start` keeps runs' ids apart."""
    server = stack.database_url.rpartition("@")[2]
    address, _, database = server.partition("/")
    host, _, port = address.partition(":")
    command = [
        str(find_binaries(Account(None, None), stack.state) / "pgbench"),
        *("--host", host, "--port", port, "--username", APP_ROLE),
        *("--no-vacuum", "--protocol", "prepared", "--file", str(file), "--define", f"i={start}"),
        *("--client", str(clients), "--jobs", "1", "--time", str(max(1, round(seconds)))),
        database,
    ]
    password = (stack.state / "app_password").read_text()
    ran = subprocess.run(
        command,
        env=os.environ | {"PGPASSWORD": password},
        capture_output=True,
        text=True,
        check=True,
    )
    rate = re.search(r"^tps = ([\d.]+)", ran.stdout, re.MULTILINE)
    if rate is None:  # a busy machine took all the time to connect
        return run(stack, file, clients, 2 * max(1, seconds), start + 1_000_000)
    assert "number of failed transactions: 0 " in ran.stdout, ran.stdout
    return float(rate[1])
