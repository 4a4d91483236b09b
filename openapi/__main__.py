"""`python -m openapi` writes the committed document anew."""

from openapi.document import COMMITTED, build, encoded
from processor.table import EXPANDER, OPERATIONS

COMMITTED.write_bytes(encoded(build(OPERATIONS.values(), EXPANDER)))
