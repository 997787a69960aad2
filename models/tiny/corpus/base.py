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
    "你能告诉我",
    "能告诉我",
    "能不能说说",
    "可以说说",
    "能说一下",
    "我想问一下，",
    "麻烦你，",
    "能帮我",
    "能不能讲讲",
    "可以讲一下",
    "帮我说说",
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


# Requests take a verb behind these; questions take the others.
REQUEST_PREFIXES = (
    "Could you ", "Can you ", "Would you ", "Please ", "Could you please ", "I want you to ",
    "Can you please ", "Would you please ", "I would like you to ", "Could you quickly ",
)  # fmt: skip
QUESTION_PREFIXES = (
    "Could you tell me ", "Can you tell me ", "Could you say ", "I would like to know ",
    "Would you tell me ", "Could you please tell me ", "May I ask ", "I wonder, ", "Can you say ",
    "Could you explain ", "Have you an idea: ", "Do you know ", "I wonder ",
    "Do you happen to know ", "Let me know ", "I would love to know ", "Could you help me: ",
    "You know, ",
)  # fmt: skip
REQUEST_VERBS = frozenset(
    "explain tell give name list write define describe show translate say make count introduce "
    "implement code compose calculate add subtract compute solve program help summarize "
    "multiply".split()
)
TAILS = (" for me", " now", " exactly", " in short", " briefly", " please", " today", " again")
SMALL_WORDS = frozenset(
    "the is a an of me to in do does what you can tell please are it on that for there".split()
)
FILLERS = (
    "please really actually just maybe exactly now then usually quickly kindly well also so"
).split()
FILLERS_ZH = ("到底", "究竟", "一般", "其实", "请", "那", "麻烦")
LIGHT_ZH = "的了是请吗呢一下个"


def jiggle(rng: random.Random, text: str) -> str:
    """Drops a small word or puts in a filler, so that no exact wording can be relied on."""
    words = text.split(" ")
    if rng.random() < 0.6:
        places = [i for i, word in enumerate(words) if word.lower() in SMALL_WORDS]
        for i in sorted(rng.sample(places, min(len(places), rng.choice((1, 1, 2)))), reverse=True):
            del words[i]
    if len(words) > 2 and rng.random() < 0.5:
        words.insert(rng.randrange(1, len(words)), choose(rng, FILLERS))
    return " ".join(words) if words else text


def jiggle_zh(rng: random.Random, text: str) -> str:
    places = [i for i, letter in enumerate(text) if letter in LIGHT_ZH]
    if places and rng.random() < 0.5:
        i = choose(rng, places)
        return text[:i] + text[i + 1 :]
    i = rng.randrange(len(text))
    return text[:i] + choose(rng, FILLERS_ZH) + text[i:]


def dress_zh(rng: random.Random, text: str) -> str:
    roll = rng.random()
    if roll < 0.3:
        text = rng.choice(PREFIXES_ZH) + text
    elif roll < 0.45:
        text = text + rng.choice(SUFFIXES_ZH)
    elif roll < 0.55:
        text = text.rstrip("？。?！") + rng.choice(
            ("呢？", "呀？", "吗？", "啊？", "，可以吗？", "吧。")
        )
    if rng.random() < 0.15:
        text = jiggle_zh(rng, text)
    if rng.random() < 0.2:
        text = text.rstrip("？。?！")
    return text


def dress(rng: random.Random, text: str) -> str:
    """Wraps a question in a random politeness, case and punctuation, and varies small words."""
    if is_chinese(text):
        return dress_zh(rng, text)
    if rng.random() < 0.18:
        text = jiggle(rng, text)
    roll = rng.random()
    if roll < 0.14:
        prefix = rng.choice(PREFIXES)
        text = prefix + (lower_first(text) if prefix.rstrip()[-1] not in ".!?" else text)
    elif roll < 0.36:
        request = text.split(" ", 1)[0].lower() in REQUEST_VERBS
        prefixes = REQUEST_PREFIXES if request else QUESTION_PREFIXES
        text = rng.choice(prefixes) + lower_first(text)
    elif roll < 0.44:
        text = text + rng.choice(SUFFIXES)
    elif roll < 0.52 and text[-1] in ".?!":
        text = text[:-1] + rng.choice(TAILS) + text[-1]
    if rng.random() < 0.12:
        text = text.lower()
    if rng.random() < 0.15:
        text = text.rstrip("?.!")
    return text


CONSONANTS = (
    *"bcdfghjklmnprstvwxyz", "qu", "br", "ch", "dr", "fl", "gr", "kh", "kr", "pl", "pr", "sh", "st",
    "th", "tr", "bl", "cl", "gl", "sw", "sp", "ph", "wh",
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
CHINESE_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
)
CHINESE_GIVEN = (
    "明华丽刚芳伟洋静帆敏磊杰昊悦超婷强军平文海云山雪梅东春江飞龙宇晨涛"
    "晓小思雨佳欣怡然子涵浩博志国建新美玲秀英兰红艳燕霞娟娜颖琳慧佩玉琪瑶薇蕾岚冰凡辉鹏峰"
    "斌波宁安康乐天一心语诗书画可亦若清泉溪川星月光阳"
)
# Signs of place names, of which made-up places are put together.
PLACE_SIGNS = (
    "阿巴比贝布卡科克达丹德迪多尔法菲弗哥格古哈海赫华基吉加金卡堪开拉莱兰勒雷里利列林隆卢鲁罗洛马麦曼"
    "梅蒙米密明莫墨姆那纳南内尼诺努欧帕佩平普其奇齐恰萨塞桑沙圣斯苏索塔太泰坦特提图土托瓦威维乌西希"
    "夏肖谢辛雅亚延伊英约扎哲朱卓港州城山岛京都津宁波培"
)


def coin_name(rng: random.Random) -> str:
    """Returns a made-up name of one to three syllables, sometimes with parts of real ones."""
    if rng.random() < 0.25:
        first, last = rng.choice(COMMON_NAMES), rng.choice(COMMON_NAMES)
        middle = rng.choice(VOWELS) if rng.random() < 0.3 else ""
        return first[: rng.randrange(1, 5)] + middle + last[-rng.randrange(2, 5) :].lower()
    count = rng.choice((1, 2, 2, 2, 3))
    parts = [rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(count)]
    return ("".join(parts) + rng.choice(ENDINGS)).capitalize()


def letters(rng: random.Random) -> str:
    """Returns letters or signs without any order, which can only be copied one by one."""
    signs = "abcdefghijklmnopqrstuvwxyz"
    if rng.random() < 0.3:
        signs = signs.upper() + "0123456789"
    return "".join(rng.choice(signs) for _ in range(rng.randrange(2, 9)))


def place_zh(rng: random.Random) -> str:
    """Returns a made-up Chinese place."""
    return "".join(rng.choice(PLACE_SIGNS) for _ in range(rng.choice((2, 2, 3, 3, 4, 5))))


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
