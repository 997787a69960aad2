"""What happens to every request before it reaches a route: CORS, host check, clean paths.

All are plain ASGI: nothing here touches a body, so streams pass at full speed.
"""

from __future__ import annotations

import functools
import ipaddress
import posixpath
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

from prometheus_client import Counter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOT_FOUND = "404 page not found"

_SCHEMES = (
    "http://",
    "https://",
    "chrome-extension://",
    "safari-extension://",
    "moz-extension://",
    "ms-browser-extension://",
)
_LOCAL_NAMES = ("localhost", "127.0.0.1", "0.0.0.0")
_DEFAULT_ORIGINS = [
    f"{scheme}://{host}{port}"
    for host in _LOCAL_NAMES
    for scheme in ("http", "https")
    for port in ("", ":*")
] + ["app://*", "file://*", "tauri://*", "vscode-webview://*", "vscode-file://*"]

_ALLOW_METHODS = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"
_STAINLESS = (
    "Arch,Async,Custom-Poll-Interval,Helper-Method,Lang,Os,Package-Version,Poll-Helper,"
    "Retry-Count,Runtime,Runtime-Version,Timeout"
)
_ALLOW_HEADERS = ",".join(
    [
        "Authorization",
        "Content-Type",
        "User-Agent",
        "Accept",
        "X-Requested-With",
        "Openai-Beta",
        *(f"X-Stainless-{name}" for name in _STAINLESS.split(",")),
    ]
)


class OriginRules:
    """Which origins may call, from OLLAMA_ORIGINS and the built-in list."""

    def __init__(self, origins: str) -> None:
        entries = [entry.strip() for entry in origins.split(",") if entry.strip()]
        self.allow_all = "*" in entries
        self._exact: set[str] = set()
        self._wildcards: list[tuple[str, str]] = []
        for entry in [*entries, *_DEFAULT_ORIGINS]:
            self._add(entry)

    def _add(self, entry: str) -> None:
        stars = entry.count("*")
        if stars > 1 or (stars == 0 and not entry.startswith(_SCHEMES)):
            raise ValueError(
                f"OLLAMA_ORIGINS: {entry!r} needs a scheme such as http:// or one * as wildcard"
            )
        if stars:
            prefix, _, suffix = entry.partition("*")
            self._wildcards.append((prefix.lower(), suffix.lower()))
        else:
            self._exact.add(entry.lower())

    def allows(self, origin: str) -> bool:
        """Whether a page from ``origin`` may call."""
        origin = origin.lower()
        return (
            self.allow_all
            or origin in self._exact
            or any(
                len(origin) >= len(prefix) + len(suffix)
                and origin.startswith(prefix)
                and origin.endswith(suffix)
                for prefix, suffix in self._wildcards
            )
        )


class CorsMiddleware:
    """Answers preflights, adds the origin header, refuses other origins with an empty 403."""

    def __init__(self, app: ASGIApp, rules: OriginRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        host = headers.get("host", "")
        if not origin or origin in (f"http://{host}", f"https://{host}"):
            await self._app(scope, receive, send)
        elif not self._rules.allows(origin):
            await _send_empty(send, 403)
        elif scope["method"] == "OPTIONS":
            await _send_empty(send, 204, self._preflight(origin))
        else:
            await self._app(scope, receive, functools.partial(self._send, send, origin))

    def _origin_headers(self, origin: str) -> list[tuple[str, str]]:
        if self._rules.allow_all:
            return [("Access-Control-Allow-Origin", "*")]
        return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]

    def _preflight(self, origin: str) -> list[tuple[str, str]]:
        return [
            ("Access-Control-Allow-Methods", _ALLOW_METHODS),
            ("Access-Control-Allow-Headers", _ALLOW_HEADERS),
            ("Access-Control-Max-Age", "43200"),
            *self._origin_headers(origin),
            ("Vary", "Access-Control-Request-Method"),
            ("Vary", "Access-Control-Request-Headers"),
        ]

    def _send(self, send: Send, origin: str, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in self._origin_headers(origin):
                headers.append(name, value)
        return send(message)


class HostCheckMiddleware:
    """Refuses Host headers that a DNS-rebinding page would send; for loopback listeners only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = host_without_port(Headers(scope=scope).get("host", ""))
        address = _as_address(host)
        if address is not None:
            allowed = _is_near(address)
        else:
            allowed = is_local_name(host)
            if allowed and scope["method"] == "OPTIONS":
                await _send_empty(send, 204)
                return
        if allowed:
            await self._app(scope, receive, send)
        else:
            await _send_empty(send, 403)


def host_without_port(host: str) -> str:
    """The Host header's name in lower case, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name, colon, port = host.rpartition(":")
    if colon and ":" not in name and port.isdigit():
        host = name
    return host.lower()


def is_local_name(host: str) -> bool:
    """Whether a host name can only mean this machine or its private network."""
    return host in ("", "localhost", socket.gethostname().lower()) or host.endswith(
        (".localhost", ".local", ".internal")
    )


def _as_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_near(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return (
        address.is_loopback
        or address.is_private
        or address.is_unspecified
        or _is_own_address(str(address))
    )


@functools.lru_cache(maxsize=256)
def _is_own_address(address: str) -> bool:
    """Whether an interface of this machine has the address: only then can a socket bind it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class CleanPathMiddleware:
    """Redirects ``//api/tags`` and ``/api/tags/`` to the path that is meant.

    A path that ends with a line break is not found: the router would not see the difference.
    """

    def __init__(self, app: ASGIApp, is_known: Callable[[str], bool]) -> None:
        self._app = app
        self._is_known = is_known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"].endswith("\n"):
                await PlainTextResponse(NOT_FOUND, 404)(scope, receive, send)
                return
            target = self._target(scope["path"])
            if target != scope["path"]:
                status = 301 if scope["method"] == "GET" else 307
                query = scope.get("query_string", b"").decode("latin-1")
                location = quote(target, safe="/:@!$&'()*+,;=~-._") + (query and f"?{query}")
                await _send_empty(send, status, [("Location", location)])
                return
        await self._app(scope, receive, send)

    def _target(self, path: str) -> str:
        slash = "/" if path.endswith("/") and path != "/" else ""
        # normpath keeps two leading slashes, which POSIX allows and a redirect must not:
        # "//host/path" in a Location header would be another host.
        clean = posixpath.normpath("/" + path.lstrip("/")) if "//" in path or "/." in path else path
        if slash:
            bare = clean.rstrip("/") or "/"
            return bare if self._is_known(bare) else (bare + slash if bare != "/" else "/")
        return clean


async def _send_empty(send: Send, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if status != 204:
        raw.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b""})


class MetricsMiddleware:
    """Counts requests by method, route and status."""

    def __init__(self, app: ASGIApp, counter: Counter) -> None:
        self._app = app
        self._counter = counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        def watch(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            # The route's pattern, never the path: names and digests would make endless series.
            route = getattr(scope.get("route"), "path", "other")
            self._counter.labels(scope["method"], route, status or 499).inc()
