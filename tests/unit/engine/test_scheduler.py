"""How a step's budget is divided."""

from __future__ import annotations

import numpy as np

from ollama_server.engine.protocol import Generate, Sampling, Text
from ollama_server.engine.sampling import Sampler
from ollama_server.engine.scheduler import SMALLEST_CHUNK, STALL_SECONDS, TILE, Scheduler
from ollama_server.engine.sequence import Sequence
from ollama_server.engine.slots import common_prefix
from ollama_server.engine.text import TextStream


def sequence(slot: int, prompt: int, *, generated: int = 0, started: int = 0) -> Sequence:
    """A sequence with a prompt of that many tokens, or one that decodes."""
    made = Sequence(
        request=Generate(slot, [Text("")]),
        tokens=list(range(prompt + generated)),
        prompt=np.arange(prompt, dtype=np.int32),
        sampler=Sampler(Sampling(temperature=0), 1000, 512),
        text=TextStream([]),
        max_tokens=100,
    )
    made.slot = slot
    made.started_ns = started or slot
    made.generated = generated
    made.computed = prompt + generated - 1 if generated else 0
    return made


def test_decoding_sequences_get_their_token_before_any_prompt() -> None:
    scheduler = Scheduler(512)
    scheduler.measured(scheduler.plan([sequence(0, 400)]), 0.4)
    runs = scheduler.plan([sequence(0, 2000), *(sequence(i, 5, generated=1) for i in (1, 2, 3))])
    assert [(run.sequence.slot, run.count) for run in runs if run.sequence.decoding] == [
        (1, 1),
        (2, 1),
        (3, 1),
    ]


def beside_a_stream(scheduler: Scheduler, prompt: int = 2000) -> int:
    """How many tokens of a prompt the next step takes while another sequence decodes."""
    runs = scheduler.plan([sequence(0, prompt), sequence(1, 5, generated=1)])
    return next(run.count for run in runs if not run.sequence.decoding)


def at_speed(seconds_per_token: float, *, split: bool = True) -> Scheduler:
    """A scheduler that has measured this speed on whole tiles."""
    scheduler = Scheduler(2048, split=split)
    scheduler.measured(scheduler.plan([sequence(0, 1000)]), 1000 * seconds_per_token)
    return scheduler


def test_a_prompt_beside_running_streams_gets_what_the_stall_bound_allows() -> None:
    count = beside_a_stream(at_speed(STALL_SECONDS / 300, split=False))
    assert count == 4 * TILE  # the whole tiles of 300 tokens


def test_the_token_that_is_computed_beside_the_streams_comes_on_top_of_whole_tiles() -> None:
    assert beside_a_stream(at_speed(STALL_SECONDS / 300)) == 4 * TILE + 1


def test_most_of_a_tile_is_rounded_up() -> None:
    assert beside_a_stream(at_speed(STALL_SECONDS / 50)) == TILE + 1


def test_a_slow_model_takes_prompts_in_small_pieces() -> None:
    assert beside_a_stream(at_speed(STALL_SECONDS / 30)) == 30
    assert beside_a_stream(at_speed(1.0)) == SMALLEST_CHUNK


def test_slow_small_pieces_do_not_make_the_next_ones_smaller() -> None:
    scheduler = at_speed(STALL_SECONDS / 100)
    streams = [sequence(0, 30), sequence(1, 5, generated=1)]
    for _ in range(20):
        scheduler.measured(scheduler.plan(streams), 10 * STALL_SECONDS)
    assert beside_a_stream(scheduler) == TILE + 1


def test_a_prompt_alone_fills_the_batch_until_the_speed_is_known() -> None:
    runs = Scheduler(512).plan([sequence(0, 2000)])
    assert [run.count for run in runs] == [512]


def test_a_run_is_complete_when_it_reaches_the_last_known_token() -> None:
    scheduler = Scheduler(512)
    assert scheduler.plan([sequence(0, 512)])[0].complete
    assert not scheduler.plan([sequence(0, 513)])[0].complete


def test_prompts_are_served_in_order_of_arrival() -> None:
    runs = Scheduler(128).plan([sequence(0, 400, started=2), sequence(1, 400, started=1)])
    assert [(run.sequence.slot, run.count) for run in runs] == [(1, 128)]


def test_a_short_prompt_does_not_wait_for_a_long_one() -> None:
    runs = Scheduler(140).plan([sequence(0, 4000, started=1), sequence(1, 10, started=2)])
    assert [(run.sequence.slot, run.count) for run in runs] == [(0, 128), (1, 10)]


def test_what_a_long_prompt_leaves_of_a_batch_waits_for_the_next_one() -> None:
    runs = Scheduler(140).plan([sequence(0, 4000, started=1), sequence(1, 400, started=2)])
    assert [(run.sequence.slot, run.count) for run in runs] == [(0, 128)]


def test_runs_are_ordered_by_slot() -> None:
    runs = Scheduler(512).plan([sequence(2, 9), sequence(0, 5, generated=1), sequence(1, 9)])
    assert [run.sequence.slot for run in runs] == [0, 1, 2]


def test_common_prefix_of_token_arrays() -> None:
    one = np.array([1, 2, 3, 4], dtype=np.int32)
    assert common_prefix(one, np.array([1, 2, 9], dtype=np.int32)) == 2
    assert common_prefix(one, one) == 4
    assert common_prefix(one, np.array([], dtype=np.int32)) == 0
    assert common_prefix(one, np.array([7], dtype=np.int32)) == 0
