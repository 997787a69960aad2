"""The two servers: how each is started, and how each is asked for the same thing."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from bench import client

START_SECONDS = 120
SAMPLING = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.0, "repeat_penalty": 1.0}


@dataclass(frozen=True)
class Shape:
    """What both servers are given: places, context per place, threads (0: as each one likes)."""

    parallel: int = 16
    num_ctx: int = 4096
    threads: int = 0


class Request(NamedTuple):
    """What a server is asked for; both fields are the server's own business."""

    path: str
    body: dict[str, Any]


class Server(ABC):
    """A running server. Answers are lists of JSON events."""

    name: str

    def __init__(self, model: Path, shape: Shape, log: Path) -> None:
        self.model = model
        self.shape = shape
        self._log = log

    @abstractmethod
    async def start(self) -> None:
        """Start the process and load the model; raises RuntimeError with the reason."""

    @abstractmethod
    def stop(self) -> None:
        """End the process."""

    @abstractmethod
    async def open(self, request: Request) -> client.Stream:
        """Send a request."""

    @abstractmethod
    def completion(self, prompt: str, tokens: int, schema: dict[str, Any] | None = None) -> Request:
        """Continue ``prompt`` by ``tokens``, streaming; as JSON of ``schema``, if any."""

    @abstractmethod
    def chat(self, messages: list[dict[str, str]], tokens: int) -> Request:
        """Answer a conversation with ``tokens``, streaming."""

    @abstractmethod
    def text(self, event: dict[str, Any]) -> str:
        """The generated text in one event."""

    @abstractmethod
    def generated(self, exchange: client.Exchange) -> int:
        """How many tokens the answer has, as the server counts them."""


class HttpServer(Server):
    """A server on a loopback port."""

    def __init__(self, model: Path, shape: Shape, log: Path) -> None:
        super().__init__(model, shape, log)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> tuple[list[str], dict[str, str]]:
        """The command line, and the environment on top of this process's."""

    @abstractmethod
    async def ready(self) -> None:
        """Wait until the model is loaded; the server's port is open by now."""

    async def open(self, request: Request) -> client.Stream:
        return await client.start(self.port, request.path, request.body)

    async def start(self) -> None:
        command, environment = self.command()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - starts at once
                command, env=os.environ | environment, stdout=log, stderr=log
            )
        try:
            await self._port_open()
            await self.ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def cpu_seconds(self) -> float:
        """CPU time of the server process itself, all threads, without its children (Linux)."""
        assert self._process is not None
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    async def _port_open(self) -> None:
        assert self._process is not None
        deadline = monotonic() + START_SECONDS
        while monotonic() < deadline and self._process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return
        log = self._log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{self.name} did not start:\n{log}")


class LlamaServer(HttpServer):
    """llama.cpp's own server, with its defaults but for the shape."""

    name = "llama-server"

    def __init__(self, model: Path, shape: Shape, log: Path, tools: Path) -> None:
        super().__init__(model, shape, log)
        self._program = tools / "llama-server"

    def command(self) -> tuple[list[str], dict[str, str]]:
        shape = self.shape
        options = {
            "-m": self.model,
            "-c": shape.num_ctx * shape.parallel,
            "-np": shape.parallel,
            "--host": "127.0.0.1",
            "--port": self.port,
        }
        pairs = [str(word) for pair in options.items() for word in pair]
        threads = ["-t", str(shape.threads)] if shape.threads else []
        return [str(self._program), *pairs, *threads, "--no-ui"], {}

    async def ready(self) -> None:
        deadline = monotonic() + START_SECONDS
        while monotonic() < deadline:
            connection = await client.start(self.port, "/health")
            try:
                await connection.exchange()
            except RuntimeError:  # 503 while it loads
                await asyncio.sleep(0.1)
            else:
                return
        raise RuntimeError(f"{self.name} did not load the model")

    def completion(self, prompt: str, tokens: int, schema: dict[str, Any] | None = None) -> Request:
        body = {"prompt": prompt, "n_predict": tokens, "stream": True, **SAMPLING}
        if schema is not None:
            body["json_schema"] = schema
        return Request("/completion", body)

    def chat(self, messages: list[dict[str, str]], tokens: int) -> Request:
        body = {"messages": messages, "max_tokens": tokens, "stream": True, **SAMPLING}
        return Request("/v1/chat/completions", body)

    def text(self, event: dict[str, Any]) -> str:
        if "choices" in event:
            choices = event["choices"]
            return choices[0]["delta"].get("content") or "" if choices else ""
        return str(event.get("content", ""))

    def generated(self, exchange: client.Exchange) -> int:
        return int(exchange.events[-1][1]["timings"]["predicted_n"])


class OurServer(HttpServer):
    """`ollama_server serve`, with a store of its own."""

    name = "ollama-server"

    def __init__(self, model: Path, shape: Shape, log: Path, store: Path) -> None:
        super().__init__(model, shape, log)
        self.store = store.resolve()
        self._installed = model.stem

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-m", "ollama_server", "serve"], {
            "HOME": str(self.store),
            "OLLAMA_HOST": f"127.0.0.1:{self.port}",
            "OLLAMA_MODELS": str(self.store / "models"),
            "OLLAMA_NUM_PARALLEL": str(self.shape.parallel),
            "OLLAMA_CONTEXT_LENGTH": str(self.shape.num_ctx),
            "OLLAMA_KEEP_ALIVE": "-1",
        }

    async def ready(self) -> None:
        content = self.model.read_bytes()
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        blob = self.store / "models" / "blobs" / digest.replace(":", "-")
        if not blob.exists():  # as POST /api/blobs would write it
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(content)
        files = {self.model.name: digest}
        body = {"model": self._installed, "files": files, "stream": False}
        await client.send(self.port, "/api/create", body)
        await client.send(self.port, "/api/generate", {"model": self._installed})

    def completion(self, prompt: str, tokens: int, schema: dict[str, Any] | None = None) -> Request:
        body = self._body(tokens) | {"prompt": prompt, "raw": True}
        if schema is not None:
            body["format"] = schema
        return Request("/api/generate", body)

    def chat(self, messages: list[dict[str, str]], tokens: int) -> Request:
        return Request("/api/chat", self._body(tokens) | {"messages": messages})

    def _body(self, tokens: int) -> dict[str, Any]:
        options: dict[str, Any] = {**SAMPLING, "num_predict": tokens}
        if self.shape.threads:
            options["num_thread"] = self.shape.threads
        return {"model": self._installed, "options": options}

    def text(self, event: dict[str, Any]) -> str:
        message = event.get("message")
        return str(event.get("response", "") if message is None else message["content"])

    def generated(self, exchange: client.Exchange) -> int:
        return int(exchange.events[-1][1]["eval_count"])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
