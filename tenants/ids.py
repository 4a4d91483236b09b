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

# The digit that stands for a random byte. Eight digits stand for five bytes and the others for
# four: a digit holds 5.95 bits.
_DIGIT_OF_BYTE = bytes(ord(_ALPHABET[byte % 62]) for byte in range(256))


@lru_cache(maxsize=4096)  # ids of one millisecond share its digits, and counters begin anew
def _base62(value: int, digits: int) -> str:
    out = []
    for _ in range(digits):
        value, digit = divmod(value, 62)
        out.append(_ALPHABET[digit])
    return "".join(reversed(out))


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
    random = os.urandom(_RANDOM_DIGITS).translate(_DIGIT_OF_BYTE).decode()
    return (
        f"{prefix}_{_base62(milliseconds, _TIME_DIGITS)}{_base62(counter, _COUNTER_DIGITS)}{random}"
    )


def made_at(identifier: str) -> int:
    """When an id was made, in unix seconds."""
    milliseconds = 0
    for digit in identifier.rpartition("_")[2][:_TIME_DIGITS]:
        milliseconds = milliseconds * 62 + _ALPHABET.index(digit)
    return milliseconds // 1000


def random_text(digits: int) -> str:
    """`digits` random base-62 characters, for secrets: 24 of them hold 142 bits."""
    return "".join(_ALPHABET[byte % 62] for byte in _unbiased(digits))


def _unbiased(count: int) -> bytes:
    """Random bytes below 248, the largest multiple of 62 in a byte."""
    found = b""
    while len(found) < count:
        found += bytes(byte for byte in os.urandom(count * 2) if byte < 248)
    return found[:count]
