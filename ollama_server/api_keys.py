"""The API keys of the configuration, which the server asks for and the command line sends."""

from __future__ import annotations

from pathlib import Path

from ollama_server.errors import ServerError


def read_keys(keys: str, file: str) -> list[str]:
    """The keys of OLLAMA_API_KEYS, separated by commas, then those of a file, one a line.

    Raises ServerError when a file is named that cannot be read or has no key in it: a server that
    should be closed must not start open.
    """
    found = [key.strip() for key in keys.split(",")]
    if file:
        try:
            lines = Path(file).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ServerError(f"OLLAMA_API_KEYS_FILE: {error}") from None
        listed = [line.strip() for line in lines if not line.lstrip().startswith("#")]
        if not any(listed):
            raise ServerError(f"OLLAMA_API_KEYS_FILE: there is no key in {file}")
        found += listed
    return [key for key in found if key]
