"""Hostile requests, each with the clear answer it gets. No answer is ever a 5xx."""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from live import Merchant, Stack, new_merchant
from wire import Answer, send

CUSTOMERS, INTENTS = "/v1/customers", "/v1/payment_intents"
JSON = b"application/json"
MISSING, UNKNOWN = "parameter_missing", "parameter_unknown"
INTEGER, EMPTY = "parameter_invalid_integer", "parameter_invalid_empty"


@dataclass(frozen=True, slots=True)
class Bad:
    """A request, and what its refusal says."""

    name: str
    method: str = "POST"
    target: str | bytes = CUSTOMERS
    body: bytes = b""
    content_type: bytes | None = b"application/x-www-form-urlencoded"
    status: int = 400
    code: str | None = None
    param: str | None = None


def amount(text: str) -> bytes:
    """A payment intent as a form."""
    return f"currency=xaf&amount={text}".encode()


def amount_json(text: str) -> bytes:
    """A payment intent as JSON."""
    return f'{{"currency":"xaf","amount":{text}}}'.encode()


def metadata(count: int) -> bytes:
    """A customer with `count` pairs of metadata."""
    return "&".join(f"metadata[k{i}]=v" for i in range(count)).encode()


NUMBERS = [
    *(
        Bad(
            f"amount {text[:20]!r}", target=INTENTS, body=amount(text), code=INTEGER, param="amount"
        )
        for text in (
            *("abc", "1e3", "5.0", "0x10", "%205", "1_000", "+5", "٥٠٠", "-1", "0", "true"),
            *("1" + "0" * 400, "9" * 19, str(2**63), str(-(2**63) - 1)),
        )
    ),
    *(
        Bad(f"amount {name}", target=INTENTS, body=body, code=INTEGER, param="amount")
        for name, body in (
            ("as array", b"currency=xaf&amount[]=5"),
            ("as hash", b"currency=xaf&amount[a]=5"),
        )
    ),
    *(
        Bad(
            f"JSON amount {text[:20]}",
            "POST",
            INTENTS,
            amount_json(text),
            JSON,
            400,
            INTEGER,
            "amount",
        )
        for text in (
            *('"5"', "5.5", "5.0", "1e25", "true", "null", "[5]", '{"a":5}'),
            *("1" + "0" * 400, "1" + "0" * 19, str(2**63), str(-(2**63) - 1)),
        )
    ),
    *(
        Bad(f"JSON amount {text}", target=INTENTS, body=amount_json(text), content_type=JSON)
        for text in ("1e400", "NaN", "Infinity", "0x10", "05")
    ),
    Bad("no amount", target=INTENTS, body=b"currency=xaf", code=MISSING, param="amount"),
    Bad("empty amount", target=INTENTS, body=amount(""), code=EMPTY, param="amount"),
    Bad("small", target=INTENTS, body=amount("1"), code="amount_too_small", param="amount"),
    Bad("large", target=INTENTS, body=amount("100000000"), code="amount_too_large", param="amount"),
    Bad("currency", target=INTENTS, body=b"amount=500&currency=zzz", param="currency"),
    Bad("currency array", target=INTENTS, body=b"amount=500&currency[]=xaf", param="currency"),
]

TEXTS = [
    Bad("UTF-8 value", body=b"name=%ff%fe", param="name"),
    Bad("UTF-8 raw value", body=b"name=\xff\xfe", param="name"),
    Bad("UTF-8 name", body=b"%ff=1"),
    Bad("encoded surrogate", body=b"name=%ED%A0%80", param="name"),
    Bad("UTF-8 in JSON", body=b'{"name":"\xff"}', content_type=JSON),
    Bad("surrogate in JSON", body=b'{"name":"\\ud800"}', content_type=JSON),
    Bad("surrogate name in JSON", body=b'{"metadata":{"\\udfff":"x"}}', content_type=JSON),
    Bad("NUL", body=b"name=a%00b", param="name"),
    Bad("NUL in a name", body=b"metadata[a%00]=b", param="metadata"),
    Bad("NUL in JSON", body=b'{"name":"a\\u0000b"}', content_type=JSON, param="name"),
    Bad("NUL in a search", "GET", f"{CUSTOMERS}/search?query=%00", param="query"),
    Bad("a megabyte", body=b"name=" + b"a" * 900_000, param="name"),
    Bad("no e-mail address", body=b"email=awa", code="email_invalid", param="email"),
    Bad("unset in vain", body=b"balance=", code=EMPTY, param="balance"),
    Bad(
        "empty in an array", body=b"preferred_locales[]=", code=EMPTY, param="preferred_locales[0]"
    ),
]

SHAPES = [
    Bad("3 MB form", body=b"name=" + b"a" * 3_000_000, status=413),
    Bad("3 MB JSON", body=b'{"name":"' + b"a" * 3_000_000 + b'"}', content_type=JSON, status=413),
    Bad("5,000 parameters", body=metadata(5000)),
    Bad("5,000 in the URL", "GET", f"{CUSTOMERS}?{'&'.join(['a=1'] * 5000)}"),
    Bad("51 pairs of metadata", body=metadata(51), param="metadata"),
    Bad("name of 41", body=b"metadata[" + b"k" * 41 + b"]=v", param="metadata"),
    Bad("no name", body=b'{"metadata":{"":"v"}}', content_type=JSON, param="metadata"),
    Bad("value of 501", body=b"metadata[k]=" + b"v" * 501, param="metadata"),
    Bad("metadata as text", body=b"metadata=abc", param="metadata"),
    Bad("nested metadata", body=b"metadata[a][b]=c", param="metadata"),
    Bad("metadata of numbers", body=b'{"metadata":{"a":1}}', content_type=JSON, param="metadata"),
    Bad("500 levels", body=b"metadata" + b"[a]" * 500 + b"=1", param=("metadata" + "[a]" * 24)),
    Bad(
        "500 levels of JSON",
        body=b'{"metadata":' + b'{"a":' * 500 + b"1" + b"}" * 501,
        content_type=JSON,
        param="metadata" + "[a]" * 16,
    ),
    Bad("100,000 brackets", body=b"[" * 100_000, content_type=JSON),
    Bad("balanced brackets", body=b"[" * 100_000 + b"]" * 100_000, content_type=JSON),
    Bad("value and hash", body=b"name=a&name[b]=c", param="name[b]"),
    Bad("hash and value", body=b"name[b]=c&name=a", param="name"),
    Bad("no name at all", body=b"=1", param=""),
    Bad("only brackets", body=b"[a]=1", param="[a]"),
    Bad("open bracket", body=b"metadata[a=1", param="metadata[a"),
    Bad("turned brackets", body=b"metadata]a[=1", param="metadata]a["),
    Bad("array in the middle", body=b"metadata[][]=1", param="metadata[][]"),
    Bad("unknown parameter", body=b"colour=red", code=UNKNOWN, param="colour"),
    Bad("nested unknown", body=b"address[planet]=Mars", code=UNKNOWN, param="address[planet]"),
    Bad("a megabyte as name", body=b"k" * 900_000 + b"=v", code=UNKNOWN, param="k" * 80),
    Bad("percent in a name", body=b"%=1", code=UNKNOWN, param="%"),
]

MEDIA = [
    *(
        Bad(f"content type {kind.decode('latin-1')[:40]}", body=b"name=a", content_type=kind)
        for kind in (b"text/plain", b"application/xml", b"multipart/form-data", b"\xff;;;", JSON)
    ),
    Bad("JSON array", body=b"[]", content_type=JSON),
    Bad("JSON text", body=b'"a"', content_type=JSON),
    Bad("JSON and more", body=b"{} {}", content_type=JSON),
    Bad("JSON in UTF-16", body='{"name":"a"}'.encode("utf-16"), content_type=JSON),
]

EXPANSIONS = [
    Bad(f"expand {path}", "GET", f"{INTENTS}?expand[]={path}", param="expand")
    for path in (
        *("nothing", "data.nothing", "customer", "data.__class__", "data.metadata", "data.id"),
        *("data.customer.a.b.c.d", "data....", ".", "data.customer.", "data.*", "%F0%9F%92%B8"),
    )
] + [
    Bad("expand as text", "GET", f"{INTENTS}?expand=data.customer", param="expand"),
    Bad("expand nothing", "GET", f"{INTENTS}?expand[]=", code=EMPTY, param="expand[0]"),
    Bad(
        "expand 21",
        "GET",
        INTENTS + "?" + "&".join(["expand[]=data.customer"] * 21),
        param="expand",
    ),
]

PAGES = [
    *(
        Bad(f"limit {text!r}", "GET", f"{CUSTOMERS}?limit={text}", code=code, param="limit")
        for text, code in (
            *(("0", INTEGER), ("101", INTEGER), ("-1", INTEGER), ("1.0", INTEGER), ("a", INTEGER)),
            *(("", EMPTY), ("9" * 400, INTEGER)),
        )
    ),
    Bad(
        "cursor",
        "GET",
        f"{CUSTOMERS}?starting_after=cus_x",
        code="resource_missing",
        param="starting_after",
    ),
    Bad("two cursors", "GET", f"{CUSTOMERS}?starting_after=a&ending_before=b"),
    Bad("created", "GET", f"{CUSTOMERS}?created=x", code=INTEGER, param="created"),
    Bad(
        "created by a stranger",
        "GET",
        f"{CUSTOMERS}?created[now]=1",
        code=UNKNOWN,
        param="created[now]",
    ),
    Bad(
        "created long ago",
        "GET",
        f"{CUSTOMERS}?created[gte]=-1",
        code=INTEGER,
        param="created[gte]",
    ),
    Bad(
        "created never",
        "GET",
        f"{CUSTOMERS}?created[gte]={10**19}",
        code=INTEGER,
        param="created[gte]",
    ),
    *(
        Bad(f"search {text[:30]}", "GET", f"{CUSTOMERS}/search?query={quote(text)}", param="query")
        for text in (
            *(
                "'",
                "email:",
                "email:'a",
                "email",
                ":'a'",
                "(email:'a')",
                "--email:'a'",
                "email>'a'",
            ),
            *("created:'x'", f"created>{10**30}", "metadata:'a'", "metadata['a']>'b'", "id:'x'"),
            *("email:'a' AND name:'b' OR name:'c'", " AND ".join(["email:'a'"] * 11), "💸:'a'"),
        )
    ),
    Bad("no query", "GET", f"{CUSTOMERS}/search", code=MISSING, param="query"),
    *(
        Bad(
            f"search page {text}",
            "GET",
            f"{CUSTOMERS}/search?query=email:'a'&page={text}",
            param="page",
        )
        for text in ("AAAA", "aaaa", "%2Fw==", "%F0%9F%98%80", "a", "JycgT1IgMT0x")
    ),
]

URLS = [
    *(
        Bad(
            f"ID {text[:30]!r}",
            "GET",
            f"{CUSTOMERS}/{text}",
            status=404,
            code="resource_missing",
            param="id",
        )
        for text in (
            *("cus_x", "%C3%A9", "%FF%FE", "%ED%A0%80", "%20", "%0d%0aX:y", "{customer}", "%3F"),
            *("'%20or%201=1--", "-1", "null", "pi_x", "%F0%9F%92%B8"),
        )
    ),
    Bad("NUL as ID", "GET", f"{CUSTOMERS}/%00", param="customer"),
    Bad("ID of 5,000", "GET", f"{CUSTOMERS}/{'x' * 5000}", param="customer"),
    *(
        Bad(f"{method} {target}", method, target, status=404)
        for method, target in (
            *(("GET", "/v2/x"), ("GET", "*"), ("GET", "/v1/../v1/customers"), ("GET", "/v1")),
            *(("GET", f"{CUSTOMERS}/a%2Fb"), ("GET", f"{CUSTOMERS}/..%2f.."), ("PUT", CUSTOMERS)),
            *(("PATCH", CUSTOMERS), ("DELETE", CUSTOMERS), ("TRACE", CUSTOMERS), ("POST", "/docs")),
        )
    ),
    *(
        Bad(
            f"ID twice, {name}",
            method,
            f"{CUSTOMERS}/cus_x{query}",
            body,
            kind,
            400,
            UNKNOWN,
            "customer",
        )
        for name, method, query, body, kind in (
            ("form", "POST", "", b"customer=cus_y", None),
            ("hash", "POST", "", b"customer[id]=cus_y", None),
            ("URL", "GET", "?customer=cus_y", b"", None),
            ("JSON", "POST", "", b'{"customer":"cus_y"}', JSON),
        )
    ),
]


def refused(answer: Answer, bad: Bad) -> None:
    """Hold an answer against what it should be."""
    assert answer.status == bad.status, answer.body[:300]
    error = answer.error
    assert error["type"] == "invalid_request_error"
    assert (error.get("code"), error.get("param")) == (bad.code, bad.param), error
    assert 0 < len(error["message"]) < 500


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Merchant:
    """One merchant for all refusals: none of them leaves anything behind."""
    return new_merchant(stack)


@pytest.mark.parametrize(
    "bad",
    [*NUMBERS, *TEXTS, *SHAPES, *MEDIA, *EXPANSIONS, *PAGES, *URLS],
    ids=lambda bad: bad.name,
)
def test_bad_input_is_refused_in_words(bad: Bad, shop: Merchant) -> None:
    answer = send(shop, bad.method, bad.target, bad.body, content_type=bad.content_type)
    refused(answer, bad)


def test_nothing_of_what_was_refused_is_left(shop: Merchant) -> None:
    """Runs after the table; alone it holds of an empty shop."""
    for table in ("customers", "payment_intents", "charges", "events", "idempotency_keys"):
        assert shop.rows(f"select * from {table}") == []


ODD_AND_ACCEPTED: list[tuple[str, bytes, bytes | None, dict[str, Any]]] = [
    ("the last of duplicates counts", b"name=a&name=b", None, {"name": "b"}),
    ("the last of JSON's too", b'{"name":"a","name":"b"}', JSON, {"name": "b"}),
    ("a wrong escape stands for itself", b"name=%zz%", None, {"name": "%zz%"}),
    ("a plus is a space", b"name=a+b", None, {"name": "a b"}),
    ("empty pairs", b"&&name=a&&", None, {"name": "a"}),
    ("a form without a type", b"name=a", None, {"name": "a"}),
    (
        "numbers as names",
        b"metadata[2026]=a&metadata[0]=b",
        None,
        {"metadata": {"2026": "a", "0": "b"}},
    ),
    ("numbers as names in JSON", b'{"metadata":{"7":"a"}}', JSON, {"metadata": {"7": "a"}}),
    ("50 pairs", metadata(50), None, {"metadata": {f"k{i}": "v" for i in range(50)}}),
    (
        "the longest name and value",
        b"metadata[" + b"k" * 40 + b"]=" + b"v" * 500,
        None,
        {"metadata": {"k" * 40: "v" * 500}},
    ),
    ("any script", "name=Ngɔ̀nɔ 💸".encode(), None, {"name": "Ngɔ̀nɔ 💸"}),
    (
        "markup is text",
        b"name=<script>&description='; drop table customers--",
        None,
        {"name": "<script>", "description": "'; drop table customers--"},
    ),
    (
        "indices in any order",
        b"preferred_locales[7]=en&preferred_locales[2]=fr",
        None,
        {"preferred_locales": ["fr", "en"]},
    ),
    ("no body", b"", JSON, {"name": None}),
]


@pytest.mark.parametrize(
    ("body", "content_type", "shown"),
    [odd[1:] for odd in ODD_AND_ACCEPTED],
    ids=[odd[0] for odd in ODD_AND_ACCEPTED],
)
def test_odd_input_is_taken_as_documented(
    body: bytes, content_type: bytes | None, shown: dict[str, Any], merchant: Merchant
) -> None:
    answer = send(merchant, "POST", CUSTOMERS, body, content_type=content_type)
    assert answer.status == 200, answer.body
    assert {name: answer.json[name] for name in shown} == shown


# --- headers ------------------------------------------------------------------------------------

KEY = b"{key}"  # stands for the merchant's key

AUTHORIZATIONS: list[tuple[bytes | None, int]] = [
    (None, 401),
    (b"Bearer", 401),
    (b"Bearer sk_test_nobody", 401),
    (b"Bearer sk_live_nobody", 401),
    (b"Bearer \xe9\xff", 401),
    (b"Bearer \xed\xa0\x80", 401),
    (b"Bearer " + b"s" * 20_000, 401),
    (b"Bearer " + KEY + b" more", 401),
    (b"Bearer ' or 1=1--", 401),
    (b"Basic $$$", 401),
    (b"Basic //79", 401),
    (b"Basic " + base64.b64encode(b"sk_test_nobody:"), 401),
    (b"Digest username=x", 401),
    (KEY, 401),
    (b"bEaReR  " + KEY, 200),
]


@pytest.mark.parametrize(("header", "status"), AUTHORIZATIONS)
def test_authorization(header: bytes | None, status: int, shop: Merchant) -> None:
    key = shop.secret_key.encode()
    given = None if header is None else header.replace(KEY, key)
    answer = send(shop, "GET", CUSTOMERS, authorization=given)
    assert answer.status == status
    if status != 200:
        error = answer.error
        assert error["type"] == "invalid_request_error"
        assert key.decode() not in error["message"]


def test_basic_authentication_takes_the_key_as_user_name(shop: Merchant) -> None:
    for password in (b"", b"ignored"):
        pair = base64.b64encode(shop.secret_key.encode() + b":" + password)
        assert send(shop, "GET", CUSTOMERS, authorization=b"Basic " + pair).status == 200


@pytest.mark.parametrize(
    "header",
    [
        b"Idempotency-Key: ",
        b"Idempotency-Key: " + b"k" * 256,
        b"Idempotency-Key: " + b"k" * 10_000,
        b"Idempotency-Key: a\tb",
        b"Stripe-Version: banana",
        b"Stripe-Version: ",
        b"Stripe-Version: 2026-01-01.\xe9",
        b"Stripe-Version: 2026-01-01;" + b"x" * 5000,
    ],
)
def test_a_weird_header_is_refused(header: bytes, shop: Merchant) -> None:
    answer = send(shop, "POST", CUSTOMERS, b"name=a", headers=(header,))
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"


def test_a_foreign_account_is_refused(shop: Merchant) -> None:
    answer = send(shop, "GET", CUSTOMERS, headers=(b"Stripe-Account: acct_\xff",))
    assert (answer.status, answer.error["code"]) == (403, "account_invalid")


@pytest.mark.parametrize("key", ["clé-é".encode(), "clé-é".encode("latin-1"), b"k" * 255, b"a  b"])
def test_a_printable_idempotency_key_works(key: bytes, merchant: Merchant) -> None:
    headers = (b"Idempotency-Key: " + key,)
    first, again = (send(merchant, "POST", CUSTOMERS, headers=headers) for _ in range(2))
    assert first.status == 200
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    "header",
    [b"Idempotency-Key: a\x00b", b"Idempotency-Key: a\x01b", b"Content-Length: -5", b"No colon"],
)
def test_what_is_not_http_is_refused_below_us(header: bytes, shop: Merchant) -> None:
    answer = send(shop, "POST", CUSTOMERS, headers=(header,))
    assert answer.status == 400


def test_a_length_that_promises_too_much_is_refused_at_once(shop: Merchant) -> None:
    answer = send(shop, "POST", CUSTOMERS, b"name=a", length=3_000_000_000)
    assert answer.status == 413
    assert "longer" in answer.error["message"]


def test_head_and_options_say_nothing(shop: Merchant) -> None:
    head = send(shop, "HEAD", CUSTOMERS)
    assert (head.status, head.body) == (404, b"")
    options = send(shop, "OPTIONS", CUSTOMERS)
    assert (options.status, options.body) == (204, b"")
