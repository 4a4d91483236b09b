"""Accounts at providers: what is kept of credentials, who sees it, and what bad input gets."""

import asyncio
import json
from base64 import b64decode
from typing import Any

import httpx
import pytest
import stripe
from live import Merchant, Stack, eventually, new_merchant
from sandbox_control import by_card, by_phone, cameroonian, requests, tell
from statements_made import settings

from cpay.wiring import build_engine
from processor.provider_accounts.objects import seal, unseal
from processor.routing.directory import UnknownAccount
from processor.vault import Vault, VaultError
from providers.sandbox.mtn_tables import DEMO_API_KEY, DEMO_API_USERS, SUBSCRIPTION_KEYS

Answer = dict[str, Any]

MTN = {
    "target_environment": "mtncameroon",
    "api_user": DEMO_API_USERS["mtncameroon"],
    "api_key": DEMO_API_KEY,
    "collection_subscription_key": SUBSCRIPTION_KEYS["collection"],
}


def call(
    merchant: Merchant, method: str, path: str, key: str | None = None, **body: Any
) -> tuple[int, Answer]:
    """One call with JSON, which the SDK has no words for."""
    reply = httpx.request(
        method,
        f"{merchant.stack.base}/v1/{path}",
        json=body or None,
        headers={"Authorization": f"Bearer {key or merchant.secret_key}"},
        timeout=60,
    )
    answer: Answer = reply.json()
    return reply.status_code, answer


def made(merchant: Merchant, **more: Any) -> Answer:
    """An account at the sandbox PSP of cards."""
    wish = {"provider": "stripe", "credentials": {"secret_key": "sk_test_Own4711"}} | more
    status, account = call(merchant, "POST", "provider_accounts", **wish)
    assert status == 200, account
    return account


def aged(merchant: Merchant, account: str) -> None:
    """Let an account have been disabled for more than a minute."""
    merchant.rows(
        "update provider_accounts set details = details"
        " || jsonb_build_object('disabled_at', (details->>'disabled_at')::int - 100)"
        " where id = $1 returning id",
        account,
    )


def test_secrets_are_sealed_and_nobody_sees_them_again(merchant: Merchant) -> None:
    account = made(merchant, provider="mtn", credentials=MTN, nickname="Main", check_wallets=True)
    assert account["check"]["status"] == "accepted"
    assert account["credentials"] == {
        "target_environment": "mtncameroon",
        "api_user": MTN["api_user"],
    }
    assert account["secrets"] == ["api_key", "collection_subscription_key"]
    identifier = account["id"]
    call(merchant, "POST", f"provider_accounts/{identifier}/check")
    seen = [
        call(merchant, "GET", f"provider_accounts/{identifier}"),
        call(merchant, "GET", "provider_accounts"),
        call(merchant, "GET", "providers"),
        call(merchant, "GET", "events?limit=50"),
        [dict(row) for table in TABLES for row in merchant.rows(f"select * from {table}")],
        [log.read_text() for log in (merchant.stack.state / "logs").iterdir()],
    ]
    for name in account["secrets"]:
        assert MTN[name] not in json.dumps(seen, default=str), name


TABLES = ("provider_accounts", "events", "idempotency_keys")


def test_what_is_sealed_opens_in_its_own_row_only(
    merchant: Merchant, other_merchant: Merchant
) -> None:
    one, two = made(merchant)["id"], made(merchant)["id"]
    select = "select sealed, key_id from provider_accounts where id = $1"
    key = (merchant.stack.state / "encryption_key").read_text()
    vault, schema = Vault.from_setting(f"dev:{key}"), merchant.tenant.test_schema
    row, its_own = merchant.rows(select, one)[0], merchant.rows(select, two)[0]
    opened = unseal(vault, schema, one, row["key_id"], row["sealed"])
    assert opened == {"secret_key": "sk_test_Own4711"}
    assert b"sk_test" not in b64decode(row["sealed"])
    for owner, identifier in ((schema, two), (other_merchant.tenant.test_schema, one)):
        with pytest.raises(VaultError):
            unseal(vault, owner, identifier, row["key_id"], row["sealed"])
    with pytest.raises(VaultError):
        unseal(Vault.from_setting(f"dev:{'0' * 64}"), schema, one, row["key_id"], row["sealed"])
    # An operator who moves the text moves no money: the account is as good as gone.
    change = "update provider_accounts set sealed = $2 where id = $1 returning id"
    merchant.rows(change, two, row["sealed"])
    status, refused = call(merchant, "POST", f"provider_accounts/{two}/check")
    assert (status, refused["error"]["code"]) == (400, "encryption_key_missing")
    merchant.rows(change, two, its_own["sealed"])


def test_without_a_key_nothing_is_kept() -> None:
    with pytest.raises(VaultError, match="no encryption key"):
        seal(Vault({}), "t1_test", "pa_1", {"secret_key": "sk_test_1"})


REFUSED: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "no such provider": ({"provider": "wave"}, None, "provider"),
    "no such credential": (
        {"credentials": {"secret_key": "sk_test_Hush", "password": "Hush"}},
        "parameter_unknown",
        "credentials[password]",
    ),
    "a base URL is not for merchants": (
        {"credentials": {"secret_key": "sk_test_Hush", "base_url": "http://127.0.0.1:1"}},
        "parameter_unknown",
        "credentials[base_url]",
    ),
    "nothing that is needed": (
        {"credentials": {"webhook_secret": "Hush"}},
        "parameter_missing",
        "credentials[secret_key]",
    ),
    "no text": ({"credentials": {"secret_key": 4711}}, None, "credentials"),
    "a line break": (
        {"credentials": {"secret_key": "sk_test_Hush\r\nX: 1"}},
        None,
        "credentials[secret_key]",
    ),
    "not for a header": (
        {"credentials": {"secret_key": "sk_test_Hush\u00e9"}},
        "provider_credentials_invalid",
        "credentials",
    ),
    "too long": (
        {"credentials": {"secret_key": "sk_test_Hush" * 100}},
        None,
        "credentials[secret_key]",
    ),
    "the provider says no": (
        {"credentials": {"secret_key": "Hush"}},
        "provider_credentials_refused",
        "credentials",
    ),
    "the provider says no to its second product": (
        {"provider": "mtn", "credentials": MTN | {"disbursement_subscription_key": "Hush"}},
        "provider_credentials_refused",
        "credentials",
    ),
    "live servers from test mode": ({"environment": "live"}, None, "environment"),
    "a sandbox that the provider has not": (
        {"provider": "paygate", "credentials": {"auth_token": "Hush"}}
        | {"environment": "provider_sandbox"},
        None,
        "environment",
    ),
    "a live key for the provider's sandbox": (
        {"environment": "provider_sandbox", "credentials": {"secret_key": "sk_live_Hush"}},
        "provider_credentials_invalid",
        "credentials",
    ),
    "a country that is a path": (
        {
            "provider": "orange_web",
            "credentials": {
                "country": "../../cm",
                "client_id": "1",
                "client_secret": "Hush",
                "merchant_key": "Hush",
            },
        },
        "provider_credentials_invalid",
        "credentials",
    ),
    "no such currency": ({"costs": {"zzz": {"fixed": 1}}}, None, "costs"),
    "a wish that the rail cannot fulfil": ({"check_wallets": True}, None, "check_wallets"),
}


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Merchant:
    """A merchant for refusals, which leave nothing behind."""
    return new_merchant(stack)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_an_account_is_refused_without_repeating_it(
    shop: Merchant, case: str
) -> None:
    wish, code, param = REFUSED[case]
    given = {"provider": "stripe", "credentials": {"secret_key": "sk_test_Hush"}} | wish
    status, answer = call(shop, "POST", "provider_accounts", **given)
    error = answer["error"]
    assert (status, error.get("code"), error["param"]) == (400, code, param)
    assert "Hush" not in json.dumps(answer)
    assert call(shop, "GET", "provider_accounts")[1]["data"] == []


def test_a_live_key_reaches_no_sandbox(shop: Merchant) -> None:
    live = shop.key(livemode=True)
    wishes = [{"environment": "sandbox"}, {"environment": "provider_sandbox"}, {}]
    for wish in wishes:  # without a word it is live, where this key is a test account's
        status, answer = call(
            shop, "POST", "provider_accounts", live,
            provider="stripe", credentials={"secret_key": "sk_test_1"}, **wish,
        )  # fmt: skip
        assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


def test_what_the_provider_says_nothing_of_is_kept_and_can_be_asked_again(
    merchant: Merchant,
) -> None:
    tell(merchant.stack, "paygate", operation="*", fault="error_500", times=1)
    token = "7a6d1d55-paygate-demo"
    status, account = call(
        merchant, "POST", "provider_accounts", provider="paygate", credentials={"auth_token": token}
    )
    assert (status, account["check"]["status"]) == (200, "unclear"), account
    status, account = call(merchant, "POST", f"provider_accounts/{account['id']}/check")
    assert (status, account["check"]["status"]) == (200, "refused")


def test_a_repeated_request_makes_one_account_and_asks_once(merchant: Merchant) -> None:
    def again(**more: Any) -> httpx.Response:
        body = {"provider": "stripe", "credentials": {"secret_key": "sk_test_again"} | more}
        return httpx.post(
            f"{merchant.stack.base}/v1/provider_accounts",
            json=body,
            auth=(merchant.secret_key, ""),
            headers={"Idempotency-Key": "once"},
            timeout=60,
        )

    first, second = again(), again()
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert again(webhook_secret="other").json()["error"]["type"] == "idempotency_error"
    assert len(call(merchant, "GET", "provider_accounts")[1]["data"]) == 1
    asked = [
        one
        for one in requests(merchant.stack, "cards")
        if "search" in one["path"] and "again" in json.dumps(one["headers"])
    ]
    assert len(asked) <= 1  # the log hides the key, or shows one call


def test_an_own_account_takes_the_payment_and_the_charge_says_why(merchant: Merchant) -> None:
    account = made(merchant)["id"]
    intent = merchant.api.payment_intents.create(by_card())
    charge = call(merchant, "GET", f"charges/{intent.latest_charge}")[1]
    assert charge["routing"] == {
        "account": account,
        "considered": [
            {"account": account, "result": "chosen", "reason": "own_account"},
            {"account": "cards_test", "result": "fallback", "reason": "available"},
        ],
        "rule": None,
        "tries": [],
    }
    disabled = call(
        merchant, "POST", f"provider_accounts/{account}", disabled=True, disabled_reason="moving"
    )[1]
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "moving")

    def elsewhere() -> bool:
        latest = merchant.api.payment_intents.create(by_card()).latest_charge
        routing = call(merchant, "GET", f"charges/{latest}")[1]["routing"]
        return bool(routing["account"] == "cards_test")

    eventually(elsewhere, 5)
    # Money goes back by the way it came: what is to be given back waits for the account.
    refund = merchant.api.refunds.create({"charge": intent.latest_charge})
    assert refund.status == "pending"
    call(merchant, "POST", f"provider_accounts/{account}", disabled=False)
    eventually(lambda: merchant.api.refunds.retrieve(refund.id).status == "succeeded", 90)


def test_who_has_not_heard_of_an_account_reads_again_when_it_is_spoken_of(
    merchant: Merchant,
) -> None:
    schema = merchant.tenant.test_schema

    async def work() -> None:
        engine = build_engine(settings(merchant))
        directory = engine.processor.router.directory
        async with engine.database, engine.client:  # not `running`: nothing reads once a second
            await directory.load(schema)
            account = (await asyncio.to_thread(made, merchant))["id"]
            await directory.load(schema)
            assert directory.usable(schema, account) is None
            await directory.load(schema, account)
            assert directory.usable(schema, account) is not None
            await directory.load(schema, "pa_nobodys")
            with pytest.raises(UnknownAccount):
                directory.account("pa_nobodys")

    asyncio.run(work())


def test_an_account_is_deleted_in_two_steps_and_takes_its_secrets_with_it(
    merchant: Merchant,
) -> None:
    account = made(merchant)["id"]
    path = f"provider_accounts/{account}"
    intent = merchant.api.payment_intents.create(by_card(capture_method="manual"))
    rule = call(merchant, "POST", "routing_rules", targets=[{"account": account}])[1]["id"]

    def refusal() -> str:
        status, answer = call(merchant, "DELETE", path)
        assert (status, answer["error"]["code"]) == (400, "provider_account_in_use")
        return str(answer["error"]["message"])

    assert "disable it first" in refusal()
    call(merchant, "POST", path, disabled=True)
    assert "a minute later" in refusal()
    aged(merchant, account)
    assert rule in refusal()
    call(merchant, "DELETE", f"routing_rules/{rule}")
    assert "1 payments wait" in refusal()  # the amount is held, and only this account can take it
    merchant.api.payment_intents.capture(intent.id)
    assert call(merchant, "DELETE", path)[1] == {
        "id": account,
        "object": "provider_account",
        "deleted": True,
    }
    assert call(merchant, "GET", path)[0] == 404
    (row,) = merchant.rows("select sealed, key_id, status from provider_accounts")
    assert tuple(row) == ("", "", "deleted")
    refused = call(merchant, "POST", "refunds", charge=intent.latest_charge)
    if refused[0] == 200:  # this process had not heard of it yet
        eventually(lambda: call(merchant, "POST", "refunds", charge=intent.latest_charge)[0] != 200)
    types = [event.type for event in merchant.api.events.list({"limit": 20}).data]
    assert {"provider_account.created", "provider_account.deleted"} <= set(types)


def test_what_other_credentials_have_never_seen_is_not_believed(merchant: Merchant) -> None:
    """The answer to a payment is lost, the merchant puts in another account's key, and that account
    says that it has never seen the payment. Sending it again would take the money twice."""
    account = made(merchant)["id"]
    tell(merchant.stack, "cards", payer="pm_card_visa", fault="reset_after_accepting", times=1)
    intent = merchant.api.payment_intents.create(by_card())
    assert intent.status == "processing"
    status, changed = call(
        merchant, "POST", f"provider_accounts/{account}", credentials={"secret_key": "sk_test_New"}
    )
    assert (status, changed["check"]["status"]) == (200, "accepted")
    merchant.rows("update charges set created = created - 50 returning id")
    charge = eventually(
        lambda: merchant.rows("select state, reference from charges where state = 'unknown'"), 60
    )
    assert [row["state"] for row in charge] == ["unknown"]
    moves = httpx.get(f"{merchant.stack.sandbox}/cards/control/book").json()["movements"]
    (reference,) = [row["reference"] for row in charge]
    assert len([one for one in moves if one["reference"] == reference]) == 1


def test_a_wallet_that_is_not_there_is_asked_for_nothing(merchant: Merchant) -> None:
    made(merchant, provider="mtn", credentials=MTN, check_wallets=True)
    with pytest.raises(stripe.CardError) as refused:
        merchant.api.payment_intents.create(by_phone("+237670000055"))
    assert refused.value.error.decline_code == "invalid_account"
    (row,) = merchant.rows("select reference from charges")
    asked = [one["headers"].get("x-reference-id") for one in requests(merchant.stack, "mtn")]
    assert row["reference"] not in asked
    assert merchant.api.payment_intents.create(by_phone(cameroonian())).status != "canceled"


def test_another_merchants_account_is_nowhere(merchant: Merchant, other_merchant: Merchant) -> None:
    theirs = made(other_merchant)["id"]
    listed = call(merchant, "GET", "providers")[1]["data"]
    names = [account["account"] for kind in listed for account in kind["accounts"]]
    assert "cards_test" in names
    assert theirs not in names
    status, answer = call(merchant, "GET", f"providers/health?account={theirs}")
    assert (status, answer["error"]["code"]) == (400, "resource_missing")
    status, answer = call(merchant, "POST", "routing_rules", targets=[{"account": theirs}])
    assert (status, answer["error"]["code"]) == (400, "resource_missing")
