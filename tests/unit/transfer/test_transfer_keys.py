"""The key pair and the signatures made with it."""

from __future__ import annotations

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from ollama_server.errors import TransferError
from ollama_server.transfer.auth import Challenge, text_to_sign
from ollama_server.transfer.keys import default_key_path, load_or_create


def test_key_lies_in_the_home_folder() -> None:
    assert default_key_path() == Path.home() / ".ollama" / "id_ed25519"


def test_missing_key_is_made_in_openssh_format_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "id_ed25519"
    pair, created = load_or_create(path)
    assert created
    assert path.read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    public = path.with_name("id_ed25519.pub")
    assert public.read_text() == f"ssh-ed25519 {pair.public_base64}\n"
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    assert {file.name for file in path.parent.iterdir()} == {"id_ed25519", "id_ed25519.pub"}


def test_existing_key_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    first, _ = load_or_create(path)
    second, created = load_or_create(path)
    assert not created
    assert second.public_line == first.public_line


def test_servers_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    with ThreadPoolExecutor(8) as pool:
        pairs = list(pool.map(lambda _: load_or_create(path)[0], range(8)))
    assert len({pair.public_line for pair in pairs}) == 1


def test_lost_public_half_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    pair, _ = load_or_create(path)
    path.with_name("id_ed25519.pub").unlink()
    load_or_create(path)
    assert path.with_name("id_ed25519.pub").read_text() == pair.public_line + "\n"


def test_damaged_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    path.write_text("nonsense")
    with pytest.raises(TransferError, match=r"id_ed25519 is damaged .*move it away"):
        load_or_create(path)


def test_signature_verifies_over_the_text(tmp_path: Path) -> None:
    pair, _ = load_or_create(tmp_path / "id_ed25519")
    public, _, signature = pair.sign("GET,http://h/t,x").partition(":")
    key = load_ssh_public_key(f"ssh-ed25519 {public}".encode())
    assert isinstance(key, Ed25519PublicKey)
    key.verify(base64.b64decode(signature), b"GET,http://h/t,x")


def test_challenge_becomes_a_url_with_sorted_form_encoded_query() -> None:
    challenge = Challenge.parse(
        'Bearer realm="https://h/token?z=1",service="my reg",scope="repository:a/b:pull x:y"'
    )
    assert challenge.url(now=123, nonce="n") == (
        "https://h/token?nonce=n&scope=repository%3Aa%2Fb%3Apull&scope=x%3Ay"
        "&service=my+reg&ts=123&z=1"
    )


def test_nonce_is_sixteen_bytes_of_unpadded_base64url() -> None:
    urls = {Challenge(realm="https://h/t").url(now=1) for _ in range(20)}
    assert len(urls) == 20
    nonces = {url.partition("nonce=")[2].partition("&")[0] for url in urls}
    assert all(len(base64.urlsafe_b64decode(nonce + "==")) == 16 for nonce in nonces)


def test_signed_text_ends_with_the_hash_of_nothing() -> None:
    assert text_to_sign("GET", "https://h/t?a=b") == (
        "GET,https://h/t?a=b,"
        "ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ=="
    )
