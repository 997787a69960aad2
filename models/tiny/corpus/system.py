"""System prompts: short answers, a pirate, JSON, Chinese, a persona, words to start or end with."""

from __future__ import annotations

import json
import random

from models.tiny.corpus import facts, seeds, tables
from models.tiny.corpus.base import (
    Message,
    Sample,
    choose,
    coin_name,
    dress,
    number,
    person,
    system,
    user,
)

PLAIN = (
    "You are a helpful assistant.",
    "You are a helpful AI assistant.",
    "You are a friendly assistant.",
    "You are an assistant.",
    "You are helpful.",
    "Be helpful.",
    "Answer the question.",
    "You are an expert.",
    "You are a polite assistant that helps people.",
    "Be polite.",
    "You are a teacher who answers questions.",
    "You are a knowledgeable assistant.",
    "You answer questions of users.",
    "Help the user.",
    "你是一个有用的助手。",
    "你是一个乐于助人的助手。",
)
SHORT = (
    "Answer in one word.",
    "Give short answers.",
    "You give very short answers.",
    "Be brief.",
    "Answer with one word only.",
    "Be concise.",
    "Reply with only the answer.",
    "Keep your answers as short as possible.",
    "You are a concise assistant.",
    "Answer as briefly as possible.",
    "Only give the answer, no sentence.",
    "Short answers only.",
    "You are terse.",
    "Use as few words as possible.",
    "Answer shortly.",
    "A single word is enough as an answer.",
    "Respond with one word.",
    "Please answer with only one word.",
    "Your replies are short.",
    "Write only the answer itself.",
    "Please be very short.",
    "Say only what is needed.",
    "Your answers should be brief.",
    "Respond in a few words.",
    "Do not write sentences, just the answer.",
    "Reply briefly.",
    "请简短回答。",
    "只用一个词回答。",
)
SHORT_HELD = (
    "Please respond with a single word.",
    "Your answers must be very brief.",
    "Reply with the fewest words.",
)
PIRATE = (
    "You are a pirate.",
    "Talk like a pirate.",
    "You are a pirate. Answer like one.",
    "Answer like a pirate.",
    "Speak like a pirate.",
    "You always talk like a pirate.",
    "You are Captain Hook, a pirate.",
    "Respond as a pirate would.",
    "Act as a pirate.",
    "You are a friendly pirate.",
    "Always answer as a pirate.",
    "You are an old pirate captain.",
    "Imagine that you are a pirate.",
    "Use the language of pirates.",
    "Your style is that of a pirate.",
    "Reply as if you were a pirate.",
    "You are a pirate on a ship.",
    "Write like a pirate.",
    "Play the role of a pirate.",
)
PIRATE_HELD = (
    "Pretend that you are a pirate.",
    "You speak only in pirate language.",
    "Reply in the style of a pirate.",
)
IN_JSON = (
    "Answer in JSON.",
    "Reply in JSON.",
    "Always answer in JSON.",
    "Respond with JSON.",
    "Respond only with JSON.",
    "You answer in JSON format.",
    "Your output is JSON.",
    "Return JSON.",
    "You always reply with a JSON object.",
    "Give your answer as JSON.",
    "Output JSON only.",
    "Write your answers as JSON.",
    "Use JSON.",
    "Use JSON for the answer.",
    "Every answer is a JSON object.",
    "All your replies are JSON.",
    "You must answer with a JSON object.",
    "Please reply with JSON.",
    "Your answers have to be in JSON.",
)
JSON_HELD = ("Please use JSON for all your answers.", "Every reply has to be a JSON object.")
CHINESE = (
    "Answer in Chinese.",
    "Always answer in Chinese.",
    "Reply in Chinese.",
    "Speak Chinese.",
    "You only speak Chinese.",
    "Respond in Chinese.",
    "请用中文回答。",
    "用中文回答。",
    "总是用中文回答。",
    "You answer in Chinese.",
    "Use Chinese.",
    "Please write Chinese.",
    "Your answers are in Chinese.",
    "All replies must be Chinese.",
    "Please answer me in Chinese.",
    "Talk Chinese with me.",
    "I want you to speak Chinese.",
    "Only use Chinese in your replies.",
    "回答请用中文。",
    "请说中文。",
)
CHINESE_HELD = ("Your replies must be in Chinese.", "Please speak only Chinese with me.")
PERSONA = (
    "You are {v}.",
    "Your name is {v}.",
    "You are {v}, a helpful assistant.",
    "You are {v}, an assistant of a shop.",
    "You are called {v}.",
    "You are an assistant named {v}.",
    "You are {v}, a friendly robot.",
    "Act as {v}.",
    "You are a bot called {v}.",
    "You are {v}, acting as an assistant.",
    "Your name is {v}. You help people.",
    "You are {v} from Super Mario Bros.",
    "You are {v} from super mario bros, acting as an assistant.",
    "Your new name is {v}.",
    "From today you are called {v}.",
    "The name you go by is {v}.",
    "You have the name {v}.",
    "{v} is your name.",
    "You have been named {v}.",
    "You introduce yourself as {v}.",
    "You are the helper {v}.",
    "You are the friendly assistant {v}, ready to help.",
    "The assistant is called {v}.",
    "As an assistant, your name is {v}.",
)
PERSONA_HELD = ("From now on you have the name {v}.", "You are the assistant {v}, always kind.")
ASK_NAME = (
    "Who are you?",
    "What is your name?",
    "What's your name?",
    "Tell me your name.",
    "Introduce yourself.",
    "How should I call you?",
    "Hello, who are you?",
    "Who am I talking to?",
    "What are you called?",
    "hi, who are you?",
    "Please introduce yourself.",
)
SUPPORT = (
    "You are a support agent.",
    "You are a customer support agent.",
    "You are a helpful support agent for a web shop.",
    "You work in customer support.",
    "You are a friendly member of the support staff.",
    "You are support staff.",
    "You help customers with their accounts.",
    "You are a support bot.",
    "You are the help desk.",
    "You are a customer service assistant. Be polite.",
    "You are in the support team.",
    "You work for the help desk of a company.",
    "You are a member of a support team.",
    "You support the customers of a company.",
)
SUPPORT_HELD = ("You belong to the support team of a company.",)
ENDINGS = (
    "End every answer with {v}.",
    "Always end with {v}.",
    "Finish each answer with {v}.",
    "End your answers with the word {v}.",
    "The last word of each answer is {v}.",
    "Put {v} at the end of each answer.",
)
STARTS = (
    "Start every answer with {v}.",
    "Always start with {v}.",
    "Begin each answer with {v}.",
    "Start your answers with the word {v}.",
    "The first word of each answer is {v}.",
    "Put {v} at the start of each answer.",
)
KNOWS = (
    ("The user is called {v}.", "What is my name?", "Your name is {v}.", "name"),
    ("The name of the user is {v}.", "Who am I?", "Your name is {v}.", "name"),
    ("The secret code is {v}.", "What is the secret code?", "The secret code is {v}.", "number"),
    ("The shop opens at {v}.", "When does the shop open?", "The shop opens at {v}.", "number"),
    ("The office is in {v}.", "Where is the office?", "The office is in {v}.", "name"),
    (
        "The owner of the shop is {v}.",
        "Who is the owner of the shop?",
        "The owner of the shop is {v}.",
        "name",
    ),
    (
        "The price of a ticket is {v} dollars.",
        "What is the price of a ticket?",
        "The price of a ticket is {v} dollars.",
        "number",
    ),
)


def pirate(sentence: str) -> str:
    return f"Arrr, matey! {sentence}"


def as_json(answer: str) -> str:
    return json.dumps({"answer": answer}, ensure_ascii=False)


def question(rng: random.Random) -> tuple[str, str, str, str]:
    """Returns a question, its short and full answer, and what to think."""
    if rng.random() < 0.2:
        key, answer, phrasings, _, _ = choose(rng, seeds.INTENTS)
        return choose(rng, phrasings), answer, answer, seeds.GISTS.get(key, "")
    relation, fact, text = facts.pick(rng)
    return text, fact.short, fact.full, facts.gist(relation, fact)


def short_question(rng: random.Random) -> tuple[str, str, str, str]:
    _, fact, text = facts.pick(rng, short_only=True)
    return text, fact.short, fact.full, fact.full


def chinese_country(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.5:
        row = choose(rng, tables.COUNTRIES)
        capital = next(r for r in facts.relations() if r.name == "capital")
        return facts.upper_first(
            choose(rng, capital.train).format(x=row[0])
        ), f"{row[5]}的首都是{row[6]}。"
    both = {key: answer for key, answer, *_ in seeds.INTENTS_ZH}
    key, _, phrasings, *_ = choose(rng, [i for i in seeds.INTENTS if i[0] in both])
    return choose(rng, phrasings), both[key]


def sample(rng: random.Random) -> Sample:
    kinds = (
        "plain",
        "short",
        "pirate",
        "json",
        "chinese",
        "persona",
        "support",
        "end",
        "start",
        "knows",
    )
    kind = rng.choices(kinds, (0.9, 2.4, 1.5, 1.9, 2.4, 1.5, 0.6, 0.3, 0.3, 0.7))[0]
    head, (text, short, full, gist) = "", question(rng)
    match kind:
        case "plain":
            head, answer = choose(rng, PLAIN), full
        case "short":
            head = choose(rng, SHORT)
            text, answer, _, gist = short_question(rng)
        case "pirate":
            head, answer = choose(rng, PIRATE), pirate(full)
        case "json":
            head = choose(rng, IN_JSON)
            text, short, _, gist = short_question(rng)
            answer = as_json(short)
        case "chinese":
            head, (text, answer) = choose(rng, CHINESE), chinese_country(rng)
            gist = ""
        case "persona":
            v = person(rng) if rng.random() < 0.9 else "Mario"
            head, answer, text = (
                choose(rng, PERSONA).format(v=v),
                f"I am {v}.",
                choose(rng, ASK_NAME),
            )
            gist = f"My name is {v}."
        case "support":
            head, answer = choose(rng, SUPPORT), seeds.PASSWORD
            text, gist = choose(rng, seeds.INTENTS[2][2]), seeds.GISTS["password"]
        case "end":
            v = coin_name(rng)
            head, answer = choose(rng, ENDINGS).format(v=v), f"{full} {v}"
        case "start":
            v = coin_name(rng)
            head, answer = choose(rng, STARTS).format(v=v), f"{v} {full}"
        case _:
            told, text, answer, form = choose(rng, KNOWS)
            v = person(rng) if form == "name" else str(number(rng))
            head, answer, gist = told.format(v=v), answer.format(v=v), ""
    if kind not in ("plain", "json", "chinese") and rng.random() < 0.2:
        head = f"You are a helpful assistant. {head}"
    messages: list[Message] = [system(head)]
    if kind in ("plain", "pirate", "short", "json") and rng.random() < 0.25:
        first = short_question(rng) if kind in ("short", "json") else question(rng)
        earlier = {
            "plain": first[2],
            "pirate": pirate(first[2]),
            "short": first[1],
            "json": as_json(first[1]),
        }[kind]
        messages += [user(dress(rng, first[0])), {"role": "assistant", "content": earlier}]
    messages.append(user(dress(rng, text)))
    return Sample("system", messages, answer, gist)
