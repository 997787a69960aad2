"""A real server in a process of its own, with a store and a home of its own."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

TINY = Path(__file__).parents[1] / "models" / "tiny" / "tiny.gguf"
_LISTENING = re.compile(r"listening on \S+ port (\d+)")
_READY = "Application startup complete"
_SECONDS = 120.0


def free_port() -> int:
    """A loopback port that nothing listens on, for programs that cannot choose one themselves."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class ServerProcess:
    """``ollama-server serve`` on a free loopback port; ``close`` ends it.

    ``home`` holds the store and everything else the server writes. Keywords are more environment,
    without the OLLAMA_ prefix.
    """

    def __init__(self, home: Path, **environment: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OLLAMA_")}
        settings = {
            "HOST": "127.0.0.1:0",
            "MODELS": str(home / "models"),
            "NUM_PARALLEL": "4",
            "DEBUG": "1",
            **environment,
        }
        self.home = home
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ollama_server", "serve"],
            env={**kept, "HOME": str(home), **{f"OLLAMA_{k}": v for k, v in settings.items()}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = self._wait_until_ready()
        self._log = threading.Thread(target=self._drain, daemon=True)
        self._log.start()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=_SECONDS)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def post(self, path: str, **body: Any) -> httpx.Response:
        """POST a JSON object."""
        return self.client.post(path, json=body)

    def generate(self, prompt: str, **body: Any) -> dict[str, Any]:
        """The whole answer of /api/generate, greedy and short unless ``options`` say otherwise."""
        options = {"temperature": 0, "num_predict": 16, **body.pop("options", {})}
        body = {"model": "tiny", "prompt": prompt, "stream": False, "options": options, **body}
        response = self.client.post("/api/generate", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def chat(self, *texts: str, **body: Any) -> dict[str, Any]:
        """The whole answer of /api/chat to turns that begin with the user's."""
        roles = ("user", "assistant")
        messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
        options = {"temperature": 0, "num_predict": 16, **body.pop("options", {})}
        body = {"model": "tiny", "messages": messages, "stream": False, "options": options, **body}
        response = self.client.post("/api/chat", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def upload(self, data: bytes) -> str:
        """Store a blob; returns its digest."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        response = self.client.post(f"/api/blobs/{digest}", content=data)
        assert response.status_code in (200, 201), response.text
        return digest

    def create(self, name: str, **body: Any) -> None:
        """Create a model."""
        response = self.post("/api/create", model=name, stream=False, **body)
        assert response.status_code == 200, response.text

    def loaded(self) -> list[dict[str, Any]]:
        """What /api/ps says."""
        models: list[dict[str, Any]] = self.client.get("/api/ps").json()["models"]
        return models

    def metric(self, name: str, **labels: str) -> float:
        """A number of /metrics; 0 where it does not stand there."""
        pattern = re.compile(rf"^{name}(?:\{{(.*)\}})? (\S+)$", re.M)
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        return sum(
            float(value)
            for found, value in pattern.findall(self.client.get("/metrics").text)
            if wanted <= set(found.split(","))
        )

    def runners(self) -> list[int]:
        """Process ids of the runners."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children]

    def close(self) -> None:
        """End the server; its runners go with it."""
        self.client.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.join(timeout=30)  # ``lines`` is whole

    def kill(self) -> None:
        """End the server with no chance to tidy up."""
        self._process.kill()
        self._process.wait()

    def _wait_until_ready(self) -> int:
        assert self._process.stderr is not None
        port = 0
        for line in self._process.stderr:
            self.lines.append(line)
            if match := _LISTENING.search(line):
                port = int(match[1])
            if _READY in line:
                return port
        raise AssertionError("the server did not start:\n" + "".join(self.lines))

    def _drain(self) -> None:
        assert self._process.stderr is not None
        self.lines.extend(self._process.stderr)


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Ask again and again until it is true; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        pause.wait(0.02)
