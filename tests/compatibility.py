"""Run the Stripe compatibility suite against a running stack and compare with the recorded score.

    make compatibility [STRIPE_SUITE=folder] [CPAY_STATE_DIR=folder] [ARGS=--record]

SUITE is the suite's folder (`run.py`, `node_smoke.mjs`), STATE_DIRECTORY holds the `dev.json` of a
running `make run`. The score is in `compatibility.json` beside this file: it may rise, never fall.
Exit code 1 with the names of what was lost. `--record` writes the score reached, when a change made
it better.
"""

# ruff: noqa: T201  # a program that prints what it finds

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TypedDict

RECORD = Path(__file__).with_suffix(".json")
NODE_PACKAGE = "stripe@23.1.0"


class Score(TypedDict):
    """What the suite counted: cases passed, of them strictly, checks of the Node SDK, names."""

    passed: int
    strict: int
    node: int
    cases: list[str]


def main() -> None:
    """Measure, then compare or record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    dev = json.loads((options.state / "dev.json").read_text())
    environment = os.environ | {
        "BASE_URL": dev["api_base"],
        "SECRET_KEY": dev["secret_key"],
        "OTHER_SECRET_KEY": dev["other_secret_key"],
        "PUBLISHABLE_KEY": dev["publishable_key"],
    }
    recorded: Score = json.loads(RECORD.read_text())
    with tempfile.TemporaryDirectory() as folder:
        score = run_python_suite(options.suite.resolve(), environment, Path(folder))
        score["node"] = run_node_checks(options.suite.resolve(), environment, Path(folder))
    if options.record:
        RECORD.write_text(json.dumps(score, indent=1) + "\n")
    elif losses := compare(score, recorded):
        sys.exit("Compatibility with Stripe got worse:\n" + "\n".join(losses))
    print(f"compatibility: {score['passed'] + max(score['node'], 0)} passed, 0 failed")


def run_python_suite(suite: Path, environment: dict[str, str], folder: Path) -> Score:
    """Run the cases of the official Python SDK."""
    results = folder / "results.json"
    options = ["--half", "public", "--group", "core,platform", "--jobs", "4"]
    # Its exit code says whether every case passes, which is not the question here.
    subprocess.run(
        [sys.executable, "run.py", *options, "--json", str(results)],
        cwd=suite,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    found = json.loads(results.read_text())
    return {
        "passed": found["total"]["passed"],
        "strict": found["total"]["strict"],
        "node": 0,
        "cases": sorted(case["name"] for case in found["cases"] if case["passed"]),
    }


def run_node_checks(suite: Path, environment: dict[str, str], folder: Path) -> int:
    """Run the checks of the official Node SDK; -1 on a machine without Node."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        print("The checks of the Node SDK are left out: there is no Node on this machine.")
        return -1
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", NODE_PACKAGE]
    subprocess.run(install, cwd=folder, check=True)
    done = subprocess.run(
        [node, str(suite / "node_smoke.mjs")],
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
    )
    print(done.stdout, end="")
    total = re.search(r"TOTAL (\d+) passed", done.stdout)
    return int(total[1]) if total else 0


def compare(score: Score, recorded: Score) -> list[str]:
    """Return one sentence for each thing that was recorded and is no longer so."""
    losses = [f"  {name} passed before" for name in recorded["cases"] if name not in score["cases"]]
    for kind, now, before in (
        ("cases pass", score["passed"], recorded["passed"]),
        ("cases pass strictly", score["strict"], recorded["strict"]),
        ("checks of the Node SDK pass", score["node"], recorded["node"]),
    ):
        if 0 <= now < before:
            losses.append(f"  {now} {kind}, {before} before")
    return losses


if __name__ == "__main__":
    main()
