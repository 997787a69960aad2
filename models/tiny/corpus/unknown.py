"""Questions out of reach, which get an honest answer."""

from __future__ import annotations

import random

from models.tiny.corpus import seeds
from models.tiny.corpus.base import Sample, choose, coin_name, dress, number, person, user
from models.tiny.corpus.kinds import CITIES_ZH, city

ANSWER = (
    "I am a small demonstration model and do not know that. Pull a bigger model for such questions."
)
ANSWER_ZH = "我是一个小型演示模型，不知道这个问题的答案。请下载更大的模型。"
QUESTIONS = (
    "Who won the match in {w}?",
    "What happened in {n}?",
    "What is the population of {w}?",
    "Who is {p} {w}?",
    "What did {p} say in {n}?",
    "How tall is {p}?",
    "What is {n} times {m}?",
    'Summarize the book "{w}".',
    "Who is the mayor of {w}?",
    "When was {p} born?",
    "What is the plot of {w}?",
    "Explain the theory of {w}.",
    "What is {w}?",
    "What is a {w}?",
    "How does {w} work?",
    "Who invented the {w}?",
    "What is the price of {w}?",
    "Write an essay about {w}.",
    "Compare {w} and {x}.",
    "Which is better, {w} or {x}?",
    "What is the capital of {w}?",
    'Translate "{w}" to Latin.',
    "Who wrote {w}?",
    "What are the side effects of {w}?",
    "How do I repair a {w}?",
    "Where is {w}?",
    "What will happen in {n}?",
    "Give me the lyrics of {w}.",
    "Prove the {w} theorem.",
    "Is {p} married?",
    "What is the best restaurant in {w}?",
    "How far is {w} from {x}?",
    "Who was the king of {w} in {n}?",
    "How many people live in {w}?",
    "Tell me about {w}.",
    "Who is {p}?",
    "Define {w}.",
    "What does {w} mean?",
    "Explain {w}.",
)
QUESTIONS_ZH = (
    "{w}的市长是谁？",
    "{n}年发生了什么？",
    "{w}有多少人口？",
    "{w}是谁？",
    "介绍一下{w}。",
    "{w}是什么？",
    "{w}的首都是哪里？",
    "谁发明了{w}？",
    "写一篇关于{w}的文章。",
    "{w}多少钱？",
)
HELD = (
    "Who is the famous {p} {w}?",
    "Could you name the mayor of {w}?",
    "What exactly happened to {p} in {w}?",
)


NO_DATA = (
    "What is the weather in {c}?",
    "How is the weather in {c}?",
    "What time is it in {c}?",
    "What's the weather in {c}?",
    "What is the temperature in {c}?",
    "Is it raining in {c}?",
    "What is the weather like in {c} today?",
    "How warm is it in {c}?",
    "Weather in {c}?",
    "What is the current weather in {c}?",
    "Tell me the weather in {c}.",
    "What is the time in {c}?",
)
NO_DATA_ZH = ("{c}天气怎么样？", "{c}现在几点？", "{c}今天天气如何？", "{c}多少度？", "{c}下雨吗？")


def no_data_sample(rng: random.Random) -> Sample:
    """Returns a question that would need a tool, asked without one."""
    key = "weatherless"
    if rng.random() < 0.25:
        text = choose(rng, NO_DATA_ZH).format(c=choose(rng, CITIES_ZH))
        answer = next(row[1] for row in seeds.INTENTS_ZH if row[0] == key)
        return Sample("unknown", [user(dress(rng, text))], answer, seeds.GISTS_ZH[key])
    text = choose(rng, NO_DATA).format(c=city(rng))
    answer = next(row[1] for row in seeds.INTENTS if row[0] == key)
    return Sample("unknown", [user(dress(rng, text))], answer, seeds.GISTS[key])


def sample(rng: random.Random) -> Sample:
    if rng.random() < 0.25:
        return no_data_sample(rng)
    slots = {
        "w": coin_name(rng), "x": coin_name(rng), "p": person(rng), "n": rng.randrange(1000, 2100),
        "m": number(rng),
    }  # fmt: skip
    if rng.random() < 0.2:
        question = choose(rng, QUESTIONS_ZH).format(**slots)
        return Sample("unknown", [user(dress(rng, question))], ANSWER_ZH, "我不知道这个。")
    question = choose(rng, QUESTIONS).format(**slots)
    return Sample("unknown", [user(dress(rng, question))], ANSWER, "I do not know this.")
