"""Where a merchant may make us connect to: the public Internet, and nothing beside or behind us.

A URL is only text: what counts is the address that is connected to. So the check is made on what
the system's resolver answers, and once more on the very address of the socket, which also covers
hosts that are addresses already, however they are spelled (`2130706433`, `0x7f.1`,
`[::ffff:127.0.0.1]`). There is no second look-up between the check and the connection.
"""

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

# IANA IPv4 Special-Purpose Address Registry, multicast and class E (RFC 5771, RFC 1112). Kept here
# because what `ipaddress` calls global differs between versions of Python.
_REFUSED_IPV4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; metadata at Alibaba
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a public address that is the host of every machine at Azure
        "169.254.0.0/16",  # link-local; metadata at AWS, Azure, Google
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; metadata at Oracle
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]

# Of IPv6 only global unicast can be public (RFC 4291 section 2.4), without what the IANA IPv6
# Special-Purpose Address Registry takes out of it.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_REFUSED_IPV6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
]

# Networks whose addresses hold an IPv4 address that the packet reaches in the end, and how many
# bits are to its right: IPv4-mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056).
_TRANSLATED = [
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
]

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

# Look-ups that wait for some tenant's dead name server must not keep the others waiting.
_LOOK_UP_THREADS = 32


class AddressRefused(OSError):
    """A host that is, or resolves to, an address that webhooks may not be sent to."""


def allowed(text: str, *, allow_loopback: bool) -> bool:
    """Whether a delivery may connect to this address. No spelling but the canonical ones may."""
    try:
        address = _reached(ip_address(text))
    except ValueError:
        return False
    if allow_loopback and any(address in network for network in _LOOPBACK):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_IPV4)
    return address in _GLOBAL_IPV6 and not any(address in network for network in _REFUSED_IPV6)


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside a translated IPv6 one; any other address as it is."""
    if isinstance(address, IPv6Address):
        for network, shift in _TRANSLATED:
            if address in network:
                return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return address


class PublicResolver(AbstractResolver):
    """Resolves as the system does, and refuses a name with any forbidden address among its own.

    Any: an attacker's name may answer with a public and a private address and have us choose.
    """

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback
        self._threads = ThreadPoolExecutor(_LOOK_UP_THREADS, "webhook-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises AddressRefused, or OSError when there is none."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: list(_look_up(host, port, family))
            )
        except UnicodeError:  # a label that no name can have
            raise OSError(None, "not a host name") from None
        for result in found:
            check(result["host"], allow_loopback=self._allow_loopback)
        return found

    async def close(self) -> None:
        """Let go of the threads; look-ups still running end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def check(address: str, *, allow_loopback: bool) -> None:
    """Raise AddressRefused unless a delivery may connect to this address."""
    if not allowed(address, allow_loopback=allow_loopback):
        raise AddressRefused(None, f"Webhooks can't be sent to the address {address}.")


class CheckedSockets:
    """Makes the sockets of a connector, and refuses to for an address that is not allowed."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback

    def __call__(self, information: AddrInfoType) -> socket.socket:
        """A socket for one entry of `getaddrinfo`. Raises AddressRefused."""
        family, kind, protocol, _, address = information
        check(str(address[0]), allow_loopback=self._allow_loopback)
        return socket.socket(family, kind, protocol)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> Iterator[ResolveResult]:
    for found, _, protocol, _, address in socket.getaddrinfo(
        host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    ):
        yield ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=port,
            family=found,
            proto=protocol,
            # The address is final: no part of aiohttp may look it up again.
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
