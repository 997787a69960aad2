"""llama.cpp's own log: kept for error texts and buffer sizes, warnings passed on to stderr."""

from __future__ import annotations

import ctypes
import re
import sys
from collections import deque
from typing import ClassVar

import llama_cpp.llama_cpp as lib
import llama_cpp.mtmd_cpp as mtmd

LEVEL_WARN = 3
LEVEL_ERROR = 4
LEVEL_CONTINUE = 5
KEPT_LINES = 2000

ROTATION = re.compile(r"attn_rot_k\s*=\s*(\d+)")
BUFFER = re.compile(r"(\S+)\s+(model|KV|RS|compute|output)\s+buffer size\s*=\s*([\d.]+) MiB")


class NativeLog:
    """Receives every line; install it before anything of llama.cpp runs.

    It lives until another one is installed: llama.cpp would go on calling it.
    """

    _installed: ClassVar[NativeLog | None] = None

    def __init__(self, verbose: bool = False) -> None:
        self._verbose = verbose
        self._lines: deque[tuple[int, str]] = deque(maxlen=KEPT_LINES)
        self._level = 0
        self._callback = lib.llama_log_callback(self._receive)
        for set_log in (lib.llama_log_set, mtmd.mtmd_log_set, mtmd.mtmd_helper_log_set):
            set_log(self._callback, ctypes.c_void_p(0))
        NativeLog._installed = self

    def _receive(self, level: int, text: bytes, _: object) -> None:
        if level != LEVEL_CONTINUE:
            self._level = level
        line = text.decode("utf-8", "replace")
        self._lines.append((self._level, line))
        if self._verbose or self._level in (LEVEL_WARN, LEVEL_ERROR):
            sys.stderr.write(line)

    def clear(self) -> None:
        """Forget what was said so far."""
        self._lines.clear()

    def text(self) -> str:
        """Everything kept, as one string."""
        return "".join(line for _, line in self._lines)

    def errors(self) -> str:
        """The error lines, stripped of function names, joined by "; "."""
        lines = (line.strip() for level, line in self._lines if level == LEVEL_ERROR)
        cleaned = [re.sub(r"^[A-Za-z_:]+: ", "", line) for line in lines]
        return "; ".join(dict.fromkeys(line for line in cleaned if line))

    def buffer_sizes(self) -> list[tuple[str, int]]:
        """(device, bytes) of each buffer that loading announced."""
        return [
            (device, int(float(mib) * 1024 * 1024))
            for device, _, mib in BUFFER.findall(self.text())
        ]

    def rotates_keys(self) -> bool:
        """Whether all KV caches hold their keys in rotated form."""
        return all(int(number) for number in ROTATION.findall(self.text()))

    def kv_bytes(self) -> int:
        """Bytes of the KV cache."""
        found = BUFFER.findall(self.text())
        return sum(int(float(mib) * 1024 * 1024) for _, kind, mib in found if kind in ("KV", "RS"))


def is_host(device: str) -> bool:
    """Whether a buffer of this name lies in main memory."""
    return device.startswith("CPU") or device.endswith("_Host") or device == "BLAS"
