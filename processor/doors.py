"""What every door asks of a request's headers, in one place, so that no door is laxer than another.

Header names are in lower case.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from processor.engine import Processor
from processor.errors import InvalidRequest, PermissionDenied
from tenants.keys import Caller

_VERSION = re.compile(r"20\d\d-\d\d-\d\d(\.[a-z_]{1,30})?(;.{1,200})?")


@dataclass(frozen=True, slots=True)
class Visit:
    """Who came through a door, and how the answer should be put."""

    caller: Caller
    api_version: str | None  # as the `Stripe-Version` header names it
    language: Literal["en", "fr"]  # of the sentences that payers read
    from_replica: bool  # reads may be answered by a replica


async def admit(processor: Processor, headers: Mapping[str, str]) -> Visit:
    """Let a request in. Raises AuthenticationFailed, PermissionDenied and InvalidRequest."""
    caller = await processor.authenticate(_key(headers.get("authorization", "")))
    _check_account(caller, headers.get("stripe-account"))
    version = headers.get("stripe-version")
    if version is not None and not _VERSION.fullmatch(version):
        raise InvalidRequest(f"Invalid Stripe API version: {version[:60]}")
    french = headers.get("accept-language", "").lower().startswith("fr")
    source = headers.get("cpay-read-from", "primary")
    if source not in ("primary", "replica"):
        raise InvalidRequest(
            f"Invalid CPay-Read-From: {source[:60]}. It is primary, which is the default, or"
            " replica."
        )
    return Visit(caller, version, "fr" if french else "en", source == "replica")


def _key(authorization: str) -> str | None:
    """The API key: a Bearer token, or the user name of Basic authentication."""
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def _check_account(caller: Caller, account: str | None) -> None:
    """`Stripe-Account` may only name the key's own account."""
    if account is not None and account != caller.account:
        raise PermissionDenied(
            f"The provided key does not have access to account '{account[:60]}' (or that account"
            " does not exist). Application access may have been revoked.",
            code="account_invalid",
        )
