"""Until when an object may not be deleted."""

from datetime import UTC, datetime, timedelta


def effective(retain_until: datetime | None) -> datetime | None:
    """Return the moment a backend has to enforce: UTC, whole seconds, rounded up.

    Seconds are what file systems and S3 servers keep alike. A moment that has passed is None: S3
    refuses it, and a job that runs late should still store its object. Raises ValueError for a
    naive datetime.
    """
    if retain_until is None:
        return None
    if retain_until.tzinfo is None:
        raise ValueError("retain_until must be an aware datetime")
    moment = retain_until.astimezone(UTC)
    if moment.microsecond:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    return moment if moment > datetime.now(UTC) else None
