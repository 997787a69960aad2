"""Disk work beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")


class Threads:
    """A few threads of our own, so that a slow disk never takes those that requests wait for."""

    def __init__(self, count: int = 8) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="transfer")

    async def run(self, work: Callable[[], R]) -> R:
        """Do ``work`` in a thread. Cancelled, it still waits for the thread to leave ``work``:

        what the thread uses (a descriptor, a buffer) may be given up only afterwards.
        """
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
