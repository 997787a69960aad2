"""A second model guesses ahead: fewer steps, and the very same answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ollama_server.engine import protocol as p

from .conftest import TINY
from .rewriting import rewrite
from .runner import Runner

LAYERS_LEFT = 2
PROMPTS = [
    "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nWrite quicksort in Python.<|im_end|>\n<|im_start|>assistant\n",
    "one two three four five",
    "def add(a, b):\n",
]
SECOND_TURN = "<|im_end|>\n<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n"
CHANCE = p.Sampling(temperature=0.9, seed=7, repeat_penalty=1.1)


def load(draft: Path | None = TINY, **fields: object) -> p.Load:
    settings: dict[str, object] = {"num_ctx": 512, "parallel": 6, "num_batch": 128, **fields}
    if draft is not None:
        settings |= {"draft": str(draft), "draft_tokens": settings.pop("tokens", 4)}
    return p.Load(str(TINY), **settings)  # type: ignore[arg-type]


def cut_down(target: Path, *, other_words: bool = False) -> Path:
    """The embedded model with its first layers only: it guesses, and seldom right."""

    def changed(name: str, value: Any) -> tuple[str, Any]:
        if name == "qwen3.block_count":
            return name, LAYERS_LEFT
        if name == "tokenizer.ggml.tokens" and other_words:
            return name, [*value[:1000], *reversed(value[1000:2000]), *value[2000:]]
        return name, value

    def kept(tensor: str) -> bool:
        return not tensor.startswith("blk.") or int(tensor.split(".")[1]) < LAYERS_LEFT

    return rewrite(TINY, target, "qwen3", changed=changed, kept=kept)


@pytest.fixture(scope="module")
def alone() -> Iterator[Runner]:
    process = Runner(load(None))
    yield process
    assert process.close() == 0


@pytest.fixture(scope="module")
def good() -> Iterator[Runner]:
    process = Runner(load())
    yield process
    assert process.close() == 0


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    process = Runner(load(cut_down(tmp_path_factory.mktemp("draft") / "draft.gguf")))
    yield process
    assert process.close() == 0


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("sampling", [p.Sampling(temperature=0), CHANCE], ids=["greedy", "chance"])
@pytest.mark.parametrize("which", ["good", "bad"])
def test_guesses_never_change_the_answer(
    request: pytest.FixtureRequest, alone: Runner, which: str, sampling: p.Sampling, prompt: str
) -> None:
    drafted: Runner = request.getfixturevalue(which)
    expected = alone.generate(prompt, sampling=sampling, max_tokens=60)
    got = drafted.generate(prompt, sampling=sampling, max_tokens=60)
    assert got.text == expected.text
    assert got.finished.eval_tokens == expected.finished.eval_tokens
    assert got.finished.reason == expected.finished.reason


def test_right_guesses_save_steps(good: Runner) -> None:
    before = good.stats()
    tokens = good.generate(PROMPTS[0], max_tokens=60).finished.eval_tokens
    after = good.stats()
    assert after.accepted_tokens > before.accepted_tokens
    assert after.steps - before.steps < tokens / 2


def test_wrong_guesses_are_noticed_and_become_rare(bad: Runner) -> None:
    before = bad.stats()
    bad.generate(
        "xylophone", sampling=p.Sampling(temperature=5.0, top_k=0, top_p=1.0, seed=3),
        max_tokens=120, logprobs=False,
    )  # fmt: skip
    after = bad.stats()
    assert 0 < after.guessed_tokens - before.guessed_tokens < 60


def test_each_token_is_a_piece_of_its_own(good: Runner) -> None:
    answer = good.generate(PROMPTS[0], max_tokens=20)
    assert sum(delta.tokens for delta in answer.deltas) <= answer.finished.eval_tokens
    assert max(delta.tokens for delta in answer.deltas) == 1


def test_several_sequences_are_guessed_for_together(alone: Runner, good: Runner) -> None:
    expected = [alone.generate(prompt, max_tokens=40).text for prompt in PROMPTS]
    answers = good.generate_all([good.request(prompt, max_tokens=40) for prompt in PROMPTS])
    assert [answer.text for answer in answers] == expected


def test_with_many_sequences_nothing_is_guessed(good: Runner) -> None:
    no_end = p.Sampling(temperature=0, logit_bias=good.no_end)
    requests = [good.request(f"count {i} from", sampling=no_end, max_tokens=20) for i in range(6)]
    before = good.stats()
    answers = good.generate_all(requests)
    assert [answer.finished.eval_tokens for answer in answers] == [20] * 6
    # Only while some have begun and others have not.
    assert good.stats().guessed_tokens - before.guessed_tokens < 6 * 20


def test_a_limit_of_tokens_is_met_exactly(good: Runner) -> None:
    for limit in (1, 2, 3, 7):
        assert good.generate(PROMPTS[1], max_tokens=limit).finished.eval_tokens == limit


def test_a_stop_string_within_guesses_ends_the_answer(alone: Runner, good: Runner) -> None:
    whole = alone.generate(PROMPTS[0], max_tokens=60).text
    stop = whole[12:18]
    got = good.generate(PROMPTS[0], max_tokens=60, stop=[stop])
    assert got.text == whole[: whole.index(stop)]


def test_the_next_turn_finds_the_cells_of_the_last_one_right(alone: Runner, good: Runner) -> None:
    texts = []
    for runner in (alone, good):
        first = runner.generate(PROMPTS[0], max_tokens=12, return_context=True).finished
        follow = p.Generate(
            runner.id(),
            [p.Tokens(first.context), p.Text(SECOND_TURN)],
            p.Sampling(temperature=0),
            max_tokens=30,
        )
        answer = runner.generate_all([follow])[0]
        assert answer.finished.cached_tokens >= len(first.context) - 1
        texts.append(answer.text)
    assert texts[0] == texts[1] != ""


def test_a_sequence_goes_without_guesses_while_others_hold_all_there_is_room_for() -> None:
    runner = Runner(load(num_ctx=2048, parallel=5, num_batch=32))
    words = " ".join(["a constant that leaves no choice"] * 25)
    items = {"type": "array", "items": {"enum": [f"1 {words}", f"2 {words}"]}, "minItems": 1000}
    grammar = p.Grammar("json_schema", json.dumps(items))
    sampling = p.Sampling(temperature=0, logit_bias=runner.no_end)

    def request(text: str, **options: object) -> p.Generate:
        return runner.request(text, sampling=sampling, **options)

    def until(found: Callable[[p.FromRunner], bool]) -> None:
        while not found(runner.receive()):
            pass

    def ends(generation: p.Generate) -> Callable[[p.FromRunner], bool]:
        return lambda m: isinstance(m, p.Finished) and m.id == generation.id

    short = request("zzz", max_tokens=10)
    forced = [request(f"d{i} d", max_tokens=9000, grammar=grammar) for i in range(2)]
    runner.send(short, request("aaa", max_tokens=9000), *forced)
    until(ends(short))
    runner.send(request("ccc", max_tokens=9000))
    for number in range(5):
        late = request(f"eee{number}", max_tokens=30)
        runner.send(late)
        until(ends(late))
    assert runner.close() == 0


def test_a_context_that_fills_up_is_shifted_as_without_guesses(alone: Runner, good: Runner) -> None:
    ends = []
    for runner in (alone, good):
        no_end = p.Sampling(temperature=0, logit_bias=runner.no_end)
        answer = runner.generate("tick tock " * 100, sampling=no_end, max_tokens=500)
        ends.append((answer.finished.eval_tokens, answer.finished.reason))
    assert ends[0] == ends[1] == (500, "length")


def test_a_grammar_goes_without_guesses(good: Runner) -> None:
    before = good.stats().guessed_tokens
    grammar = p.Grammar("regex", "(yes|no)")
    assert good.generate("Is it?", grammar=grammar, max_tokens=20).text in ("yes", "no")
    assert good.stats().guessed_tokens == before


def test_a_prompt_longer_than_the_draft_takes_in_at_once(alone: Runner, good: Runner) -> None:
    prompt = "The sea is wide and the boat is small. " * 40 + "The sea is"
    assert good.generate(prompt, max_tokens=24).text == alone.generate(prompt, max_tokens=24).text


def test_the_memory_of_the_draft_model_is_counted(alone: Runner, good: Runner) -> None:
    assert good.info.size > alone.info.size


def test_a_draft_model_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    process = Runner(load(cut_down(tmp_path / "other.gguf", other_words=True)))
    assert isinstance(process.answer, p.LoadFailed)
    assert "draft" in process.answer.error
    process.close()
