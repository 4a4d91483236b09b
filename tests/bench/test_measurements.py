"""The measurements run, measure what they say, and print what is promised. No time is asserted."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cbor2
import pytest

from bench import bulk, curves, fetching, measurements, pgbench, table
from bench.load import Plan, requests
from bench.measurements import CURVE_BATCHES, MEASUREMENTS, TARGETS
from bench.pgbench import Statement

MEASURED = {"name", "ours", "limit", "ratio", "unit", "target", "met"}


MERCHANTS = 12
TINY = ("--seconds", "0.3", "--turns", "1", "--most-tenants", str(MERCHANTS))


def bench(*arguments: str) -> list[dict[str, Any]]:
    """The lines that it prints, the last of which is the summary."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench", *TINY, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_each_measurement_is_a_line_and_the_last_line_is_a_summary(tmp_path: Path) -> None:
    file = tmp_path / "made" / "bench.json"
    *lines, summary = bench("--json", str(file))
    assert json.loads(file.read_text()) == [*lines, summary]
    assert [line["name"] for line in lines] == list(MEASUREMENTS) == list(TARGETS)
    assert summary["not_measured"] == [line["name"] for line in lines if "left_out" in line]
    assert set(summary["not_measured"]) <= {"peer"}  # its registry may be out of reach
    lines = [line for line in lines if "left_out" not in line]
    for line in lines:
        assert line.keys() >= MEASURED
        assert line["ours"] > 0
        assert line["limit"] > 0
        assert line["ratio"] == pytest.approx(line["ours"] / line["limit"], rel=0.1)
        assert line["met"] == (line["ratio"] >= line["target"])
    assert summary["name"] == "summary"
    assert summary["ratios"] == {line["name"]: line["ratio"] for line in lines}
    assert summary["synchronous_commit"] == "on"
    for line in lines:
        if line["name"].startswith("tenants_"):
            assert line["tenants"] == MERCHANTS
            assert all(size > 0 for size in line["memory"].values())
    # Each merchant has two schemas, and there are some beside those made to be many.
    assert summary["books"]["hold"]
    assert summary["books"]["schemas"] > 2 * MERCHANTS


def test_what_is_measured_when_it_is_asked_for(tmp_path: Path) -> None:
    """The curves, with their plots, and migrations."""
    lines = bench("migrate", "--plots", str(tmp_path), "--json", str(tmp_path / "bench.json"))
    migrated, tenants, batches, summary = lines
    assert summary["books"]["hold"]
    assert migrated["schemas"] == MERCHANTS
    assert 0 < migrated["resumed_from"] <= MERCHANTS
    assert [count for count, _ in tenants["points"]] == [1, 10, MERCHANTS]
    assert [size for size, _ in batches["points"]] == list(CURVE_BATCHES)
    for line in (tenants, batches):
        drawn = ElementTree.parse(tmp_path / f"{line['name']}.svg").getroot()
        assert len(drawn.findall("{*}circle")) == len(line["points"])


def test_a_curve_rises_with_its_values() -> None:
    drawn = ElementTree.fromstring(curves.svg("A & B", "number", [(1, 5), (10, 50), (100, 99)]))
    places = [
        (float(dot.get("cx", 0)), float(dot.get("cy", 0))) for dot in drawn.findall("{*}circle")
    ]
    across, down = zip(*places, strict=True)
    assert across[1] - across[0] == pytest.approx(across[2] - across[1])  # each ten times the last
    assert down[0] > down[1] > down[2] > curves.TOP


def test_a_peer_that_cannot_be_fetched_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise fetching.NotFetched("no registry")

    monkeypatch.setitem(MEASUREMENTS, "peer", fail)
    bench: Any = type("Bench", (), {"lines": {}})()
    line = measurements.measure(bench, "peer")
    assert line == {"name": "peer", "target": 1.0, "left_out": "no registry"}
    assert "not measured" in table.markdown([line])


def test_a_package_that_no_registry_has_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_CACHE", tmp_path)
    command = [sys.executable, "-c", "import sys; sys.exit('nobody answers')"]
    with pytest.raises(fetching.NotFetched, match="nobody answers"):
        fetching.fetched("nothing", command)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_measurement_is_refused() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "nonsense"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "nonsense" in ran.stderr


def plan(kind: Any) -> Plan:
    return Plan("http://127.0.0.1:1", ["sk_a", "sk_b"], kind, connections=1, seconds=1, batch=3)


def test_the_keys_of_a_plan_take_turns() -> None:
    sent = list(islice(requests(plan("rest_create")), 4))
    assert [b"Bearer sk_a" in request for request in sent] == [True, False, True, False]


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
