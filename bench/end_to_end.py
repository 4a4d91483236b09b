"""How many payments a second go the whole way, and the limit: what the sandbox PSP can take.

A payment by MTN is made and confirmed by REST; the PSP is asked, asks the payer, knocks; we look it
up, settle it, and deliver `payment_intent.succeeded`, which is what is counted. The limit asks the
same sandbox in the same steps with nobody in between: request, knock, look-up.

The load runs as a process of its own (`python -m bench.end_to_end`), and prints how many payments
it has begun.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Literal

import aiohttp
import httpx
import msgspec
import uvloop
from msgspec import Struct

from bench.receiver import Receiver, listening, subscribe
from bench.stack import Stack, create_merchant
from providers.boundary import Charge
from providers.mtn import build_request_to_pay
from providers.mtn_product import Access, MtnCredentials, build_token
from providers.sandbox.mtn_tables import DEMO_API_KEY, DEMO_API_USERS, SUBSCRIPTION_KEYS

PATIENCE = 60.0  # seconds without news of a payment: something is wrong
STRAGGLERS = 0.05  # of the payments: they come when the load has ended, and say nothing about it
PAYERS = {"api": 32, "psp": 64}  # requests at a time
ENVIRONMENT = "mtncameroon"


class Plan(Struct):
    """Whom to ask, and for how long."""

    whom: Literal["api", "psp"]
    base: str
    seconds: float
    secret_key: str = ""  # of the API
    callback_url: str = ""  # for the PSP


def ours(stack: Stack, seconds: float) -> tuple[float, int]:
    """Payments a second whose webhook arrived, and how many there were. Raises TimeoutError if one
    never arrives."""
    _, secret_key, _ = create_merchant(stack, "From end to end")

    async def run() -> tuple[float, int]:
        receiver = Receiver(counts=lambda body: b'"type":"payment_intent.succeeded"' in body)
        async with listening(receiver):
            subscribe(stack, secret_key, receiver.url, "payment_intent.succeeded")
            return await _counted(receiver, Plan("api", stack.base, seconds, secret_key))

    return uvloop.run(run())


def limit(stack: Stack, seconds: float) -> float:
    """Payments a second that the sandbox takes, knocks for and is asked about."""

    async def run() -> float:
        async with listening(Receiver()) as receiver:
            plan = Plan("psp", f"{stack.sandbox}/mtn", seconds, callback_url=receiver.url)
            return (await _counted(receiver, plan))[0]

    return uvloop.run(run())


async def _counted(receiver: Receiver, plan: Plan) -> tuple[float, int]:
    """Run the load, wait for every payment it began, and say how quickly they came."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.end_to_end"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    output, _ = await process.communicate(msgspec.json.encode(plan))
    begun = int(output)
    await receiver.until(begun, PATIENCE)
    return receiver.rate(last=round(begun * (1 - STRAGGLERS))), begun


# --- the load -----------------------------------------------------------------------------------


async def run(plan: Plan) -> int:
    """Carry out a plan. Returns how many payments it began."""
    deadline = time.perf_counter() + plan.seconds
    numbers = count()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        pay = await (_by_api if plan.whom == "api" else _at_psp)(plan, session)

        async def payer() -> None:
            while time.perf_counter() < deadline:
                await pay(next(numbers))

        await asyncio.gather(*(payer() for _ in range(PAYERS[plan.whom])))
    return next(numbers)


Pay = Callable[[int], Awaitable[None]]


def _phone(number: int) -> str:
    """A wallet of MTN Cameroon that the sandbox has no rule for."""
    return f"+23767{1_000_000 + number}"


async def _by_api(plan: Plan, session: aiohttp.ClientSession) -> Pay:
    """Payments through us."""
    headers = {"Authorization": f"Bearer {plan.secret_key}"}
    run = time.time_ns()

    async def pay(number: int) -> None:
        form = {
            "amount": "5000",
            "currency": "xaf",
            "confirm": "true",
            "payment_method_data[type]": "mobile_money",
            "payment_method_data[billing_details][phone]": _phone(number),
        }
        own = headers | {"Idempotency-Key": f"{run}-{number}"}
        url = f"{plan.base}/v1/payment_intents"
        async with session.post(url, data=form, headers=own) as answer:
            assert answer.status == 200, await answer.text()
            await answer.read()

    return pay


async def _at_psp(plan: Plan, session: aiohttp.ClientSession) -> Pay:
    """Payments asked of the PSP directly, each looked up a while after it was asked for."""
    credentials = MtnCredentials(
        SUBSCRIPTION_KEYS["collection"],
        DEMO_API_USERS[ENVIRONMENT],
        DEMO_API_KEY,
        ENVIRONMENT,
        plan.base,
    )
    reply = await _send(session, build_token(credentials, "collection"), 200)
    access = Access(credentials, "collection", msgspec.json.decode(reply)["access_token"])
    run = f"{time.time_ns() % 2**32:08x}"
    look_ups: asyncio.Queue[str] = asyncio.Queue()

    async def pay(number: int) -> None:
        reference = f"{run}-0000-4000-8000-{number:012}"
        charge = Charge(reference, 5000, "xaf", _phone(number), plan.callback_url)
        await _send(session, build_request_to_pay(access, charge, plan.callback_url), 202)
        look_ups.put_nowait(reference)
        if look_ups.qsize() > PAYERS["psp"]:  # by now the payer of this one has answered
            await _send(session, access.get(f"requesttopay/{look_ups.get_nowait()}"), 200)

    return pay


async def _send(session: aiohttp.ClientSession, request: httpx.Request, status: int) -> bytes:
    """Send what the adapter would send, through a client that costs less."""
    headers = {name: value for name, value in request.headers.items() if name != "host"}
    async with session.request(
        request.method, str(request.url), data=request.content, headers=headers
    ) as answer:
        body = await answer.read()
        assert answer.status == status, body
        return body


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.write(str(uvloop.run(run(given))))
