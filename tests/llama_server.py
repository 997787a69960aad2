"""llama.cpp's own server, with which answers are compared."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.process import free_port, wait_until

_BUILT = Path(__file__).parents[1] / ".build" / "bin" / "llama-server"
_SECONDS = 60.0


class LlamaServer:
    """llama-server on a loopback port, computing with one thread; leaving the context ends it.

    ``arguments`` are added to its command line, keywords to its environment. Skips the test where
    there is no such program.
    """

    def __init__(self, model: Path, *arguments: str | Path, **environment: str) -> None:
        port = free_port()
        command = [_program(), "-m", model, "--host", "127.0.0.1", "--port", str(port)]
        command += ["-t", "1", "--jinja", "--no-webui", *arguments]
        self._process = subprocess.Popen(
            command,
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_SECONDS)

    def __enter__(self) -> Self:
        try:
            wait_until(self._ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(timeout=_SECONDS)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Returns the answer to a request, which must succeed."""
        response = self.client.post(path, json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def complete(self, prompt: str, tokens: int, *media: str) -> str:
        """Continues ``prompt`` greedily, with ``media`` (base64) in place of its markers."""
        whole = {"prompt_string": prompt, "multimodal_data": media} if media else prompt
        answer = self.post("/completion", prompt=whole, n_predict=tokens, temperature=0)
        return str(answer["content"])

    def _ready(self) -> bool:
        assert self._process.poll() is None, "llama-server ended"
        try:
            return self.client.get("/health").status_code == 200
        except httpx.TransportError:
            return False  # it does not listen yet


def _program() -> Path:
    path = Path(os.environ.get("LLAMA_SERVER") or _BUILT)
    if not os.access(path, os.X_OK):
        pytest.skip("no llama-server: `make llama-tools` builds it, or set LLAMA_SERVER")
    return path
