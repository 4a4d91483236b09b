"""How much memory the parts of a stack hold.

In PSS, the proportional set size: a page that n processes share counts one n-th for each of them.
RSS would count PostgreSQL's shared buffers once for every backend.
"""

import re
from pathlib import Path
from statistics import mean

from bench.costs import parts, postgres
from bench.stack import Stack


def held(stack: Stack) -> dict[str, float]:
    """Megabytes (10^6 bytes) of the API, the worker and PostgreSQL as a whole; and of its backends,
    which are those processes of it that serve a connection, how many there are, the mean, and the
    largest."""
    by_part = {f"{part}_mb": _pss(pid) for pid, part in parts(stack).items()}
    of_postgres = {pid: _pss(pid) for pid in postgres(stack)}
    serving = [size for pid, size in of_postgres.items() if _serves(pid)]
    return by_part | {
        "postgres_mb": round(sum(of_postgres.values()), 1),
        "backends": len(serving),
        "backend_mean_mb": round(mean(serving), 1),
        "backend_most_mb": max(serving),
    }


def _serves(pid: int) -> bool:
    """Whether it is `postgres: user database address(port) ...`."""
    try:
        return re.search(r"\d\(\d+\)", Path(f"/proc/{pid}/cmdline").read_text()) is not None
    except OSError:  # it has just ended
        return False


def _pss(pid: int) -> float:
    """Of `/proc/PID/smaps_rollup`, which gives kB of 1,024 bytes; 0 for what has just ended."""
    try:
        [size] = re.findall(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except (OSError, ValueError):
        return 0.0
    return round(int(size) * 1024 / 1e6, 1)
