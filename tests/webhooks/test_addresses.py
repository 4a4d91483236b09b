"""Where webhooks may go: addresses as a table, then real sockets, names and certificates."""

import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from webhook_merchant import QUICK, Merchant, Working
from webhook_receiver import Receiver

from webhooks.addresses import AddressRefused, PublicResolver, allowed
from webhooks.sending import Answer, Sender

PUBLIC = ["8.8.8.8", "41.202.207.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2c0f:fb50::1"]

LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]

REFUSED = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # metadata, Alibaba
    "168.63.129.16",  # the host, Azure
    "169.254.169.254",  # metadata, AWS and most others
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # metadata, Oracle
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",  # IPv4-compatible
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",  # NAT64 of 10.0.0.1
    "64:ff9b:1::1",  # local NAT64
    "100::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "2002:a00:1::",  # 6to4 of 10.0.0.1
    "2002:c0a8:101::1",  # 6to4 of 192.168.1.1
    "fc00::1",
    "fd00:ec2::254",  # metadata, AWS
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "127.1",  # means loopback to a socket, and nothing to us
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert allowed(address, allow_loopback=False)


@pytest.mark.parametrize("address", ["64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"])
def test_translated_public_addresses_are_allowed(address: str) -> None:
    assert allowed(address, allow_loopback=False)


@pytest.mark.parametrize("allow_loopback", [False, True])
@pytest.mark.parametrize("address", REFUSED)
def test_all_others_are_refused(address: str, allow_loopback: bool) -> None:
    assert not allowed(address, allow_loopback=allow_loopback)


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_only_where_it_is_allowed(address: str) -> None:
    assert allowed(address, allow_loopback=True)
    assert not allowed(address, allow_loopback=False)


PLAIN = ["127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost", "LOCALHOST"]
SPELLINGS = [
    *PLAIN,
    "127.0.0.1.",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "0",
    "localhost.",
]


async def post(url: str, *, allow_loopback: bool, livemode: bool = False) -> Answer:
    async with Sender(allow_loopback=allow_loopback, total=2, connect=1) as sender:
        return await sender.post(url, b"{}", {}, livemode=livemode)


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_of_this_machine_gets_through(receiver: Receiver, host: str) -> None:
    url = receiver.url.replace("127.0.0.1", host)
    answer = await post(url, allow_loopback=False)
    assert answer.error is not None
    # Odd spellings may be refused before any address is known, or not be known to the resolver.
    odd = ("The URL is not one that can be sent to.", "The host name could not be resolved.")
    refused = "Webhooks can't be sent to the address "
    assert answer.error.startswith(refused if host in PLAIN else (refused, *odd))
    assert receiver.received == []


async def test_loopback_is_reached_in_test_mode_where_it_is_allowed(receiver: Receiver) -> None:
    assert (await post(receiver.url, allow_loopback=True)).delivered


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "0.0.0.0", "[fd00:ec2::254]"])
async def test_nothing_else_is_allowed_with_loopback(host: str) -> None:
    answer = await post(f"http://{host}/latest/meta-data/", allow_loopback=True)
    assert answer.error is not None
    assert answer.error.startswith("Webhooks can't be sent to the address ")


async def test_live_mode_reaches_https_only_and_never_loopback(receiver: Receiver) -> None:
    plain = await post(receiver.url, allow_loopback=True, livemode=True)
    assert plain.error == "Live events are sent to https URLs only."
    safe = receiver.url.replace("http:", "https:")
    local = await post(safe, allow_loopback=True, livemode=True)
    assert local.error == "Webhooks can't be sent to the address 127.0.0.1."
    assert receiver.received == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://", "http:///hooks", "http://[::1", "http://a..b/", f"http://{'a' * 64}.example/"),
        *("http://x.invalid/", "ftp://8.8.8.8/", "http://8.8.8.8:99999/", "gopher:x"),
    ],
)
async def test_what_is_no_url_is_a_failure_like_any_other(url: str) -> None:
    answer = await post(url, allow_loopback=True)
    assert answer.status is None
    assert answer.error


async def test_the_worker_refuses_too(
    merchant: Merchant, receiver: Receiver, working: Working
) -> None:
    await merchant.endpoint(receiver.url)
    await merchant.happen()
    async with working(QUICK, allow_loopback=False):
        attempt = (await merchant.settled())[0]
    assert attempt["error"] == "Webhooks can't be sent to the address 127.0.0.1."
    assert attempt["status"] is None
    assert receiver.received == []


class NameServer:
    """Stands in for DNS, which a test can't have: `getaddrinfo` with answers by name, in turn."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): turns for name, turns in answers.items()}
        self.real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *arguments: Any, **options: Any) -> list[Any]:
        addresses = self.answers[host].pop(0)
        return [found for one in addresses for found in self.real(one, port, *arguments, **options)]


@pytest.mark.parametrize("order", [1, -1])
async def test_one_forbidden_address_among_good_ones_is_enough(
    monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    server = NameServer(shop_example=[["8.8.8.8", "10.0.0.1"][::order]])
    monkeypatch.setattr(socket, "getaddrinfo", server)
    resolver = PublicResolver(allow_loopback=True)
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        await resolver.resolve("shop.example", 443)
    await resolver.close()


async def test_what_was_checked_is_what_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    rebinding = NameServer(shop_example=[["127.0.0.1"], ["10.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = receiver.url.replace("127.0.0.1", "shop.example")
    assert (await post(url, allow_loopback=True)).delivered
    assert receiver.received[0].headers["Host"] == url.split("/")[2]
    assert rebinding.answers["shop.example"] == [["10.0.0.1"]]  # never asked for


@pytest.fixture
async def stranger(tmp_path: Path) -> AsyncIterator[tuple[int, list[str | None]]]:
    """A TLS server with a certificate of its own making: its port, and the names it was asked for
    by SNI."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.sni_callback = lambda _, name, __: names.append(name)
    runner = web.ServerRunner(web.Server(lambda _: pytest.fail("a request was sent")))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1], names
    await runner.cleanup()


async def test_the_certificate_must_be_the_names_and_trusted(
    monkeypatch: pytest.MonkeyPatch, stranger: tuple[int, list[str | None]]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", NameServer(shop_example=[["127.0.0.1"]]))
    port, names = stranger
    answer = await post(f"https://shop.example:{port}/hooks", allow_loopback=True)
    assert answer.error is not None
    assert answer.error.startswith("No trusted TLS connection: ")
    assert names == ["shop.example"]
