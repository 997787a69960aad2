"""What training must not ask: the phrasings of both test sets."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import astuple

from models.sight.drawings import COLOURS, SHAPES
from models.sight.phrasings.blind import BLIND
from models.sight.phrasings.held_out import HELD_OUT
from models.sight.words import ANY_SHAPE, ANY_SHAPE_ZH, COLOURS_ZH, PLURALS, SHAPES_ZH

SLOT = re.compile(r"\{(\w+)\}")


def _one_of(options: Iterable[str]) -> str:
    return f"(?:{'|'.join(options)})"


def _slots() -> dict[str, str]:
    """Expressions for what may stand in each slot; both languages for those that both have."""
    colour = _one_of([*COLOURS, "grey", *COLOURS_ZH.values()])
    shapes = [*SHAPES, *PLURALS.values(), *(f"{shape}s" for shape in SHAPES), *ANY_SHAPE]
    singular = [name.removesuffix("s") for name in ANY_SHAPE]
    chinese = [*SHAPES_ZH.values(), ANY_SHAPE_ZH, "背景"]
    thing = rf"(?:{colour} ?的?)?{_one_of(dict.fromkeys([*shapes, *singular, *chinese]))}"
    verb = "(?:is|are)"
    found = {"things": thing, "a_thing": f"an? {thing}", "colour": colour, "image": r"\w+"}
    return found | {"is": verb, "Is": verb, "one": "ones?", "shape": "shapes?"}


def words(text: str) -> str:
    """The text without case and punctuation, in one spelling."""
    return " ".join(re.findall(r"\w+", text.lower())).replace("colour", "color")


def pattern(phrasing: str) -> str:
    """An expression that finds a phrasing, whatever fills its slots, in a text of `words`."""
    slots = _slots()
    text = ""
    # Every second part is the name of a slot.
    for index, part in enumerate(SLOT.split(phrasing)):
        text += f" ?{slots[part]} ?" if index % 2 else re.escape(words(part))
    # Chinese has no boundaries of words.
    return rf"(?<![a-z]){text}(?![a-z])"


@functools.cache
def forbidden() -> re.Pattern[str]:
    """Finds every phrasing that is held out, in texts that went through `words`."""
    rows = {line for each in (HELD_OUT, BLIND) for lines in astuple(each) for line in lines}
    return re.compile("|".join(pattern(row) for row in sorted(rows)))


def leaks(text: str) -> bool:
    """Whether a text contains a phrasing of a test set."""
    return forbidden().search(words(text)) is not None
