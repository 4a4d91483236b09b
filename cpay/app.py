"""The HTTP process: all doors on one port."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import prometheus_client
from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler

import dashboard.receipts
import openapi.door
import openapi.published
import rpc.door
import webhooks.callbacks
import webhooks.redirects
from cpay import collector
from cpay.reporting import configure
from cpay.settings import Settings
from cpay.wiring import build_engine
from processor.engine import Processor
from processor.errors import APIError, InvalidRequest, ServerError
from processor.unresolved_payments import metrics as unresolved_metrics
from tenants.connections import DATABASE_ERRORS
from tenants.migrate import head

logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> Litestar:
    """The ASGI app. Connections open as they are needed, and close when it stops."""
    configure(settings)
    engine = build_engine(settings)
    processor = engine.processor

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with engine.running():
            collector.spare()
            yield

    return Litestar(
        route_handlers=[
            *openapi.door.routes(processor),
            *openapi.published.routes(processor),
            *rpc.door.routes(processor),
            *webhooks.callbacks.handlers(processor),
            *webhooks.redirects.handlers(processor),
            *dashboard.receipts.handlers(processor),
            *_operators_routes(processor),
        ],
        lifespan=[lifespan],
        exception_handlers={Exception: _explain},
        openapi_config=None,
        logging_config=None,
    )


def _operators_routes(processor: Processor) -> list[HTTPRouteHandler]:
    """What load balancers and Prometheus ask."""

    @get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @get("/readyz", include_in_schema=False)
    async def readyz() -> Response[dict[str, str]]:
        rows = await processor.database.fetch_platform(
            "select count(*) from platform.tenant_schemas where revision < $1", head("tenant")
        )
        return Response({"status": "ok", "schemas_behind": str(rows[0][0])})

    @get("/metrics", include_in_schema=False)
    async def metrics() -> Response[bytes]:
        try:
            await unresolved_metrics.refresh(processor.database)
        except DATABASE_ERRORS as error:
            logger.warning("the database does not answer (%s); gauges are as they were", error)
        return Response(
            prometheus_client.generate_latest(),
            media_type=prometheus_client.CONTENT_TYPE_LATEST,
        )

    return [healthz, readyz, metrics]


def _explain(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What is raised outside an operation, in the API's shape."""
    refused: APIError
    if isinstance(error, APIError):
        refused = error
    elif isinstance(error, (NotFoundException, MethodNotAllowedException)):
        return openapi.door.unknown_url(request.method, request.scope["path"])
    elif isinstance(error, HTTPException) and error.status_code < 500:
        refused = InvalidRequest(error.detail or "The request could not be read.")
        if error.status_code == 413:
            refused = InvalidRequest("The body is longer than any that this call takes.")
        refused.status = error.status_code
    else:
        logger.error("unexpected failure at %s", request.scope["path"], exc_info=error)
        refused = ServerError("An unexpected error occurred. The operators have been told.")
    return openapi.door.refused(refused)
