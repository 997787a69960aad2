"""How many threads compute a step of one token: learned while they compute.

Such a step reads all weights once and does little with them, so it is memory that decides. One more
thread than memory can feed gains nothing, and costs much when the machine has other work: threads
meet at some hundred barriers a token, and the slowest decides. Measured on two cores with 100
million weights in eight bits: 197 tokens/s with two threads and 194 with one; beside one busy
neighbour 86 and 191. Prompts and batches are bound by computing and keep all threads.

A step is judged from the end of the one before it to its own: what the server does with a token in
the meantime costs less beside a core that is left idle.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from statistics import fmean, median

# Steps that one number of threads is judged by; the first one after a change does not count.
TRIAL_STEPS = 8
# A trial whose first counted steps were all so much slower, or so much quicker, ends there.
FIRST_LOOK = 2
CLEAR = 1.15
# Steps between trials: often at first and after a success, ever more seldom without one, and most
# seldom where it was no close race.
FIRST_PAUSE = 24
LONGEST_PAUSE = 1536
# Fewer threads win a draw: what they leave idle is there for the server and everybody else.
DRAW = 1.02
# More threads have to be worth it.
GAIN = 0.97
# What a step can take of the middle one's time and count: the machine may stop for other reasons.
OUTLIER = 1.5
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
        self._won = False  # whether the trial is of the number before, which has just lost
        self._pause = FIRST_PAUSE
        self._left = FIRST_PAUSE
        self._seconds: deque[float] = deque(maxlen=TRIAL_STEPS + 1)
        self._usual = 0.0

    @property
    def count(self) -> int:
        """Threads in effect."""
        return self._ladder[self._rung if self._trial is None else self._trial]

    def measured(self, seconds: float) -> None:
        """Learn from a step of one token, and change the number for the next one where it pays.

        ``seconds`` are from the end of the step before it, which had one token, too.
        """
        if len(self._ladder) == 1:
            return
        self._seconds.append(seconds)
        if self._trial is not None:
            self._look(self._trial, list(self._seconds)[1:])
            return
        self._left -= 1
        if len(self._seconds) > TRIAL_STEPS and (self._left <= 0 or self._disturbed()):
            self._try_next()

    def _look(self, trial: int, seconds: list[float]) -> None:
        if len(seconds) == FIRST_LOOK and min(seconds) > CLEAR * self._usual:
            self._give_up(4)
        elif len(seconds) == FIRST_LOOK and CLEAR * max(seconds) < self._usual:
            self._win(trial, max(seconds))
        elif len(seconds) == TRIAL_STEPS:
            taken = typical(seconds)
            if taken <= self._usual * (DRAW if trial > self._rung else GAIN):
                self._win(trial, taken)
            else:
                self._give_up(2)

    def _disturbed(self) -> bool:
        limit = DISTURBED * self._usual
        return self._seconds[-1] > limit > 0 and min(self._seconds) > limit

    def _try_next(self) -> None:
        if self._disturbed():
            self._direction, self._won = 1, False
        if not 0 <= self._rung + self._direction < len(self._ladder):
            self._direction = -self._direction
        self._start(self._rung + self._direction, typical(list(self._seconds)[1:]))

    def _start(self, trial: int, usual: float) -> None:
        self._usual = usual
        self._trial = trial
        self._change(trial)

    def _win(self, trial: int, seconds: float) -> None:
        """Stay with the number under trial, and see at once whether the one before is worse.

        The machine may have been disturbed while the one before was measured, which may turn out
        to be the better one all the same.
        """
        before, self._rung = self._rung, trial
        self._direction = -self._direction
        self._won = not self._won
        if self._won:
            self._start(before, seconds)
            return
        self._trial = None
        self._usual = seconds
        self._seconds.clear()
        self._left = self._pause

    def _give_up(self, rarer: int) -> None:
        """Go back to the number before; the next trial comes after so many times the pause."""
        self._trial = None
        self._change(self._rung)
        self._direction = -self._direction
        self._pause = FIRST_PAUSE if self._won else min(rarer * self._pause, LONGEST_PAUSE)
        self._left = self._pause
        self._won = False

    def _change(self, rung: int) -> None:
        self._seconds.clear()
        self._apply(self._ladder[rung])


def typical(seconds: list[float]) -> float:
    """What steps like these take: the mean, in which none counts for too much.

    Only some steps pass news on, so that the median would not know what that costs.
    """
    most = OUTLIER * median(seconds)
    return fmean(min(each, most) for each in seconds)


def ladder(most: int) -> list[int]:
    """Numbers of threads that are worth a try: each about three quarters of the one before."""
    rungs = [max(1, most)]
    while rungs[-1] > 1:
        rungs.append(min(rungs[-1] - 1, round(rungs[-1] * 0.75)))
    return rungs


def physical_cores() -> int:
    """Cores to compute on: hyper-threads and cores outside the affinity mask do not count."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    cores: set[str] = set()
    for cpu in allowed or ():
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
                cores.add(file.read())
        except OSError:
            cores.add(str(cpu))
    return max(1, len(cores) or (os.cpu_count() or 1))
