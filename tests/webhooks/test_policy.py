"""The schedule of attempts, as merchants are told it."""

import pytest

from webhooks.policy import DAY, HOUR, Policy


def test_attempts_are_spread_over_three_days() -> None:
    policy = Policy(jitter=0)
    delays = [policy.delay(attempt, 0) for attempt in range(1, 14)]
    assert delays[11:] == [None, None]
    given = [delay for delay in delays if delay is not None]
    assert given == sorted(given)
    assert sum(given) == pytest.approx(3 * DAY, rel=0.05)


def test_who_asks_for_more_time_gets_it() -> None:
    policy = Policy(retries=(60.0, 60.0), jitter=0)
    assert policy.delay(1, HOUR) == HOUR
    assert policy.delay(1, 5.0) == 60.0
    assert policy.delay(3, HOUR) is None


def test_jitter_only_lengthens() -> None:
    policy = Policy(retries=(100.0,), jitter=0.1)
    delays = {policy.delay(1, 0) for _ in range(50)}
    assert len(delays) > 1
    assert all(delay is not None and 100 <= delay <= 110 for delay in delays)
