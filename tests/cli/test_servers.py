"""What is told where OLLAMA_HOST leads to no server, or to one of another kind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.elsewhere import Answer, Elsewhere, answering, running
from tests.process import ServerProcess
from tests.webserver import WebServer, write_certificate


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_a_server_elsewhere_is_reached_through_the_proxy(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "nosuch.invalid")
    with answering(Answer(200, b'{"models": []}', "application/json")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        assert command("list").out.split() == ["NAME", "ID", "SIZE", "MODIFIED"]
    refused = "Error: could not connect to http://nosuch.invalid:11434: the proxy refuses "
    assert command("list").err.startswith(refused)


def test_a_proxy_of_an_unknown_kind_is_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "nosuch.invalid")
    for proxy in ("socks5://h:1080", "gopher://h:70"):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        result = command("list")
        assert result.status == 1
        assert result.err.startswith("Error: the proxy to http://nosuch.invalid:11434 cannot be ")


def test_a_name_that_nobody_has_is_told(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "nosuch.invalid")
    result = command("list")
    assert result.status == 1
    assert result.err.startswith(
        "Error: could not connect to http://nosuch.invalid:11434: no such host"
    )


def test_a_port_without_tls_is_told(
    command: Command, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.url.replace("http:", "https:")
    monkeypatch.setenv("OLLAMA_HOST", address)
    assert command("list").err == (
        f"Error: could not connect to {address}: http: server gave HTTP response to HTTPS client\n"
    )


def test_a_certificate_that_is_not_trusted_is_told(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = WebServer(write_certificate(tmp_path, "localhost"))
    monkeypatch.setenv("OLLAMA_HOST", web.url(""))
    result = command("list")
    web.close()
    assert f"{web.url('')}: tls: failed to verify certificate: self-signed" in result.err
    assert "SSL_CERT_FILE" in result.err


def test_a_wrong_port_is_told(environment: None) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ollama_server", "--version"],
        env={**os.environ, "OLLAMA_HOST": "127.0.0.1:99999"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == "OLLAMA_HOST: port '99999' ignored, 11434 is used\n"


@pytest.mark.parametrize("address", ["ftp://h", "h:80:90"])
def test_an_address_that_is_none_is_one_line(
    address: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", address)
    result = command("list")
    assert (result.status, result.err.count("\n")) == (1, 1)
    assert address in result.err


@pytest.mark.parametrize(
    "words", [["list"], ["ps"], ["show", "m"], ["run", "m", "hi"], ["pull", "m"], ["rm", "m"]]
)
def test_a_server_of_another_kind_is_one_line(
    words: list[str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(Answer(200, b"<html>\n<body>Welcome</body>\n</html>", "text/html")) as url:
        monkeypatch.setenv("OLLAMA_HOST", url)
        result = command(*words)
    assert result.status == 1
    expected = f"Error: what answers at {url} is no ollama server: it sends text/html\n"
    assert result.err.endswith(expected)
    assert "Traceback" not in result.err


def test_a_server_that_wants_a_key_is_there(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = Answer(401, b'{"error": "an API key is required"}', "application/json")
    with answering(refusal) as url:
        monkeypatch.setenv("OLLAMA_HOST", url)
        told = "does not tell its version: an API key is required\n"
        assert command("--version").out.startswith(f"Warning: the server {told}")
        result = command("doctor")
    assert f"{url.removeprefix('http://')} is served, and {told}" in result.out


def test_the_key_comes_from_the_variable_or_the_servers_file(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Elsewhere(user="ann")) as there:
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{there.port}")
        for file, keys in (("keys", ""), ("keys", "mine,second"), ("nowhere", "")):
            (tmp_path / "keys").write_text("# a team\ntheirs\nother\n")
            monkeypatch.setenv("OLLAMA_API_KEYS_FILE", str(tmp_path / file))
            monkeypatch.setenv("OLLAMA_API_KEYS", keys)
            command("signin")
    sent = [header for asked, header in there.asked if asked == "POST /api/me"]
    assert sent == ["Bearer theirs", "Bearer mine", ""]


def test_a_web_page_is_no_error_text(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(Answer(502, b"<html>\n<body>Oh</body>\n</html>", "text/html")) as url:
        monkeypatch.setenv("OLLAMA_HOST", url)
        assert command("list").err == "Error: Bad Gateway (a web page)\n"


@pytest.mark.parametrize("words", [["list"], ["pull", "m"]])
def test_a_redirect_is_told_and_not_followed(
    words: list[str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(Answer(301, b"", "text/html", {"Location": "https://h/"})) as url:
        monkeypatch.setenv("OLLAMA_HOST", url)
        result = command(*words)
    assert result.status == 1
    assert result.err.endswith(" redirects to https://h/\n")
