"""What the generated training text promises."""

from __future__ import annotations

import itertools
import random
import re

from models.tiny import blind, heldout
from models.tiny.chat import render
from models.tiny.corpus import mixture
from models.tiny.corpus.base import Sample
from models.tiny.leaks import pattern, words

SAMPLES = 8_000


def test_the_same_seed_gives_the_same_corpus() -> None:
    def draw(seed: int) -> list[Sample]:
        return list(itertools.islice(mixture.stream(seed), 500))

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_no_held_out_phrasing_occurs_in_the_corpus() -> None:
    seen: set[str] = set()
    for sample in itertools.islice(mixture.stream(11), SAMPLES):
        seen.update(words(m["content"]) for m in sample.messages if m["role"] != "assistant")
        if sample.raw:
            seen.add(words(sample.raw))
    corpus = "\n".join(seen)
    phrasings = {case.phrasing for case in (*heldout.cases(), *blind.cases())}
    assert [text for text in phrasings if re.search(pattern(text), corpus)] == []


def test_no_held_out_prompt_occurs_in_the_corpus() -> None:
    seen = {words(str(s.messages[-1]["content"])) for s in corpus_with_messages()}
    for case in (*heldout.cases(), *blind.cases()):
        if case.messages and case.messages[-1]["content"] in case.phrasing:
            assert words(case.messages[-1]["content"]) not in seen


def corpus_with_messages() -> list[Sample]:
    return [s for s in itertools.islice(mixture.stream(12), SAMPLES) if s.messages]


def test_the_test_set_has_at_least_200_cases_in_both_languages() -> None:
    cases = heldout.cases()
    assert len(cases) >= 200
    assert sum(re.search(r"[\u4e00-\u9fff]", case.phrasing) is not None for case in cases) >= 40


def test_every_sample_ends_its_turn() -> None:
    rng = random.Random(1)
    for sample in itertools.islice(mixture.stream(13), 2000):
        _, completion = mixture.texts(sample, rng)
        assert completion.endswith("<|endoftext|>" if sample.raw else "<|im_end|>")


def test_the_prompts_are_what_the_chat_template_renders() -> None:
    for sample in itertools.islice(mixture.stream(14), 300):
        if sample.raw is None:
            prompt, _ = mixture.texts(sample, random.Random(2))
            assert prompt in (
                render(sample.messages, sample.tools, thinking=True),
                render(sample.messages, sample.tools, thinking=False),
            )
