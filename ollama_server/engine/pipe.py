"""The runner's end of the pipe: frames in from the server, frames out to it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO

from . import protocol as p


class Pipe:
    """Standard input and output, taken over for the protocol.

    Native code prints to descriptor 1, so that is pointed at stderr and the real one is kept here.
    ``send`` may be called from any thread; a frame is written whole.
    """

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._in: BinaryIO = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self._lock = threading.Lock()

    def send(self, message: p.FromRunner) -> None:
        """Write one frame; raises BrokenPipeError when the server is gone."""
        data = memoryview(p.frame(message))
        with self._lock:
            while data:
                data = data[os.write(self._out, data) :]

    def messages(self) -> Iterator[p.ToRunner]:
        """Frames as they come; ends when the server closes its end."""
        while True:
            header = self._in.read(p.HEADER.size)
            if len(header) < p.HEADER.size:
                return
            (size,) = p.HEADER.unpack(header)
            body = self._in.read(size)
            if len(body) < size:
                return
            yield p.decode_to_runner(body)
