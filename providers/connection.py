"""What a broken connection says about the money, whichever HTTP client noticed it."""

import aiohttp
import httpx

from .boundary import Answer, Verdict


async def exchange(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response | Answer:
    """Send `request` once: the response, or the verdict on a connection that brought none.

    NOT_SENT when no connection was ever made; UNKNOWN when one was, since the provider may have
    acted before it broke.
    """
    try:
        return await client.send(request)
    except (httpx.HTTPError, aiohttp.ClientError) as error:
        verdict = Verdict.NOT_SENT if never_connected(error) else Verdict.UNKNOWN
        return Answer(verdict, evidence={"connection": type(error.__cause__ or error).__name__})


def never_connected(error: Exception) -> bool:
    """Whether a request failed before a single byte of it could leave.

    The type of httpx's exception is not enough: httpx-aiohttp calls nearly everything that happens
    to a connection a ConnectTimeout, the server's reset after it read the request included
    (measured with 0.2.0). To believe that is to charge twice, so the cause decides where aiohttp
    is at work.
    """
    cause = error if isinstance(error, aiohttp.ClientError) else error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))
    return isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
