"""Hosts that strangers name lead to public addresses or nowhere."""

import pytest

from clarion.http.addresses import SpecialNetwork, is_special, resolve_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "64:ff9b:1::a00:1",
    ],
)
def test_loopback_private_local_and_reserved_addresses_are_special(address: str) -> None:
    assert is_special(address)


@pytest.mark.parametrize("address", ["17.188.143.34", "142.250.1.1", "2a00:1450:4001:800::200a", "::ffff:8.8.8.8"])
def test_addresses_of_the_public_network_are_not(address: str) -> None:
    assert not is_special(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "::1", "0"])
async def test_a_host_that_leads_inside_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(SpecialNetwork, match="special network"):
        await resolve_public(host, 443)


async def test_a_public_address_is_given_as_it_is() -> None:
    assert await resolve_public("142.250.1.1", 443) == ["142.250.1.1"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b"])
async def test_what_is_no_host_name_is_an_error_of_the_network(host: str) -> None:
    with pytest.raises(OSError):
        await resolve_public(host, 443)
