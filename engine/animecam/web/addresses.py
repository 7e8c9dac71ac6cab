"""The addresses under which people reach this machine."""

import ipaddress
import socket

import ifaddr

_EVERYWHERE = frozenset({"0.0.0.0", "::"})


def reachable_hosts(host: str) -> tuple[str, ...]:
    """The names to print for a server that listens on `host`: itself, or this machine's addresses if that is all.

    Link-local addresses are left out: they need a scope that differs from machine to machine.
    """
    if host not in _EVERYWHERE:
        return (host,)
    found = [entry.ip for adapter in ifaddr.get_adapters() for entry in adapter.ips if isinstance(entry.ip, str)]
    outward = [
        ip for ip in found if not (ipaddress.ip_address(ip).is_loopback or ipaddress.ip_address(ip).is_link_local)
    ]
    return tuple(dict.fromkeys(outward)) or (socket.gethostname(),)


def url(scheme: str, host: str, port: int, token: str) -> str:
    """The address to open in a browser."""
    name = f"[{host}]" if ":" in host else host
    query = f"?token={token}" if token else ""
    return f"{scheme}://{name}:{port}/{query}"
