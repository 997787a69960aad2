"""What the corpus must not contain: the phrasings of both test sets."""

from __future__ import annotations

import functools
import re

from models.tiny import blind, heldout


def words(text: str) -> str:
    """Returns the text without case and punctuation."""
    return " ".join(re.findall(r"\w+", text.lower()))


def pattern(phrasing: str) -> str:
    """Returns an expression that finds a phrasing, with anything of one line in its slots."""
    first, *rest = (re.escape(words(part)) for part in re.split(r"\{\w+\}", phrasing))
    text = first + "".join(rf" ?[^\n]{{1,40}}? ?{part}" for part in rest)
    # Chinese has no word boundaries.
    return rf"(?<![a-z0-9]){text}(?![a-z0-9])"


@functools.cache
def forbidden() -> re.Pattern[str]:
    """Returns a pattern of all held-out phrasings, for texts that went through `words`."""
    return re.compile(
        "|".join(sorted({pattern(case.phrasing) for case in (*heldout.cases(), *blind.cases())}))
    )
