"""One real stack for the whole session, and a new tenant for every test."""

from collections.abc import Iterator

import pytest
from live import Merchant, Stack, new_merchant, start_stack, stop_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The session's stack."""
    process, running = start_stack(tmp_path_factory.mktemp("stack") / "state")
    yield running
    stop_stack(process)


@pytest.fixture
def merchant(stack: Stack) -> Merchant:
    """A tenant of this test's own."""
    return new_merchant(stack)


@pytest.fixture
def other_merchant(stack: Stack) -> Merchant:
    """A second tenant, to be kept apart from the first."""
    return new_merchant(stack, "Librairie Test")
