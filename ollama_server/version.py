"""Which release this is, and which of Ollama's it stands for."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

# Clients compare /api/version with what they need: the release of Ollama whose API this is.
API_VERSION = "0.30.0"


def package_version() -> str:
    """This program's version, 0.0.0 when it runs without being installed."""
    try:
        return version("ollama-server")
    except PackageNotFoundError:
        return "0.0.0"
