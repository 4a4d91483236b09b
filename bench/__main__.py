"""`python -m bench [NAME ...]`: measure; prints one JSON object a line, the last one a summary."""

import argparse
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench.measurements import MEASUREMENTS, Bench, measure
from bench.stack import start_stack, stop_stack


def main() -> None:
    """Start a stack, measure, stop it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--seconds", type=float, default=8.0, help="of a turn (%(default)s)")
    parser.add_argument("--turns", type=int, default=3, help="of ours and the limit (%(default)s)")
    options = parser.parse_args()
    unknown = set(options.names) - MEASUREMENTS.keys()
    if unknown:
        parser.error(
            f"there is no {', '.join(sorted(unknown))}; there is {', '.join(MEASUREMENTS)}"
        )
    with tempfile.TemporaryDirectory() as folder:
        process, stack = start_stack(Path(folder) / "state")
        try:
            bench = Bench.on(stack, options.seconds, options.turns)
            lines = []
            for name in options.names or MEASUREMENTS:
                lines.append(measure(bench, name))
                _print(lines[-1])
            _print(_summary(bench, lines))
        finally:
            stop_stack(process)


def _summary(bench: Bench, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What the numbers hang together with."""
    [durable] = bench.fetch("show synchronous_commit")[0]
    [version] = bench.fetch("show server_version")[0]
    return {
        "name": "summary",
        "ratios": {line["name"]: line["ratio"] for line in lines},
        "met": all(line["met"] for line in lines),
        "synchronous_commit": durable,
        "postgresql": version,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }


def _print(line: dict[str, Any]) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)


if __name__ == "__main__":
    main()
