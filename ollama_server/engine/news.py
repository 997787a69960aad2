"""What clients are to hear, and when the server is told: at once, or a few steps' worth together.

Passing a token on wakes the server and the client, and where the same cores compute the model, both
run with cold caches: a third of a millisecond, of five that a step of a small model takes. Nobody
sees whether a token comes some milliseconds later. So steps that are quicker than ``PAUSE`` share a
frame, which leaves when a step has computed and one core samples: another one can pass it on then.
The first words of an answer, its end, and slower steps never wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from . import protocol as p

# Seconds that news may wait for company: as long as a picture of a film stands, or less.
PAUSE = 0.040
# Sampling leaves a core idle, on which the server can pass on the first news in the meantime.
AT_ONCE = 4


class News:
    """Collects the deltas of generations and the last messages of requests; ``send`` takes them."""

    def __init__(
        self, send: Callable[[p.FromRunner], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._send = send
        self._clock = clock
        self._deltas: list[p.Delta] = []
        self._ends: list[p.FromRunner] = []
        self._urgent = False
        self._sent = -PAUSE

    def say(self, delta: p.Delta, *, first: bool) -> None:
        """Add a piece of an answer; the ``first`` one of an answer does not wait."""
        self._deltas.append(delta)
        self._urgent = self._urgent or first
        if len(self._deltas) >= AT_ONCE and self._overdue(0.0):
            self.send()

    def end(self, message: p.FromRunner) -> None:
        """Add the last message of a request, which does not wait."""
        self._ends.append(message)
        self._urgent = True

    def before_step(self, step_seconds: float) -> None:
        """Send what must not wait for a step that is to compute for ``step_seconds``."""
        if self._urgent or (self._deltas and step_seconds > PAUSE):
            self.send()

    def computed(self, step_seconds: float) -> None:
        """Send what must not wait for another such step; the last one has just computed."""
        if self._deltas and self._overdue(step_seconds):
            self.send()

    def send(self) -> None:
        """Send everything: a frame with the pieces, then the ends."""
        if self._deltas:
            self._send(p.Step(self._deltas))
            self._deltas = []
        for message in self._ends:
            self._send(message)
        self._ends.clear()
        self._urgent = False
        self._sent = self._clock()

    def _overdue(self, step_seconds: float) -> bool:
        return self._clock() + step_seconds > self._sent + PAUSE
