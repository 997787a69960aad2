"""Conversations in which the user tells something and asks for it later."""

# ruff: noqa: SIM905 (word lists)

from __future__ import annotations

import random

from models.tiny.corpus import facts, tables
from models.tiny.corpus.base import (
    Message,
    Sample,
    assistant,
    choose,
    coin_name,
    dress,
    number,
    person,
    person_zh,
    place_zh,
    user,
)

# kind -> (tell, reply, ask, answer, gist, held-out ask)
TELLS: dict[str, dict[str, tuple[str, ...]]] = {
    "name": {
        "tell": (
            "My name is {v}.",
            "I am {v}.",
            "I'm {v}.",
            "Hi, I'm {v}.",
            "Hello, my name is {v}.",
            "Call me {v}.",
            "You can call me {v}.",
            "Hi! My name is {v}.",
            "The name is {v}.",
            "Please remember my name: {v}.",
            "I am called {v}.",
            "Hello, I am {v}.",
            "my name is {v}",
            "Hi, my name is {v}. Nice to meet you.",
            "This is {v}.",
        ),
        "reply": ("Nice to meet you, {v}!",),
        "ask": (
            "What is my name?",
            "What's my name?",
            "Do you remember my name?",
            "Who am I?",
            "Tell me my name.",
            "Do you know my name?",
            "What did I say my name is?",
            "Can you repeat my name?",
            "Say my name.",
            "What was my name?",
            "My name is?",
            "Do you still know my name?",
            "How am I called?",
            "Which name did I tell you?",
        ),
        "answer": ("Your name is {v}.",),
        "gist": ("The user said: my name is {v}.",),
        "held": (
            "Could you tell me what my name is?",
            "Have you kept my name in mind?",
            "What do people call me?",
        ),
        "heldtell": ("Good day, {v} is my name.",),
    },
    "number": {
        "tell": (
            "My favorite number is {v}.",
            "My lucky number is {v}.",
            "Remember the number {v}.",
            "The number is {v}.",
            "Please remember this number: {v}.",
            "The secret code is {v}.",
            "My number is {v}.",
            "Keep in mind the number {v}.",
            "Remember: {v}.",
            "The code is {v}.",
            "I want you to remember the number {v}.",
            "Remember {v}.",
        ),
        "reply": ("OK, I will remember {v}.",),
        "ask": (
            "What is my favorite number?",
            "What is my lucky number?",
            "What is the number?",
            "Which number did I tell you?",
            "What is the secret code?",
            "What number was it?",
            "What is my number?",
            "Tell me the number.",
            "Do you remember the number?",
            "What is the code?",
            "What was the number?",
            "Which number should you remember?",
        ),
        "answer": ("The number is {v}.",),
        "gist": ("The user said the number {v}.",),
        "held": ("Could you repeat the number that I gave you?", "What number did I mention?"),
        "heldtell": ("Keep this number for me: {v}.",),
    },
    "age": {
        "tell": (
            "I am {v} years old.",
            "I'm {v} years old.",
            "My age is {v}.",
            "I turned {v} today.",
            "I am {v}.",
            "I'm {v} now.",
            "I have been alive for {v} years.",
            "Today I am {v}.",
        ),
        "reply": ("OK, you are {v} years old.",),
        "ask": (
            "How old am I?",
            "What is my age?",
            "Do you remember my age?",
            "Tell me my age.",
            "What age am I?",
            "How old did I say I am?",
            "Do you know how old I am?",
            "My age?",
        ),
        "answer": ("You are {v} years old.",),
        "gist": ("The user is {v} years old.",),
        "held": ("Could you say how old I am?",),
        "heldtell": ("As for my age, it is {v}.",),
    },
    "city": {
        "tell": (
            "I live in {v}.",
            "I am from {v}.",
            "My home is in {v}.",
            "I come from {v}.",
            "My city is {v}.",
            "I live in the city of {v}.",
            "My home town is {v}.",
            "I moved to {v}.",
        ),
        "reply": ("{v} is a nice place!",),
        "ask": (
            "Where do I live?",
            "Which city do I live in?",
            "Where am I from?",
            "What is my city?",
            "Do you remember where I live?",
            "Where is my home?",
            "In which city do I live?",
            "Tell me where I live.",
        ),
        "answer": ("You live in {v}.",),
        "gist": ("The user lives in {v}.",),
        "held": ("Can you say in what place I live?",),
        "heldtell": ("My home is the town {v}.",),
    },
    "pet": {
        "tell": (
            "My dog is called {v}.",
            "I have a dog named {v}.",
            "My cat is called {v}.",
            "My pet is named {v}.",
            "I have a cat. Its name is {v}.",
            "The name of my dog is {v}.",
            "My cat's name is {v}.",
            "I call my dog {v}.",
        ),
        "reply": ("{v} is a lovely name!",),
        "ask": (
            "What is the name of my pet?",
            "What is my pet called?",
            "What's my pet's name?",
            "Do you remember the name of my pet?",
            "How is my pet called?",
            "Name my pet.",
            "What did I call my pet?",
            "Tell me the name of my pet.",
        ),
        "answer": ("Your pet is called {v}.",),
        "gist": ("The pet is called {v}.",),
        "held": ("Can you tell me what my pet is called?",),
        "heldtell": ("We have a dog at home, {v}.",),
    },
    "color": {
        "tell": (
            "My favorite color is {v}.",
            "I like the color {v}.",
            "I love {v}.",
            "The color I like most is {v}.",
            "{v} is my favorite color.",
            "My favourite colour is {v}.",
            "I like {v} best.",
            "The best color is {v}.",
        ),
        "reply": ("{v} is a nice color!",),
        "ask": (
            "What is my favorite color?",
            "Which color do I like?",
            "What color do I like most?",
            "Do you remember my favorite color?",
            "My favorite color?",
            "Tell me my favorite color.",
            "Which is my favorite color?",
            "What's my favourite colour?",
        ),
        "answer": ("Your favorite color is {v}.",),
        "gist": ("The favorite color is {v}.",),
        "held": ("Do you know what color I like best?",),
        "heldtell": ("For me the nicest color is {v}.",),
    },
    "word": {
        "tell": (
            "Remember the word {v}.",
            "The password is {v}.",
            "The secret word is {v}.",
            "Please remember the word {v}.",
            "The magic word is {v}.",
            "My word is {v}.",
            "Keep the word {v} in mind.",
            "The word is {v}.",
        ),
        "reply": ("OK, I will remember {v}.",),
        "ask": (
            "What is the word?",
            "What was the word?",
            "Which word did I tell you?",
            "What is the secret word?",
            "Tell me the word.",
            "Do you remember the word?",
            "What is the magic word?",
            "Which word should you remember?",
        ),
        "answer": ("The word is {v}.",),
        "gist": ("The user said the word {v}.",),
        "held": ("Could you repeat the word that I gave you?",),
        "heldtell": ("Keep this word for me: {v}.",),
    },
    "name_zh": {
        "tell": (
            "我叫{v}。",
            "我的名字是{v}。",
            "你好，我叫{v}。",
            "我是{v}。",
            "你好，我是{v}。",
            "请叫我{v}。",
            "大家叫我{v}。",
            "请记住我的名字：{v}。",
            "您好，我的名字叫{v}。",
            "名字：{v}。",
            "我姓名是{v}，请多关照。",
            "{v}是我。",
            "这里是{v}。",
            "嗨，我叫{v}。",
        ),
        "reply": ("很高兴认识您，{v}！",),
        "ask": (
            "我叫什么名字？",
            "我叫什么？",
            "我的名字是什么？",
            "你记得我的名字吗？",
            "我是谁？",
            "说出我的名字。",
            "你知道我叫什么吗？",
            "我刚才说我叫什么？",
            "我的姓名是什么？",
            "你还知道我是谁吗？",
            "请说出我的姓名。",
            "我之前告诉过你我叫什么？",
            "记得我叫什么吗？",
            "我叫什么来着？",
            "你没忘记我的名字吧？",
        ),
        "answer": ("您叫{v}。",),
        "gist": ("用户说他叫{v}。",),
        "held": ("你还记不记得我叫啥名字？",),
        "heldtell": ("您好呀，{v}是我的名字。",),
    },
    "number_zh": {
        "tell": (
            "请记住数字{v}。",
            "我最喜欢的数字是{v}。",
            "密码是{v}。",
            "记住{v}。",
            "我的幸运数字是{v}。",
            "数字是{v}。",
            "我的号码是{v}。",
            "请记住这个数字：{v}。",
        ),
        "reply": ("好的，我会记住{v}。",),
        "ask": (
            "数字是什么？",
            "我说的数字是多少？",
            "密码是多少？",
            "你记得那个数字吗？",
            "我最喜欢的数字是多少？",
            "我的幸运数字是多少？",
            "告诉我那个数字。",
            "刚才的数字是什么？",
            "那个数字是几？",
            "我刚才给的数字是多少？",
            "请重复那个数字。",
            "还记得数字吗？",
        ),
        "answer": ("数字是{v}。",),
        "gist": ("用户说的数字是{v}。",),
        "held": ("能重复一下我给你的数字吗？",),
        "heldtell": ("帮我记一下这个数字：{v}。",),
    },
    "city_zh": {
        "tell": (
            "我住在{v}。",
            "我来自{v}。",
            "我的家在{v}。",
            "我家在{v}。",
            "我是{v}人。",
            "我在{v}生活。",
            "{v}是我的家。",
            "我搬到了{v}。",
            "我住{v}。",
        ),
        "reply": ("{v}是个好地方！",),
        "ask": (
            "我住在哪里？",
            "我住在哪？",
            "你记得我住在哪里吗？",
            "我的家在哪里？",
            "我在哪个城市？",
            "我来自哪里？",
            "你知道我住哪儿吗？",
            "说说我的家在哪里。",
            "我住在什么城市？",
            "我在什么地方生活？",
        ),
        "answer": ("您住在{v}。",),
        "gist": ("用户住在{v}。",),
        "held": ("能说说我住在什么地方吗？",),
        "heldtell": ("我的住处在{v}。",),
    },
}
COLOURS = "red blue green yellow orange purple pink black white brown grey turquoise gold".split()
CITIES = [row[1] for row in tables.COUNTRIES]
CITIES_ZH = [row[6] for row in tables.COUNTRIES] + "上海 广州 深圳 成都 杭州 西安 南京 武汉".split()
UNKNOWN = {
    "name": "I do not know your name yet. What is it?",
    "name_zh": "我还不知道您的名字。您叫什么？",
    "age": "I do not know your age yet.",
    "city": "I do not know where you live yet.",
}
KINDS = tuple(TELLS)
WEIGHTS = (3.2, 2.4, 1.0, 1.0, 1.0, 0.7, 1.0, 3.2, 1.2, 1.0)


def value(rng: random.Random, kind: str) -> str:
    match kind:
        case "name":
            return person(rng)
        case "name_zh":
            return person_zh(rng)
        case "number" | "number_zh":
            return str(number(rng))
        case "age":
            return str(rng.randrange(5, 100))
        case "city":
            return choose(rng, CITIES) if rng.random() < 0.5 else coin_name(rng)
        case "city_zh":
            return choose(rng, CITIES_ZH) if rng.random() < 0.5 else place_zh(rng)
        case "color":
            return choose(rng, COLOURS)
        case "pet":
            return coin_name(rng)
        case _:
            return coin_name(rng).lower() if rng.random() < 0.6 else coin_name(rng)


def filler(rng: random.Random, *, chinese: bool = False) -> list[Message]:
    """Returns an unrelated question with its answer."""
    while True:
        relation, fact, question = facts.pick(rng)
        if chinese == relation.name.endswith("_zh"):
            return [user(dress(rng, question)), assistant(fact.full)]


def told(rng: random.Random, kind: str, v: str) -> tuple[Message, Message]:
    rows = TELLS[kind]
    text = choose(rng, rows["tell"]).format(v=v)
    if rng.random() < 0.1 and kind == "name":
        text = text.rstrip(".")
    return user(text), assistant(choose(rng, rows["reply"]).format(v=v))


def sample(rng: random.Random) -> Sample:
    kinds = rng.choices(KINDS, WEIGHTS, k=rng.choice((1, 1, 2)))
    chinese = kinds[0].endswith("_zh")
    kinds = list(dict.fromkeys(k for k in kinds if k.endswith("_zh") == chinese))
    category = "memory_zh" if chinese else "memory"
    if rng.random() < 0.06:
        kind = choose(rng, list(UNKNOWN))
        messages: list[Message] = []
        if rng.random() < 0.5:
            messages += filler(rng, chinese=kind.endswith("_zh"))
        messages.append(user(choose(rng, TELLS[kind]["ask"])))
        return Sample(category, messages, UNKNOWN[kind])
    messages = []
    values: dict[str, str] = {}
    if rng.random() < 0.2:
        messages += filler(rng, chinese=chinese)
    for kind in kinds:
        values[kind] = value(rng, kind)
        messages += told(rng, kind, values[kind])
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
            messages += filler(rng, chinese=chinese)
    if rng.random() < 0.15:
        kind = kinds[-1]
        while messages[-2]["content"].find(values[kind]) < 0:
            messages = messages[:-2]
        answer = messages.pop()["content"]
        return Sample(category, messages, answer)
    kind = choose(rng, kinds)
    rows = TELLS[kind]
    ask = choose(rng, rows["ask"])
    if not chinese:
        ask = dress(rng, ask)
    if kind in ("name", "number", "city") and len(values) == 1 and rng.random() < 0.1:
        ask = f"{choose(rng, rows['tell']).format(v=values[kind])} {choose(rng, rows['ask'])}"
        messages = []
    messages.append(user(ask))
    answer = choose(rng, rows["answer"]).format(v=values[kind])
    return Sample(category, messages, answer, choose(rng, rows["gist"]).format(v=values[kind]))
