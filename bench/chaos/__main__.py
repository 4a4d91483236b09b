"""`python -m bench.chaos [--payments N] [--kills N] [--batch N] [--providers NAME...]`: one run.
One JSON object per measurement on standard output, the last one a summary; progress on standard
error.

Environment: CHAOS_SEED replays a run (drawn when not given), CHAOS_PAYMENTS, CHAOS_KILLS and
CHAOS_BATCH stand for the options. CHAOS_SABOTAGE=charges or =refunds breaks the engine on purpose:
then the run must fail. Ctrl-C begins no payment more, and what has been begun is audited; a second
one ends all. The exit code is 1 if a promise was broken.
"""

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from bench.chaos.payers import OPERATIONS
from bench.chaos.plan import draw
from bench.chaos.run import SECONDS_OF_QUIET, Report, Sabotage, run

# From so many payments on, calls go in batches unless the caller says otherwise.
MANY = 5_000
BATCH = 100
# Of so many, this part have a rule of their own at their PSP; more would only make them wait.
TROUBLED = 0.1

# What is left over when the last client has gone grows with the run: receipts above all, which wait
# for everything else. The run goes on as soon as nothing is left.
PER_SECOND = 50

# Of one kind of violation, at most so many are printed.
_MOST_LINES = 50


def main() -> int:
    """Run and print."""
    environment = os.environ
    seed = int(environment.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
    options = _options()
    payments = options.payments
    kills = 60 + payments // 1_000 if options.kills is None else options.kills
    batch = (BATCH if payments >= MANY else 0) if options.batch is None else options.batch
    sabotage = _sabotage(environment.get("CHAOS_SABOTAGE", ""))
    _print(
        measurement="plan",
        seed=seed,
        payments=payments,
        kills=kills,
        batch=batch,
        providers=options.providers,
        sabotage=sabotage,
    )
    folder = Path(tempfile.mkdtemp(prefix="cpay-chaos-"))
    folder.chmod(0o711)  # PostgreSQL's own account passes through when we are root
    report = run(
        draw(seed, payments, kills, TROUBLED if payments >= MANY else 1.0, options.providers),
        folder / "state",
        batch=batch,
        sabotage=sabotage,
        # What is broken on purpose never comes to rest.
        seconds_of_quiet=10 if sabotage else SECONDS_OF_QUIET + payments / PER_SECOND,
    )
    _print_report(report)
    if report.violations:
        print(f"Books, database and logs are kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    def given(name: str) -> int | None:
        value = os.environ.get(name)
        return int(value) if value else None

    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--payments", type=int, default=given("CHAOS_PAYMENTS") or 400)
    parser.add_argument("--kills", type=int, default=given("CHAOS_KILLS"))
    parser.add_argument("--batch", type=int, default=given("CHAOS_BATCH"), help="0: one by one")
    parser.add_argument(
        "--providers", nargs="+", choices=tuple(OPERATIONS), default=tuple(OPERATIONS)
    )
    return parser.parse_args()


def _sabotage(name: str) -> Sabotage | None:
    if name == "refunds":
        return "refunds"
    return "charges" if name else None


def _print_report(report: Report) -> None:
    plan, diary = report.plan, report.diary
    scenarios = Counter(payment.scenario for payment in plan.payments)
    _print(measurement="payments", count=len(plan.payments), by_scenario=scenarios)
    _print(
        measurement="kills",
        count=report.kills.total(),
        by_part_and_moment=report.kills,
        longest_absence_in_seconds=report.longest_absence,
    )
    _print(measurement="faults", count=report.faults.total(), by_kind=report.faults)
    _print(
        measurement="answers",
        acknowledged=len(diary.acknowledged),
        refused_as_they_must=diary.refusals,
        asked_again=diary.retries,
        replayed_in_the_end=report.replayed,
    )
    _print_books(report)
    _print(
        measurement="time",
        seconds_paying=report.seconds_paying,
        seconds_until_quiet=report.seconds_until_quiet,
        seconds_of_audit=report.seconds_of_audit,
    )
    _print_violations(report)


def _print_books(report: Report) -> None:
    moved: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for attempt in report.attempts:
        for movement in attempt.moved:
            moved[f"{movement.direction} {movement.currency}"] += movement.amount
            count[f"{movement.kind} at {attempt.psp}"] += 1
    _print(
        measurement="books",
        attempts_at_psps=len(report.attempts),
        movements=count,
        moved_in_minor_units=moved,
        clearing_entries=len(report.ours.entries),
    )
    _print(
        measurement="rows",
        intents=Counter(intent.status for intent in report.ours.intents),
        charges=Counter(charge.state for charge in report.ours.charges),
        refunds=Counter(row.state for row in report.ours.outgoing if row.kind == "refund"),
        payouts=Counter(row.state for row in report.ours.outgoing if row.kind == "payout"),
        disputes=Counter(dispute.status for dispute in report.ours.disputes),
        left_to_people=report.left_to_people,
        events=sum(map(len, report.ours.wanted)),
        webhooks_received=report.deliveries,
    )


def _print_violations(report: Report) -> None:
    kinds = Counter(violation.kind for violation in report.violations)
    printed: Counter[str] = Counter()
    for violation in report.violations:
        printed[violation.kind] += 1
        if printed[violation.kind] <= _MOST_LINES:
            _print(violation=violation.kind, about=violation.about, detail=violation.detail)
    _print(
        measurement="summary",
        ok=not report.violations,
        seed=report.plan.seed,
        payments=len(report.plan.payments),
        kills=report.kills.total(),
        faults=report.faults.total(),
        lost=kinds["lost"],
        created=kinds["created"],
        violations=kinds,
        verdict=f"{kinds['lost']} lost, {kinds['created']} created",
    )


def _print(**measurement: Any) -> None:
    print(json.dumps(measurement), flush=True)


if __name__ == "__main__":
    sys.exit(main())
