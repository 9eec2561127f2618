"""Where a caller is: only as many entries of X-Forwarded-For are believed as there are proxies."""

import pytest

from service.security.address import address

PEER = "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "hops", "expected"),
    [
        ("", 0, PEER),
        ("203.0.113.7", 0, PEER),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", 1, "203.0.113.7"),
        ("198.51.100.1,203.0.113.7", 2, "198.51.100.1"),
        ("1.1.1.1, 198.51.100.1, 203.0.113.7", 2, "198.51.100.1"),
        ("203.0.113.7", 2, "203.0.113.7"),
        ("", 1, PEER),
        (",", 1, PEER),
        ("203.0.113.7,", 1, PEER),
        ("unknown", 1, PEER),
        ("_hidden, 203.0.113.7", 2, "203.0.113.7"),
        ("1.1.1.1, _hidden, 203.0.113.7", 3, "203.0.113.7"),
        ("203.0.113.7\r\nX: y", 1, PEER),
        ("203.0.113.7:4711", 1, "203.0.113.7"),
        ("[2001:db8::1]:4711", 1, "2001:db8::/64"),
        ("2001:db8::1", 1, "2001:db8::/64"),
        ("2001:db8::ffff:1", 1, "2001:db8::/64"),
        ("2001:db8:0:1::1", 1, "2001:db8:0:1::/64"),
        ("::ffff:203.0.113.7", 1, "203.0.113.7"),
        ("٣.٣.٣.٣", 1, PEER),
    ],
)
def test_the_address_is_what_the_outermost_believed_proxy_saw(forwarded: str, hops: int, expected: str) -> None:
    assert address(PEER, forwarded, hops) == expected


def test_a_connection_without_an_address_has_a_name_too() -> None:
    assert address("", "", 0) == "-"
    assert address("", "nonsense", 1) == "-"
