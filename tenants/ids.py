"""Ids shaped like Stripe's that sort by the time they were made."""

import os
import threading
import time
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 8  # 62^8 milliseconds last until the year 8900
_COUNTER_DIGITS = 4
_RANDOM_DIGITS = 12  # with the counter's random start: two processes never meet

_lock = threading.Lock()
_last_ms = 0
_counter = 0


_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]  # two digits at a time


def _base62(value: int, digits: int) -> str:
    """The last `digits` digits, an even number."""
    out = []
    for _ in range(digits // 2):
        value, pair = divmod(value, 62 * 62)
        out.append(_PAIRS[pair])
    return "".join(reversed(out))


@lru_cache(maxsize=1)
def _time_digits(milliseconds: int) -> str:
    """Ids of one millisecond, such as those of a batch, share them."""
    return _base62(milliseconds, _TIME_DIGITS)


def _tick() -> tuple[int, int]:
    """The time in milliseconds and a counter that grows within it, so that one process's ids
    keep the order in which they were made."""
    global _last_ms, _counter  # noqa: PLW0603 - one clock per process is the point
    with _lock:
        now = time.time_ns() // 1_000_000
        if now > _last_ms:
            _last_ms, _counter = now, int.from_bytes(os.urandom(2)) % 1000
        else:
            _counter += 1
        return _last_ms, _counter


def new_id(prefix: str) -> str:
    """A new id such as `pi_0QkzT5yX00A1h3...`: prefix, time, counter, 71 random bits.

    In byte order, later ids of one process are greater; between processes, to the millisecond.
    """
    milliseconds, counter = _tick()
    random = int.from_bytes(os.urandom(9))
    return (
        f"{prefix}_{_time_digits(milliseconds)}{_base62(counter, _COUNTER_DIGITS)}"
        f"{_base62(random, _RANDOM_DIGITS)}"
    )


def random_text(digits: int) -> str:
    """`digits` random base-62 characters, for secrets: 24 of them hold 142 bits."""
    return "".join(_ALPHABET[byte % 62] for byte in _unbiased(digits))


def _unbiased(count: int) -> bytes:
    """Random bytes below 248, the largest multiple of 62 in a byte."""
    found = b""
    while len(found) < count:
        found += bytes(byte for byte in os.urandom(count * 2) if byte < 248)
    return found[:count]
