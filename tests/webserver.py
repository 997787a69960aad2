"""A web server on loopback that serves an image well, and badly in every way."""

from __future__ import annotations

import datetime
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.pictures import encoded, halves

PNG = encoded(halves(), "PNG")


class WebServer:
    """``requests`` are the paths that were asked for; ``hosts`` what the Host headers said.

    ``pictures`` are more files that it serves, by path. With a ``certificate`` (a file with its
    key) it speaks TLS.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.pictures: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.hosts: list[str] = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                outer.hosts.append(self.headers["Host"])
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.01,), daemon=True).start()

    def url(self, path: str, host: str = "localhost") -> str:
        """Where a path is found, by one of the machine's names."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """What each path does."""
        parts = urlsplit(handler.path)
        to = parse_qs(parts.query).get("to", [""])[0]
        match parts.path:
            case path if path in self.pictures:
                _reply(handler, self.pictures[path], "image/png")
            case "/ok.png" | "/ok.html":
                _reply(handler, PNG, "image/png" if parts.path == "/ok.png" else "text/html")
            case "/page.png":
                _reply(handler, b"<html>not an image at all</html>", "image/png")
            case "/to":
                _reply(handler, b"", "text/html", status=302, Location=to)
            case "/loop":
                _reply(handler, b"", "text/html", status=307, Location="/loop")
            case "/stated-large":
                _reply(handler, PNG, "image/png", **{"Content-Length": "999999999"})
            case "/endless":
                self._drip(handler, b"\x89PNG\r\n\x1a\n" + b"\0" * 65536, forever=True)
            case "/slow":
                self._drip(handler, PNG[:20], forever=False)
            case "/silent":
                self.closing.wait()
            case _:
                _reply(handler, b"", "text/plain", status=404)

    def _drip(self, handler: BaseHTTPRequestHandler, data: bytes, *, forever: bool) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            handler.wfile.write(data)
            while forever:
                handler.wfile.write(data)
        except OSError:
            return  # the client has heard enough
        self.closing.wait()

    def close(self) -> None:
        """Stop serving."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def _reply(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    content_type: str,
    *,
    status: int = 200,
    **headers: str,
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def write_certificate(folder: Path, name: str) -> Path:
    """A certificate for a host, signed by itself, and its key: one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(pem) + private)
    return path
