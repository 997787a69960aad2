"""How many threads compute a step of one token: learned while they compute.

Such a step reads all weights once and does little with them, so it is memory that decides. One more
thread than memory can feed gains nothing, and costs much when the machine has other work: threads
meet at some hundred barriers a token, and the slowest decides. Measured on two cores with 100
million weights in eight bits: 197 tokens/s with two threads and 194 with one; beside one busy
neighbour 86 and 191. Prompts and batches are bound by computing and keep all threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import median

# Steps that one number of threads is judged by; the first one after a change does not count.
TRIAL_STEPS = 8
# A trial whose first counted steps were all so much slower is lost, and ends there.
FIRST_LOOK = 2
LOST = 1.15
# Steps between trials: often at first and after a success, ever more seldom without one, and most
# seldom where it was no close race.
FIRST_PAUSE = 24
LONGEST_PAUSE = 1536
# Fewer threads win a draw: what they leave idle is there for the server and everybody else.
DRAW = 1.02
# More threads have to be worth it.
GAIN = 0.97
# So much slower than before means that the machine has other work now: look again at once.
DISTURBED = 1.3


class Threads:
    """Tries neighbouring numbers of threads, from ``most`` down; ``apply`` puts one into effect."""

    def __init__(self, most: int, apply: Callable[[int], None]) -> None:
        self._apply = apply
        self._ladder = ladder(most)
        self._rung = 0
        self._trial: int | None = None
        self._direction = 1
        self._pause = FIRST_PAUSE
        self._left = FIRST_PAUSE
        self._seconds: deque[float] = deque(maxlen=TRIAL_STEPS + 1)
        self._usual = 0.0

    @property
    def count(self) -> int:
        """Threads in effect."""
        return self._ladder[self._rung if self._trial is None else self._trial]

    def measured(self, seconds: float) -> None:
        """Learn from a step of one token, and change the number for the next one where it pays."""
        if len(self._ladder) == 1:
            return
        self._seconds.append(seconds)
        if self._trial is not None:
            counted = len(self._seconds) - 1
            if counted == FIRST_LOOK and min(list(self._seconds)[1:]) > LOST * self._usual:
                self._give_up(4)
            elif counted == TRIAL_STEPS:
                self._judge(self._trial)
            return
        self._left -= 1
        if len(self._seconds) > TRIAL_STEPS and (self._left <= 0 or self._disturbed()):
            self._try_next()

    def _disturbed(self) -> bool:
        limit = DISTURBED * self._usual
        return self._seconds[-1] > limit > 0 and min(self._seconds) > limit

    def _try_next(self) -> None:
        if self._disturbed():
            self._direction = 1
        if not 0 <= self._rung + self._direction < len(self._ladder):
            self._direction = -self._direction
        self._usual = self._typical()
        self._trial = self._rung + self._direction
        self._change(self._trial)

    def _judge(self, trial: int) -> None:
        seconds = self._typical()
        if seconds > self._usual * (DRAW if trial > self._rung else GAIN):
            self._give_up(2)
            return
        self._trial = None
        self._rung = trial
        self._usual = seconds
        self._left = self._pause = FIRST_PAUSE
        self._seconds.clear()

    def _give_up(self, rarer: int) -> None:
        """Go back to the number before; the next trial comes after so many times the pause."""
        self._trial = None
        self._change(self._rung)
        self._direction = -self._direction
        self._left = self._pause = min(rarer * self._pause, LONGEST_PAUSE)

    def _typical(self) -> float:
        return median(list(self._seconds)[1:])

    def _change(self, rung: int) -> None:
        self._seconds.clear()
        self._apply(self._ladder[rung])


def ladder(most: int) -> list[int]:
    """Numbers of threads that are worth a try: each about three quarters of the one before."""
    rungs = [max(1, most)]
    while rungs[-1] > 1:
        rungs.append(min(rungs[-1] - 1, round(rungs[-1] * 0.75)))
    return rungs
