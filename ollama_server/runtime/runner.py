"""Handle to one runner process: spawn, frames over its pipes, answers by request id."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import signal
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ollama_server.engine import launch, protocol
from ollama_server.errors import (
    Canceled,
    LoadError,
    OutOfMemory,
    RunnerDied,
    RunnerError,
    ServerError,
)

log = logging.getLogger(__name__)

_KEPT_LINES = 20
_CLOSE_SECONDS = 5.0
# What is handed out of a backlog before others have their turn: some milliseconds of encoding.
_MOST_AT_ONCE = 128
# What an answer may hold that nobody reads, in tokens and likeliest ones beside them: some 15 MB.
_MOST_UNREAD = 1 << 16
_UNREAD = "the answer was canceled: too much of it waits for a client that does not read it"

Vectors = npt.NDArray[np.float32]
T = TypeVar("T")


class _Mailbox:
    """What arrives for one request, in order; ``fail`` makes the reader raise.

    ``on_answered`` is called once, when nothing more will come; the reader may be far behind, by
    up to ``most_unread`` items.
    """

    __slots__ = ("_error", "_items", "_on_answered", "_waiter", "answered", "most_unread")

    def __init__(
        self, on_answered: Callable[[], None] | None = None, most_unread: int = _MOST_UNREAD
    ) -> None:
        self.answered = False  # nothing more will come
        self.most_unread = most_unread
        self._on_answered = on_answered
        self._items: deque[Any] = deque()
        self._error: ServerError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: Any) -> int:
        """Add an item; returns how many nobody has taken."""
        self._items.append(item)
        self._wake()
        return len(self._items)

    def finish(self, item: Any) -> None:
        """Add the last item."""
        self.put(item)
        self._end()

    def fail(self, error: ServerError) -> None:
        self._error = error
        self._wake()
        self._end()

    def _end(self) -> None:
        if not self.answered:
            self.answered = True
            if self._on_answered is not None:
                self._on_answered()

    async def get(self) -> Any:
        await self._arrival()
        return self._items.popleft()

    async def get_all(self) -> list[Any]:
        """What is there; of a backlog a piece, and others have their turn before each."""
        await self._arrival()
        if len(self._items) > _MOST_AT_ONCE:
            # A reader that never waits would keep the loop, and not hear that its client has gone.
            await asyncio.sleep(0)
            return [self._items.popleft() for _ in range(_MOST_AT_ONCE)]
        items = list(self._items)
        self._items.clear()
        return items

    async def _arrival(self) -> None:
        while not self._items:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Pipes(asyncio.SubprocessProtocol):
    """Cuts the child's stdout into frames and its stderr into lines."""

    def __init__(self, owner: Runner) -> None:
        self._owner = owner
        self._frames = bytearray()
        self._line = b""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self._read_frames(data)
        else:
            *lines, self._line = (self._line + data).split(b"\n")
            for line in lines:
                self._owner.on_stderr(line.decode("utf-8", "replace"))

    def _read_frames(self, data: bytes) -> None:
        self._frames += data
        start, end = 0, len(self._frames)
        header = protocol.HEADER
        while end - start >= header.size:
            (size,) = header.unpack_from(self._frames, start)
            stop = start + header.size + size
            if stop > end:
                break
            body = bytes(self._frames[start + header.size : stop])
            self._owner.on_message(protocol.decode_from_runner(body))
            start = stop
        if start:
            del self._frames[:start]

    def process_exited(self) -> None:
        # The pipes may still hold the last words; connection_lost comes when they are read.
        asyncio.get_running_loop().call_later(1.0, self._owner.on_exit)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._line:
            self._owner.on_stderr(self._line.decode("utf-8", "replace"))
        self._owner.on_exit()


class Runner:
    """A loaded model in a process of its own. Create with ``start``; end with ``close``.

    Every call raises RunnerDied when the process ends before it answers.
    """

    def __init__(self) -> None:
        self.info: protocol.ModelInfo
        self._ids = itertools.count(1)
        self._mailboxes: dict[int, _Mailbox] = {}
        self._loading: _Mailbox | None = _Mailbox()
        self._transport: asyncio.SubprocessTransport
        self._stdin: asyncio.WriteTransport
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._spawned = False
        self._exited = asyncio.Event()
        self._closing = False
        self._on_end: Callable[[], None] | None = None

    @classmethod
    async def start(cls, load: protocol.Load, *, stall_seconds: float = math.inf) -> Runner:
        """Spawn a runner and load a model.

        Raises OutOfMemory, or LoadError with llama.cpp's words; also when nothing was heard of the
        load for ``stall_seconds``. When cancelled, the process is gone.
        """
        runner = cls()
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.subprocess_exec(
                lambda: _Pipes(runner), *launch.COMMAND, env=launch.environment()
            )
        except OSError as error:
            raise LoadError(f"error starting the model runner: {error}") from error
        runner._transport = transport
        runner._spawned = True
        runner._stdin = cast(asyncio.WriteTransport, transport.get_pipe_transport(0))
        try:
            runner._send(load)
            runner.info = await runner._wait_until_ready(stall_seconds)
        except BaseException:
            runner._closing = True  # its end is our doing, and no news
            runner._kill()
            raise
        return runner

    @property
    def pid(self) -> int:
        """The process id."""
        return self._transport.get_pid()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs and takes requests."""
        return not self._exited.is_set() and not self._closing

    def when_ended(self, callback: Callable[[], None]) -> None:
        """Have this called when the process is gone: now, where it is."""
        self._on_end = callback
        if self._exited.is_set():
            callback()

    # --- requests ---------------------------------------------------------------------------------

    async def generate(
        self, message: protocol.Generate, on_answered: Callable[[], None] | None = None
    ) -> AsyncGenerator[list[protocol.Delta | protocol.Finished], None]:
        """Deltas, then one Finished, in lists of what has come in the meantime.

        Closing the generator early cancels the generation. ``on_answered`` is called when the
        runner is done with it, however much of it has been read. A reader that is too far behind
        gets what came until then, and Canceled is raised.
        """
        weight = 1 + message.logprobs + message.top_logprobs
        with self._request(message, _Mailbox(on_answered, _MOST_UNREAD // weight)) as mailbox:
            while True:
                items = await mailbox.get_all()
                yield items
                if type(items[-1]) is protocol.Finished:
                    return

    async def tokenize(
        self, texts: list[str], *, add_special: bool = False, special: bool = True
    ) -> list[list[int]]:
        """Token ids of each text."""
        message = protocol.Tokenize(0, texts, add_special, special)
        return (await self._ask(message, protocol.Tokenized)).tokens

    async def detokenize(self, tokens: list[int]) -> str:
        """The text of the tokens."""
        return (await self._ask(protocol.Detokenize(0, tokens), protocol.Detokenized)).text

    async def embed(
        self,
        inputs: list[str],
        *,
        truncate: bool = True,
        token_inputs: list[list[int]] | None = None,
    ) -> tuple[Vectors, list[int]]:
        """Vectors (inputs, width) as the model gives them, and the prompt tokens of each input."""
        message = protocol.Embed(0, inputs, truncate, token_inputs or [])
        return self._vectors(await self._ask(message, protocol.Embedded))

    async def rerank(self, query: str, documents: list[str]) -> tuple[Vectors, list[int]]:
        """Scores (documents, 1) and the prompt tokens of each pair."""
        message = protocol.Rerank(0, query, documents)
        return self._vectors(await self._ask(message, protocol.Embedded))

    async def stats(self) -> protocol.Stats:
        """What the engine holds and has done."""
        return await self._ask(protocol.GetStats(0), protocol.Stats)

    async def close(self) -> None:
        """End the process, by force where it does not listen; returns when it is gone."""
        self._closing = True
        if not self._exited.is_set():
            self._send(protocol.Shutdown())
            try:
                await asyncio.wait_for(self._exited.wait(), _CLOSE_SECONDS)
            except TimeoutError:
                log.warning("runner %d does not end, killing it", self.pid)
        self._kill()
        await self._exited.wait()

    # --- the process's side -----------------------------------------------------------------------

    def on_message(self, message: protocol.FromRunner) -> None:
        """Hand a message to whoever waits for it; nobody may, after a cancellation."""
        if isinstance(message, protocol.Step):
            mailboxes = self._mailboxes
            for delta in message.deltas:
                mailbox = mailboxes.get(delta.id)
                if mailbox is not None and mailbox.put(delta) > mailbox.most_unread:
                    self._give_up(delta.id)
        elif isinstance(message, protocol.Progress | protocol.Ready | protocol.LoadFailed):
            if self._loading is not None:
                self._loading.put(message)
        else:
            mailbox = self._mailboxes.get(message.id)
            if mailbox is None:
                return
            if isinstance(message, protocol.Failed):
                mailbox.fail(RunnerError(message.error, message.status))
            else:
                mailbox.finish(message)

    def on_stderr(self, line: str) -> None:
        """Log a line of the runner's, and keep it for the error text if the process dies."""
        log.debug("runner: %s", line)
        if line.strip():
            self._last_lines.append(line.strip())
        if self._loading is not None:
            self._loading.put(None)

    def on_exit(self) -> None:
        """The process is gone: everybody who waits hears of it."""
        if self._exited.is_set() or not self._spawned:
            return  # a load that was canceled before its process ran: nobody waits
        self._exited.set()
        error = self._death()
        if not self._closing:
            log.error("runner %d ended: %s", self.pid, error)
        for mailbox in (*self._mailboxes.values(), self._loading):
            if mailbox is not None:
                mailbox.fail(error)
        self._transport.close()
        if self._on_end is not None:
            self._on_end()

    # --- details ----------------------------------------------------------------------------------

    def _death(self) -> ServerError:
        code = self._transport.get_returncode()
        how = _describe_exit(code)
        if self._loading is None:
            return RunnerDied(f"{how}: {self._last_lines[-1]}" if self._last_lines else how)
        if code == -signal.SIGKILL:
            return OutOfMemory("the model runner was killed while it loaded: out of memory")
        said = " ".join(list(self._last_lines)[-3:])
        return LoadError(f"model runner process has terminated: {how}" + (said and f": {said}"))

    async def _wait_until_ready(self, stall_seconds: float) -> protocol.ModelInfo:
        assert self._loading is not None
        timeout = None if math.isinf(stall_seconds) else stall_seconds
        while True:
            try:
                message = await asyncio.wait_for(self._loading.get(), timeout)
            except TimeoutError:
                last = self._last_lines[-1] if self._last_lines else ""
                raise LoadError(
                    f"timed out waiting for the model runner to start - {last}"
                ) from None
            if isinstance(message, protocol.Ready):
                self._loading = None
                return message.info
            if isinstance(message, protocol.LoadFailed):
                kind = OutOfMemory if message.kind == "memory" else LoadError
                raise kind(message.error)

    def _give_up(self, number: int) -> None:
        """End a generation whose reader is too far behind; what has come can still be read."""
        self._send(protocol.Cancel(number))
        self._mailboxes.pop(number).fail(Canceled(_UNREAD))

    @contextmanager
    def _request(self, message: Any, mailbox: _Mailbox) -> Iterator[_Mailbox]:
        """Send a request under a fresh id; leaving before its end cancels it in the engine."""
        if self._exited.is_set():
            raise self._death()
        message.id = next(self._ids)
        self._mailboxes[message.id] = mailbox
        try:
            self._send(message)
            yield mailbox
        finally:
            self._mailboxes.pop(message.id, None)
            if not mailbox.answered and not self._exited.is_set():
                self._send(protocol.Cancel(message.id))

    async def _ask(self, message: Any, answer: type[T]) -> T:
        with self._request(message, _Mailbox()) as mailbox:
            reply = await mailbox.get()
        if not isinstance(reply, answer):
            raise RunnerError(f"the model runner answered {type(reply).__name__} out of turn")
        return reply

    @staticmethod
    def _vectors(reply: protocol.Embedded) -> tuple[Vectors, list[int]]:
        vectors = np.frombuffer(reply.vectors, dtype="<f4").reshape(-1, max(1, reply.width))
        return vectors, reply.counts

    def _send(self, message: protocol.ToRunner) -> None:
        if not self._stdin.is_closing():
            self._stdin.write(protocol.frame(message))

    def _kill(self) -> None:
        if self._transport.get_returncode() is None:
            self._transport.kill()


def _describe_exit(code: int | None) -> str:
    if code is None:
        return "it closed its pipe"
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"
