"""Copying tasks: they teach a small model early to look back."""

from __future__ import annotations

import random

from models.tiny.corpus.base import (
    REQUEST_PREFIXES,
    Sample,
    choose,
    coin_name,
    letters,
    number,
    person,
    person_zh,
    place_zh,
    user,
)

SAY = (
    "Say {v}",
    "Repeat {v}",
    'Say "{v}".',
    "Repeat after me: {v}",
    "Echo {v}",
    "Write {v}",
    "Please repeat: {v}",
    "Only reply with {v}",
    "Reply with {v}",
    "Copy this text: {v}",
    "Answer with {v}",
    "Print {v}",
    "Reply only: {v}",
    "The only thing you say is {v}",
    "Your answer is {v}",
    "Say these words: {v}",
    "Repeat the word {v}",
    "Repeat this sentence: {v}",
    "Type {v}",
    "Nothing but this, please: {v}",
    "The answer should only be {v}",
    "Could you say {v}",
    "Answer me only with the words {v}",
    "Read this back to me: {v}",
)
SAY_ZH = (
    "请说{v}",
    "重复{v}",
    "跟我说：{v}",
    "请重复：{v}",
    "请回复{v}",
    "只回答{v}",
    "说一遍：{v}",
    "复述：{v}",
    "请写{v}",
)
HELD = ("Could you repeat the words {v}", "Your only answer should be {v}")
GREET = ("Say hello to {v}.", "Greet {v}.", "Say hi to my friend {v}.", "Please greet {v}.")
LINES = (
    "the cat sits on the mat",
    "we like long walks",
    "rain is good for plants",
    "open the window",
    "this is a test",
    "one two three",
    "good morning everyone",
    "it works",
    "the train is late",
)


def content(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.12:
        return letters(rng)
    if roll < 0.3:
        return " ".join(coin_name(rng).lower() for _ in range(rng.randrange(1, 5)))
    if roll < 0.5:
        return coin_name(rng)
    if roll < 0.7:
        return " ".join(str(number(rng)) for _ in range(rng.randrange(1, 3)))
    if roll < 0.85:
        return choose(rng, LINES)
    return f"{person(rng)} {coin_name(rng)}"


def sample(rng: random.Random) -> Sample:
    roll = rng.random()
    if roll < 0.12:
        name = person(rng)
        return Sample(
            "echo", [user(choose(rng, GREET).format(v=name))], f"Hello, {name}!", f"I greet {name}."
        )
    if roll < 0.25:
        text = choose(rng, (person_zh, place_zh, place_zh, content))(rng)
        return Sample("echo", [user(choose(rng, SAY_ZH).format(v=text))], text, "用户要我重复。")
    text = content(rng)
    request = choose(rng, SAY).format(v=text)
    if rng.random() < 0.3:
        request = choose(rng, REQUEST_PREFIXES) + request[0].lower() + request[1:]
    return Sample("echo", [user(request)], text, "The user wants me to repeat.")
