"""Where a caller is, for those who do not say who they are."""

import ipaddress
import re

NETWORK = 64
"""Bits of an IPv6 address that tell one caller from another: whoever has one such address has them all."""
_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+")
"""Some proxies write the port too."""


def address(peer: str, forwarded_for: str, hops: int) -> str:
    """The address of the caller: that of the connection, or what the outermost of `hops` believed proxies saw.

    Each proxy adds on the right whom it was called by; what stands further left is the caller's word. Where an entry
    is missing or no address, the header was forged or did not come that way: then whoever handed it on counts, as the
    next proxy saw them, and pays for it alone.
    """
    caller = _plain(peer) or "-"
    entries = [entry.strip() for entry in forwarded_for.split(",")] if hops else []
    for entry in reversed(entries[-hops:]):
        seen = _plain(entry)
        if seen is None:
            break
        caller = seen
    return caller


def _plain(text: str) -> str | None:
    found = _PORT.fullmatch(text)
    try:
        read = ipaddress.ip_address(found[1] or found[2] if found else text)
    except ValueError:
        return None
    if isinstance(read, ipaddress.IPv4Address):
        return str(read)
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(ipaddress.ip_network((int(read), NETWORK), strict=False))
