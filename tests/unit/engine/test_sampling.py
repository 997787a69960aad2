"""The sampler's short cuts choose what llama.cpp's whole chain would choose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ollama_server.engine.protocol import Sampling
from ollama_server.engine.sampling import Sampler, SamplingError, logprob, shortlist

VOCABULARY = 20_003


def rows(seed: int, count: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, (count, VOCABULARY)).astype(np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_the_narrowed_vocabulary_contains_the_best_candidates(seed: int) -> None:
    logits = rows(seed)[0]
    best = set(np.argsort(-logits)[:40].tolist())
    narrowed = shortlist(VOCABULARY).best(logits, 40)
    assert best <= set(narrowed.tolist())
    assert len(narrowed) < VOCABULARY / 4
    assert len(set(narrowed.tolist())) == len(narrowed)


def test_the_best_candidates_are_found_wherever_they_lie() -> None:
    logits = np.zeros(VOCABULARY, dtype=np.float32)
    for place in (0, 63, 64, VOCABULARY // 2, VOCABULARY - 1, VOCABULARY - 2):
        logits[place] = 5.0
    found = set(shortlist(VOCABULARY).best(logits, 6).tolist())
    assert {0, 63, 64, VOCABULARY // 2, VOCABULARY - 1, VOCABULARY - 2} <= found


def test_narrowing_draws_the_same_tokens_as_the_whole_vocabulary() -> None:
    logits = rows(7, 200)
    settings = Sampling(temperature=0.9, top_k=40, top_p=0.95, min_p=0.02, seed=5)
    narrow, whole = (Sampler(settings, VOCABULARY, 512) for _ in range(2))
    whole._top_k = 0  # no narrowing: the chain's own top-k does it all
    assert [narrow.sample(row.copy()) for row in logits] == [
        whole.sample(row.copy()) for row in logits
    ]


def test_greedy_takes_the_highest_logit() -> None:
    logits = rows(3)[0]
    assert Sampler(Sampling(temperature=0), VOCABULARY, 512).sample(logits) == logits.argmax()


def test_greedy_with_a_penalty_avoids_what_the_prompt_said() -> None:
    logits = rows(4)[0]
    best, second = np.argsort(-logits)[:2].tolist()
    sampler = Sampler(Sampling(temperature=0, repeat_penalty=100.0), VOCABULARY, 512)
    sampler.remember([best])
    assert sampler.sample(logits.copy()) == second


@pytest.mark.parametrize("last_n", [-1, 8, 2**31 - 1])
def test_penalties_look_back_at_most_one_context(last_n: int) -> None:
    logits = rows(4)[0]
    best, second, *_, last = np.argsort(-logits).tolist()
    settings = Sampling(temperature=0, repeat_penalty=100.0, repeat_last_n=last_n)
    for distance, expected in ((7, second), (8, best)):
        sampler = Sampler(settings, VOCABULARY, 8)
        sampler.remember([best] + [last] * distance)
        assert sampler.sample(logits.copy()) == expected


def test_top_k_one_is_greedy_at_any_temperature() -> None:
    sampler = Sampler(Sampling(temperature=5.0, top_k=1, seed=1), VOCABULARY, 512)
    for row in rows(9, 20):
        assert sampler.sample(row.copy()) == row.argmax()


@pytest.mark.parametrize("temperature", [1e-30, 1e-40, 5e-324])
def test_the_coldest_temperatures_are_greedy(temperature: float) -> None:
    sampler = Sampler(Sampling(temperature=temperature, top_k=0, seed=1), VOCABULARY, 512)
    for row in rows(9, 20):
        assert sampler.sample(row.copy()) == row.argmax()


@pytest.mark.parametrize("bias", [1e9, 1e39, float("inf")])
def test_a_bias_beyond_all_logits_decides(bias: float) -> None:
    sampler = Sampler(Sampling(temperature=1.0, seed=1, logit_bias={7: bias}), VOCABULARY, 512)
    for row in rows(9, 20):
        logits = row.copy()
        sampler.bias(logits)
        assert sampler.sample(logits) == 7


def test_top_p_excludes_the_tail() -> None:
    logits = np.full(VOCABULARY, -20.0, dtype=np.float32)
    logits[17], logits[18] = 10.0, 5.0
    sampler = Sampler(Sampling(temperature=1.0, top_k=0, top_p=0.9, seed=2), VOCABULARY, 512)
    assert {sampler.sample(logits.copy()) for _ in range(50)} == {17}


def test_tokens_at_minus_infinity_are_never_drawn() -> None:
    logits = np.full(VOCABULARY, -np.inf, dtype=np.float32)
    logits[[5, 19_000]] = 0.0
    sampler = Sampler(Sampling(temperature=1.0, seed=3), VOCABULARY, 512)
    assert {sampler.sample(logits.copy()) for _ in range(60)} == {5, 19_000}


def test_a_seed_repeats_and_no_seed_does_not() -> None:
    logits = rows(11, 40)

    def draw(seed: int) -> list[int]:
        sampler = Sampler(Sampling(temperature=2.0, top_k=0, top_p=1.0, seed=seed), VOCABULARY, 512)
        return [sampler.sample(row.copy()) for row in logits]

    assert draw(1) == draw(1)
    assert draw(-1) != draw(-1)


def test_draws_follow_the_probabilities() -> None:
    logits = np.full(VOCABULARY, -np.inf, dtype=np.float32)
    logits[:3] = np.log([0.6, 0.3, 0.1])
    sampler = Sampler(Sampling(temperature=1.0, top_k=0, top_p=1.0, seed=8), VOCABULARY, 512)
    draws = np.bincount([sampler.sample(logits.copy()) for _ in range(3000)], minlength=3)
    assert np.allclose(draws[:3] / 3000, [0.6, 0.3, 0.1], atol=0.04)


@pytest.mark.parametrize(
    "settings",
    [
        Sampling(repeat_penalty=0.0),
        Sampling(repeat_penalty=math.inf),
        Sampling(temperature=math.nan),
        Sampling(presence_penalty=math.inf),
    ],
)
def test_impossible_settings_are_refused(settings: Sampling) -> None:
    with pytest.raises(SamplingError):
        Sampler(settings, VOCABULARY, 512)


def test_logprobs_are_those_of_the_softmax() -> None:
    logits = rows(21)[0]
    expected = logits - np.log(np.exp(logits.astype(np.float64)).sum())
    found = logprob(logits, 77, 5)
    assert math.isclose(found.logprob, expected[77], rel_tol=1e-4)
    assert [c.id for c in found.top] == np.argsort(-logits)[:5].tolist()
