"""A request that was let in."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar.types import Receive

from processor.doors import Visit


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who calls, and what they brought; the body is still to be read."""

    visit: Visit
    headers: Mapping[str, str]  # names in lower case
    media_type: str
    receive: Receive
    identifier: str  # req_...
