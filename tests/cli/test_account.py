"""Signing in and out, signed requests, and models that only a cloud has."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from tests.cli.conftest import Command, Session
from tests.cli.elsewhere import SIGNIN_URL, Elsewhere, running


@pytest.fixture
def there(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    """Ollama's own server; OLLAMA_HOST names it."""
    with running(Elsewhere()) as there:
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{there.port}")
        yield there


def test_here_signin_tells_that_no_account_is_needed(command: Command, tmp_path: Path) -> None:
    result = command("signin")
    assert result.status == 0
    assert "no accounts" in result.out
    url = urlsplit(result.out.split()[-1])
    key = parse_qs(url.query)["key"][0]
    public = (tmp_path / ".ollama" / "id_ed25519.pub").read_text().strip()
    assert base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)).decode() == public
    assert (url.netloc, url.path) == ("ollama.com", "/connect")


def test_here_nobody_can_sign_out(command: Command) -> None:
    result = command("signout")
    assert (result.status, result.out) == (0, "You are not signed in to ollama.com\n")


def test_signin_names_who_is_signed_in(command: Command, there: Elsewhere) -> None:
    there.user = "ann"
    for word in ("signin", "login"):
        assert command(word).out == "You are already signed in as user 'ann'\n"


def test_signin_leads_to_the_page_that_the_server_names(command: Command, there: Elsewhere) -> None:
    result = command("signin")
    assert result.status == 0
    assert result.out.startswith("You need to be signed in to Ollama")
    assert SIGNIN_URL in result.out


def test_signout_says_so(command: Command, there: Elsewhere) -> None:
    there.user = "ann"
    for word in ("signout", "logout"):
        assert command(word).out == "You have signed out of ollama.com\n"


def test_a_push_to_ollama_com_needs_an_account_first(command: Command, there: Elsewhere) -> None:
    result = command("push", "ann/model")
    assert result.status == 0
    assert result.out.startswith("You need to be signed in to push models to ollama.com.")
    assert not any("/api/push" in asked for asked, _ in there.asked)


def test_requests_are_signed_where_that_is_wanted(
    command: Command, there: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_AUTH", "1")
    there.user = "ann"
    command("signin")
    line = (tmp_path / ".ollama" / "id_ed25519.pub").read_bytes()
    for asked, header in there.asked:
        method, path = asked.split()
        key, signature = header.split(":")
        assert key == line.split()[1].decode()
        text = f"{method},{path}".encode()
        load_ssh_public_key(line).verify(base64.b64decode(signature), text)  # type: ignore
    assert [asked.partition("?ts=")[0] for asked, _ in there.asked] == ["HEAD /", "POST /api/me"]


def test_requests_are_not_signed_otherwise(command: Command, there: Elsewhere) -> None:
    command("signin")
    assert [header for _, header in there.asked] == ["", ""]


def test_a_model_that_only_the_cloud_has_is_pointed_out(command: Command, there: Elsewhere) -> None:
    there.cloud = {"huge:cloud"}
    result = command("pull", "huge")
    assert result.status == 1
    expected = 'pull model manifest: file does not exist. Did you mean "huge:cloud"?'
    assert result.err.endswith(f"Error: {expected}\n")
    assert "Did you mean" not in command("pull", "other").err
    assert "Did you mean" not in command("pull", "huge:7b").err


def test_on_a_terminal_the_cloud_model_is_pulled_after_a_yes(
    session: Session, there: Elsewhere
) -> None:
    there.cloud = {"huge:cloud"}
    terminal = session("pull", "huge")
    terminal.wait_for('Did you mean "huge:cloud"? [Y/n]')
    terminal.send("y")
    assert terminal.status() == 0
    assert there.pulled == ["huge", "huge:cloud"]
