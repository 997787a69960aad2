"""Other servers: Ollama's own, with its cloud and its accounts, and ones of another kind."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SIGNIN_URL = "https://ollama.com/connect?name=here&key=abc"


@dataclass
class Elsewhere:
    """Who is signed in there, the models of its cloud, and what it was asked."""

    port: int = 0
    user: str = ""
    cloud: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path with its query, and the Authorization header."""
    pulled: list[str] = field(default_factory=list)

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and body of a POST."""
        model = str(body.get("model", ""))
        known = model in self.cloud
        if path == "/api/pull":
            self.pulled.append(model)
        nobody = {"error": "unauthorized", "signin_url": SIGNIN_URL}
        return {
            "/api/me": (200, {"name": self.user}) if self.user else (401, nobody),
            "/api/signout": (200, None) if self.user else (401, {"error": "not signed in"}),
            "/api/show": (200, {}) if known else (404, {"error": f"model '{model}' not found"}),
            "/api/pull": (
                (200, {"status": "success"})
                if known
                else (200, {"error": "pull model manifest: file does not exist"})
            ),
        }.get(path, (404, {"error": "404 page not found"}))


@contextlib.contextmanager
def running(there: Elsewhere) -> Iterator[Elsewhere]:
    """Serve on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._note()
            self._send(200, b"")

        def do_POST(self) -> None:
            self._note()
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            status, answer = there.answer(self.path.split("?")[0], body)
            self._send(status, json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

        def _note(self) -> None:
            header = self.headers.get("Authorization", "")
            there.asked.append((f"{self.command} {self.path}", header))

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with _served(Handler) as there.port:
        yield there


@dataclass(frozen=True)
class Answer:
    """What a server of another kind says to everything."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Give it on a free port; the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(answer.status)
            lengths = {"Content-Length": str(len(answer.body))}
            kinds = {"Content-Type": answer.content_type}
            for name, value in {**lengths, **kinds, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_HEAD = do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with _served(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
