"""The MTN and Orange Cameroon sandboxes as independent Go clients see them.

The modules are pinned by version and by hash, so that no other code can be in their place.
"""

import json
import os
import shutil
import subprocess
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.types import ASGIApp
from mtn_servers import KEY, QUICK, mtn_at
from sandbox_servers import SandboxPsp
from single_psp import psp_at

from providers.sandbox import orange_cm
from providers.sandbox.book import Book
from providers.sandbox.orange_cm.tables import API_USER, CHANNEL_MSISDN, CONSUMER, PIN
from providers.sandbox.script import Script

GO = shutil.which("go")
# As go.sum writes them: module, version, hash of its files, hash of its go.mod.
ORANGE_MODULE = (
    "github.com/NdoleStudio/orangemoney-go",
    "v0.0.1",
    "h1:VRCPb18BlSOwAy106t8k3mz95FT6w5fTwtJnt1vlW3A=",
    "h1:FIed5i5iG+NHrItYivX1fX7nxMLXyPeHB57CrOHC7zU=",
)
MTN_MODULE = (
    "github.com/NdoleStudio/mtnmomo-go",
    "v0.0.7",
    "h1:EYmu4i4Ro7FOeucqMB+5CXZIXpfB9vaONEDxxqfh2mA=",
    "h1:Ud46JNsi+JTcPFqh+017u6J0kLW+kYbdsNSTqZ5etGU=",
)

# Asks one subscriber to pay and another who has no money, and reads what became of it.
ORANGE_PROGRAM = """
package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/NdoleStudio/orangemoney-go"
)

func main() {
	url, key, secret, authToken, channel, pin :=
		os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]
	client := orangemoney.New(orangemoney.WithBaseURL(url), orangemoney.WithUsername(key),
		orangemoney.WithPassword(secret), orangemoney.WithAuthToken(authToken))
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	params := func(subscriber string) *orangemoney.MerchantPaymentPayPrams {
		token, _, err := client.MerchantPayment.Init(ctx)
		check(err)
		return &orangemoney.MerchantPaymentPayPrams{
			SubscriberMSISDN: subscriber, ChannelUserMSISDN: channel, Amount: "100",
			Description: "Order 1", OrderID: "order" + subscriber, Pin: pin,
			PayToken: token.Data.Token, NotificationURL: "http://127.0.0.1:9/cb",
		}
	}
	good, bad, unused := params("690000001"), params("690000065"), params("690000002")
	asked, _, err := client.MerchantPayment.Pay(ctx, good)
	check(err)
	pushed, _, err := client.MerchantPayment.Push(ctx, &good.PayToken)
	check(err)
	_, again, repeated := client.MerchantPayment.Pay(ctx, good)
	_, refusal, refused := client.MerchantPayment.Pay(ctx, bad)
	paid, _, err := client.MerchantPayment.TransactionStatus(ctx, &good.PayToken)
	check(err)
	for deadline := time.Now().Add(10 * time.Second); paid.Data.IsPending() &&
		time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		paid, _, err = client.MerchantPayment.TransactionStatus(ctx, &good.PayToken)
		check(err)
	}
	failed, _, err := client.MerchantPayment.TransactionStatus(ctx, &bad.PayToken)
	check(err)
	blank, _, err := client.MerchantPayment.TransactionStatus(ctx, &unused.PayToken)
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"asked": asked, "pending": asked.Data.IsPending(), "pushed": pushed.Message,
		"paid": paid, "confirmed": paid.Data.IsConfirmed(), "failed": failed, "blank": blank,
		"repeated": repeated.Error(), "repeated_status": again.HTTPResponse.StatusCode,
		"refused": refused.Error(), "refused_status": refusal.HTTPResponse.StatusCode,
	}))
}
"""

# Makes a user, asks one payer who pays and one who refuses, repeats a reference, reads the balance.
MTN_PROGRAM = """
package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/NdoleStudio/mtnmomo-go"
)

func main() {
	url, key := os.Args[1], os.Args[2]
	user, good, bad := os.Args[3], os.Args[4], os.Args[5]
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	anyone := mtnmomo.New(mtnmomo.WithBaseURL(url), mtnmomo.WithSubscriptionKey(key))
	_, _, err := anyone.APIUser.CreateAPIUser(ctx, user, "127.0.0.1")
	check(err)
	apiKey, _, err := anyone.APIUser.CreateAPIKey(ctx, user)
	check(err)
	shown, _, err := anyone.APIUser.Get(ctx, user)
	check(err)
	client := mtnmomo.New(mtnmomo.WithBaseURL(url), mtnmomo.WithSubscriptionKey(key),
		mtnmomo.WithTargetEnvironment("sandbox"), mtnmomo.WithAPIUser(user),
		mtnmomo.WithAPIKey(apiKey))
	ask := func(reference, payer string) (*mtnmomo.Response, error) {
		return client.Collection.RequestToPay(ctx, reference, &mtnmomo.RequestToPayParams{
			Amount: "12.50", Currency: "EUR", ExternalID: "ch_1", PayerMessage: "Order 1",
			PayeeNote: "Order 1",
			Payer: &mtnmomo.AccountHolder{PartyIDType: "MSISDN", PartyID: payer},
		}, nil)
	}
	ended := func(reference string) *mtnmomo.CollectionTransactionStatus {
		deadline := time.Now().Add(10 * time.Second)
		for {
			status, _, err := client.Collection.GetRequestToPayStatus(ctx, reference)
			check(err)
			if !status.IsPending() || time.Now().After(deadline) {
				return status
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	_, err = ask(good, "46733123400")
	check(err)
	_, err = ask(bad, "46733123451")
	check(err)
	again, repeated := ask(good, "46733123400")
	paid, failed := ended(good), ended(bad)
	balance, _, err := client.Collection.GetAccountBalance(ctx)
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"user": shown, "paid": paid, "failed": failed, "balance": balance,
		"repeated": repeated.Error(), "repeated_status": again.HTTPResponse.StatusCode,
	}))
}
"""

Module = tuple[str, str, str, str]
Build = Callable[[str, Module], Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Compiles a program of one file against one module; Go's own caches make it quick."""

    def compiled(program: str, module: Module) -> Path:
        if GO is None:
            pytest.skip("go is not installed")
        name, version, files, go_mod = module
        (tmp_path / "main.go").write_text(program)
        (tmp_path / "go.mod").write_text(f"module client\n\ngo 1.23\n\nrequire {name} {version}\n")
        (tmp_path / "go.sum").write_text(
            f"{name} {version} {files}\n{name} {version}/go.mod {go_mod}\n"
        )
        fetched = go(tmp_path, "mod", "download")
        # A module whose hash is wrong is no module that cannot be had.
        assert b"SECURITY ERROR" not in fetched.stderr, fetched.stderr.decode()
        if fetched.returncode != 0:
            pytest.skip(f"go cannot fetch {name}@{version}: {fetched.stderr[-300:].decode()}")
        done = go(tmp_path, "build", "-o", "client", ".")
        assert done.returncode == 0, done.stderr.decode()
        return tmp_path / "client"

    return compiled


def go(folder: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    assert GO is not None
    environment = os.environ | {"GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
    return subprocess.run(
        [GO, *command], cwd=folder, env=environment, capture_output=True, timeout=180, check=False
    )


def said_by(client: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run([client, *arguments], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.fixture
def orange() -> Iterator[SandboxPsp]:
    settings = orange_cm.Settings(approval_delay=0.5)  # so that PENDING is seen

    def create(url: str) -> ASGIApp:
        return orange_cm.create_app(Book(None), Script(), url, settings)

    with psp_at("orange_cm", create) as psp:
        yield psp


def test_the_orange_client_understands_the_sandbox(build: Build, orange: SandboxPsp) -> None:
    client = build(ORANGE_PROGRAM, ORANGE_MODULE)
    auth_token = b64encode(":".join(API_USER).encode()).decode()
    seen = said_by(client, orange.url, *CONSUMER, auth_token, CHANNEL_MSISDN, PIN)
    assert seen["asked"]["message"] == "Merchant payment successfully initiated"
    assert seen["pending"]
    assert seen["pushed"] == "Push sent to customer"
    assert seen["paid"]["data"]["status"] == "SUCCESSFULL"
    assert seen["confirmed"]
    assert seen["paid"]["data"]["amount"] == 100
    assert seen["paid"]["data"]["txnmode"] == "order690000001"
    assert seen["repeated_status"] == 422
    assert seen["refused_status"] == 417
    assert "60019 :: Le solde du compte du payeur est insuffisant" in seen["refused"]
    assert seen["failed"]["data"]["inittxnstatus"] == "60019"
    assert seen["blank"]["data"]["status"] == "INITIATED"
    [moved] = orange.movements()
    assert (moved["reference"], moved["amount"]) == ("order690000001", 100)


def test_the_mtn_client_understands_the_sandbox(build: Build) -> None:
    client = build(MTN_PROGRAM, MTN_MODULE)
    user, good, bad = (str(uuid.uuid4()) for _ in range(3))
    with mtn_at(Book(None), QUICK) as mtn:
        seen = said_by(client, mtn.url, KEY, user, good, bad)
        [moved] = mtn.movements()
    assert seen["user"]["targetEnvironment"] == "sandbox"
    assert (seen["paid"]["status"], seen["paid"]["amount"]) == ("SUCCESSFUL", "12.5")
    assert seen["failed"]["reason"] == "APPROVAL_REJECTED"
    assert seen["repeated_status"] == 409
    assert "RESOURCE_ALREADY_EXIST" in seen["repeated"]
    assert seen["balance"] == {"availableBalance": "12.5", "currency": "EUR"}
    assert (moved["reference"], moved["amount"]) == (good, 1250)
