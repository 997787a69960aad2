"""Transfers that several clients wait for: one per key, dropped when the last client leaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Generic, Protocol, TypeVar


class Transfer(Protocol):
    """A piece of work with progress; ``moved`` is set when the last byte has crossed the wire."""

    digest: str
    moved: asyncio.Event

    @property
    def total(self) -> int: ...

    @property
    def completed(self) -> int: ...

    async def run(self) -> None: ...


T = TypeVar("T", bound=Transfer)


class Running(Generic[T]):
    """A transfer and the task that performs it."""

    def __init__(self, transfer: T) -> None:
        self.transfer = transfer
        self.clients = 0
        self.task = asyncio.create_task(transfer.run(), name=f"transfer {transfer.digest[:19]}")

    async def moved(self, seconds: float) -> bool:
        """Wait up to ``seconds``; True when nothing is left to transfer or it failed."""
        if self.transfer.moved.is_set() or self.task.done():
            return True
        waiter = asyncio.create_task(self.transfer.moved.wait())
        try:
            await asyncio.wait(
                {waiter, self.task}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiter.cancel()
        return self.transfer.moved.is_set() or self.task.done()

    async def result(self) -> None:
        """Wait for the end and raise what it raised; a client's leaving does not disturb others."""
        await asyncio.shield(self.task)


class SharedTransfers(Generic[T]):
    """The transfers under way in this process, by key."""

    def __init__(self) -> None:
        self._running: dict[str, Running[T]] = {}

    @contextlib.asynccontextmanager
    async def join(self, key: str, start: Callable[[], T]) -> AsyncIterator[Running[T]]:
        """Take part in the transfer ``key``, which ``start`` describes when nobody runs it yet."""
        running = self._running.get(key)
        while running is not None and running.task.cancelling():
            # Its last client left a moment ago: let it put its state away before it starts again.
            await asyncio.wait({running.task})
            running = self._running.get(key)
        if running is None or running.task.done():
            running = self._start(key, start)
        running.clients += 1
        try:
            yield running
        finally:
            running.clients -= 1
            if running.clients == 0 and not running.task.done():
                running.task.cancel()
                await asyncio.wait({running.task})

    def _start(self, key: str, start: Callable[[], T]) -> Running[T]:
        running = Running(start())
        self._running[key] = running

        def ended(task: asyncio.Task[None]) -> None:
            if self._running.get(key) is running:
                del self._running[key]
            if not task.cancelled():
                task.exception()  # retrieved: whoever still waits gets it from result()

        running.task.add_done_callback(ended)
        return running

    async def close(self) -> None:
        """Cancel everything and wait until each transfer has saved where it is."""
        tasks = [running.task for running in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
