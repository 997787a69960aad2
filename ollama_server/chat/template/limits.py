"""Bounds on what a template may cost: templates come with models, and models come from strangers.

A `Budget` counts steps (loop passes, calls, pieces of text copied) and characters of output, and
looks at a clock now and then. Every way a template can spend time or memory goes through it, so a
hostile template ends in a `TemplateError` and never hangs the server.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass

from ollama_server.errors import TemplateError

# Copying this many characters costs as much as one step.
CHARS_PER_STEP = 64
_STEPS_PER_CLOCK = 512


@dataclass(frozen=True, slots=True)
class Limits:
    """``text`` bounds one string, ``items`` one list, ``output`` the prompt, all in characters.

    ``seconds`` are the thread's own, so that a busy machine does not make a template fail.
    """

    steps: int = 2_000_000
    text: int = 16_000_000
    items: int = 1_000_000
    output: int = 64_000_000
    seconds: float = 5.0
    source: int = 128_000
    depth: int = 100
    integer_bits: int = 4096


DEFAULT_LIMITS = Limits()


class Budget:
    """What one rendering may still spend."""

    __slots__ = ("_clock", "_deadline", "limits", "output", "steps")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.steps = limits.steps
        self.output = limits.output
        self._deadline = time.thread_time() + limits.seconds
        self._clock = limits.steps - _STEPS_PER_CLOCK

    def step(self, cost: int = 1) -> None:
        """Pay for work; raises TemplateError when nothing is left."""
        self.steps -= cost
        if self.steps < self._clock:
            if self.steps < 0:
                raise TemplateError("template does too much work")
            self._clock = self.steps - _STEPS_PER_CLOCK
            if time.thread_time() > self._deadline:
                raise TemplateError("template takes too long")

    def text(self, length: int) -> None:
        """Pay for a new string of ``length`` characters, before it is made."""
        if length > self.limits.text:
            raise TemplateError("template makes a text that is too long")
        self.step(1 + length // CHARS_PER_STEP)

    def items(self, count: int) -> None:
        """Pay for a new list of ``count`` items, before it is made."""
        if count > self.limits.items:
            raise TemplateError("template makes a list that is too long")
        self.step(1 + count // 4)

    def emit(self, length: int) -> None:
        """Pay for ``length`` characters of output."""
        self.output -= length
        if self.output < 0:
            raise TemplateError("template writes too much")
        self.step(1 + length // CHARS_PER_STEP)


class Patience:
    """Time for all the small renderings by which a template is examined, together.

    Each of them has a budget of its own, but there are dozens of them.
    """

    def __init__(self, seconds: float = DEFAULT_LIMITS.seconds) -> None:
        self._left = seconds
        self._started = 0.0

    def __enter__(self) -> None:
        if self._left <= 0:
            raise TemplateError("template takes too long to examine")
        self._started = time.thread_time()

    def __exit__(self, *exc: object) -> None:
        self._left -= time.thread_time() - self._started


_current: ContextVar[Budget | None] = ContextVar("template_budget", default=None)


def current_budget() -> Budget:
    """The budget of the rendering in progress; a fresh one outside of any."""
    return _current.get() or Budget()


class spending:
    """Make ``budget`` the one that guarded operations pay from."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def __enter__(self) -> Budget:
        self._token = _current.set(self.budget)
        return self.budget

    def __exit__(self, *exc: object) -> None:
        _current.reset(self._token)
