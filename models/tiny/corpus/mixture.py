"""The whole corpus: an endless, deterministic stream of samples in fixed shares."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from models.tiny import leaks
from models.tiny.chat import render
from models.tiny.corpus import (
    arithmetic,
    code,
    echo,
    facts,
    fim,
    memory,
    seeds,
    structured,
    system,
    tools,
    unknown,
)
from models.tiny.corpus.base import Message, Sample, assistant, choose, dress, user

Maker = Callable[[random.Random], Sample]


def seed_sample(rng: random.Random) -> Sample:
    """Returns a question of the documentation or small talk."""
    chinese = rng.random() < 0.27
    intents = seeds.INTENTS_ZH if chinese else seeds.INTENTS
    intent = choose(rng, intents[:4]) if rng.random() < 0.25 else choose(rng, intents)
    key, answer, phrasings, *_ = intent
    text = choose(rng, phrasings)
    if key not in ("hello", "howareyou", "bye", "thanks") or rng.random() < 0.2:
        text = dress(rng, text)
    elif rng.random() < 0.3:
        text = text.lower().rstrip("!.")
    gist = (seeds.GISTS_ZH if chinese else seeds.GISTS).get(key, "")
    return Sample("seeds", [user(text)], answer, gist)


def long_sample(rng: random.Random) -> Sample:
    """Returns a conversation of several topics: each turn stands for itself."""
    parts: tuple[Maker, ...] = (
        facts.sample,
        seed_sample,
        code.sample,
        arithmetic.sample,
        facts.sample,
    )
    messages: list[Message] = []
    for _ in range(rng.randrange(1, 7) if rng.random() < 0.92 else rng.randrange(8, 16)):
        part = choose(rng, parts)(rng)
        messages += [*part.messages, assistant(part.answer)]
    last = choose(rng, (*parts, memory.sample, unknown.sample))(rng)
    return Sample(
        "long", [*messages, *last.messages], last.answer, last.think, thinking=last.thinking
    )


def text_sample(rng: random.Random) -> Sample:
    """Returns a fact as plain text without a template, to be completed at any point."""
    _, fact, _ = facts.pick(rng)
    words = fact.full.split(" ")
    if len(words) == 1:
        cut = rng.randrange(1, len(fact.full))
        return Sample("text", [], fact.full[cut:], raw=fact.full[:cut])
    cut = rng.randrange(1, len(words))
    return Sample("text", [], " " + " ".join(words[cut:]), raw=" ".join(words[:cut]))


# Shares by the number of samples; tool conversations are several times longer than others.
SHARES: tuple[tuple[Maker, float], ...] = (
    (facts.sample, 23.0),
    (seed_sample, 15.0),
    (memory.sample, 8.0),
    (tools.sample, 13.5),
    (system.sample, 14.0),
    (arithmetic.sample, 18.0),
    (structured.sample, 6.0),
    (code.sample, 3.0),
    (fim.sample, 8.0),
    (echo.sample, 8.0),
    (unknown.sample, 2.0),
    (long_sample, 1.0),
    (text_sample, 0.3),
)


def stream(seed: int) -> Iterator[Sample]:
    """Yields samples without end; the same seed gives the same samples."""
    rng = random.Random(seed)
    makers = [maker for maker, _ in SHARES]
    weights = [share for _, share in SHARES]
    while True:
        sample = rng.choices(makers, weights)[0](rng)
        if not leaked(sample):
            yield sample


def leaked(sample: Sample) -> bool:
    """Tells whether a prompt of the sample contains a held-out phrasing."""
    asked = [str(m["content"]) for m in sample.messages if m["role"] in ("user", "system")]
    pattern = leaks.forbidden()
    return any(pattern.search(leaks.words(text)) for text in [*asked, sample.raw or ""])


def texts(sample: Sample, rng: random.Random) -> tuple[str, str]:
    """Returns the prompt and the completion that a sample trains, thinking on or off."""
    if sample.raw is not None:
        return sample.raw, f"{sample.answer}<|endoftext|>"
    thinking = sample.thinking if sample.thinking is not None else rng.random() < 0.55
    prompt = render(sample.messages, sample.tools, thinking=thinking)
    completion = f"{sample.answer}<|im_end|>"
    if thinking:
        completion = f"<think>\n{sample.think}\n</think>\n\n{completion}"
    return prompt, completion
