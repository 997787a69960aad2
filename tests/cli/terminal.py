"""A pseudo-terminal with the command line on it."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])")
# What may be the beginning of one, at the end of what has been read.
_CUT = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*|\][^\x07]*|[()])?$")
_SECONDS = 90.0
_ROWS, _COLUMNS = 40, 100


class Terminal:
    """``ollama-server <words>`` with a terminal for stdin, stdout and stderr."""

    def __init__(self, words: Sequence[str]) -> None:
        self._master, slave = pty.openpty()
        size = struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ollama_server", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # The line editor asks the terminal where the cursor is; nobody would answer.
            env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
            start_new_session=True,
            # Ctrl-C is a signal only on a controlling terminal.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(slave)
        self._seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def wait_for(self, text: str) -> str:
        """Read until ``text`` appears; returns and forgets everything up to its end."""
        deadline = time.monotonic() + _SECONDS
        while text not in (plain := self.rest):
            assert self._read(deadline), f"{text!r} never appeared in {self._seen!r}"
        end = plain.index(text) + len(text)
        cut = _CUT.search(self._seen)
        self._seen = plain[end:] + (cut[0] if cut else "")
        return plain[:end]

    def prompt(self) -> str:
        """Read until the program waits for a message."""
        return self.wait_for("Send a message (/? for help)")

    def send(self, text: str) -> None:
        """Type a line and Enter."""
        self.type(f"{text}\r")

    def type(self, keys: str) -> None:
        """Type keys."""
        os.write(self._master, keys.encode())

    def say(self, text: str) -> str:
        """Type a line at the prompt; what is shown until the next prompt."""
        self.send(text)
        return self.prompt()

    def status(self) -> int:
        """Wait for the end; the exit status."""
        deadline = time.monotonic() + _SECONDS
        while self._read(deadline):
            pass
        return self._process.wait(timeout=_SECONDS)

    @property
    def rest(self) -> str:
        """What was shown and not asked for yet."""
        return _CUT.sub("", _ANSI.sub("", self._seen))

    def close(self) -> None:
        """End the program, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux' way to say that the other side is closed
            return False
        self._seen += self._decoder.decode(data)
        return bool(data)
