"""Images fetched from http(s) URLs that clients name, without becoming their way into the network.

Every connection, that of a redirect too, goes to an address that was looked at: the name is
resolved here, addresses that are not public are left out, and the socket is opened to what is left.
So there is no second look-up whose answer could differ. The request keeps the name, for its Host
and for TLS. Proxies are not used, for they would resolve names themselves.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from ollama_server.media.images import MediaError, looks_like_image

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_REDIRECTS = 5
# One address that does not answer must not use up the time that the next one needs.
CONNECT_SECONDS = 3.0
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PORTS = {"http": 80, "https": 443}
# Addresses of IPv4 networks as IPv6 networks write them: the last four bytes.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HEAD = 16


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts and networks that may be reached although they are not public."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Allowed:
        """From names, addresses and networks such as 10.0.0.0/8, separated by commas."""
        names: set[str] = set()
        networks: list[Network] = []
        for item in filter(None, (part.strip().lower() for part in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(item, strict=False))
            except ValueError:
                names.add(item)
        return cls(frozenset(names), tuple(networks))

    def includes(self, host: str, address: Address) -> bool:
        """Whether this address of this host may be connected to."""
        if is_public(address) or host.lower() in self.names:
            return True
        inner = _inner(address)
        return any(inner in network for network in self.networks)


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could reach the address, whatever form it is written in."""
    address = _inner(address)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


@dataclass(slots=True)
class Fetcher:
    """Fetches images; ``timeout`` seconds and ``max_bytes`` are limits of a whole fetch."""

    allowed: Allowed
    timeout: float
    max_bytes: int
    _tls: ssl.SSLContext | None = field(default=None, init=False)

    async def fetch(self, url: str) -> bytes:
        """The file behind a URL; raises MediaError, whose text names no address."""
        try:
            async with asyncio.timeout(self.timeout):
                return await self._follow(url)
        except TimeoutError:
            raise MediaError(f"the image did not arrive within {self.timeout:g} seconds") from None
        except httpcore.TimeoutException:
            raise MediaError("the image's host did not answer in time") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
            raise MediaError(f"the image could not be fetched: {error or 'no answer'}") from None

    async def _follow(self, url: str) -> bytes:
        target = _parse(url)
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._get(target)
            if isinstance(answer, bytes):
                return answer
            target = _parse(answer, target)
        raise MediaError(f"the image's URL redirects more than {MAX_REDIRECTS} times")

    async def _get(self, url: httpx.URL) -> bytes | str:
        """The body of the answer, or where it redirects to."""
        request = httpcore.Request(
            "GET",
            httpcore.URL(
                scheme=url.raw_scheme,
                host=url.raw_host,
                port=url.port or _PORTS[url.scheme],
                target=url.raw_path,
            ),
            headers={
                "Host": url.netloc,
                "User-Agent": "ollama-server",
                "Accept": "image/*",
                "Accept-Encoding": "identity",
                "Connection": "close",
            },
        )
        backend = CheckedNetwork(self.allowed)
        async with httpcore.AsyncConnectionPool(
            self._context(url), network_backend=backend
        ) as pool:
            answer = await pool.handle_async_request(request)
            try:
                return await self._read(answer)
            finally:
                await answer.aclose()

    async def _read(self, answer: httpcore.Response) -> bytes | str:
        headers = {name.lower(): value for name, value in answer.headers}
        if answer.status in _REDIRECTS and b"location" in headers:
            return headers[b"location"].decode("latin-1")
        if answer.status != 200:
            raise MediaError(f"the image's host answered with status {answer.status}")
        stated = headers.get(b"content-length", b"0")
        if stated.isdigit() and int(stated) > self.max_bytes:
            raise self._too_large()
        body = bytearray()
        looked = False
        async for piece in answer.aiter_stream():
            body += piece
            if len(body) > self.max_bytes:
                raise self._too_large()
            if not looked and len(body) >= _HEAD:
                looked = True
                if not looks_like_image(bytes(body[:_HEAD])):
                    raise MediaError("the URL does not lead to an image")
        return bytes(body)

    def _too_large(self) -> MediaError:
        return MediaError(
            f"the image is larger than the {self.max_bytes} bytes that "
            "OLLAMA_IMAGE_URL_MAX_SIZE allows"
        )

    def _context(self, url: httpx.URL) -> ssl.SSLContext | None:
        if url.scheme == "https" and self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls


def _parse(text: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        url = base.join(text) if base else httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError) as error:
        raise MediaError(f"the image's URL is invalid: {error}") from None
    if url.scheme not in _PORTS or not url.host:
        raise MediaError("images are fetched from http and https URLs only")
    if port == 0:
        raise MediaError("the image's URL is invalid: port 0")
    return url


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the interface's)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address of the host that may be reached and answers."""
        failure: Exception | None = None
        for address in await self._addresses(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout or CONNECT_SECONDS, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("the host has no address")

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise MediaError("the image's host is not known") from None
        # A scope ("fe80::1%eth0") stays with the address, which is not public with or without it.
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        checked = [a for a in addresses if self._allowed.includes(host, ipaddress.ip_address(a))]
        if not checked:
            raise MediaError("the image's host has no public address")
        return checked
