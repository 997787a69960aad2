"""Listening: the socket, uvicorn, and the log."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys

import uvicorn

from ollama_server.app import create_app
from ollama_server.errors import ServerError
from ollama_server.settings import HostAddress, Settings

log = logging.getLogger("ollama_server")

_BACKLOG = 2048
_GRACE_SECONDS = 5
# How long a client may take nothing of what waits for it, a paused one or one without a network.
_STALL_SECONDS = 300


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Exits with 1 when the address cannot be had."""
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # Their lines about every request and connection say nothing that ours do not.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if not settings.vulkan:
        # llama.cpp's own variable; an empty list of devices leaves none.
        os.environ["GGML_VK_VISIBLE_DEVICES"] = ""
    try:
        app = create_app(settings)
        listener = listen(settings.address)
    except (OSError, ValueError, ServerError) as error:
        sys.exit(f"Error: {error}")
    host, port = listener.getsockname()[:2]
    log.info("listening on %s port %d, models in %s", host, port, settings.models)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=settings.debug > 0,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn stops in order and then raises the signal again, for whoever had it before.
        signal.signal(number, lambda *_: None)
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)  # it has said why


def listen(address: HostAddress, stall_seconds: int = _STALL_SECONDS) -> socket.socket:
    """A bound socket; without a host it listens on all interfaces, IPv6 ones included.

    Linux hangs up on clients that take nothing for ``stall_seconds``. Raises OSError with the
    address in its text.
    """
    listener = _bind(address)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections have it from the socket that they came in by.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stall_seconds * 1000)
    return listener


def _bind(address: HostAddress) -> socket.socket:
    try:
        if not address.host and socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", address.port),
                family=socket.AF_INET6,
                dualstack_ipv6=True,
                backlog=_BACKLOG,
            )
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # Ollama's words, which people look for.
        host = f"[{address.host}]" if ":" in address.host else address.host
        # Python's own text goes on with the address, in its notation.
        reason = (error.strerror or str(error)).partition(" (while attempting")[0].lower()
        raise OSError(f"listen tcp {host}:{address.port}: bind: {reason}") from error
