"""The server's ed25519 key pair: a registry knows an account by its public half."""

from __future__ import annotations

import base64
import logging
import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ollama_server.errors import TransferError

log = logging.getLogger(__name__)


def default_key_path() -> Path:
    """``~/.ollama/id_ed25519``."""
    return Path.home() / ".ollama" / "id_ed25519"


class KeyPair:
    """An ed25519 key that signs requests the way Ollama's registry expects it."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        line = private.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        self.public_line = line.decode()
        """``ssh-ed25519 <base64>``, as ``id_ed25519.pub`` holds it."""

    @property
    def public_base64(self) -> str:
        """The key in SSH's wire encoding, base64."""
        return self.public_line.split()[1]

    def sign(self, text: str) -> str:
        """``<public key>:<signature>``, both base64: a whole Authorization header."""
        signature = base64.b64encode(self._private.sign(text.encode())).decode()
        return f"{self.public_base64}:{signature}"


def load_or_create(path: Path | None = None) -> tuple[KeyPair, bool]:
    """The key pair at ``path`` (default ``~/.ollama/id_ed25519``), and whether it is new.

    Raises TransferError when the file is not an ed25519 key or cannot be read or written.
    """
    path = path or default_key_path()
    try:
        created = not path.exists()
        pair = _create(path) if created else _load(path)
        public = path.with_name(path.name + ".pub")
        if created or not public.exists():
            public.write_text(pair.public_line + "\n")
            public.chmod(0o644)
        return pair, created
    except OSError as error:
        raise TransferError(
            f"the key {path} cannot be used: {error.strerror or error}; "
            "the server's user must be able to read and write its home folder"
        ) from error


def _load(path: Path) -> KeyPair:
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise TransferError(
            f"the key {path} is damaged ({error}); move it away and a new one is made, "
            "whose public half you then add to your registry account"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise TransferError(f"the key {path} is not an ed25519 key; move it away to get a new one")
    return KeyPair(key)


def _create(path: Path) -> KeyPair:
    private = Ed25519PrivateKey.generate()
    pair = KeyPair(private)
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    # mkstemp makes the file for its owner alone: others cannot read the key, not for an instant.
    descriptor, name = tempfile.mkstemp(prefix=".id_ed25519-", dir=path.parent)
    temporary = Path(name)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        os.fsync(file.fileno())
    try:
        # A link refuses to replace: of two servers that start together, one key survives.
        os.link(temporary, path)
    except FileExistsError:
        return _load(path)
    except OSError:  # a file system without hard links
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    log.info("Couldn't find '%s'. Generating new private key.", path)
    log.info("Your new public key is: \n\n%s\n", pair.public_line)
    return pair
