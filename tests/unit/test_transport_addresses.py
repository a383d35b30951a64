"""Where addresses are, and who may lead where."""

import ipaddress

import pytest

from pydeps_host.transport.addresses import Place, may_lead, place_by_name, place_of
from pydeps_host.values import Url

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]
PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.1.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::1%lo",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "64:ff9b:1::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1%eth0",
    "::127.0.0.1",
    "64:ff9b::192.168.0.1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "a text that is no address",
    "",
]
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd00:ec2::254%eth0",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fe80::a9fe:a9fe",
    "fe80::a9fe:a9fe%eth0",
    "169.254.42.42",
    "fd00:42::42",
    "169.254.0.23",
]


@pytest.mark.parametrize(
    ("address", "place"),
    [(text, place) for place, texts in ((Place.PUBLIC, PUBLIC), (Place.PRIVATE, PRIVATE), (Place.METADATA, METADATA)) for text in texts],
)
def test_every_address_has_a_place(address: str, place: Place) -> None:
    assert place_of(address) is place


def test_no_address_is_public_that_the_standard_library_knows_to_be_none() -> None:
    samples = [ipaddress.ip_address(number << 20 | 0x10101) for number in range(1 << 12)]
    samples += [ipaddress.ip_address(number << 112 | 0x10101) for number in range(1, 1 << 16, 7)]
    public = [address for address in samples if place_of(str(address)) is Place.PUBLIC]
    assert len(public) > 4000
    assert [address for address in public if not (address.is_global or address in ipaddress.ip_network("2002::/16"))] == []


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1/", Place.PRIVATE),
        ("http://2130706433/", Place.PRIVATE),
        ("http://0177.0.0.1/", Place.PRIVATE),
        ("http://0x7f.1/", Place.PRIVATE),
        ("http://127.1/", Place.PRIVATE),
        ("http://[::ffff:7f00:1]/", Place.PRIVATE),
        ("http://2852039166/", Place.METADATA),
        ("http://0xa9fea9fe/", Place.METADATA),
        ("http://[fd00:ec2::254]/", Place.METADATA),
        ("http://metadata.google.internal/", Place.METADATA),
        ("http://metadata.google.internal./", Place.METADATA),
        ("http://localhost:8080/", Place.PRIVATE),
        ("http://a.localhost/", Place.PRIVATE),
        ("http://nexus/", Place.PRIVATE),
        ("http://nexus.corp/", Place.PRIVATE),
        ("https://packages.example.com/", Place.PUBLIC),
        ("https://8.8.8.8/", Place.PUBLIC),
    ],
)
def test_behind_a_proxy_names_and_literal_addresses_tell_what_can_be_told(url: str, place: Place) -> None:
    assert place_by_name(Url.parse(url)) is place


@pytest.mark.parametrize(
    ("peer", "leads_to"),
    [
        (None, set(Place)),
        (Place.PUBLIC, {Place.PUBLIC}),
        (Place.PRIVATE, {Place.PUBLIC, Place.PRIVATE}),
        (Place.METADATA, {Place.PUBLIC, Place.PRIVATE}),
    ],
)
def test_only_the_configuration_leads_anywhere(peer: Place | None, leads_to: set[Place]) -> None:
    assert {place for place in Place if may_lead(peer, place)} == leads_to
