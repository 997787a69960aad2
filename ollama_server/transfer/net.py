"""Words for what goes wrong on the way to another machine, and the client that goes there."""

from __future__ import annotations

import contextlib
import platform
import socket
import ssl
import sys
from collections.abc import Iterator

import httpx

from ollama_server.errors import TransferError

# A connection on which nothing moves for this long is given up and made anew.
STALL_SECONDS = 30.0

_GO_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "i686": "386"}


def user_agent(version: str) -> str:
    """Registries vary their answers by this shape: version, architecture, system in Go's words."""
    machine = platform.machine()
    system = "windows" if sys.platform == "win32" else sys.platform
    return f"ollama/{version} ({_GO_ARCHITECTURES.get(machine, machine)} {system}) Go/go1.24.0"


def make_client(version: str, stall_seconds: float = STALL_SECONDS) -> httpx.AsyncClient:
    """The HTTP client of all transfers: proxies and certificates come from the environment."""
    return httpx.AsyncClient(
        headers={"User-Agent": user_agent(version), "Accept-Encoding": "identity"},
        # The read timeout counts from byte to byte: it is the stall detector.
        timeout=httpx.Timeout(stall_seconds, pool=None),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
        follow_redirects=False,
        trust_env=True,
    )


class Unreachable(TransferError):
    """The other side did not answer, or broke off: the same request may well succeed later."""


class Refused(TransferError):
    """The other side answered with an error status, kept in ``code``."""

    def __init__(self, code: int, body: str, message: str = "") -> None:
        body = body.strip()
        super().__init__(message or (f"{code}: {body}" if body else str(code)))
        self.code = code

    @property
    def transient(self) -> bool:
        """Whether asking again may help."""
        return self.code in (408, 425, 429) or self.code >= 500


@contextlib.contextmanager
def reach(method: str, url: str) -> Iterator[None]:
    """Turn network failures inside into TransferErrors that name the request and the cause."""
    try:
        yield
    except httpx.HTTPError as error:
        raise Unreachable(f'{method} "{url}": {cause(error)}') from error
    except httpx.InvalidURL as error:
        raise TransferError(f'{method} "{url}": {error}') from error


def cause(error: BaseException) -> str:
    """The reason at the bottom of an exception chain, in words a user can act on."""
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, ssl.SSLError):
            return _tls(link)
        if isinstance(link, socket.gaierror):
            return "no such host; check the name, the network and the proxy settings"
    for link in chain:
        if isinstance(link, OSError) and link.errno and link.strerror:
            return _connection(link)
    if isinstance(error, httpx.TimeoutException):
        return "i/o timeout; check the network and the proxy settings (HTTPS_PROXY, NO_PROXY)"
    return str(error) or type(error).__name__


def _connection(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; is a registry listening there?"
    return str(error.strerror).lower()


def _tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"tls: failed to verify certificate: {error.verify_message}; "
            "point SSL_CERT_FILE at the authority that signed it"
        )
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
        return (
            "http: server gave HTTP response to HTTPS client; "
            "use --insecure for a registry without TLS"
        )
    return f"tls: {(error.reason or str(error)).lower().replace('_', ' ')}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            for inner in link.exceptions:
                yield from _chain(inner)
        link = link.__cause__ or link.__context__
