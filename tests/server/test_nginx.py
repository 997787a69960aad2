"""deploy/nginx.conf in a real nginx: TLS, API keys, and tokens that are not held back."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.process import ServerProcess, free_port, wait_until

CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NAME = "llm.example.com"
LOCAL = ipaddress.ip_address("127.0.0.1")
WRAPPER = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@dataclass(frozen=True)
class Front:
    """A running nginx: its ports, and the certificate that it shows."""

    plain: int
    secure: int
    certificate: Path

    def client(self) -> httpx.Client:
        """A client that trusts the certificate and takes this port for the name's."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        url = f"https://127.0.0.1:{self.secure}"
        return httpx.Client(base_url=url, verify=trust, timeout=60, trust_env=False)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOCAL)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "fullchain.pem", folder / "privkey.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@contextlib.contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Front]:
    """nginx with deploy/nginx.conf; ports, paths and the upstream are this test's."""
    certificate, key = make_certificate(folder)
    front = Front(free_port(), free_port(), certificate)
    site = CONFIG.read_text()
    for written, ours in (
        ("listen 80;", f"listen 127.0.0.1:{front.plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{front.secure} "),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", str(certificate)),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", str(key)),
        ("http://127.0.0.1:11434", f"http://127.0.0.1:{upstream}"),
    ):
        assert written in site
        site = site.replace(written, ours)
    (folder / "site.conf").write_text(site)
    config = folder / "nginx.conf"
    config.write_text(WRAPPER.format(folder=folder))
    words = ["nginx", "-c", str(config), "-e", str(folder / "error.log")]
    tried = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    process = subprocess.Popen(words)
    try:
        wait_until(lambda: answers(front.plain))
        yield front
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """nginx before a server on a loopback address that wants a key."""
    home = tmp_path_factory.mktemp("behind")
    (home / "keys").write_text("secret\n")
    server = ServerProcess(home, API_KEYS_FILE=str(home / "keys"))
    with nginx(tmp_path_factory.mktemp("nginx"), server.port) as front:
        yield front
    server.close()


def test_plain_http_is_sent_to_https(front: Front) -> None:
    headers = {"Host": NAME}
    response = httpx.get(f"http://127.0.0.1:{front.plain}/api/tags", headers=headers, timeout=60)
    assert response.status_code == 301
    assert response.headers["location"] == f"https://{NAME}/api/tags"


def test_a_key_opens_the_server_through_tls(front: Front) -> None:
    with front.client() as client:
        assert client.get("/api/tags").status_code == 401
        answer = client.get("/api/tags", headers={"Authorization": "Bearer secret"})
    assert [model["name"] for model in answer.json()["models"]] == ["tiny:latest"]


def test_an_answer_streams_through_tls(front: Front) -> None:
    body = {"model": "tiny", "prompt": "Hello", "think": False}
    headers = {"Authorization": "Bearer secret", "Host": NAME}
    with (
        front.client() as client,
        client.stream("POST", "/api/generate", json=body, headers=headers) as response,
    ):
        frames = [json.loads(line) for line in response.iter_lines()]
    assert len(frames) > 2
    assert frames[-1]["done"]


def test_the_command_line_comes_through_tls_with_a_key(front: Front, tmp_path: Path) -> None:
    environment = {
        "HOME": str(tmp_path),
        "OLLAMA_HOST": f"https://127.0.0.1:{front.secure}",
        "OLLAMA_API_KEYS": "secret",
        "SSL_CERT_FILE": str(front.certificate),
    }
    result = subprocess.run(
        [sys.executable, "-m", "ollama_server", "run", "tiny", "--think=false", "Hello"],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


def test_metrics_stay_inside(front: Front) -> None:
    with front.client() as client:
        headers = {"Authorization": "Bearer secret"}
        assert client.get("/metrics", headers=headers).status_code == 403


def test_tokens_are_not_held_back(tmp_path: Path) -> None:
    read = threading.Event()
    seen_in_time: list[bool] = []

    class Slow(BaseHTTPRequestHandler):
        """Sends its second line only after the first one has been read at the other end."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"6\r\nfirst\n\r\n")
            seen_in_time.append(read.wait(20))
            self.wfile.write(b"7\r\nsecond\n\r\n0\r\n\r\n")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=upstream.serve_forever)
    thread.start()
    try:
        with (
            nginx(tmp_path, upstream.server_address[1]) as front,
            front.client() as client,
            client.stream("GET", "/") as response,
        ):
            lines = response.iter_lines()
            assert next(lines) == "first"
            read.set()
            assert next(lines) == "second"
    finally:
        upstream.shutdown()
        upstream.server_close()
        thread.join()
    assert seen_in_time == [True]
