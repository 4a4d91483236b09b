"""The measurements run, measure what they say, and print what is promised. No time is asserted."""

import json
import subprocess
import sys
from itertools import islice
from typing import Any

import cbor2
import pytest

from bench import bulk, pgbench
from bench.load import Plan, requests
from bench.measurements import TARGETS
from bench.pgbench import Statement

MEASURED = {"name", "ours", "limit", "ratio", "unit", "target", "met"}


def test_each_measurement_is_a_line_and_the_last_line_is_a_summary() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--seconds", "0.3", "--turns", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *lines, summary = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["name"] for line in lines] == list(TARGETS)
    for line in lines:
        assert line.keys() >= MEASURED
        assert line["ours"] > 0
        assert line["limit"] > 0
        assert line["ratio"] == pytest.approx(line["ours"] / line["limit"], rel=0.1)
        assert line["met"] == (line["ratio"] >= line["target"])
    assert summary["name"] == "summary"
    assert summary["ratios"] == {line["name"]: line["ratio"] for line in lines}
    assert summary["synchronous_commit"] == "on"


def test_an_unknown_measurement_is_refused() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "nonsense"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "nonsense" in ran.stderr


def plan(kind: Any) -> Plan:
    return Plan("http://127.0.0.1:1", "sk_test_x", kind, connections=1, seconds=1, batch=3)


def test_no_idempotency_key_is_sent_twice() -> None:
    keys = []
    for request in islice(requests(plan("batch_create")), 4):
        body = cbor2.loads(request.partition(b"\r\n\r\n")[2])
        keys += [call["idempotency_key"] for call in body["calls"]]
    for request in islice(requests(plan("rest_create")), 12):
        [line] = [line for line in request.split(b"\r\n") if line.startswith(b"Idempotency-Key")]
        keys.append(line.decode())
    assert len(set(keys)) == len(keys) == 24


LOG = """\
<7>LOG:  statement: begin; set local role "t1_test"
<8>LOG:  statement: begin
<7>LOG:  execute __asyncpg_stmt_1__: insert into a
\tselect $1::text, $2
<7>DETAIL:  Parameters: $1 = '{"id":"pi_0VbbPyqV00EjRU4y0qTAWQiq","said":"it''s"}', $2 = NULL
<8>LOG:  execute __asyncpg_stmt_2__: select $1
<8>DETAIL:  Parameters: $1 = 'another'
<8>LOG:  statement: commit
<7>LOG:  statement: commit
"""


def test_the_servers_log_is_read_as_transactions() -> None:
    another, ours = pgbench.transactions(LOG)
    assert [statement.sql for statement in another] == ["begin", "select $1", "commit"]
    assert ours[1] == Statement(
        "insert into a\nselect $1::text, $2",
        {1: '{"id":"pi_0VbbPyqV00EjRU4y0qTAWQiq","said":"it\'s"}', 2: None},
    )


def test_each_id_of_a_value_is_made_anew() -> None:
    value = '{"id":"pi_0VbbPyqV00EjRU4y0qTAWQiq","amount":5}'
    expression = pgbench.literal(value)
    assert expression == 'E\'{"id"\\x3a"pi_0VbbPyqV\' || :n::text || E\'","amount"\\x3a5}\''
    assert pgbench.literal(None) == "null"


def test_a_column_is_repeated_with_new_ids() -> None:
    assert bulk.column("xaf", ["1", "2"]) == ["xaf", "xaf"]
    assert bulk.column(f"pi_{bulk.NEW}", ["1", "2"]) == ["pi_1", "pi_2"]
    assert bulk.column(f"pi_{bulk.NEW}".encode(), ["1"]) == [b"pi_1"]
