"""The CMI sandbox as an independent client sees it: the npm package "cmi-payment-nodejs".

The client makes the signed form that opens the payment page and checks the signatures of callbacks;
it knows nothing of CMI's XML API. Its hash is CMI's for values without bars, backslashes and blanks
at their ends, as all are here.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cmi_shop import CARD, CARD_WITH_CODE, DEMO, form_on, post, type_card
from fetched import npm_package
from litestar.types import ASGIApp
from sandbox_servers import Receiver, SandboxPsp
from single_psp import psp_at

from providers.sandbox import cmi
from providers.sandbox.book import Book
from providers.sandbox.cmi.tables import CODE, DEMO_CLIENT_ID
from providers.sandbox.script import Script

NPM_CLIENT = "cmi-payment-nodejs@1.1.3"

# Reads the client's options; writes the page with the form, or whether a hash is theirs.
NODE_SCRIPT = """
const { default: CmiClient } = require("cmi-payment-nodejs");
const { baseUrl, options, hash } = JSON.parse(process.argv[1]);
const client = new CmiClient(options);
client.DEFAULT_API_BASE_URL = baseUrl;
console.log(JSON.stringify(hash ? client.checkHash(hash) : client.redirect_post()));
"""


@pytest.fixture(scope="module")
def node_modules() -> str:
    return str(npm_package(NPM_CLIENT))


@pytest.fixture
def psp() -> Iterator[SandboxPsp]:
    def create(url: str) -> ASGIApp:
        return cmi.create_app(Book(None), Script(), url)

    with psp_at("cmi", create) as psp:
        yield psp


def node(node_modules: str, **task: Any) -> Any:
    done = subprocess.run(
        ["node", "-e", NODE_SCRIPT, json.dumps(task)],
        env={"NODE_PATH": node_modules, "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def options(receiver: Receiver) -> dict[str, str]:
    return {
        "storekey": DEMO.store_key,
        "clientid": DEMO_CLIENT_ID,
        "oid": "order-1",
        "okUrl": "https://shop.example.test/ok",
        "failUrl": "https://shop.example.test/fail",
        "callbackURL": f"{receiver.url}/callback",
        "email": "amina@example.test",
        "BillToName": "Amina-Benali",
        "amount": "120.50",
    }


def fields_of(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def is_theirs(node_modules: str, fields: Mapping[str, str]) -> bool:
    """What the client says of the signature of a callback or return."""
    unsigned = {name: value for name, value in fields.items() if name != "HASH"}
    task = {"options": unsigned | {"storekey": DEMO.store_key}, "hash": fields["HASH"]}
    answer: bool = node(node_modules, baseUrl="", **task)
    return answer


@pytest.mark.parametrize(
    ("card", "url", "response"),
    [
        (CARD, "https://shop.example.test/ok", ("Approved", "00", "1")),
        (CARD_WITH_CODE, "https://shop.example.test/ok", ("Approved", "00", "1")),
        ("4000000000051005", "https://shop.example.test/fail", ("Declined", "51", "1")),
        ("4000000000033300", "https://shop.example.test/fail", ("Error", "99", "0")),
    ],
)
async def test_the_npm_client_understands_the_sandbox(
    node_modules: str,
    psp: SandboxPsp,
    receiver: Receiver,
    card: str,
    url: str,
    response: tuple[str, str, str],
) -> None:
    form = form_on(node(node_modules, baseUrl=psp.url, options=options(receiver)))
    page = (await type_card((await post(*form)).text, card)).text
    if card == CARD_WITH_CODE:
        page = (await post(form_on(page)[0], {"code": CODE})).text
    where, returned = form_on(page)
    [callback] = receiver.wait_for(1)
    told = fields_of(callback.body)
    assert where == url
    assert (told["Response"], told["ProcReturnCode"], told["mdStatus"]) == response
    assert is_theirs(node_modules, told)
    assert is_theirs(node_modules, returned)
    assert not is_theirs(node_modules, told | {"amount": "1.00"})
    assert psp.movements() == []  # nobody answered ACTION=POSTAUTH


async def test_a_form_that_was_tampered_with_opens_no_page(
    node_modules: str, psp: SandboxPsp, receiver: Receiver
) -> None:
    url, fields = form_on(node(node_modules, baseUrl=psp.url, options=options(receiver)))
    page = (await post(url, fields | {"amount": "1.00"})).text
    assert form_on(page)[0] == ""
    assert "HASH" in page
