"""CMI's callbacks, whose answers it acts on; the kit's callbacks ask nobody for any."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from providers.sandbox.callbacks import Callback, Callbacks

# Built once, and certificates of test receivers are not checked, as with the kit's callbacks.
_TLS = httpx.create_ssl_context(verify=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Callback):
    """A callback that waits for an answer. `answered` is given its text."""

    answered: Callable[[str], Awaitable[None]]


class Questions(Callbacks):
    """Sends questions when, how often and in what order a step of the script wants."""

    async def _post(self, callback: Callback) -> bool:
        assert isinstance(callback, Question), "CMI sends nothing else"
        async with httpx.AsyncClient(verify=_TLS, trust_env=False, timeout=10) as client:
            try:
                reply = await client.request(
                    callback.method, callback.url, content=callback.body, headers=callback.headers
                )
            except (httpx.HTTPError, httpx.InvalidURL):
                return False  # nobody was there: the authorisation lapses
        if reply.status_code == 200:
            await callback.answered(reply.text.strip())
        return reply.is_success
