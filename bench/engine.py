"""The runner process by itself, spoken to over its pipes: what the engine costs without HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from bench import client
from bench.servers import SAMPLING, Request, Server, Shape
from ollama_server.engine import launch, protocol


class Generation(client.Stream):
    """One generation's news, in the shape of the server's native API."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.failure = ""

    def add(self, event: dict[str, Any]) -> None:
        """Note an event of this moment."""
        self.events.append((perf_counter(), event))
        self.arrived(b"")

    async def exchange(self) -> client.Exchange:
        """Wait for the end; raises RuntimeError when the runner reports a failure."""
        await self.closed
        if self.failure:
            raise RuntimeError(self.failure)
        return client.Exchange(self.sent, 200, self.events)


class EngineServer(Server):
    """`python -m ollama_server.engine` with the model loaded."""

    name = "engine"

    def __init__(self, model: Path, shape: Shape, log: Path) -> None:
        super().__init__(model, shape, log)
        self._runner: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._generations: dict[int, Generation] = {}
        self._last_id = 0

    async def start(self) -> None:
        with self._log.open("wb") as log:
            self._runner = await asyncio.create_subprocess_exec(
                *launch.COMMAND, env=launch.environment(),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        shape = self.shape
        self._write(
            protocol.Load(
                model=str(self.model), num_ctx=shape.num_ctx, parallel=shape.parallel,
                num_thread=shape.threads,
            )
        )  # fmt: skip
        while not isinstance(message := await self._read(), protocol.Ready):
            if isinstance(message, protocol.LoadFailed):
                raise RuntimeError(message.error)
        self._reader = asyncio.create_task(self._deliver())

    def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._runner is not None and self._runner.returncode is None:
            self._runner.terminate()

    @property
    def pid(self) -> int:
        """The runner's process id."""
        assert self._runner is not None
        return self._runner.pid

    async def open(self, request: Request) -> Generation:
        self._last_id += 1
        generation = Generation()
        self._generations[self._last_id] = generation
        generation.sent = perf_counter()
        self._write(protocol.Generate(id=self._last_id, **request.body))
        return generation

    def completion(self, prompt: str, tokens: int, schema: dict[str, Any] | None = None) -> Request:
        sampling = msgspec.convert(SAMPLING, protocol.Sampling)
        grammar = None
        if schema is not None:
            grammar = protocol.Grammar(kind="json_schema", source=json.dumps(schema))
        body = {
            "prompt": [protocol.Text(prompt)],
            "sampling": sampling,
            "max_tokens": tokens,
            "grammar": grammar,
        }
        return Request("", body)

    def chat(self, messages: list[dict[str, str]], tokens: int) -> Request:
        turns = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages]
        return self.completion("".join(turns) + "<|im_start|>assistant\n", tokens)

    def text(self, event: dict[str, Any]) -> str:
        return str(event.get("response", ""))

    def generated(self, exchange: client.Exchange) -> int:
        return int(exchange.events[-1][1]["eval_count"])

    def _write(self, message: protocol.ToRunner) -> None:
        assert self._runner is not None
        assert self._runner.stdin is not None
        self._runner.stdin.write(protocol.frame(message))

    async def _read(self) -> protocol.FromRunner:
        assert self._runner is not None
        assert self._runner.stdout is not None
        header = await self._runner.stdout.readexactly(protocol.HEADER.size)
        body = await self._runner.stdout.readexactly(protocol.HEADER.unpack(header)[0])
        return protocol.decode_from_runner(body)

    async def _deliver(self) -> None:
        while True:
            try:
                message = await self._read()
            except asyncio.IncompleteReadError:
                for generation in self._generations.values():
                    generation.failure = "the runner has died"
                    generation.closed.set_result(None)
                return
            if isinstance(message, protocol.Step):
                for delta in message.deltas:
                    self._generations[delta.id].add({"response": delta.text})
            elif isinstance(message, protocol.Finished):
                generation = self._generations.pop(message.id)
                generation.add({"eval_count": message.eval_tokens})
                generation.closed.set_result(None)
            elif isinstance(message, protocol.Failed):
                generation = self._generations.pop(message.id)
                generation.failure = message.error
                generation.closed.set_result(None)
