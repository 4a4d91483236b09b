"""`python -m rpc`: write the client's operations and the reference, from the table."""

from pathlib import Path

from processor.table import OPERATIONS
from rpc.reference import reference
from rpc.stubs import operations_module

HOUSE = Path(__file__).parent.parent


def written() -> dict[Path, str]:
    """Each file that is made, and the text it should have."""
    page = HOUSE / "docs" / "rpc.md"
    return {
        HOUSE / "rpc" / "client" / "operations.py": operations_module(OPERATIONS.values()),
        page: reference(page.read_text(), OPERATIONS.values()),
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
