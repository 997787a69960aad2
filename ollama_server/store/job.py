"""Long work in a thread, seen from the event loop as a stream of progress frames."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable

from ollama_server.errors import Canceled
from ollama_server.store.progress import Progress


class Job:
    """Where the work reports to, and where it learns that nobody waits for it any more."""

    def __init__(self, deliver: Callable[[Progress], None] | None = None) -> None:
        self._deliver = deliver
        self._canceled = threading.Event()

    def report(self, status: str, digest: str = "", total: int = 0, completed: int = 0) -> None:
        """Send one frame. Raises Canceled."""
        self.check()
        if self._deliver is not None:
            self._deliver(Progress(status, digest, total, completed))

    def check(self) -> None:
        """Raises Canceled once the client has gone. Called between pieces of the work."""
        if self._canceled.is_set():
            raise Canceled("request canceled")

    def cancel(self) -> None:
        """Ask the work to stop at its next ``check``."""
        self._canceled.set()


async def frames(work: Callable[[Job], None]) -> AsyncIterator[Progress]:
    """Run ``work`` in a thread and yield what it reports; its exception ends the stream.

    Closing the iterator cancels the work and waits until it has cleaned up.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Progress | None] = asyncio.Queue()
    job = Job(lambda frame: _post(loop, queue, frame))

    def run() -> None:
        try:
            work(job)
        finally:
            _post(loop, queue, None)

    task = asyncio.ensure_future(asyncio.to_thread(run))
    try:
        while (frame := await queue.get()) is not None:
            yield frame
        await task
    finally:
        if not task.done():
            job.cancel()
            # The work's own outcome interests nobody any more; its clean-up does.
            with contextlib.suppress(Exception):
                await asyncio.shield(task)


def _post(
    loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Progress | None], frame: Progress | None
) -> None:
    # A loop that closes while the work cleans up has no listeners left.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(queue.put_nowait, frame)
