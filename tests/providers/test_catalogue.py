"""The kinds of provider, held against the adapters they open."""

from dataclasses import fields

import httpx
import pytest
from sandbox_servers import Sandbox

from providers.boundary import CredentialChecks, Verdict
from providers.catalogue import PROVIDER_TYPES
from providers.sandbox.demo import DemoAccount, demo_accounts

NAMES = [demo.name for demo in demo_accounts("http://127.0.0.1")]


def demo_named(name: str, url: str) -> DemoAccount:
    return next(demo for demo in demo_accounts(url) if demo.name == name)


@pytest.mark.parametrize("name", NAMES)
async def test_a_demo_account_opens_and_its_credentials_are_right(
    shared_sandbox: Sandbox, client: httpx.AsyncClient, name: str
) -> None:
    demo = demo_named(name, shared_sandbox.url)
    kind = PROVIDER_TYPES[demo.provider]
    rails = kind.open(demo.credentials, client)
    assert isinstance(rails.provider, kind.provider)
    able = rails.provider.capabilities
    assert able.currencies <= kind.capabilities.currencies
    assert able.methods <= kind.capabilities.methods
    assert isinstance(rails.provider, CredentialChecks)
    answer = await rails.provider.check_credentials()
    assert answer.verdict is Verdict.SUCCEEDED, answer.evidence


@pytest.mark.parametrize("kind", PROVIDER_TYPES.values(), ids=PROVIDER_TYPES)
def test_every_kind_has_a_demo_account_and_hides_its_secrets(kind: object) -> None:
    [demo, *_] = [d for d in demo_accounts("http://x") if PROVIDER_TYPES[d.provider] is kind]
    shown = repr(demo.credentials)
    secrets = [field.name for field in fields(demo.credentials) if not field.repr]
    assert secrets
    for name in secrets:
        value = getattr(demo.credentials, name)
        assert not value or value not in shown
