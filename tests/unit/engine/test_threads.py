"""The number of threads for single tokens follows what the steps take."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ollama_server.engine.threads import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    TRIAL_STEPS,
    Threads,
    ladder,
)


class Machine:
    """Takes ``cost(threads)`` seconds for a step; runs steps and notes the threads they had."""

    def __init__(self, most: int, cost: Callable[[int], float]) -> None:
        self.cost = cost
        self.used = most
        self.history: list[int] = []
        self.threads = Threads(most, self.use)

    def use(self, count: int) -> None:
        self.used = count

    def run(self, steps: int) -> list[int]:
        self.history = []
        for _ in range(steps):
            self.history.append(self.used)
            self.threads.measured(self.cost(self.used))
        return self.history


def test_threads_that_gain_nothing_are_given_up() -> None:
    machine = Machine(8, lambda threads: 1.0 / min(threads, 4))
    machine.run(400)
    assert machine.threads.count == 4


def test_threads_that_gain_stay() -> None:
    machine = Machine(8, lambda threads: 1.0 / threads)
    assert set(machine.run(4000)[-200:]) == {8}


def test_trials_that_fail_become_rare() -> None:
    history = Machine(2, lambda threads: 1.0 / threads).run(4 * LONGEST_PAUSE)
    assert history.count(1) < 0.03 * len(history)


def test_a_busy_neighbour_is_noticed_before_the_next_trial_is_due() -> None:
    machine = Machine(2, lambda threads: 1.0 / threads)
    machine.run(4000)
    machine.cost = lambda threads: 10.0 if threads == 2 else 1.0
    history = machine.run(60)[20:]
    assert history.count(1) > 0.8 * len(history)


def test_threads_come_back_when_they_gain_again() -> None:
    machine = Machine(2, lambda threads: 10.0 if threads == 2 else 1.0)
    machine.run(100)
    assert machine.threads.count == 1
    machine.cost = lambda threads: 1.0 / threads
    machine.run(2 * LONGEST_PAUSE)
    assert machine.threads.count == 2


def test_one_core_is_never_left() -> None:
    machine = Machine(1, lambda threads: 1.0)
    assert set(machine.run(200)) == {1}


def test_the_ladder_reaches_down_to_one_thread() -> None:
    assert ladder(16) == [16, 12, 9, 7, 5, 4, 3, 2, 1]


def test_what_only_some_steps_cost_counts() -> None:
    steps = itertools.count()

    def cost(threads: int) -> float:
        if threads == 1:
            return 1.05
        return 1.0 if next(steps) % 4 else 1.4

    machine = Machine(2, cost)
    machine.run(400)
    assert machine.threads.count == 1


def test_a_machine_that_stops_for_a_moment_decides_nothing() -> None:
    machine = Machine(2, lambda threads: 1.0 / threads)
    machine.run(FIRST_PAUSE - 2)
    machine.cost = lambda threads: 30.0
    machine.run(1)
    machine.cost = lambda threads: 1.0 / threads
    assert machine.run(LONGEST_PAUSE).count(1) < 60
    assert machine.threads.count == 2


def test_a_trial_that_is_clearly_lost_ends_after_a_few_steps() -> None:
    history = Machine(2, lambda threads: 1.0 / threads).run(300)
    assert 0 < history.count(1) <= 6


def test_a_number_that_won_because_the_machine_was_disturbed_is_soon_given_up() -> None:
    machine = Machine(2, lambda threads: 1.0 / threads)
    machine.run(FIRST_PAUSE - TRIAL_STEPS)
    machine.cost = lambda threads: 10.0 / threads
    machine.run(TRIAL_STEPS)
    machine.cost = lambda threads: 1.0 / threads
    assert 0 < machine.run(FIRST_PAUSE).count(1) <= 4
