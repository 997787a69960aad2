"""What a set of phrasings is."""

from __future__ import annotations

from dataclasses import dataclass


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
