"""The proxy between the command line and a server on another machine."""

from __future__ import annotations

import contextlib
import ipaddress
from urllib.request import getproxies_environment, proxy_bypass

from ollama_server.settings import HostAddress


def proxy_for(address: HostAddress) -> str | None:
    """The URL of HTTP_PROXY or HTTPS_PROXY, None where NO_PROXY or this machine is meant."""
    proxies = getproxies_environment()
    proxy = proxies.get(address.scheme)
    if (
        not proxy
        or address.is_loopback
        or proxy_bypass(f"{address.host}:{address.port}")
        or _is_in(address.host, proxies.get("no", ""))
    ):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_in(host: str, networks: str) -> bool:
    """Whether an address belongs to one of the networks (10.0.0.0/8), which Python overlooks."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        for text in networks.split(","):
            with contextlib.suppress(ValueError):
                if address in ipaddress.ip_network(text.strip(), strict=False):
                    return True
    return False
