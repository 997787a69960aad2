"""Fact questions: relations with many phrasings, over the rows of `tables`."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass

from models.tiny.corpus import tables
from models.tiny.corpus.base import Sample, article, choose, dress, user


@dataclass(frozen=True)
class Fact:
    """One answerable row: the values of the slots, a short answer and a whole sentence."""

    slots: dict[str, str]
    short: str
    full: str


@dataclass(frozen=True)
class Relation:
    """Facts that are asked for in the same words. `held` phrasings are never trained."""

    name: str
    train: tuple[str, ...]
    held: tuple[str, ...]
    facts: tuple[Fact, ...]
    gist: str
    weight: float = 1.0


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _country_relations() -> list[Relation]:
    capitals, capitals_zh, continents, languages, currencies = [], [], [], [], []
    for country, capital, continent, language, currency, country_zh, capital_zh in tables.COUNTRIES:
        slots = {"x": country}
        capitals.append(Fact(slots, capital, f"The capital of {country} is {capital}."))
        capitals_zh.append(
            Fact({"x": country_zh}, capital_zh, f"{country_zh}的首都是{capital_zh}。")
        )
        continents.append(Fact(slots, continent, f"{country} is in {continent}."))
        languages.append(Fact(slots, language, f"People in {country} speak {language}."))
        currencies.append(Fact(slots, currency, f"The currency of {country} is the {currency}."))
    return [
        Relation(
            "capital",
            (
                "What is the capital of {x}?",
                "What's the capital of {x}?",
                "Capital of {x}?",
                "Name the capital of {x}.",
                "Which city is the capital of {x}?",
                "Tell me the capital of {x}.",
                "{x}: what is its capital?",
                "{x} has which capital?",
                "What is {x}'s capital?",
                "{x}'s capital city?",
                "Give me the capital of {x}.",
                "What is the capital city of {x}?",
                "What city is {x}'s capital?",
                "{x} capital",
                "I need the capital of {x}.",
                "The capital of {x} is",
            ),
            (
                "Which capital does {x} have?",
                "Could you name {x}'s capital city?",
                "For the country {x}, what is the capital?",
            ),
            tuple(capitals),
            "The user asks for the capital of {x}.",
            2.0,
        ),
        Relation(
            "capital_zh",
            (
                "{x}的首都是哪里？",
                "{x}的首都是什么？",
                "{x}的首都在哪？",
                "{x}首都是哪个城市？",
                "{x}的首都叫什么？",
                "哪个城市是{x}的首都？",
                "告诉我{x}的首都。",
                "{x}的首都是哪座城市？",
                "说出{x}的首都。",
                "{x}的首都",
            ),
            ("{x}这个国家的首都是哪儿？", "能说出{x}的首都名字吗？"),
            tuple(capitals_zh),
            "用户问{x}的首都。",
            1.2,
        ),
        Relation(
            "continent",
            (
                "On which continent is {x}?",
                "Which continent is {x} in?",
                "Where is {x}?",
                "What continent does {x} belong to?",
                "{x} is on which continent?",
                "In which part of the world is {x}?",
                "Where is {x} located?",
                "{x}: which continent?",
                "Tell me the continent of {x}.",
                "What continent is {x} on?",
            ),
            ("To which continent does {x} belong?", "Where in the world is {x}?"),
            tuple(continents),
            "The user asks where {x} is.",
            0.6,
        ),
        Relation(
            "language",
            (
                "What language do people speak in {x}?",
                "Which language is spoken in {x}?",
                "What is the language of {x}?",
                "What do people speak in {x}?",
                "Which languages are spoken in {x}?",
                "{x}: which language?",
                "Language of {x}?",
                "What language is used in {x}?",
                "In {x}, what language do they speak?",
                "Tell me the language of {x}.",
            ),
            ("What language does one speak in {x}?",),
            tuple(languages),
            "The user asks for the language of {x}.",
            0.6,
        ),
        Relation(
            "currency",
            (
                "What is the currency of {x}?",
                "Which currency does {x} use?",
                "Currency of {x}?",
                "What money do they use in {x}?",
                "What do people pay with in {x}?",
                "{x}: which currency?",
                "Name the currency of {x}.",
                "What currency is used in {x}?",
                "In {x}, what is the currency?",
                "Tell me the currency of {x}.",
            ),
            ("What kind of money is used in {x}?",),
            tuple(currencies),
            "The user asks for the currency of {x}.",
            0.6,
        ),
    ]


def _nature_relations() -> list[Relation]:
    colours, colours_zh, sounds, young, legs, legs_zh = [], [], [], [], [], []
    for thing, colour, thing_zh, colour_zh in tables.COLOURS:
        slots = (
            {"x": article(thing), "y": thing}
            if thing != "ocean"
            else {"x": "the ocean", "y": thing}
        )
        colours.append(Fact(slots, colour, f"{upper_first(slots['x'])} is {colour}."))
        colours_zh.append(Fact({"x": thing_zh}, colour_zh, f"{thing_zh}是{colour_zh}的。"))
    for animal, sound, child, count, animal_zh, count_zh in tables.ANIMALS:
        slots = {"x": article(animal), "y": animal}
        name = upper_first(slots["x"])
        sounds.append(Fact(slots, sound, f"{name} {sound}."))
        young.append(Fact(slots, child, f"A young {animal} is called {article(child)}."))
        legs.append(Fact(slots, count, f"{name} has {count} legs."))
        legs_zh.append(Fact({"x": animal_zh}, count_zh, f"{animal_zh}有{count_zh}条腿。"))
    return [
        Relation(
            "colour",
            (
                "What color is {x}?",
                "What colour is {x}?",
                "Which color does {x} have?",
                "What is the color of {x}?",
                "{x}: what color?",
                "Color of {x}?",
                "Tell me the color of {x}.",
                "{x} has what color?",
                "Name the color of {x}.",
                "Of what color is {x}?",
                "What color does {x} have?",
            ),
            ("What is the usual color of {x}?", "In what color do we see {x}?"),
            tuple(colours),
            "The user asks for the color of {x}.",
            0.6,
        ),
        Relation(
            "colour_zh",
            (
                "{x}是什么颜色？",
                "{x}是什么颜色的？",
                "{x}的颜色是什么？",
                "{x}有什么颜色？",
                "告诉我{x}的颜色。",
                "{x}什么颜色",
                "说出{x}的颜色。",
                "{x}通常是什么颜色？",
                "{x}是哪种颜色的？",
                "{x}的颜色是哪种？",
            ),
            ("{x}一般是哪种颜色？",),
            tuple(colours_zh),
            "用户问{x}的颜色。",
            0.4,
        ),
        Relation(
            "sound",
            (
                "What sound does {x} make?",
                "What does {x} say?",
                "How does {x} sound?",
                "Which sound does {x} make?",
                "What noise does {x} make?",
                "{x}: what sound?",
                "Tell me the sound of {x}.",
                "The sound of {x}?",
            ),
            ("What kind of sound does {x} make?",),
            tuple(sounds),
            "The user asks for the sound of {x}.",
            0.4,
        ),
        Relation(
            "young",
            (
                "What is a young {y} called?",
                "What do you call a baby {y}?",
                "What is a baby {y}?",
                "How is a young {y} called?",
                "What is the young of {x}?",
                "How do we call the baby of {x}?",
                "{x} has a baby. What is it called?",
                "A young {y} is called what?",
                "Name of a baby {y}?",
                "What is the name of a young {y}?",
                "What's a baby {y} called?",
            ),
            ("What is the child of {x} called?",),
            tuple(young),
            "The user asks for the young of {x}.",
            0.4,
        ),
        Relation(
            "legs",
            (
                "How many legs does {x} have?",
                "How many legs has {x}?",
                "Number of legs of {x}?",
                "{x} has how many legs?",
                "Tell me how many legs {x} has.",
                "{x}: how many legs?",
                "What is the number of legs of {x}?",
                "On how many legs does {x} walk?",
            ),
            ("Can you say how many legs {x} has?",),
            tuple(legs),
            "The user asks for the legs of {x}.",
            0.4,
        ),
        Relation(
            "legs_zh",
            (
                "{x}有几条腿？",
                "{x}有多少条腿？",
                "一只{x}有几条腿？",
                "{x}几条腿",
                "请问{x}有几条腿？",
                "{x}的腿有几条？",
            ),
            ("{x}一共有几条腿呀？",),
            tuple(legs_zh),
            "用户问{x}有几条腿。",
            0.3,
        ),
    ]


def _language_relations() -> list[Relation]:
    opposites, opposites_zh, plurals, pasts = [], [], [], []
    for left, right in tables.OPPOSITES:
        for a, b in ((left, right), (right, left)):
            opposites.append(Fact({"x": a}, b, f"The opposite of {a} is {b}."))
    for left, right in tables.OPPOSITES_ZH:
        for a, b in ((left, right), (right, left)):
            opposites_zh.append(Fact({"x": a}, b, f"“{a}”的反义词是“{b}”。"))
    for one, many in tables.PLURALS:
        plurals.append(Fact({"x": one}, many, f"The plural of {one} is {many}."))
    for present, past in tables.PASTS:
        pasts.append(Fact({"x": present}, past, f"The past tense of {present} is {past}."))
    relations = [
        Relation(
            "opposite",
            (
                "What is the opposite of {x}?",
                "What's the opposite of {x}?",
                "Opposite of {x}?",
                "Name the opposite of {x}.",
                "Tell me the opposite of {x}.",
                "{x}: what is the opposite?",
                "The opposite of {x} is",
                "Give me the opposite of {x}.",
                "What is the antonym of {x}?",
                "Which word is the opposite of {x}?",
                "What is the contrary of {x}?",
                "What is the opposite of the word {x}?",
            ),
            ("Which word means the opposite of {x}?", "Can you give the antonym of {x}?"),
            tuple(opposites),
            "The user asks for the opposite of {x}.",
            1.0,
        ),
        Relation(
            "opposite_zh",
            (
                "{x}的反义词是什么？",
                "“{x}”的反义词是什么？",
                "{x}的反义词",
                "说出{x}的反义词。",
                "与{x}相反的词是什么？",
                "{x}的反面是什么？",
                "告诉我{x}的反义词。",
                "{x}的相反词是什么？",
                "请给出{x}的反义词。",
                "什么词与{x}相反？",
            ),
            ("哪个词是{x}的反义词？",),
            tuple(opposites_zh),
            "用户问“{x}”的反义词。",
            0.5,
        ),
        Relation(
            "plural",
            (
                "What is the plural of {x}?",
                "Plural of {x}?",
                "What's the plural of {x}?",
                "Tell me the plural of {x}.",
                "{x}: what is the plural?",
                "Give me the plural of {x}.",
                "What is the plural form of {x}?",
                "Name the plural of {x}.",
            ),
            ("How do you form the plural of {x}?",),
            tuple(plurals),
            "The user asks for the plural of {x}.",
            0.4,
        ),
        Relation(
            "past",
            (
                "What is the past tense of {x}?",
                "Past tense of {x}?",
                "What's the past tense of {x}?",
                "Tell me the past tense of {x}.",
                "{x}: what is the past tense?",
                "Give me the past tense of {x}.",
                "What is the past of {x}?",
                "Name the past form of {x}.",
            ),
            ("How do you form the past tense of {x}?",),
            tuple(pasts),
            "The user asks for the past tense of {x}.",
            0.4,
        ),
    ]
    for column, language in ((1, "Chinese"), (2, "French"), (3, "Spanish"), (4, "German")):
        facts = []
        for row in tables.WORDS:
            full = f'"{upper_first(row[0])}" in {language} is "{row[column]}".'
            facts.append(Fact({"x": row[0]}, row[column], full))
        relations.append(
            Relation(
                f"translate_{language.lower()}",
                tuple(
                    text.replace("{l}", language)
                    for text in (
                        'Translate "{x}" to {l}.',
                        "Translate {x} into {l}.",
                        "What is {x} in {l}?",
                        "How do you say {x} in {l}?",
                        'How do I say "{x}" in {l}?',
                        "What is the {l} word for {x}?",
                        "{x} in {l}?",
                        "Translate to {l}: {x}",
                        "{l} word for {x}?",
                        "Say {x} in {l}.",
                        "What does {x} mean in {l}?",
                        "How is {x} called in {l}?",
                        'Give me the {l} word for "{x}".',
                        'I need the word "{x}" in {l}.',
                        "Which word is {x} in {l}?",
                        "What is the {l} translation of {x}?",
                        "{l}: {x}",
                        'Please put "{x}" into {l}.',
                    )
                ),
                tuple(
                    text.replace("{l}", language)
                    for text in (
                        "Which {l} word means {x}?",
                        'Please give the {l} translation of "{x}".',
                    )
                ),
                tuple(facts),
                "The user wants {x} in " + language + ".",
                0.7,
            )
        )
    back = [Fact({"x": row[1]}, row[0], f"“{row[1]}”的英文是“{row[0]}”。") for row in tables.WORDS]
    relations.append(
        Relation(
            "to_english",
            (
                "{x}用英语怎么说？",
                "{x}的英文是什么？",
                "把“{x}”翻译成英文。",
                "{x}英语怎么说",
                "翻译成英语：{x}",
                "“{x}”的英语是什么？",
                "请把{x}翻译成英语。",
                "英语里{x}怎么说？",
                "{x}的英语单词是什么？",
                "{x}用英文怎么讲？",
                "我想知道{x}的英文。",
            ),
            ("{x}这个词英文怎么讲？",),
            tuple(back),
            "用户想知道“{x}”的英文。",
            0.7,
        )
    )
    return relations


def _science_relations() -> list[Relation]:
    symbols = [
        Fact({"x": n}, s, f"The chemical symbol of {n} is {s}.") for n, s, _ in tables.ELEMENTS
    ]
    symbols_zh = [Fact({"x": z}, s, f"{z}的化学符号是{s}。") for _, s, z in tables.ELEMENTS]
    units = [
        Fact({"m": m, "o": o}, n, f"{upper_first(o)} has {n} {m}.") for m, o, n in tables.UNITS
    ]
    units_zh = [Fact({"x": q}, a.rstrip("。"), a) for q, a in tables.UNITS_ZH]
    records = [
        Fact({"x": x}, upper_first(a), f"{upper_first(x)} is {a}.") for x, a in tables.RECORDS
    ]
    records_zh = [Fact({"x": x}, a, f"{x}是{a}。") for x, a in tables.RECORDS_ZH]
    people = [Fact({"x": x}, who, f"{who} {x}.") for x, who in tables.PEOPLE]
    people_zh = [Fact({"x": x}, a.rstrip("。"), a) for x, a in tables.PEOPLE_ZH]
    relations = [
        Relation(
            "symbol",
            (
                "What is the chemical symbol of {x}?",
                "What is the symbol of {x}?",
                "Symbol for {x}?",
                "What's the chemical symbol for {x}?",
                "Chemical symbol of {x}?",
                "Tell me the chemical symbol of {x}.",
                "{x}: what is the chemical symbol?",
                "Which chemical symbol does {x} have?",
                "What is the symbol for the element {x}?",
            ),
            ("How is {x} written as a chemical symbol?",),
            tuple(symbols),
            "The user asks for the symbol of {x}.",
            0.5,
        ),
        Relation(
            "symbol_zh",
            (
                "{x}的化学符号是什么？",
                "{x}的元素符号是什么？",
                "{x}的符号是什么？",
                "{x}的化学符号",
                "告诉我{x}的化学符号。",
                "元素{x}的符号是什么？",
            ),
            ("{x}元素用什么符号表示？",),
            tuple(symbols_zh),
            "用户问{x}的化学符号。",
            0.3,
        ),
        Relation(
            "units",
            (
                "How many {m} are in {o}?",
                "How many {m} does {o} have?",
                "How many {m} are there in {o}?",
                "Number of {m} in {o}?",
                "{o} has how many {m}?",
                "Tell me how many {m} {o} has.",
                "What is the number of {m} in {o}?",
                "How many {m} make {o}?",
                "How many {m} in {o}?",
            ),
            ("Can you say how many {m} {o} contains?", "For {o}, how many {m} do you count?"),
            tuple(units),
            "The user asks how many {m} {o} has.",
            0.7,
        ),
        Relation(
            "units_zh",
            ("{x}？", "请告诉我{x}？", "{x}呢？", "我忘了，{x}？", "请回答，{x}？", "{x}啊？"),
            ("考考你，{x}？",),
            tuple(units_zh),
            "用户在问数量。",
            0.3,
        ),
        Relation(
            "record",
            (
                "What is {x}?",
                "What's {x}?",
                "Which is {x}?",
                "Name {x}.",
                "Tell me {x}.",
                "{x}?",
                "Do you know {x}?",
                "Can you name {x}?",
                "I need to know {x}.",
                "Give me {x}.",
                "Please say what {x} is.",
                "{x} is",
            ),
            ("Could you tell me what {x} is?", "Please give me the answer: what would be {x}?"),
            tuple(records),
            "The user asks for {x}.",
            1.0,
        ),
        Relation(
            "record_zh",
            (
                "{x}是什么？",
                "{x}是哪个？",
                "什么是{x}？",
                "告诉我{x}。",
                "{x}？",
                "说出{x}。",
                "{x}是多少？",
                "{x}叫什么？",
            ),
            ("你知道{x}是什么吗？",),
            tuple(records_zh),
            "用户问{x}。",
            0.5,
        ),
        Relation(
            "who",
            (
                "Who {x}?",
                "Which person {x}?",
                "Who was it that {x}?",
                "Tell me who {x}.",
                "Do you know who {x}?",
                "Name the person who {x}.",
                "The one who {x}?",
                "What is the name of the person who {x}?",
                "I want to know who {x}.",
                "Say who {x}.",
            ),
            ("Could you tell me who {x}?", "Which famous person {x}?"),
            tuple(people),
            "The user asks who {x}.",
            0.8,
        ),
        Relation(
            "who_zh",
            ("{x}？", "{x}", "请问{x}？", "你知道{x}吗？", "告诉我{x}。", "是{x}的？"),
            ("考考你，{x}呢？",),
            tuple(people_zh),
            "用户在问一个人。",
            0.4,
        ),
    ]
    for kind, names in tables.SEQUENCES:
        after = [
            Fact(
                {"x": name},
                names[(i + 1) % len(names)],
                f"{names[(i + 1) % len(names)]} comes after {name}.",
            )
            for i, name in enumerate(names)
        ]
        before = [
            Fact({"x": name}, names[i - 1], f"{names[i - 1]} comes before {name}.")
            for i, name in enumerate(names)
        ]
        for word, facts in (("after", after), ("before", before)):
            relations.append(
                Relation(
                    f"{kind}_{word}",
                    tuple(
                        text.replace("{k}", kind).replace("{w}", word)
                        for text in (
                            "Which {k} comes {w} {x}?",
                            "What {k} comes {w} {x}?",
                            "What comes {w} {x}?",
                            "What is the {k} {w} {x}?",
                            "Which {k} is {w} {x}?",
                            "What {k} is {w} {x}?",
                            "Tell me the {k} {w} {x}.",
                            "Name the {k} {w} {x}.",
                            "The {k} {w} {x}?",
                        )
                    ),
                    (f"Can you name the {kind} that comes {word} {{x}}?",),
                    tuple(facts),
                    f"The user asks for the {kind} {word} {{x}}.",
                    0.3,
                )
            )
    return relations


def _definition_relations() -> list[Relation]:
    def bare(subject: str) -> str:
        return subject.removeprefix("a ").removeprefix("an ").removeprefix("the ")

    english = [Fact({"x": s, "y": bare(s)}, t, t) for s, t in tables.DEFINITIONS]
    chinese = [Fact({"x": s}, t, t) for s, t in tables.DEFINITIONS_ZH]
    return [
        Relation(
            "definition",
            (
                "What is {x}?",
                "What's {x}?",
                "Explain {x}.",
                "Define {y}.",
                "{y}?",
                "{y}: what is it?",
                "Tell me about {x}.",
                "What does {y} mean?",
                "Can you explain what {x} is?",
                "Describe {x}.",
                "Give me a short definition of {y}.",
                "What do people mean by {y}?",
                "In one sentence, what is {x}?",
                "Explain {x} in simple words.",
                "What is {x} in short?",
                "I do not know what {x} is.",
                "Explain to me what {x} is.",
                "What is meant by {y}?",
            ),
            (
                "How would you define {y}?",
                "Help me understand what {x} is.",
                "Could you briefly say what {x} is?",
            ),
            tuple(english),
            "The user asks what {x} is.",
            4.5,
        ),
        Relation(
            "definition_zh",
            (
                "什么是{x}？",
                "{x}是什么？",
                "解释一下{x}。",
                "介绍一下{x}。",
                "{x}是什么意思？",
                "请解释{x}。",
                "告诉我什么是{x}。",
                "用一句话解释{x}。",
                "{x}的定义是什么？",
                "说说{x}。",
                "简单介绍{x}。",
                "讲一讲{x}。",
                "说明一下{x}。",
                "{x}指的是什么？",
                "能介绍{x}吗？",
                "能解释一下{x}吗？",
                "我想了解{x}。",
                "什么叫{x}？",
                "请说明什么是{x}。",
                "能说说{x}是什么吗？",
                "请讲讲{x}。",
                "{x}是怎么一回事？",
                "谈谈{x}。",
            ),
            ("能讲讲{x}是什么吗？", "请简单说明{x}是什么。"),
            tuple(chinese),
            "用户问{x}是什么。",
            3.4,
        ),
    ]


@functools.cache
def relations() -> tuple[Relation, ...]:
    return (
        *_country_relations(),
        *_nature_relations(),
        *_language_relations(),
        *_science_relations(),
        *_definition_relations(),
    )


def pick(rng: random.Random, *, short_only: bool = False) -> tuple[Relation, Fact, str]:
    """Returns a relation, a fact, and a trained phrasing that asks for it (undressed)."""
    pool = [r for r in relations() if not (short_only and r.name.startswith("definition"))]
    relation = rng.choices(pool, [r.weight for r in pool])[0]
    fact = choose(rng, relation.facts)
    return relation, fact, upper_first(choose(rng, relation.train).format(**fact.slots))


def gist(relation: Relation, fact: Fact) -> str:
    return relation.gist.format(**fact.slots)


def sample(rng: random.Random) -> Sample:
    relation, fact, question = pick(rng)
    category = "facts_zh" if relation.name.endswith(("_zh", "to_english")) else "facts"
    return Sample(category, [user(dress(rng, question))], fact.full, gist(relation, fact))
