"""Copying ranges of one file into another, and to the disk, beside other work.

One thread copies; another has the disk write what is there already, so that little is left to
wait for when the last byte has been copied.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType

from ollama_server.store.dialects.draft import Span
from ollama_server.store.gguf import DEFAULT_ALIGNMENT, GGUFError

BLOCK = 4096
_COPY_BYTES = 64 << 20
_READ_BYTES = 8 << 20
_FICLONERANGE = 0x4020940D  # linux/fs.h
_NOT_OFFERED = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of the source that go to ``target`` in the new file."""

    target: int
    span: Span

    @property
    def shift(self) -> int:
        """How far they move."""
        return self.target - self.span.offset

    def joined(self, other: Range) -> Range | None:
        """With a range right behind it in both files, alignment between them included."""
        gap = other.target - (self.target + self.span.size)
        if other.shift != self.shift or not 0 <= gap < DEFAULT_ALIGNMENT:
            return None
        return replace(self, span=Span(self.span.offset, self.span.size + gap + other.span.size))


class Copying:
    """Ranges on their way from one open file to another, from the beginning of a ``with`` on.

    It ends them, half done if need be. ``finish`` waits until all are copied and raises what went
    wrong: OSError, and GGUFError for a source that is too short.
    """

    def __init__(self, source: int, target: int, ranges: Sequence[Range]) -> None:
        self._source, self._target, self._ranges = source, target, ranges
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(2, "copying")
        self._copied: Future[None] | None = None
        self._written: Future[None] | None = None

    def __enter__(self) -> Copying:
        self._copied = self._threads.submit(self._copy_all)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._threads.shutdown()

    def finish(self) -> None:
        """Wait for the copy, and until it is on the disk with all else that the file has."""
        assert self._copied is not None
        self._copied.result()
        if self._written is not None:
            self._written.result()
        os.fsync(self._target)

    def _copy_all(self) -> None:
        for item in self._ranges:
            self._copy(item)

    def _copy(self, item: Range) -> None:
        done, size = 0, item.span.size
        # Up to the first whole block by itself: the rest can be shared.
        step = min(size, -item.target % BLOCK) or min(size, _COPY_BYTES)
        in_kernel = True
        while done < size and not self._stop.is_set():
            count = min(step, size - done)
            at, to = item.span.offset + done, item.target + done
            copied = self._copy_in_kernel(count, at, to) if in_kernel else None
            if copied is None:
                in_kernel = False
                data = os.pread(self._source, min(count, _READ_BYTES), at)
                copied = os.pwrite(self._target, data, to)
            if not copied:
                raise GGUFError("unexpected EOF in the tensor data")
            done += copied
            step = _COPY_BYTES
            if copied >= _READ_BYTES:
                self._write_out()

    def _copy_in_kernel(self, count: int, at: int, to: int) -> int | None:
        """Bytes copied; None where the kernel does not offer it for these files."""
        if not hasattr(os, "copy_file_range"):
            return None
        try:
            return os.copy_file_range(self._source, self._target, count, at, to)
        except OSError as error:
            if error.errno in _NOT_OFFERED:
                return None
            raise

    def _write_out(self) -> None:
        """Have the disk take what it can, unless it is busy with that."""
        if self._written is not None:
            if not self._written.done():
                return
            self._written.result()  # an error is told once: a later sync knows nothing of it
        self._written = self._threads.submit(os.fdatasync, self._target)


def shares_blocks(source: int, target: int) -> bool:
    """Whether the file system can let the target refer to the source's blocks."""
    request = struct.pack("=qQQQ", source, 0, BLOCK, 0)
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, _FICLONERANGE, request)
        return True
    return False
