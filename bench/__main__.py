"""`python -m bench [NAME ...]`: measure; prints one JSON object a line, the last one a summary."""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench import curves, merchants, table
from bench.measurements import CURVES, MEASUREMENTS, OTHERS, Bench, measure
from bench.stack import start_stack, stop_stack


def main() -> None:
    """Start a stack, measure, stop it."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        process, stack = start_stack(Path(folder) / "state")
        try:
            bench = Bench.on(stack, options.seconds, options.turns, options.most_tenants)
            lines = []
            for name in options.names:
                lines.append(measure(bench, name))
                _print(lines[-1])
            lines.append(_summary(bench, lines))
            _print(lines[-1])
        finally:
            stop_stack(process)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_bytes(msgspec.json.format(msgspec.json.encode(lines)))
    if options.plots:
        _draw(options.plots, lines)
    print(table.markdown(lines), file=sys.stderr)
    if not lines[-1]["books"]["hold"]:
        sys.exit("the books do not hold")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = MEASUREMENTS | OTHERS
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(MEASUREMENTS)} (all of these, if none is named); {', '.join(OTHERS)}",
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of a turn (%(default)s)")
    parser.add_argument("--turns", type=int, default=3, help="of ours and the limit (%(default)s)")
    parser.add_argument(
        "--most-tenants", type=int, default=3_000, help="for a quick look (%(default)s)"
    )
    parser.add_argument(
        "--json", type=Path, default=Path(".cpay/bench.json"), help="for all lines (%(default)s)"
    )
    parser.add_argument(
        "--plots",
        type=Path,
        nargs="?",
        const=Path("docs/plots"),
        metavar="FOLDER",
        help=f"measure {', '.join(CURVES)} too, and draw them there (%(const)s)",
    )
    options = parser.parse_intermixed_args()
    unknown = set(options.names) - known.keys()
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there is {', '.join(known)}")
    options.names = options.names or list(MEASUREMENTS)
    if options.plots:
        options.names += [name for name in CURVES if name not in options.names]
    return options


def _draw(folder: Path, lines: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for line in lines:
        if line["name"] in CURVES:
            drawn = curves.svg(line["unit"], line["across"], line["points"])
            (folder / f"{line['name']}.svg").write_text(drawn)


def _summary(bench: Bench, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What the numbers hang together with, and whether the books of all merchants hold."""
    [durable] = bench.fetch("show synchronous_commit")[0]
    [version] = bench.fetch("show server_version")[0]
    books = merchants.books(bench.stack)
    return {
        "name": "summary",
        "ratios": {line["name"]: line["ratio"] for line in lines if "ratio" in line},
        "met": books["hold"] and all(line["met"] for line in lines if "met" in line),
        "not_measured": [line["name"] for line in lines if "left_out" in line],
        "books": books,
        "synchronous_commit": durable,
        "postgresql": version,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }


def _print(line: dict[str, Any]) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)


if __name__ == "__main__":
    main()
