"""Text a client may see: whole characters, and never the beginning of a stop string."""

from __future__ import annotations

import random

import pytest

from ollama_server.engine.text import TextStream, overlap


def stream(data: bytes, stops: list[str], cuts: list[int]) -> tuple[list[str], str]:
    """Feed ``data`` cut at the given places; the shown pieces and the stop string found."""
    text = TextStream(stops)
    pieces = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        pieces.append(text.feed(data[start:end]))
        if text.stop:
            return pieces, text.stop
    pieces.append(text.finish())
    return pieces, ""


def test_a_character_is_shown_when_its_last_byte_has_come() -> None:
    text = TextStream([])
    assert [text.feed(bytes([b])) for b in "é🙂".encode()] == ["", "é", "", "", "", "🙂"]


def test_a_character_that_is_never_completed_ends_as_a_replacement_character() -> None:
    text = TextStream([])
    assert text.feed("🙂".encode()[:3]) == ""
    assert text.finish() == "�"


def test_text_that_may_become_a_stop_string_is_held_back_and_then_shown() -> None:
    text = TextStream(["User:"])
    assert text.feed(b"Hello Us") == "Hello "
    assert text.feed(b"ually") == "Usually"


def test_the_earliest_stop_string_wins_and_the_longer_one_of_two_at_one_place() -> None:
    assert stream(b"a b c", ["c", "b"], []) == (["a "], "b")
    assert stream(b"x END.", ["END", "END."], []) == (["x "], "END.")


def test_held_back_text_is_shown_at_the_end() -> None:
    assert stream(b"one <|im", ["<|im_end|>"], []) == (["one ", "<|im"], "")


def test_empty_stop_strings_stop_nothing() -> None:
    assert stream(b"text", [""], []) == (["text", ""], "")


@pytest.mark.parametrize("seed", range(200))
def test_any_split_shows_the_same_text(seed: int) -> None:
    rng = random.Random(seed)
    alphabet = ["a", "b", "ab", "aab", "é", "🙂", " ", "\n"]
    data = "".join(rng.choices(alphabet, k=30)).encode()
    stops = ["".join(rng.choices(alphabet, k=rng.randint(2, 4))) for _ in range(2)]
    whole, stop = stream(data, stops, [])
    cuts = sorted(rng.sample(range(1, len(data)), rng.randint(1, len(data) - 1)))
    pieces, stop_in_pieces = stream(data, stops, cuts)
    shown = "".join(pieces)
    # A stop string is complete at some byte; one that ends earlier may be found first in pieces.
    if stop_in_pieces == stop:
        assert shown == "".join(whole)
    assert (stop == "") == (stop_in_pieces == "")
    assert all(s not in shown for s in stops)


def test_overlap_is_the_longest_beginning_at_the_end() -> None:
    assert overlap("xxab", "abab") == 2
    assert overlap("xaba", "abab") == 3
    assert overlap("abab", "abab") == 2
    assert overlap("zzz", "abab") == 0
