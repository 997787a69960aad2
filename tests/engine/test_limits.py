"""What happens at the end of the context: cutting prompts, shifting, clean ends."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ollama_server.engine import protocol as p
from ollama_server.engine.intake import cut_middle

from .conftest import TINY
from .runner import GREEDY, Runner
from .test_generation import LONG, endless


def kept(runner: Runner, tokens: list[int], **options: object) -> list[int]:
    """The prompt that is left of ``tokens``, as the engine reports it."""
    request = p.Generate(
        runner.id(),
        [p.Tokens(tokens)],
        GREEDY,
        max_tokens=1,
        return_context=True,
        **options,  # type: ignore[arg-type]
    )
    finished = runner.generate_all([request])[0].finished
    return finished.context[: finished.prompt_tokens]


def test_a_long_prompt_is_cut_in_the_middle_and_the_end_says_so(runner: Runner) -> None:
    size = runner.info.num_ctx
    tokens = np.random.default_rng(1).integers(300, 900, size + 200).tolist()
    request = p.Generate(runner.id(), [p.Tokens(tokens)], GREEDY, max_tokens=1, num_keep=5)
    finished = runner.generate_all([request])[0].finished
    limit = size - (size - 5) // 2
    assert finished.prompt_tokens == limit
    assert finished.dropped_tokens == len(tokens) - limit


def test_a_cut_prompt_keeps_its_first_and_its_last_tokens(runner: Runner) -> None:
    size = runner.info.num_ctx
    tokens = np.random.default_rng(2).integers(300, 900, size + 100).tolist()
    left = kept(runner, tokens, num_keep=3)
    assert left[:3] == tokens[:3]
    assert left[3:] == tokens[len(tokens) - (len(left) - 3) :]


def test_a_prompt_that_just_fits_is_not_cut(runner: Runner) -> None:
    tokens = np.random.default_rng(3).integers(300, 900, runner.info.num_ctx - 1).tolist()
    assert kept(runner, tokens) == tokens


def test_without_truncation_a_long_prompt_is_refused_with_both_sizes(runner: Runner) -> None:
    failed = runner.generate("word " * 2000, truncate=False).failed
    assert failed.status == 400
    assert str(runner.info.num_ctx) in failed.error


def test_without_shifting_a_long_prompt_is_refused(runner: Runner) -> None:
    failed = runner.generate("word " * 2000, shift=False).failed
    assert failed.status == 400
    assert failed.error.startswith("the prompt is longer than the context length")


def test_a_generation_longer_than_the_context_goes_on_by_shifting(runner: Runner) -> None:
    count = runner.info.num_ctx + 150
    finished = runner.generate_all([endless(runner, max_tokens=count)])[0].finished
    assert finished.eval_tokens == count


def test_a_negative_num_keep_keeps_the_whole_prompt_while_the_context_shifts(
    runner: Runner,
) -> None:
    count = runner.info.num_ctx + 150
    request = endless(runner, max_tokens=count, num_keep=-1, return_context=True)
    finished = runner.generate_all([request])[0].finished
    assert finished.eval_tokens == count
    whole = endless(runner, max_tokens=1, return_context=True)
    prompt = runner.generate_all([whole])[0].finished.context[: finished.prompt_tokens]
    assert finished.context[: finished.prompt_tokens] == prompt


def test_a_prompt_that_fills_the_context_is_kept_all_but_the_cells_that_a_shift_needs(
    runner: Runner,
) -> None:
    size = runner.info.num_ctx
    tokens = np.random.default_rng(4).integers(300, 900, size - 1).tolist()
    sampling = p.Sampling(temperature=0, logit_bias=runner.no_end)
    request = p.Generate(
        runner.id(),
        [p.Tokens(tokens)],
        sampling,
        max_tokens=50,
        num_keep=-1,
        return_context=True,
    )
    finished = runner.generate_all([request])[0].finished
    assert finished.eval_tokens == 50
    assert finished.context[: size - 4] == tokens[: size - 4]


def test_forced_tokens_that_need_more_room_than_one_shift_makes_get_it(runner: Runner) -> None:
    size = runner.info.num_ctx
    words = " ".join(["a constant that leaves no choice"] * 3)
    schema = {"type": "array", "items": {"enum": [f"1 {words}", f"2 {words}"]}, "minItems": 1000}
    answer = runner.generate(
        "Numbers: ",
        grammar=p.Grammar("json_schema", json.dumps(schema)),
        max_tokens=size + 200,
        num_keep=size - 60,
    )
    assert answer.finished.eval_tokens == size + 200


def test_without_shifting_a_generation_ends_where_the_context_does(runner: Runner) -> None:
    answer = runner.generate_all([endless(runner, max_tokens=5000, shift=False)])[0]
    finished = answer.finished
    assert finished.reason == "length"
    assert finished.prompt_tokens + finished.eval_tokens == runner.info.num_ctx + 1


@pytest.mark.parametrize("kind", ["q8_0", "q4_0", "bf16"])
def test_where_llama_cpp_cannot_shift_a_kind_of_cells_a_full_context_ends_the_answer(
    kind: str,
) -> None:
    runner = Runner(p.Load(str(TINY), num_ctx=256, parallel=1, kv_cache_type=kind))
    finished = runner.generate_all([endless(runner, max_tokens=400)])[0].finished
    assert finished.reason == "length"
    assert finished.prompt_tokens + finished.eval_tokens == 257
    tokens = np.random.default_rng(5).integers(300, 900, 400).tolist()
    assert 0 < len(kept(runner, tokens)) < 256
    assert runner.close() == 0


def test_a_shifted_conversation_is_not_mistaken_for_its_beginning(runner: Runner) -> None:
    fresh = runner.generate(LONG, max_tokens=20).text
    count = runner.info.num_ctx + 100
    runner.generate_all([endless(runner, max_tokens=count)])
    assert runner.generate(LONG, max_tokens=20).text == fresh


def test_the_cut_of_10_tokens_in_8_cells_keeps_three_and_the_last_three() -> None:
    assert cut_middle(list(range(10)), keep=3, cells=8) == [0, 1, 2, 7, 8, 9]


def test_the_cut_of_a_5000_token_prompt_in_4096_cells() -> None:
    left = cut_middle(list(range(5000)), keep=5, cells=4096)
    assert len(left) == 2051
    assert left[:5] == [0, 1, 2, 3, 4]
    assert left[5] == 2954
