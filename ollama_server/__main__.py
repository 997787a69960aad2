"""``python -m ollama_server serve`` and the script ``ollama-server``."""

from __future__ import annotations

import sys

from ollama_server.serve import run
from ollama_server.settings import get_settings


def main() -> None:
    """Start the server: the only command so far is ``serve``."""
    if sys.argv[1:] not in ([], ["serve"]):
        sys.exit("usage: ollama-server serve")
    run(get_settings())


if __name__ == "__main__":
    main()
