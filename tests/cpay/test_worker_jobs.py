"""How the worker shares itself out, and when it tries again."""

from collections.abc import Callable

import pytest

from cpay.worker import (
    BUSY,
    BUSY_WINDOW,
    LONGEST_WAIT,
    RECEIPTS_AT_ONCE,
    ReceiptPlaces,
    after_failure,
)
from processor.jobs import Job


class Clocks:
    """The time that has passed, and what of it the loop was at work."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.spent = 50.0

    def run(self, seconds: float, busy: float) -> None:
        """Let time pass, this part of it at work."""
        self.now += seconds
        self.spent += seconds * busy


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def places(clocks: Clocks) -> Callable[[], int]:
    return ReceiptPlaces(lambda: clocks.now, lambda: clocks.spent)


def test_receipts_have_all_their_places_while_little_else_is_done(
    clocks: Clocks, places: Callable[[], int]
) -> None:
    assert places() == RECEIPTS_AT_ONCE, "nothing has been measured yet"
    for _ in range(5):
        clocks.run(BUSY_WINDOW, BUSY - 0.1)
        assert places() == RECEIPTS_AT_ONCE


def test_receipts_give_way_while_the_loop_is_busy_and_come_back(
    clocks: Clocks, places: Callable[[], int]
) -> None:
    clocks.run(BUSY_WINDOW, BUSY + 0.1)
    assert places() == 1, "they are never given up"
    clocks.run(BUSY_WINDOW / 2, 0)
    assert places() == 1, "too short a time says nothing"
    clocks.run(BUSY_WINDOW / 2, 0)
    assert places() == RECEIPTS_AT_ONCE


def test_a_job_that_fails_is_tried_again_soon_then_seldom_and_for_ever() -> None:
    waits = [after_failure(job(attempts=n)).total_seconds() for n in (1, 2, 3, 4, 5, 6, 10_000)]
    assert waits == [2, 4, 8, 16, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]


def job(*, attempts: int) -> Job:
    return Job(1, "t_1_test", "look_up", "ch_1", attempts)
