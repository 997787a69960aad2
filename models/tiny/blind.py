"""A second test set, which never decided what to train.

Its phrasings were written before the run that they measure, and the model had answered none of
them. The corpus leaves them out as it does those of the first set, and what fails here is not used
to improve the corpus: that keeps the score honest. A failed prompt may be wrong knowledge or a
phrasing that is too far from the known ones; both count.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from models.tiny.corpus import code, facts, fim, kinds, tables, toolbox, tools
from models.tiny.corpus.base import Message, Tool, assistant, system, user
from models.tiny.heldout import (
    Case,
    Check,
    calls_are,
    contains,
    exactly,
    in_json,
    last_number_is,
    says_without_call,
)

SEED = 4051
NAMES = ("Harriet", "Yusuf", "Ondrej", "Belwin", "Cassandra", "Tormo", "Xavier", "Lindiwe")

QUESTIONS = (
    ("I look up and the sky is blue: what is the cause?", "scatter"),
    ("Blue is the color of the sky, but for which reason?", "scatter"),
    ("Put into a single sentence what machine learning is about.", "data"),
    ("My password has slipped my mind.", "Forgot password"),
    ("Any idea how I set a new password?", "Forgot password"),
    ("With whom do I have the pleasure of chatting?", "Tiny"),
    ("What are the things that you can do for people?", "tools"),
    ("Good to see you!", "Hello"),
    ("Many thanks for that help!", "welcome"),
    ("See you tomorrow, bye!", "Goodbye"),
    ("Cheer me up with a joke.", "bugs"),
    ("I am in the mood for a little poem.", "Roses"),
    ("Grass is so green, what is behind that?", "chlorophyll"),
    ("Where does the salt in the sea come from?", "minerals"),
    ("Ice floats in my glass. What is the cause?", "dense"),
    ("I would love to know all the planets of our solar system.", "Neptune"),
    ("How do TCP and UDP differ from each other?", "reliably"),
    ("I want a hot cup of tea, what do I have to do?", "boil"),
)
QUESTIONS_ZH = (
    ("天空的蓝色是怎么来的？", "散射"),
    ("机器学习，一句话说说看。", "数据"),
    ("我想不起密码了，帮帮我。", "忘记密码"),
    ("你的大名是什么呀？", "Tiny"),
    ("讲个让我开心的笑话吧。", "程序员"),
    ("谢啦，你帮了大忙！", "不客气"),
    ("海水咸咸的，这是什么原因？", "矿物质"),
    ("太阳系的行星都有哪些呀？", "海王星"),
)
# Relation, phrasing, how many of its facts.
FACTS = (
    ("capital", "What's the name of the city that is the capital of {x}?", 2),
    ("capital", "I am planning a trip to the capital of {x}. Which city is that?", 2),
    ("currency", "With which currency do I pay in {x}?", 1),
    ("language", "If I go to {x}, what language will I hear?", 1),
    ("continent", "{x} lies on what continent?", 1),
    ("colour", "If you look at {x}, what color do you see?", 1),
    ("legs", "When {x} walks, how many legs does it use?", 1),
    ("sound", "Which noise do we hear from {x}?", 1),
    ("opposite", "{x} is the opposite of which word?", 2),
    ("plural", "One {x}, but two what?", 1),
    ("past", "Put the verb {x} into the past tense.", 1),
    ("translate_french", "I'd like to know the French word for {x}.", 1),
    ("translate_german", "In German, what do they call {x}?", 1),
    ("translate_chinese", "Turn the word {x} into Chinese.", 1),
    ("symbol", "What letters stand for {x} in chemistry?", 1),
    ("units", "{o} consists of how many {m}?", 2),
    ("record", "Any idea what {x} is?", 2),
    ("who", "I'd like to hear who {x}.", 2),
    ("definition", "I've never heard of {x}. What is it?", 3),
    ("definition", "Please explain {x} to a beginner.", 3),
    ("capital_zh", "{x}首都的名字是什么？", 2),
    ("definition_zh", "{x}到底是个什么东西？", 2),
    ("definition_zh", "帮我解释解释{x}。", 2),
    ("colour_zh", "{x}通常呈什么颜色？", 1),
    ("opposite_zh", "和{x}意思相反的词是哪个？", 1),
    ("to_english", "英文中{x}叫什么？", 1),
)
CODE = (
    ("Show me how one writes {x} with Python.", ("quicksort", "binary_search", "factorial")),
    ("Is there a short Python implementation of {x}?", ("quicksort", "binary_search")),
)
CODE_ZH = (("用Python写个{x}给我看看。", ("quicksort", "binary_search")),)
SHORT = ("No long sentences: one word is enough.", "I only have time for tiny answers.")
PIRATE = ("You sail the seas as a pirate and talk that way.",)
JSON = ("Only JSON objects are allowed as answers.",)
CHINESE = ("The user reads Chinese only.",)
PERSONA = ("The users know you as {v}.",)
SUPPORT = ("You are part of the service desk.",)
# What is told, the reply, what is asked, example values.
MEMORY = (
    ("Folks around here call me {v}.", "Nice to meet you, {v}!", "So what's my name again?", NAMES),
    (
        "Write down the number {v} for later.",
        "OK, I will remember {v}.",
        "Which number did I ask you to keep?",
        ("73", "4108", "591"),
    ),
    (
        "I have my flat in {v}.",
        "{v} is a nice place!",
        "In what town is my flat, do you remember?",
        ("Lisbon", "Querth", "Oslo"),
    ),
    (
        "There is a cat in my house, {v}.",
        "{v} is a lovely name!",
        "And my pet, what was its name?",
        ("Mopsy", "Garlo"),
    ),
    ("您好，别人都喊我{v}。", "很高兴认识您，{v}！", "我的名字你还有印象吗？", ("林涛", "周静")),
    ("数字{v}，请你记好。", "好的，我会记住{v}。", "我让你记的数字是几？", ("82", "3570")),
)
PLUS = ("{a} and {b} together make how much?", "I need {a} + {b}, can you work it out?")
MINUS = ("What is left of {a} if {b} go away?", "I need {a} - {b}, can you work it out?")
PLUS_ZH = ("{a}加{b}，结果是几？",)
MINUS_ZH = ("{a}减{b}，结果是几？",)
STORY = ("A basket holds {a} eggs and I put in {b} more. How many eggs are in it?",)
# The first name of a kind, and a request for it.
CALLS = (
    ("get_weather", "Give me the weather report for {c}."),
    ("get_weather", "I am going to {c}. Will I get wet there?"),
    ("get_time", "My friend lives in {c}: what does the clock say there?"),
    ("calculator", "Type {e} into the calculator."),
    ("add", "Let your tool work out {a} plus {b}."),
    ("search", "Look on the internet for {q}."),
    ("send_email", "Mail this to {t}: {s}"),
    ("send_message", "{t} should get this message: {s}"),
    ("set_timer", "Ring in {m} minutes, please."),
    ("get_stock_price", "At what price does {s} trade?"),
    ("play_music", "Let us listen to {s}."),
    ("translate", 'How does one write "{s}" in {l}?'),
    ("read_file", "Open {p} and show what is inside."),
    ("convert_currency", "I have {n} {f}. What is that in {t}?"),
    ("get_weather", "{c}那里的天气好吗？"),
    ("get_time", "{c}那边现在是什么时间？"),
)
EXTRACT = "{n} is a person aged {a}. Put name and age into JSON."
REPEAT = ("Just write back {v}", "Say exactly this: {v}")
UNKNOWN = ("Have you ever heard of {v} Zindorf? Who is it?", "Which team won the {v} cup?")
FIM = (
    ("def subtract_two(a, b):\n    return ", "", "a - b"),
    ("def smallest_of(xs):\n    return ", "\n", "min(xs)"),
    ("def count_all(values):\n    return ", "", "len(values)"),
    ("def double_it(n):\n    return ", "\n", "n * 2"),
    ("def is_positive_value(x):\n    return ", "", "x > 0"),
    ("def first_of(items):\n    ", "", "return items[0]"),
)


def case(
    rng: random.Random,
    category: str,
    phrasing: str,
    messages: list[Message],
    expected: tuple[Check, str],
    *,
    offers: list[Tool] | None = None,
) -> Case:
    """Returns a case, half of them with thinking on; `expected` holds the check and its words."""
    thinking = rng.random() < 0.5
    return Case(category, phrasing, messages, *expected, thinking, offers or [])


def saying(word: str) -> tuple[Check, str]:
    return contains(word), word


def question_cases(rng: random.Random) -> Iterator[Case]:
    for category, rows in (("questions", QUESTIONS), ("questions zh", QUESTIONS_ZH)):
        for text, word in rows:
            yield case(rng, category, text, [user(text)], saying(word))
    relations = {relation.name: relation for relation in facts.relations()}
    for name, phrasing, count in FACTS:
        for fact in rng.sample(relations[name].facts, count):
            text = facts.upper_first(phrasing.format(**fact.slots))
            wanted = fact.full if name.startswith("definition") else fact.short
            category = "facts zh" if name.endswith(("_zh", "to_english")) else "facts"
            yield case(rng, category, phrasing, [user(text)], saying(wanted))
    for phrasings, chinese in ((CODE, False), (CODE_ZH, True)):
        for phrasing, keys in phrasings:
            for key in keys:
                body, names, name_zh = code.FUNCTIONS[key]
                text = phrasing.format(x=name_zh if chinese else names[0])
                yield case(rng, "code", phrasing, [user(text)], saying(body))


def system_cases(rng: random.Random) -> Iterator[Case]:
    def with_head(head: str, text: str, expected: tuple[Check, str], *, phrasing: str = "") -> Case:
        turns = [system(head), user(text)]
        return case(rng, "system prompt", phrasing or head, turns, expected)

    for head in SHORT:
        yield with_head(head, "What is the capital of Norway?", (exactly("Oslo"), "Oslo"))
        yield with_head(head, "What is the opposite of big?", (exactly("small"), "small"))
    for head in PIRATE:
        for country, city in (("Italy", "Rome"), ("Japan", "Tokyo")):
            text = f"What is the capital of {country}?"
            yield with_head(head, text, (contains("arrr", city), city))
    for head in JSON:
        for country, city in (("Spain", "Madrid"), ("Kenya", "Nairobi")):
            text = f"What is the capital of {country}?"
            yield with_head(head, text, (in_json({"answer": city}), city))
    for head in CHINESE:
        for country in ("Germany", "India"):
            wanted = next(row[6] for row in tables.COUNTRIES if row[0] == country)
            text = f"What is the capital of {country}?"
            yield with_head(head, text, saying(wanted))
    for head in PERSONA:
        for name in rng.sample(NAMES, 2):
            yield with_head(head.format(v=name), "Who are you?", saying(name), phrasing=head)
    for head in SUPPORT:
        text = "How do I reset my password?"
        yield with_head(head, text, saying("Forgot password"))


def memory_cases(rng: random.Random) -> Iterator[Case]:
    for tell, reply, ask, values in MEMORY:
        for i, value in enumerate(rng.sample(values, 2)):
            turns = [user(tell.format(v=value)), assistant(reply.format(v=value))]
            if i:
                turns += [user("Why is the sky blue?"), assistant("Because air scatters light.")]
            category = "memory" if ask.isascii() else "memory zh"
            turns.append(user(ask))
            phrasing = ask if i else tell
            yield case(rng, category, phrasing, turns, saying(value))


def sum_cases(rng: random.Random) -> Iterator[Case]:
    """Yields sums of numbers below 50, with thinking on."""
    rows = ((PLUS, 1), (MINUS, -1), (PLUS_ZH, 1), (MINUS_ZH, -1), (STORY, 1))
    for phrasings, sign in rows:
        for phrasing in phrasings:
            for limit in (10, 21, 50):
                b, a = sorted((rng.randrange(limit), rng.randrange(limit)))
                wanted = str(a + sign * b)
                text = phrasing.format(a=a, b=b)
                yield Case("sums", phrasing, [user(text)], last_number_is(wanted), wanted)


def tool_cases(rng: random.Random) -> Iterator[Case]:
    known = {kind.names[0]: kind for kind in kinds.KINDS}
    for name, phrasing in CALLS:
        kind = known[name]
        values = tools.draw(rng, kind)
        if not phrasing.isascii():
            values["c"] = rng.choice(kinds.CITIES_ZH)
        choice = tools.offers(rng, kind, rng.choice((0, 1, 2)))
        item = next(o for o in choice if o.kind is kind)
        call = {"name": item.name, "arguments": tools.arguments(item, values)}
        turns = [user(phrasing.format(**values))]
        wanted = json.dumps(call, ensure_ascii=False)
        schemas = [o.schema for o in choice]
        yield case(rng, "tool call", phrasing, turns, (calls_are(call), wanted), offers=schemas)
        if name in ("calculator", "get_stock_price", "set_timer", "search"):
            yield result_case(rng, phrasing, item, values)
    schema = toolbox.offer(rng, known["get_weather"]).schema
    for text, word in (QUESTIONS[0], QUESTIONS[12]):
        expected = (says_without_call(word), word)
        yield case(rng, "no tool needed", text, [user(text)], expected, offers=[schema])


def result_case(
    rng: random.Random, phrasing: str, item: toolbox.Offer, values: dict[str, Any]
) -> Case:
    result, answer = item.kind.results[0]
    slots = {"r": item.kind.result_maker(rng), **values}
    function = {"name": item.name, "arguments": tools.arguments(item, values)}
    turns: list[Message] = [
        user(phrasing.format(**values)),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": function}],
        },
        {"role": "tool", "content": result.format(**slots)},
    ]
    wanted = answer.format(**slots)
    expected = (says_without_call(wanted), wanted)
    return case(rng, "tool result", phrasing, turns, expected, offers=[item.schema])


def other_cases(rng: random.Random) -> Iterator[Case]:
    for name in rng.sample(NAMES, 3):
        age = rng.randrange(5, 90)
        turns = [user(EXTRACT.format(n=name, a=age))]
        wanted = {"name": name, "age": age}
        yield case(rng, "json", EXTRACT, turns, (in_json(wanted), json.dumps(wanted)))
    for prefix, suffix, middle in FIM:
        yield Case(
            "fill in the middle",
            prefix,
            [],
            exactly(middle),
            middle,
            raw=fim.prompt(prefix, suffix),
        )
    for phrasing in REPEAT:
        for name in rng.sample(NAMES, 2):
            text = phrasing.format(v=name)
            yield case(rng, "repeat", phrasing, [user(text)], saying(name))
    for phrasing in UNKNOWN:
        text = phrasing.format(v=rng.choice(NAMES))
        yield case(rng, "unknown", phrasing, [user(text)], saying("do not know"))


def cases() -> list[Case]:
    """Returns all cases; the same ones every time."""
    makers = (question_cases, system_cases, memory_cases, sum_cases, tool_cases, other_cases)
    return [case for maker in makers for case in maker(random.Random(SEED))]
