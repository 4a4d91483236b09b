"""`cpay providers`: shared accounts, the kill switch, and the rotation of encryption keys."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from live import Merchant, Stack, eventually

from cpay import providers_command
from cpay.settings import Secret, Settings
from processor.provider_accounts.objects import unseal
from processor.routing.directory import PLATFORM
from processor.vault import Vault, VaultError

NAME = "cards_of_this_test"


@pytest.fixture
def operator(stack: Stack) -> Settings:
    """The operator of the session's stack."""
    return Settings(
        database_url=Secret(stack.database_url),
        key_pepper=Secret(stack.pepper.decode()),
        encryption_keys=Secret(f"dev:{(stack.state / 'encryption_key').read_text()}"),
        sandbox_url=stack.sandbox,
        state_dir=stack.state,
    )


@pytest.fixture
def credentials(tmp_path: Path) -> Callable[[str], Path]:
    """A file with a secret key."""

    def write(key: str) -> Path:
        file = tmp_path / "credentials.json"
        file.write_text(json.dumps({"secret_key": key}))
        return file

    return write


def add(operator: Settings, file: Path, name: str = NAME, tenant: str | None = None) -> Any:
    return asyncio.run(
        providers_command.add(
            operator, name=name, provider="stripe", credentials=file, environment=None,
            tenant=tenant, live=False,
        )
    )  # fmt: skip


def sealed_of(merchant: Merchant) -> tuple[str, str]:
    (row,) = merchant.rows(
        "select key_id, sealed from platform.shared_provider_accounts where id = $1", NAME
    )
    return row["key_id"], row["sealed"]


def considered(merchant: Merchant) -> dict[str, str]:
    """The accounts that a card was routed over, with what came of each."""
    intent = merchant.api.payment_intents.create(
        {"amount": 5000, "currency": "xaf", "confirm": True, "payment_method": "pm_card_visa"}
    )
    charge = merchant.api.charges.retrieve(intent.latest_charge)
    return {each["account"]: each["reason"] for each in charge["routing"]["considered"]}


def test_a_shared_account_from_its_first_to_its_last_day(
    merchant: Merchant, operator: Settings, credentials: Callable[[str], Path]
) -> None:
    with pytest.raises(RuntimeError, match="refused these credentials"):
        add(operator, credentials("Hush"))
    made = add(operator, credentials("sk_test_Shared"))
    assert (made["check"]["status"], made["secrets"]) == ("accepted", ["secret_key"])
    try:
        with pytest.raises(RuntimeError, match="already"):
            add(operator, credentials("sk_test_Shared"))
        eventually(lambda: considered(merchant).get(NAME) == "available", 10)
        wish: dict[str, Any] = {"name": NAME, "tenant": None, "live": False}
        asyncio.run(providers_command.disable(operator, reason="trouble", **wish))
        eventually(lambda: considered(merchant).get(NAME) == "disabled", 10)
        with pytest.raises(RuntimeError, match="a minute later"):
            asyncio.run(providers_command.remove(operator, **wish))
        shown = asyncio.run(providers_command.health(operator, NAME))
        assert {(each["state"], each["disabled_reason"]) for each in shown} == {
            ("disabled", "trouble")
        }
        rotate(merchant, operator)
        listed = asyncio.run(providers_command.list_accounts(operator, None, live=False))
        assert "sk_test_Shared" not in json.dumps(listed)
    finally:
        merchant.rows(
            "update platform.provider_switches set switched_at = now() - interval '2 minutes'"
            " where account = $1 returning account",
            NAME,
        )
        asyncio.run(providers_command.remove(operator, name=NAME, tenant=None, live=False))
    with pytest.raises(LookupError):
        asyncio.run(providers_command.check(operator, name=NAME, tenant=None, live=False))


def rotate(merchant: Merchant, operator: Settings) -> None:
    """To a new key and back; between the two, the old one alone opens nothing."""
    account = add_own(merchant, operator)
    key, before = sealed_of(merchant)
    both = msgspec.structs.replace(
        operator, encryption_keys=Secret(f"new:{'ab' * 32},{operator.encryption_keys}")
    )
    report = asyncio.run(providers_command.reseal(both))
    assert report["done"] == report["owners"]
    assert report["resealed"] >= 2
    new, after = sealed_of(merchant)
    assert (key, new) == ("dev", "new")
    assert after != before
    with pytest.raises(VaultError):
        unseal(Vault.from_setting(operator.encryption_keys), PLATFORM, NAME, new, after)
    opened = unseal(Vault.from_setting(both.encryption_keys), PLATFORM, NAME, new, after)
    assert opened == {"secret_key": "sk_test_Shared"}
    assert asyncio.run(providers_command.reseal(both))["resealed"] == 0
    with pytest.raises(RuntimeError, match=account):
        asyncio.run(providers_command.reseal(operator))
    back = msgspec.structs.replace(
        operator, encryption_keys=Secret(f"{operator.encryption_keys},new:{'ab' * 32}")
    )
    assert asyncio.run(providers_command.reseal(back))["resealed"] == report["resealed"]


def add_own(merchant: Merchant, operator: Settings) -> str:
    """An account of the merchant's own, made by the operator."""
    file = merchant.stack.state / "own.json"
    file.write_text('{"secret_key": "sk_test_Own"}')
    made = add(operator, file, "Mine", merchant.tenant.id)
    file.unlink()
    assert (made["nickname"], made["check"]["status"]) == ("Mine", "accepted")
    identifier: str = made["id"]
    return identifier


def test_credentials_that_are_no_json_are_not_repeated(
    operator: Settings, credentials: Callable[[str], Path]
) -> None:
    file = credentials("sk_test_Hush")
    file.write_text("secret_key=sk_test_Hush")
    with pytest.raises(RuntimeError, match="one JSON object") as refused:
        add(operator, file)
    assert "Hush" not in str(refused.value)


def test_without_an_encryption_key_it_is_one_sentence(
    operator: Settings, credentials: Callable[[str], Path]
) -> None:
    keyless = msgspec.structs.replace(operator, encryption_keys=Secret(""))
    with pytest.raises(RuntimeError, match="CPAY_ENCRYPTION_KEYS"):
        add(keyless, credentials("sk_test_Hush"))
