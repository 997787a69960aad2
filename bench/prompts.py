"""Prompts of an exact length: words that are one token each in the benchmark's vocabulary."""

from __future__ import annotations

import random
from pathlib import Path

from bench.make_model import words


class Prompts:
    """Draws texts; the same seed gives the same texts in the same order."""

    def __init__(self, vocabulary: Path) -> None:
        self._words = words(vocabulary)
        self._random = random.Random(0)

    def seed(self, seed: str) -> None:
        """Start again, at the texts of ``seed``."""
        self._random = random.Random(seed)

    def text(self, tokens: int) -> str:
        """A text of ``tokens`` tokens, starting with a space; never the same twice."""
        return "".join(" " + word for word in self._random.choices(self._words, k=tokens))
