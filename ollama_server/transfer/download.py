"""One blob from the network to the disk: parallel ranges, retries, resume, and its digest checked.

The parts of the blob arrive side by side and are written where they belong in a sparse file. A
second reader follows them from the start of the file and hashes what is complete, so that little is
left to hash when the last byte arrives. The file gets its final name only when the digest is right.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import httpx

from ollama_server.errors import ServerError, TransferError
from ollama_server.store.blobs import Blobs
from ollama_server.store.disk import disk_errors, explain, free_space
from ollama_server.transfer.net import Refused, Unreachable, cause
from ollama_server.transfer.parts import Part, PartedTransfer, PartialFile, divide
from ollama_server.transfer.registry import Location
from ollama_server.transfer.threads import Threads

# Written at once: large enough to make the hop into a thread cheap.
_WRITE_BYTES = 512 << 10
_HASH_BYTES = 2 << 20
# At most this much of a part is fetched again after a crash.
_SAVE_BYTES = 16 << 20
# Dirty pages are pushed to the disk as they come: no long wait for it at the end.
_SYNC_BYTES = 256 << 20


# Streams to begin with, the most there may be, and the speed of all together at which no more are
# opened. An event loop may read some 3 MB ahead for each of them when this process is short of CPU.
_FIRST_STREAMS = 4
_MOST_STREAMS = 8
_FAST_BYTES = 200e6
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Retry:
    """How stubborn a part is: attempts without progress, and seconds of pause before the second."""

    attempts: int = 6
    pause_seconds: float = 1.0

    def pause(self, attempt: int) -> float:
        """Seconds to wait after failure number ``attempt`` (from 0)."""
        return float(2**attempt) * self.pause_seconds


class Source(Protocol):
    """Where a blob comes from."""

    async def size(self) -> int:
        """Bytes of the blob."""
        ...

    async def locate(self) -> Location:
        """Where its bytes are now; asked again when a location has expired."""
        ...


class _NoRanges(Exception):
    """The server sends the whole blob whatever range it is asked for."""


class BlobDownload(PartedTransfer):
    """A ``shared.Transfer`` that ends with the blob in the store, or raises."""

    def __init__(
        self,
        source: Source,
        digest: str,
        blobs: Blobs,
        *,
        client: httpx.AsyncClient,
        threads: Threads,
        retry: Retry | None = None,
        streams: int = 0,
    ) -> None:
        """``streams`` is the most that there may be, 0 where nobody said."""
        super().__init__(digest)
        self._source = source
        self._partial = PartialFile(blobs, digest)
        self._client = client
        self._threads = threads
        self._retry = retry or Retry()
        self._most_streams = streams or _MOST_STREAMS
        self._resumed = False
        self._descriptor = -1
        self._location: Location | None = None
        self._locating = asyncio.Lock()
        self._advanced = asyncio.Event()
        self._unsynced = 0
        self._syncing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Download, verify, publish. Raises TransferError or StoreError; a later run resumes."""
        with disk_errors(self._partial.path):
            await self._plan()
            while True:
                found = await self._attempt()
                if found == self.digest:
                    break
                self._partial.discard()
                if not self._resumed:
                    raise TransferError(
                        "digest mismatch, file must be downloaded again: "
                        f"want {self.digest}, got {found}"
                    )
                # What an earlier run left was damaged, by a power cut say: once more from nothing.
                self._lay_out(divide(self.total))
            self._partial.publish()

    async def _plan(self) -> None:
        parts = self._partial.load()
        if parts is not None:
            self._parts, self._resumed = parts, True
            return
        total = await self._source.size()
        self._parts = divide(total)
        self._check_space(total)
        self._lay_out(self._parts)

    def _lay_out(self, parts: list[Part]) -> None:
        self._parts, self._resumed = parts, False
        self._partial.create(parts, self.total)

    def _check_space(self, total: int) -> None:
        folder = self._partial.path.parent
        free = free_space(folder)
        if free < total:
            error = explain(OSError(errno.ENOSPC, "", str(folder)), folder)
            raise type(error)(f"{error} ({total:,} bytes needed, {free:,} free)")

    async def _attempt(self) -> str:
        """Fetch what is missing and return the digest of all of it."""
        self._descriptor = os.open(self._partial.path, os.O_RDWR)
        try:
            try:
                return await self._fetch_and_hash()
            except _NoRanges:
                self._lay_out([Part(0, 0, self.total)])
                os.close(self._descriptor)
                self._descriptor = os.open(self._partial.path, os.O_RDWR)
                return await self._fetch_and_hash()
        finally:
            if self._syncing is not None:
                await asyncio.wait([self._syncing])
                self._syncing = None
            os.close(self._descriptor)

    async def _fetch_and_hash(self) -> str:
        try:
            async with asyncio.TaskGroup() as everything:
                digest = everything.create_task(self._hash())
                await self._fetch_all()
                self.moved.set()
        except BaseExceptionGroup as group:
            raise first_error(group) from None
        if self._syncing is not None:
            await self._syncing
        await self._threads.run(lambda: os.fsync(self._descriptor))
        return f"sha256:{digest.result()}"

    async def _fetch_all(self) -> None:
        """Fetch the missing parts in order, with more streams while they are not fast together.

        More streams help against distance, not against a near server: there they only hold memory
        and keep the start of the file, which is hashed first, from being complete.
        """
        waiting = deque(part for part in self._parts if not part.done)
        all_taken = asyncio.Event()

        async def work() -> None:
            while waiting:
                await self._fetch(waiting.popleft())
            all_taken.set()

        async with asyncio.TaskGroup() as streams:
            count, is_fast, most = 0, False, self._most_streams
            while waiting:
                if not is_fast:
                    more = min(max(count, _FIRST_STREAMS), most - count, len(waiting))
                    for _ in range(more):
                        streams.create_task(work())
                    count += more
                before = self.completed
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(all_taken.wait(), _LOOK_SECONDS)
                is_fast = self.completed - before > _FAST_BYTES * _LOOK_SECONDS

    # ── bytes ────────────────────────────────────────────────────────────────────────────────

    async def _fetch(self, part: Part) -> None:
        failures = 0
        while not part.done:
            before = part.completed
            try:
                await self._stream(part)
                continue
            except (httpx.ReadTimeout, httpx.WriteTimeout):
                # Stalled. A new connection costs nothing, so this may go on for ever.
                continue
            except httpx.HTTPError as error:
                failure: Exception = Unreachable(cause(error))
            except (Unreachable, Refused) as error:
                failure = error
                if isinstance(error, Refused):
                    self._location = None
            if part.completed > before:
                failures = 0
            failures += 1
            if failures >= self._retry.attempts:
                raise TransferError(
                    f"max retries exceeded: {failure}; pull again to go on from where it stopped"
                ) from failure
            await asyncio.sleep(self._retry.pause(failures - 1))

    async def _stream(self, part: Part) -> None:
        """One request for what is missing of ``part``. Whatever arrived is kept."""
        location = await self._locate()
        headers = {**location.headers, "Range": f"bytes={part.position}-{part.end - 1}"}
        saved = part.completed
        async with self._client.stream(
            "GET", location.url, headers=headers, follow_redirects=True
        ) as response:
            skip = await self._bytes_to_skip(response, part)
            # One buffer for the whole stream: the many small pieces of a response die at once,
            # so that they leave no fragmented heap behind.
            buffer = memoryview(bytearray(_WRITE_BYTES))
            held = 0
            try:
                async for chunk in _wanted(response, skip, part.size - part.completed):
                    while chunk:
                        taken = min(len(chunk), len(buffer) - held)
                        buffer[held : held + taken] = chunk[:taken]
                        held += taken
                        chunk = chunk[taken:]
                        if held == len(buffer):
                            save = part.completed - saved >= _SAVE_BYTES
                            saved = part.completed if save else saved
                            held = 0
                            await self._threads.run(partial(self._write, part, buffer, save=save))
                            self._wrote(part, len(buffer))
            finally:
                # On the way out, cancelled or not: one buffer at most, so without a thread.
                self._write(part, buffer[:held], save=False)
                self._wrote(part, held)
                self._partial.save(part)
        if not part.done:
            raise Unreachable(f"the connection ended at byte {part.position} of {self.total}")

    async def _locate(self) -> Location:
        async with self._locating:
            if self._location is None:
                self._location = await self._source.locate()
            return self._location

    async def _bytes_to_skip(self, response: httpx.Response, part: Part) -> int:
        """Bytes at the start of the body that are on disk already. Raises Refused, _NoRanges."""
        if response.status_code == 206:
            start = response.headers.get("Content-Range", "").partition("-")[0]
            if start and start != f"bytes {part.position}":
                raise Refused(206, f"asked for byte {part.position}, was sent {start}")
            return 0
        if response.status_code == 200:
            if part.position > 0 and len(self._parts) > 1:
                raise _NoRanges
            if part.size != self.total:
                raise _NoRanges
            return part.position
        await response.aread()
        raise Refused(response.status_code, response.text[:500])

    def _write(self, part: Part, data: memoryview, *, save: bool) -> None:
        position = part.position
        while data:
            written = os.pwrite(self._descriptor, data, position)
            position += written
            data = data[written:]
        if save:
            self._partial.save(part)

    def _wrote(self, part: Part, size: int) -> None:
        part.completed += size
        self._advanced.set()
        self._unsynced += size
        if self._unsynced >= _SYNC_BYTES:
            if self._syncing is not None:
                if not self._syncing.done():
                    return
                self._syncing.result()
            self._unsynced = 0
            work = self._threads.run(lambda: os.fdatasync(self._descriptor))
            self._syncing = asyncio.create_task(work)

    # ── digest ───────────────────────────────────────────────────────────────────────────────

    async def _hash(self) -> str:
        """Follow the complete front of the file to its end."""
        state = hashlib.sha256()
        buffer = bytearray(_HASH_BYTES)
        position = 0
        total = self.total
        while position < total:
            front = self._front()
            if front == position:
                self._advanced.clear()
                await self._advanced.wait()
                continue
            size = min(front - position, _HASH_BYTES)
            view = memoryview(buffer)[:size]
            start = position

            def update() -> None:
                if os.preadv(self._descriptor, [view], start) != len(view):  # noqa: B023
                    raise OSError(errno.EIO, "the file shrank while it was read")
                state.update(view)  # noqa: B023

            await self._threads.run(update)
            position += size
        return state.hexdigest()

    def _front(self) -> int:
        """Bytes that are complete from the start of the blob."""
        for part in self._parts:
            if not part.done:
                return part.position
        return self.total


async def _wanted(response: httpx.Response, skip: int, size: int) -> AsyncIterator[memoryview]:
    """The body without its first ``skip`` bytes, at most ``size`` bytes of it."""
    async for chunk in response.aiter_raw():
        piece = memoryview(chunk)[skip : skip + size]
        skip = max(skip - len(chunk), 0)
        size -= len(piece)
        if piece:
            yield piece
        if size == 0:
            return


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception that made a task group fall, the project's own first."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = list(group.exceptions)
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending += error.exceptions
        else:
            leaves.append(error)
    return next((e for e in leaves if isinstance(e, ServerError | _NoRanges)), leaves[0])
