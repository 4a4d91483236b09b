"""Being written."""

import asyncio

from processor.engine import Processor


async def run(processor: Processor, stop: asyncio.Event, *, allow_loopback: bool) -> None:
    """Nothing yet."""
    await stop.wait()
