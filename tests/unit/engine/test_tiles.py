"""Whether a run is rounded up to a tile depends on what attention costs in it."""

from __future__ import annotations

from ollama_server.engine.tiles import Work

# 8 layers of 512 with 25 million weights, and 32 layers of 4,096 with 7 billion.
SMALL = Work(weights=50e6, attention=4 * 512 * 8)
LARGE = Work(weights=14e9, attention=4 * 4096 * 32)


def test_most_of_a_tile_behind_a_long_prompt_is_rounded_up() -> None:
    assert SMALL.worth_a_tile(45, 768)


def test_a_few_tokens_are_computed_as_they_are() -> None:
    assert not SMALL.worth_a_tile(8, 768)


def test_behind_a_short_prompt_attention_is_cheap_anyway() -> None:
    assert not SMALL.worth_a_tile(45, 256)


def test_a_large_model_spends_its_time_on_weights() -> None:
    assert not LARGE.worth_a_tile(45, 768)


def test_a_whole_tile_needs_nothing() -> None:
    assert not SMALL.worth_a_tile(64, 4000)


def test_there_must_be_enough_tokens_to_repeat() -> None:
    assert not Work(weights=1.0, attention=1e9).worth_a_tile(40, 10)
