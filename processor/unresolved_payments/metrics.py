"""How many payments nobody can explain, and how old the oldest is, for Prometheus."""

import time

from prometheus_client import Gauge

from tenants.database import Database

LABELS = ["type", "provider", "mode"]
UNRESOLVED = Gauge("cpay_unresolved_payments", "Payments nobody can explain.", LABELS)
OLDEST = Gauge(
    "cpay_unresolved_payments_oldest_age_seconds",
    "Seconds since the oldest payment that nobody can explain was sent.",
    LABELS,
)

# The queue of all tenants, whose rows leave when their payments are resolved: as long as the
# operator's worries, however many tenants there are.
_COUNT = """
select type, provider, substring(schema_name from '[a-z]+$') as mode,
       count(*) as number, min(since) as oldest
from platform.unresolved_queue group by 1, 2, 3
"""


async def refresh(database: Database) -> None:
    """Set the gauges to what is true now."""
    rows = await database.fetch_platform(_COUNT)
    UNRESOLVED.clear()
    OLDEST.clear()
    for row in rows:
        labels = (row["type"], row["provider"], row["mode"])
        UNRESOLVED.labels(*labels).set(row["number"])
        OLDEST.labels(*labels).set(max(0, time.time() - row["oldest"]))
