"""API keys: what each kind opens, and how fast one that should not any more stops."""

import time
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
from live import Merchant, Stack, new_merchant

from processor.operations import Operation
from processor.table import OPERATIONS
from tenants import keys

ALL_SCOPES = {operation.scope for operation in OPERATIONS.values()}


def get(merchant: Merchant, key: str, path: str = "/v1/customers") -> httpx.Response:
    return httpx.get(
        merchant.stack.base + path, headers={"Authorization": f"Bearer {key}"}, timeout=20
    )


def key_of(merchant: Merchant, text: str) -> str:
    """The id of a key, by its text."""
    digest = keys.key_hash(merchant.stack.pepper, text)
    identifier: str = merchant.run(
        lambda c: c.fetchval("select id from platform.api_keys where hash = $1", digest)
    )
    return identifier


@pytest.mark.parametrize("key", ["sk_test_", "sk_test_nobody", "nonsense", "sk_live_" + "x" * 500])
def test_an_unknown_key_is_refused_and_not_repeated_whole(merchant: Merchant, key: str) -> None:
    refused = get(merchant, key)
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "invalid_request_error")
    assert len(key) < 10 or key not in refused.text


def test_the_text_of_a_key_is_nowhere_in_the_database(merchant: Merchant) -> None:
    (row,) = merchant.run(
        lambda c: c.fetch(
            "select * from platform.api_keys where schema_name = $1 and kind = 'secret'",
            merchant.tenant.test_schema,
        )
    )
    secret = merchant.secret_key.rpartition("_")[2]
    assert all(secret not in str(value) for value in row.values())
    assert row["hint"] == f"sk_test_********{secret[-4:]}"


def test_a_key_works_as_user_name_of_basic_authentication_too(merchant: Merchant) -> None:
    reply = httpx.get(f"{merchant.stack.base}/v1/customers", auth=(merchant.secret_key, ""))
    assert reply.status_code == 200


def stops_within_a_second(merchant: Merchant, key: str) -> str:
    """Ask until the key is refused; returns the sentence of the refusal."""
    began = time.monotonic()
    while (reply := get(merchant, key)).status_code == 200:
        assert time.monotonic() - began < keys.CACHE_SECONDS + 0.5
    assert reply.status_code == 401
    return str(reply.json()["error"]["message"])


def test_a_revoked_key_stops_within_a_second(merchant: Merchant) -> None:
    key = merchant.key()
    assert get(merchant, key).status_code == 200
    identifier = key_of(merchant, key)
    merchant.run(lambda c: keys.revoke_key(c, identifier))
    assert "revoked" in stops_within_a_second(merchant, key)
    assert get(merchant, merchant.secret_key).status_code == 200


def test_a_key_stops_when_it_expires(merchant: Merchant) -> None:
    key = merchant.key(expires_at=datetime.now(UTC) + timedelta(seconds=1))
    assert get(merchant, key).status_code == 200
    time.sleep(1)
    assert "Expired" in stops_within_a_second(merchant, key)


def roll(merchant: Merchant, key: str, overlap: timedelta) -> str:
    identifier = key_of(merchant, key)
    made: tuple[str, str] = merchant.run(
        lambda c: keys.roll_key(c, merchant.stack.pepper, identifier, overlap)
    )
    return made[1]


def test_a_rolled_key_lives_on_for_the_overlap(merchant: Merchant) -> None:
    old = merchant.key()
    new = roll(merchant, old, timedelta(seconds=2))
    assert (get(merchant, old).status_code, get(merchant, new).status_code) == (200, 200)
    time.sleep(2)
    stops_within_a_second(merchant, old)
    assert get(merchant, new).status_code == 200


def test_a_key_rolled_without_overlap_stops_at_once(merchant: Merchant) -> None:
    old = merchant.key()
    new = roll(merchant, old, timedelta(0))
    stops_within_a_second(merchant, old)
    assert get(merchant, new).status_code == 200


def test_a_rolled_key_keeps_its_kind_and_scopes(merchant: Merchant) -> None:
    old = merchant.key(kind="restricted", scopes=("events:read",))
    new = roll(merchant, old, timedelta(0))
    assert new.startswith("rk_test_")
    assert get(merchant, new, "/v1/events").status_code == 200
    assert get(merchant, new, "/v1/customers").status_code == 403


def test_a_dead_key_is_not_rolled_back_to_life(merchant: Merchant) -> None:
    key = merchant.key()
    identifier = key_of(merchant, key)
    merchant.run(lambda c: keys.revoke_key(c, identifier))
    with pytest.raises(LookupError):
        roll(merchant, key, timedelta(hours=1))


def test_a_key_that_does_not_exist_cannot_be_revoked(merchant: Merchant) -> None:
    with pytest.raises(LookupError):
        merchant.run(lambda c: keys.revoke_key(c, "key_nobody"))


# --- restricted keys ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def restricted(stack: Stack) -> tuple[Merchant, dict[str, tuple[str, str]]]:
    """For each scope a key that has nothing else, and one that has everything else."""
    merchant = new_merchant(stack)
    schema = merchant.tenant.test_schema

    async def make(connection: asyncpg.Connection) -> dict[str, tuple[str, str]]:
        made = {}
        for scope in sorted(ALL_SCOPES):
            others = ALL_SCOPES - {scope, scope.replace(":read", ":write")}
            texts = [
                await keys.create_key(
                    connection, stack.pepper, schema, False, "restricted", None, tuple(scopes)
                )
                for scopes in ({scope}, others)
            ]
            made[scope] = (texts[0][1], texts[1][1])
        return made

    return merchant, merchant.run(make)


def call(merchant: Merchant, operation: Operation, key: str) -> httpx.Response:
    """Call an operation on objects that do not exist: only the permission matters here."""
    # The key's own account is the one that may be named; another is refused whatever the scope.
    path = operation.path.replace("{account}", merchant.tenant.id)
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", "nobody")
    return httpx.request(
        operation.method,
        merchant.stack.base + path,
        headers={"Authorization": f"Bearer {key}"},
        timeout=20,
    )


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_an_operation_needs_its_own_scope_and_no_other(
    restricted: tuple[Merchant, dict[str, tuple[str, str]]], operation: Operation
) -> None:
    merchant, made = restricted
    only, all_others = made[operation.scope]
    assert call(merchant, operation, only).status_code not in (401, 403, 500)
    refused = call(merchant, operation, all_others)
    assert refused.status_code == 403
    assert f"'{operation.scope}'" in refused.json()["error"]["message"]


def test_the_right_to_write_includes_the_right_to_read(merchant: Merchant) -> None:
    writer = merchant.key(kind="restricted", scopes=("customers:write",))
    assert get(merchant, writer).status_code == 200


def test_an_expansion_needs_the_scope_of_what_it_shows(merchant: Merchant) -> None:
    customer = merchant.api.customers.create({"email": "secret@example.com"})
    intent = merchant.api.payment_intents.create(
        {"amount": 5000, "currency": "xaf", "customer": customer.id}
    )
    path = f"/v1/payment_intents/{intent.id}?expand[]=customer"
    reader = merchant.key(kind="restricted", scopes=("payment_intents:read",))
    refused = get(merchant, reader, path)
    assert refused.status_code == 403
    assert "customers:read" in refused.json()["error"]["message"]
    both = merchant.key(kind="restricted", scopes=("payment_intents:read", "customers:read"))
    assert get(merchant, both, path).json()["customer"]["email"] == "secret@example.com"


def test_a_restricted_key_without_scopes_opens_nothing(merchant: Merchant) -> None:
    key = merchant.key(kind="restricted", scopes=())
    assert get(merchant, key).status_code == 403


def test_hints_never_show_a_secret() -> None:
    for text in ("sk_test_abcdefghijkl", "sk_test_abc", "abc", "", "_____"):
        hint = keys.key_hint(text)
        assert len(text) < 5 or text not in hint


def test_keys_are_listed_without_their_text(merchant: Merchant) -> None:
    listed = merchant.run(lambda c: keys.list_keys(c, [merchant.tenant.test_schema]))
    assert {key.kind for key in listed} == {"secret", "publishable"}
    assert merchant.secret_key not in str(listed)
