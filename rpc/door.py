"""`POST /rpc` and `POST /rpc.batch`."""

from litestar.handlers import HTTPRouteHandler

from processor.engine import Processor


def routes(processor: Processor) -> list[HTTPRouteHandler]:
    """Nothing yet."""
    return []
