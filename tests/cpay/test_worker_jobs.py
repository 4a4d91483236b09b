"""How the worker shares itself out, and when it tries again."""

from collections.abc import Callable

import pytest

from cpay.worker import (
    AFTER_FAILURE,
    BUSY,
    BUSY_WINDOW,
    HEARD_WITHIN,
    RECEIPTS_AT_ONCE,
    UNTIL_HEARD,
    ReceiptPlaces,
    after,
)
from processor.jobs import Job
from processor.routing.directory import UnknownAccount


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


def test_a_job_for_an_account_that_was_just_opened_waits_for_the_news_of_it() -> None:
    waits = [after(UnknownAccount("pa_1"), job(attempts=n)) for n in range(1, HEARD_WITHIN + 2)]
    assert waits == [UNTIL_HEARD] * HEARD_WITHIN + [AFTER_FAILURE]
    assert after(LookupError("something else"), job(attempts=1)) == AFTER_FAILURE


def job(*, attempts: int) -> Job:
    return Job(1, "t_1_test", "look_up", "ch_1", attempts)
