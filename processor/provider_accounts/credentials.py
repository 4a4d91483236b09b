"""What an account at a provider is opened with: read, held against its kind, and tried out.

A test key reaches the sandbox PSPs or a provider's own sandbox, a live key the provider itself: no
client says whose servers are called.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import httpx

from processor.errors import InvalidRequest
from processor.provider_accounts.objects import Check, Environment
from providers.boundary import CredentialChecks, Verdict
from providers.catalogue import PROVIDER_TYPES, ProviderType, Rails

# A provider that says nothing for so long has said nothing.
CHECK_SECONDS = 15.0

LONGEST = 1000  # characters of one credential


def kind_named(name: str) -> ProviderType:
    """The kind of provider with this id. Raises InvalidRequest."""
    kind = PROVIDER_TYPES.get(name)
    if kind is None:
        raise InvalidRequest(
            f"Invalid provider: {name[:40]} must be one of {', '.join(PROVIDER_TYPES)}.",
            param="provider",
        )
    return kind


def environments(kind: ProviderType, *, livemode: bool) -> list[Environment]:
    """Whose servers an account of this kind can be at; the first unless another is asked for."""
    if livemode:
        return ["live"]
    return ["sandbox"] if kind.official_sandbox is None else ["sandbox", "provider_sandbox"]


def environment_named(
    kind: ProviderType, wanted: Environment | None, *, livemode: bool
) -> Environment:
    """Whose servers are meant. Raises InvalidRequest for those that a key may not reach."""
    possible = environments(kind, livemode=livemode)
    if wanted is None:
        return possible[0]
    if wanted not in possible:
        mode = "live" if livemode else "test"
        raise InvalidRequest(
            f"Invalid environment: an account at {kind.title} in {mode} mode is at"
            f" {' or '.join(possible)}.",
            param="environment",
        )
    return wanted


def complete(
    kind: ProviderType, given: Mapping[str, str | None], before: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Everything an account is opened with: what is given, over what was known before; None takes
    away. Raises InvalidRequest, which repeats no value."""
    wanted = {field.name: field for field in kind.fields}
    for name, value in given.items():
        if name not in wanted:
            raise InvalidRequest(
                f"Received unknown parameter: credentials[{name}]. An account at {kind.title} is"
                f" opened with {', '.join(wanted)}.",
                code="parameter_unknown",
                param=f"credentials[{name}]",
            )
        if value is not None and not (value.isprintable() and len(value) <= LONGEST):
            raise InvalidRequest(
                f"Invalid value for credentials[{name}]: it has 1 to {LONGEST} printable"
                " characters.",
                param=f"credentials[{name}]",
            )
    merged = {**(before or {}), **given}
    values = {name: value for name, value in merged.items() if value is not None}
    for field in wanted.values():
        if field.required and field.name not in values:
            raise InvalidRequest(
                f"Missing required param: credentials[{field.name}].",
                code="parameter_missing",
                param=f"credentials[{field.name}]",
            )
    return values


def split(kind: ProviderType, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What may be shown again, and what is secret."""
    secret = {field.name for field in kind.fields if field.secret}
    return (
        {name: value for name, value in values.items() if name not in secret},
        {name: value for name, value in values.items() if name in secret},
    )


def base_url(kind: ProviderType, environment: Environment, sandbox_url: str) -> str:
    """Whose servers are called."""
    if environment == "sandbox":
        return f"{sandbox_url}/{kind.sandbox}"
    if environment == "provider_sandbox" and kind.official_sandbox is not None:
        return kind.official_sandbox
    default: Any = next(f.default for f in fields(kind.credentials) if f.name == "base_url")
    return str(default)


def connect(
    kind: ProviderType,
    environment: Environment,
    values: Mapping[str, str],
    sandbox_url: str,
    client: httpx.AsyncClient,
) -> Rails:
    """An account, ready to be called. Raises ValueError for what its provider never hands out, and
    for credentials of the other mode."""
    credentials = kind.credentials(**values, base_url=base_url(kind, environment, sandbox_url))
    if environment != "sandbox" and kind.of_test is not None:
        test = kind.of_test(credentials)
        if test != (environment == "provider_sandbox"):
            raise ValueError("they are a test account's" if test else "they are a live account's")
    return kind.open(credentials, client)


async def tried(rails: Rails) -> Check:
    """What the provider says of an account's credentials, asked something harmless. No transaction
    is open. Raises ValueError for what cannot even be written into a request."""
    asked = [
        rail.check_credentials()
        for rail in (rails.provider, rails.disbursement)
        if isinstance(rail, CredentialChecks)
    ]
    try:
        answers = await asyncio.wait_for(asyncio.gather(*asked), CHECK_SECONDS)
    except TimeoutError:
        return Check("unclear", int(time.time()))
    verdicts = {answer.verdict for answer in answers}
    if Verdict.DECLINED in verdicts:
        return Check("refused", int(time.time()))
    accepted = verdicts == {Verdict.SUCCEEDED}
    return Check("accepted" if accepted else "unclear", int(time.time()))


async def accepted(
    connect: Callable[[ProviderType, Environment, Mapping[str, str]], Rails],
    kind: ProviderType,
    environment: Environment,
    values: Mapping[str, str],
) -> Check:
    """Try credentials that are to be kept; `connect` is `Directory.connect`. What the provider says
    nothing of may be kept. Raises InvalidRequest for those that open nothing."""
    try:
        check = await tried(connect(kind, environment, values))
    except ValueError as error:
        # A UnicodeEncodeError would repeat the value.
        said = "they cannot be sent" if isinstance(error, UnicodeError) else str(error)
        raise InvalidRequest(
            f"These credentials open no account at {kind.title} here: {said.rstrip('.')}.",
            code="provider_credentials_invalid",
            param="credentials",
        ) from None
    if check.status == "refused":
        raise InvalidRequest(
            f"{kind.title} refused these credentials. Nothing was stored.",
            code="provider_credentials_refused",
            param="credentials",
        )
    return check
