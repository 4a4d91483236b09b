"""`python -m bench.chaos [--payments N] [--kills N]`: one run, one JSON object per measurement, the
last one a summary.

Environment: CHAOS_SEED replays a run (drawn when not given), CHAOS_PAYMENTS and CHAOS_KILLS say how
much (400 and 60). CHAOS_SABOTAGE=1 breaks the engine on purpose: then the run must fail. The exit
code is 1 if a promise was broken.
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

from bench.chaos.plan import draw
from bench.chaos.run import SECONDS_OF_QUIET, Report, run


def main() -> int:
    """Run and print."""
    environment = os.environ
    seed = int(environment.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument(
        "--payments", type=int, default=int(environment.get("CHAOS_PAYMENTS") or 400)
    )
    parser.add_argument("--kills", type=int, default=int(environment.get("CHAOS_KILLS") or 60))
    options = parser.parse_args()
    payments, kills = options.payments, options.kills
    sabotage = environment.get("CHAOS_SABOTAGE") == "1"
    _print(measurement="plan", seed=seed, payments=payments, kills=kills, sabotage=sabotage)
    folder = Path(tempfile.mkdtemp(prefix="cpay-chaos-"))
    folder.chmod(0o711)  # PostgreSQL's own account passes through when we are root
    report = run(
        draw(seed, payments, kills),
        folder / "state",
        sabotage=sabotage,
        # What is broken on purpose never comes to rest.
        seconds_of_quiet=10 if sabotage else SECONDS_OF_QUIET,
    )
    _print_report(report)
    if report.violations:
        print(f"Books, database and logs are kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _print_report(report: Report) -> None:
    scenarios = Counter(payment.scenario for payment in report.plan.payments)
    _print(measurement="payments", count=len(report.plan.payments), by_scenario=scenarios)
    _print(measurement="kills", count=report.kills.total(), by_part_and_moment=report.kills)
    _print(measurement="faults", count=report.faults.total(), by_kind=report.faults)
    _print(
        measurement="answers",
        acknowledged=len(report.diary.acknowledged),
        asked_again=report.diary.retries,
        replayed_in_the_end=report.replayed,
    )
    taken = [amount for attempt in report.attempts for amount in attempt.taken]
    _print(
        measurement="books",
        attempts_at_psps=len(report.attempts),
        movements=len(taken),
        moved_xaf=sum(taken),
        charges=Counter(charge.state for charge in report.ours.charges),
        intents=Counter(intent.status for intent in report.ours.intents),
    )
    _print(
        measurement="time",
        seconds_paying=report.seconds_paying,
        seconds_until_quiet=report.seconds_until_quiet,
    )
    for violation in report.violations:
        _print(
            violation=violation.kind,
            about=violation.about,
            detail=violation.detail,
        )
    kinds = Counter(violation.kind for violation in report.violations)
    _print(
        measurement="summary",
        ok=not report.violations,
        seed=report.plan.seed,
        payments=len(report.plan.payments),
        kills=report.kills.total(),
        faults=report.faults.total(),
        lost=kinds["lost"] + kinds["stray"] + kinds["forgotten"],
        doubled=kinds["doubled"],
        violations=kinds,
    )


def _print(**measurement: Any) -> None:
    print(json.dumps(measurement), flush=True)


if __name__ == "__main__":
    sys.exit(main())
