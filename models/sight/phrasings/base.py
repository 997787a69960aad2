"""What a set of phrasings is, and how one line stands for many."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

# The innermost choice in a line.
CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Phrasings:
    """Ways to put each kind of question.

    `{things}` is what is asked about ("red circles"), `{a_thing}` one of it with its article,
    `{colour}` a colour, `{image}` a word for the drawing. `{is}`, `{Is}` and `{does}` are verbs,
    and `{one}`, `{shape}` and `{s}` nouns and an ending, in the number of what is asked about.
    """

    describe: tuple[str, ...]
    count: tuple[str, ...]
    colour: tuple[str, ...]
    shape: tuple[str, ...]
    background: tuple[str, ...]
    there: tuple[str, ...]
    is_it: tuple[str, ...]
    kinds: tuple[str, ...]
    describe_zh: tuple[str, ...]
    count_zh: tuple[str, ...]
    colour_zh: tuple[str, ...]
    shape_zh: tuple[str, ...]


def expand(line: str, rng: random.Random) -> str:
    """Takes one of the alternatives of every choice: "[Which|What] shapes [do you see|are there]?".

    Choices may stand inside choices.
    """
    while choice := CHOICE.search(line):
        chosen = rng.choice(choice.group(1).split("|"))
        line = line[: choice.start()] + chosen + line[choice.end() :]
    return line
