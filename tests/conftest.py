"""One real stack for the whole session, and a new tenant for every test."""

from collections.abc import Generator, Iterator

import pytest
from live import Merchant, Stack, new_merchant, start_stack, stop_stack

LOG_LINES = 60  # of each process, shown with a failure


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the stack's processes wrote last: elsewhere it is gone with them."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack is not None:
        for log in sorted((stack.state / "logs").glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
            report.sections.append((f"the end of {log.name}", "\n".join(lines)))
    return report
