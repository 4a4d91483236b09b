"""Logs and error reports, the same in every process. No personal data leaves with them."""

import logging

import sentry_sdk

from cpay.settings import Settings


def configure(settings: Settings) -> None:
    """Set up logging to standard error, and Sentry if it is wanted."""
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines hold whole URLs
    if settings.sentry_dsn:
        sentry_sdk.init(settings.sentry_dsn, include_local_variables=False, send_default_pii=False)
