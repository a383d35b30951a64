"""Where an address is, and who may lead us there: pure rules.

A link or a redirect is a request that somebody else words. From a server on
the internet it must not reach what only this machine and its network reach: a
database on loopback, a router, a cloud's metadata service with its keys.
"""

import ipaddress
import socket
from collections.abc import Callable
from enum import Enum
from typing import Final

from pydeps_host.values import Url

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Place(Enum):
    """Where an address is."""

    PUBLIC = "public"
    PRIVATE = "private"
    METADATA = "metadata"


PlaceOf = Callable[[str], Place]

# Where clouds answer whoever asks from the inside, with credentials among the answers.
_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",
        "168.63.129.16",
        "169.254.0.23",
        "169.254.42.42",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "192.0.0.192",
        "fd00:42::42",
        "fd00:ec2::23",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
    )
)
_METADATA_NAMES: Final = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"})
# What the registry of special-purpose IPv4 addresses (RFC 6890) does not call globally reachable, and multicast.
_NOT_PUBLIC_4: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# Of IPv6, only 2000::/3 is given out for global use (RFC 4291, section 2.4); these parts of it are not.
_PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = (ipaddress.IPv6Network("2001::/23"), ipaddress.IPv6Network("2001:db8::/32"), ipaddress.IPv6Network("3fff::/20"))
# Prefixes that hold an IPv4 address, and the bits behind it: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
_HOLDING_4: Final = tuple(
    (ipaddress.IPv6Network(text), behind) for text, behind in (("::ffff:0:0/96", 0), ("::/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80))
)
# Endings that no name on the internet has (RFC 6761, RFC 6762, RFC 8375, and custom).
_PRIVATE_ENDINGS: Final = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".corp", ".intranet", ".private", ".home")


def place_of(address: str) -> Place:
    """Return where an address is that a connection was made to.

    An IPv6 address that holds an IPv4 address is where that one is; a zone
    (`%eth0`) means nothing. What is no address is nowhere public.
    """
    try:
        parsed: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Place.PRIVATE
    if parsed in _METADATA:
        return Place.METADATA
    if isinstance(parsed, ipaddress.IPv4Address):
        return Place.PRIVATE if _is_in(parsed, _NOT_PUBLIC_4) else Place.PUBLIC
    for network, behind in _HOLDING_4:
        if parsed in network:
            return place_of(str(ipaddress.IPv4Address(int(parsed) >> behind & 0xFFFFFFFF)))
    return Place.PUBLIC if parsed in _PUBLIC_6 and not _is_in(parsed, _NOT_PUBLIC_6) else Place.PRIVATE


def place_by_name(url: Url, judge: PlaceOf = place_of) -> Place:
    """Return where a URL leads as far as its text tells: all that is known behind a proxy, which looks names up itself."""
    host = url.host.rstrip(".")
    if ":" in host:
        return judge(host)
    try:
        # Every spelling that the system takes for an address: 127.1, 0177.0.0.1, 2130706433, 0x7f000001.
        return judge(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        pass
    if host in _METADATA_NAMES:
        return Place.METADATA
    return Place.PRIVATE if "." not in host or host.endswith(_PRIVATE_ENDINGS) else Place.PUBLIC


def may_lead(peer: Place | None, place: Place) -> bool:
    """Whether a server at `peer` may lead us to `place`.

    Args:
        peer: Where the server is that gave the link or the redirect; None where nobody but our own configuration did.
        place: Where it leads.
    """
    if peer is None:
        return True
    return place is Place.PUBLIC or (place is Place.PRIVATE and peer is not Place.PUBLIC)


def _is_in(address: _Address, networks: tuple[_Network, ...]) -> bool:
    return any(address in network for network in networks)
