"""What one generation does: ends, limits, stop strings, seeds, log probabilities."""

from __future__ import annotations

import math

import numpy as np

from ollama_server.engine import protocol as p

from .runner import GREEDY, Runner

PROMPT = "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n"
# Spelled so that a model of any training goes on for a while.
LONG = "one two three four five six seven eight nine ten eleven"


def endless(runner: Runner, prompt: str = LONG, **options: object) -> p.Generate:
    """A generation that no end-of-turn token stops."""
    sampling = p.Sampling(temperature=0, logit_bias=runner.no_end)
    return runner.request(prompt, sampling=sampling, **options)


def test_the_embedded_model_answers_and_stops_by_itself(runner: Runner) -> None:
    answer = runner.generate(PROMPT, max_tokens=200)
    assert answer.finished.reason == "stop"
    assert answer.text


def test_max_tokens_ends_a_generation_with_length(runner: Runner) -> None:
    answer = runner.generate_all([endless(runner, max_tokens=7)])[0]
    assert answer.finished.reason == "length"
    assert answer.finished.eval_tokens == 7


def test_max_tokens_zero_generates_one_token_at_most(runner: Runner) -> None:
    answer = runner.generate_all([endless(runner, max_tokens=0)])[0]
    assert answer.finished.reason == "length"
    assert answer.finished.eval_tokens <= 1


def test_greedy_sampling_gives_the_same_text_again(runner: Runner) -> None:
    first = runner.generate_all([endless(runner, max_tokens=40)])[0]
    again = runner.generate_all([endless(runner, max_tokens=40)])[0]
    assert first.text == again.text


def test_a_seed_gives_the_same_text_again_and_another_seed_another(runner: Runner) -> None:
    def sample(seed: int) -> str:
        sampling = p.Sampling(temperature=3.0, top_k=0, top_p=1.0, seed=seed)
        return runner.generate(LONG, sampling=sampling, max_tokens=24).text

    assert sample(11) == sample(11)
    assert sample(11) != sample(12)


def test_a_stop_string_ends_the_text_before_it(runner: Runner) -> None:
    free = runner.generate_all([endless(runner, max_tokens=40)])[0].text
    stop = free[10:14]
    at = free.index(stop)
    answer = runner.generate_all([endless(runner, max_tokens=40, stop=[stop])])[0]
    assert answer.text == free[:at]
    assert answer.finished.reason == "stop"
    assert answer.finished.stop == stop


def test_a_stop_string_never_leaks_a_partial_match_into_the_stream(runner: Runner) -> None:
    free = runner.generate_all([endless(runner, max_tokens=40)])[0].text
    stop = free[8:20]
    answer = runner.generate_all([endless(runner, max_tokens=40, stop=[stop])])[0]
    shown = ""
    for delta in answer.deltas:
        shown += delta.text
        assert free.startswith(shown)
        assert len(shown) <= free.index(stop)


def test_characters_are_never_split_between_frames(runner: Runner) -> None:
    answer = runner.generate(
        "<|im_start|>user\n天空为什么是蓝色的？<|im_end|>\n<|im_start|>assistant\n", max_tokens=60
    )
    assert all("�" not in delta.text for delta in answer.deltas[:-1])


def test_logprobs_are_natural_logarithms_of_probabilities(runner: Runner) -> None:
    answer = runner.generate(PROMPT, max_tokens=5, logprobs=True, top_logprobs=4)
    entries = [entry for delta in answer.deltas for entry in delta.logprobs]
    assert entries
    for entry in entries:
        assert len(entry.top) == 4
        assert entry.logprob <= 0
        assert entry.top[0].logprob == max(c.logprob for c in entry.top)
        assert sum(math.exp(c.logprob) for c in entry.top) <= 1.0001
        # Greedy sampling takes the likeliest token.
        assert entry.id == entry.top[0].id


def test_logprobs_of_the_whole_vocabulary_sum_to_one(runner: Runner) -> None:
    every = runner.info.n_vocab
    answer = runner.generate(LONG, max_tokens=1, logprobs=True, top_logprobs=every)
    entry = answer.deltas[0].logprobs[0]
    assert math.isclose(sum(math.exp(c.logprob) for c in entry.top), 1.0, rel_tol=1e-4)


def test_a_logit_bias_forbids_a_token(runner: Runner) -> None:
    first = runner.generate(LONG, max_tokens=1, logprobs=True).deltas[0].logprobs[0].id
    sampling = p.Sampling(temperature=0, logit_bias={first: -math.inf})
    other = runner.generate(LONG, max_tokens=1, sampling=sampling, logprobs=True)
    assert other.deltas[0].logprobs[0].id != first


def test_a_repeat_penalty_changes_repetitive_text(runner: Runner) -> None:
    prompt = "a b a b a b a b a b a b a b a b"
    ends = runner.no_end
    plain = p.Sampling(temperature=0, logit_bias=ends)
    strict = p.Sampling(temperature=0, logit_bias=ends, repeat_penalty=50.0, repeat_last_n=-1)
    one = runner.generate(prompt, sampling=plain, max_tokens=24, return_context=True).finished
    two = runner.generate(prompt, sampling=strict, max_tokens=24, return_context=True).finished
    assert one.context != two.context
    new = two.context[two.prompt_tokens :]
    assert len(set(new)) > len(new) * 0.8


def test_an_impossible_repeat_penalty_is_refused_by_name(runner: Runner) -> None:
    answer = runner.generate(LONG, sampling=p.Sampling(repeat_penalty=0.0))
    assert answer.failed.status == 400
    assert "repeat_penalty" in answer.failed.error


def test_the_context_is_the_prompt_and_what_was_generated(runner: Runner) -> None:
    request = endless(runner, max_tokens=6, return_context=True)
    answer = runner.generate_all([request])[0]
    context = answer.finished.context
    assert len(context) == answer.finished.prompt_tokens + 6
    runner.send(p.Detokenize(runner.id(), context))
    text = runner.receive()
    assert isinstance(text, p.Detokenized)
    assert text.text == LONG + answer.text


def test_tokens_may_stand_in_the_prompt_as_they_are(runner: Runner) -> None:
    runner.send(p.Tokenize(runner.id(), [LONG]))
    tokens = runner.receive()
    assert isinstance(tokens, p.Tokenized)
    as_text = runner.generate(LONG, max_tokens=8, return_context=True).finished.context
    request = p.Generate(
        runner.id(), [p.Tokens(tokens.tokens[0])], GREEDY, max_tokens=8, return_context=True
    )
    assert runner.generate_all([request])[0].finished.context == as_text


def test_a_token_outside_the_vocabulary_is_refused(runner: Runner) -> None:
    request = p.Generate(runner.id(), [p.Tokens([10_000_000])], GREEDY)
    failed = runner.generate_all([request])[0].failed
    assert failed.status == 400
    assert "10000000" in failed.error


def test_any_text_survives_tokenizing_and_detokenizing(runner: Runner) -> None:
    rng = np.random.default_rng(5)
    texts = ["naïve 東京 🙂 \t\r\n", "".join(map(chr, rng.integers(32, 0x2FFF, 200)))]
    runner.send(p.Tokenize(runner.id(), texts, special=False))
    tokens = runner.receive()
    assert isinstance(tokens, p.Tokenized)
    for text, ids in zip(texts, tokens.tokens, strict=True):
        runner.send(p.Detokenize(runner.id(), ids))
        back = runner.receive()
        assert isinstance(back, p.Detokenized)
        assert back.text == text
