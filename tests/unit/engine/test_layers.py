from __future__ import annotations

import pytest

from ollama_server.engine.layers import layers_to_try


@pytest.mark.parametrize(
    ("wanted", "layers", "tries"),
    [
        (-1, 33, [-1, 24, 16, 8, 0]),
        (20, 33, [20, 15, 10, 5, 0]),
        (999, 33, [999, 24, 16, 8, 0]),
        (2, 33, [2, 1, 0]),
        (0, 33, [0]),
    ],
)
def test_fewer_layers_are_tried_each_time_memory_runs_out(
    wanted: int, layers: int, tries: list[int]
) -> None:
    assert layers_to_try(wanted, layers) == tries


def test_a_model_whose_layers_nobody_counted_is_tried_without_any() -> None:
    assert layers_to_try(-1, 0) == [-1, 0]


def test_what_was_asked_for_is_never_exceeded() -> None:
    for wanted in range(1, 50):
        tries = layers_to_try(wanted, 33)
        assert tries == sorted(tries, reverse=True)
