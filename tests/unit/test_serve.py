"""The socket that the server listens on."""

from __future__ import annotations

import socket

import pytest

from ollama_server.serve import listen
from ollama_server.settings import HostAddress


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
def test_a_client_that_takes_nothing_is_hung_up_on() -> None:
    with (
        listen(HostAddress("http", "127.0.0.1", 0), stall_seconds=1) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        connection, _ = listener.accept()
        with connection, pytest.raises(TimeoutError):
            # More than fits into any buffers.
            connection.sendall(bytes(1 << 28))
