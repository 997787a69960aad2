"""The shape of a training sample, and small helpers to vary its wording."""

# ruff: noqa: SIM905 (word lists)

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
Message = dict[str, Any]
Tool = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One conversation up to a turn, and the turn that the model must write.

    `think` is what stands in the thinking block when thinking is on. `raw` replaces the chat
    prompt by a text without template (used for fill-in-the-middle). `thinking` forces a mode.
    """

    category: str
    messages: list[Message]
    answer: str
    think: str = ""
    tools: list[Tool] = field(default_factory=list)
    raw: str | None = None
    thinking: bool | None = None


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def is_chinese(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None


PREFIXES = (
    "Please tell me: ",
    "Hey, ",
    "Hi! ",
    "Quick question: ",
    "I want to know: ",
    "Question: ",
    "ok so ",
    "Hello, ",
    "Tell me, ",
    "I have a question. ",
    "Please help me. ",
    "So, ",
    "Now ",
    "And ",
    "Hi there, ",
    "Do you know? ",
    "Next: ",
    "Good morning! ",
    "My teacher asks: ",
    "I forgot: ",
)
SUFFIXES = (
    " Thanks!",
    " Please.",
    " Thank you.",
    " Please tell me.",
    " I want to know.",
    " Do you know?",
    " Can you help?",
    " I am curious.",
)
PREFIXES_ZH = (
    "请问，",
    "你好，",
    "我想知道，",
    "请告诉我，",
    "问题：",
    "那么，",
    "请回答：",
    "你知道吗？",
)
SUFFIXES_ZH = ("谢谢！", "请告诉我。", "谢谢。", "我想知道。", "你知道吗？")


def lower_first(text: str) -> str:
    """Lowers the first letter, unless the word looks like an acronym or is `I`."""
    if len(text) > 1 and text[0].isupper() and text[1].islower():
        return text[0].lower() + text[1:]
    return text


def dress(rng: random.Random, text: str) -> str:
    """Wraps a question in a random politeness, case and punctuation."""
    if is_chinese(text):
        if rng.random() < 0.2:
            text = rng.choice(PREFIXES_ZH) + text
        elif rng.random() < 0.15:
            text = text + rng.choice(SUFFIXES_ZH)
        if rng.random() < 0.2:
            text = text.rstrip("？。?！")
        return text
    roll = rng.random()
    if roll < 0.2:
        prefix = rng.choice(PREFIXES)
        text = prefix + (lower_first(text) if prefix.rstrip()[-1] not in ".!?" else text)
    elif roll < 0.32:
        text = text + rng.choice(SUFFIXES)
    if rng.random() < 0.12:
        text = text.lower()
    if rng.random() < 0.15:
        text = text.rstrip("?.!")
    return text


CONSONANTS = (
    *"bcdfghjklmnprstvwz", "br", "ch", "dr", "fl", "gr", "kh", "kr", "pl", "pr", "sh", "st",
    "th", "tr",
)  # fmt: skip
VOWELS = ("a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ea", "ie", "oo", "ou", "ya")
ENDINGS = ("", "", "", "n", "r", "s", "l", "m", "k", "t", "x", "nd", "rt", "ck")
COMMON_NAMES = (
    "Anna Ben Clara David Emma Frank Grace Henry Ivy Jack Kate Leo Mia Noah Olga Paul Rosa Sam "
    "Tina Victor Wendy Yuki Zoe Bob Carol Dan Eve Fred Gina Hugo Ines Jonas Karl Lena Max Nina "
    "Oscar Pia Ralf Sara Tom Uma Vera Will Xenia Yara Sophie Lucas Maria John Mary Peter Linda "
    "Michael Susan James Laura Robert Julia Thomas Elena Daniel Amir Fatima Chen Wei Ravi Sonia"
).split()
CHINESE_NAMES = (
    "小明 小红 小华 小丽 小刚 小芳 李雷 王芳 张伟 刘洋 "
    "陈静 杨帆 赵敏 黄磊 周杰 吴昊 林林 孙悦 马超 朱婷"
).split()
CHINESE_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
CHINESE_GIVEN = "明华丽刚芳伟洋静帆敏磊杰昊悦超婷强军平文海云山雪梅东春江飞龙宇晨涛"


def coin_name(rng: random.Random) -> str:
    """Returns a made-up name of two or three syllables."""
    count = rng.choice((1, 2, 2, 2, 3))
    parts = [rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(count)]
    return ("".join(parts) + rng.choice(ENDINGS)).capitalize()


def person(rng: random.Random) -> str:
    return rng.choice(COMMON_NAMES) if rng.random() < 0.35 else coin_name(rng)


def person_zh(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.3:
        return rng.choice(CHINESE_NAMES)
    if roll < 0.8:
        given = rng.choice(CHINESE_GIVEN) + (
            rng.choice(CHINESE_GIVEN) if rng.random() < 0.4 else ""
        )
        return rng.choice(CHINESE_SURNAMES) + given
    return person(rng)


def number(rng: random.Random) -> int:
    """Returns a number of one to five digits, each length about as often."""
    digits = rng.choice((1, 2, 2, 3, 4, 5))
    return rng.randrange(10 ** (digits - 1), 10**digits)


def article(noun: str) -> str:
    return ("an " if noun[0].lower() in "aeiou" else "a ") + noun


def choose(rng: random.Random, options: Sequence[T]) -> T:
    return options[rng.randrange(len(options))]
