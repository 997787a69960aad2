"""The byte-level BPE of the model: training on the corpus, and encoding."""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from models.tiny.config import CONFIG, SPECIAL_TOKENS, TOKENIZER_PATH
from models.tiny.corpus import mixture

# The split of Qwen2 and Qwen3 (`tokenizer.ggml.pre` = "qwen2"): every digit stands alone.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SAMPLES = 60_000
CHINESE_RUN = re.compile(r"[\u4e00-\u9fff]+")


def chop(text: str, rng: random.Random) -> str:
    """Breaks Chinese runs into one or two characters, so that no token holds a phrase."""

    def pieces(match: re.Match[str]) -> str:
        run, parts = match.group(), []
        while run:
            size = rng.choice((1, 2))
            parts.append(run[:size])
            run = run[size:]
        return "\n".join(parts)

    return CHINESE_RUN.sub(pieces, text)


def _texts(seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    special = re.compile("|".join(re.escape(token) for token in SPECIAL_TOKENS))
    for sample in itertools.islice(mixture.stream(seed), SAMPLES):
        prompt, completion = mixture.texts(sample, rng)
        yield from special.split(chop(prompt + completion, rng))


def train(path: Path = TOKENIZER_PATH, *, seed: int = 1) -> Tokenizer:
    """Trains the tokenizer on the first samples of the corpus and writes it to `path`."""
    tokenizer = build(_texts(seed), CONFIG.vocabulary, SPECIAL_TOKENS)
    tokenizer.save(str(path))
    return tokenizer


def build(texts: Iterator[str], size: int, special: Sequence[str]) -> Tokenizer:
    """A byte-level BPE of at most `size` tokens, of which `special` are the last."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in special])
    return tokenizer


@functools.cache
def load(path: Path = TOKENIZER_PATH) -> Tokenizer:
    tokenizer: Tokenizer = Tokenizer.from_file(str(path))
    return tokenizer


def encode(text: str) -> list[int]:
    return list(load().encode(text, add_special_tokens=False).ids)


if __name__ == "__main__":
    train()
