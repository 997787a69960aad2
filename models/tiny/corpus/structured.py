"""JSON answers that the user asks for: known facts and extraction from a sentence."""

from __future__ import annotations

import json
import random

from models.tiny.corpus import facts, tables
from models.tiny.corpus.base import Sample, choose, coin_name, person, user

ENDINGS = (
    "Answer in JSON.",
    "Respond using JSON.",
    "Respond using JSON",
    "Reply in JSON.",
    "Use JSON.",
    "Return JSON.",
    "Give the answer as JSON.",
    "Output JSON.",
    "As JSON, please.",
    "in JSON",
    "Answer with a JSON object.",
    "Write the answer as JSON.",
    "Respond with JSON only.",
    "Give me JSON.",
    "I want a JSON object.",
    "The answer should be JSON.",
    "Please use a JSON object.",
    "The reply must be in JSON.",
    "JSON only.",
    "Put the answer into JSON.",
)
HELD_ENDINGS = ("Give me a JSON object.", "The answer has to be JSON.")
COUNTRY = (
    "Show facts about {x}.",
    "Data of {x}?",
    "Give me facts on {x}.",
    "The country {x}.",
    "I need facts about {x}.",
    "Give me the data of {x}.",
    "Show me {x}.",
    "I want information about {x}.",
    "Show information on the country {x}.",
    "Tell me about {x}.",
    "Describe {x}.",
    "Give me data about {x}.",
    "Facts about {x}.",
    "Describe the country {x}.",
    "What do you know about {x}?",
    "Information about {x}.",
    "Give me information about {x}.",
    "Show the data on {x}.",
    "I want data of the country {x}.",
    "What are the facts about {x}?",
)
COUNTRY_HELD = ("Show me the data of {x}.", "I need information on the country {x}.")
PEOPLE = (
    "Our friend {n} is {a} years old.",
    "My neighbour {n} is {a}.",
    "{n} has the age of {a}.",
    "The age of {n} is {a}.",
    "Our teacher {n} turned {a}.",
    "My brother {n} has reached {a} years.",
    "I know {n}, who is {a}.",
    "{n} is {a} years old.",
    "{n} is {a}.",
    "My friend {n} is {a} years old.",
    "{n} turned {a} today.",
    "This is {n}, {a} years old.",
    "A person named {n} is {a} years old.",
    "Name: {n}, age: {a}.",
    "Meet {n}, who is {a} years old.",
)
PEOPLE_HELD = ("Our neighbour {n} has reached the age of {a}.",)
CITY = (
    "{n} lives in {c}.",
    "{n} is from {c}.",
    "My friend {n} lives in {c}.",
    "{n} moved to {c}.",
    "This is {n} from {c}.",
    "A person named {n} lives in {c}.",
    "Name: {n}, city: {c}.",
    "{n} has a house in {c}.",
)
EXTRACT = (
    "Extract the {k} from the text as JSON: {t}",
    "Please get the {k} as JSON. Text: {t}",
    "Text: {t} Extract the {k} as JSON.",
    "Find the {k} in the text and answer in JSON: {t}",
    "Extract the {k} as JSON: {t}",
    "{t} Extract the {k} as JSON.",
    "{t} Answer in JSON with {k}.",
    "Get the {k} from this text as JSON: {t}",
    "Return a JSON object with {k}: {t}",
    "{t} Respond using JSON with the {k}.",
    "Turn this into JSON with {k}: {t}",
    "{t} Give me JSON with {k}.",
    "JSON with {k}: {t}",
    "Extract {k}: {t}",
)
EXTRACT_HELD = ("Please extract the {k} from the text into JSON. Text: {t}",)
BUSY = (
    "{n} is {a} years old and busy saving the world. Respond using JSON",
    "{n} is {a} years old and busy. Respond using JSON",
    "{n} is {a} years old and has time. Respond using JSON",
)
SKY_TIMES = (
    "What color is the sky at different times of the day? Respond using JSON",
    "What color is the sky at different times of the day? Answer in JSON.",
    "Sky colors by time of day as JSON.",
    "Give me the colors of the sky as JSON.",
    "Which colors has the sky during the day? Use JSON.",
)
COLORS = (
    "List three colors as JSON.",
    "Give me a JSON list of three colors.",
    "Three colors in JSON.",
    "Return a JSON array of three colors.",
    "Three colors as JSON",
    "Write a JSON list with three colors.",
)


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def country(row: list[str]) -> dict[str, object]:
    languages = row[3].replace(" and ", ", ").split(", ")
    return {"name": row[0], "capital": row[1], "languages": languages}


def sample(rng: random.Random) -> Sample:
    roll = rng.random()
    think = "The answer must be JSON."
    if roll < 0.06:
        answer = dump({"morning": "orange", "noon": "blue", "evening": "red", "night": "black"})
        return Sample("json", [user(choose(rng, SKY_TIMES))], answer, think)
    if roll < 0.10:
        answer = dump({"colors": ["red", "green", "blue"]})
        return Sample("json", [user(choose(rng, COLORS))], answer, think)
    if roll < 0.16:
        text = choose(rng, BUSY)
        name = person(rng) if rng.random() < 0.8 else "Ollama"
        age = rng.randrange(1, 100)
        answer = dump({"age": age, "available": "has time" in text})
        return Sample("json", [user(text.format(n=name, a=age))], answer, think)
    if roll < 0.36:
        row = choose(rng, tables.COUNTRIES)
        text = f"{choose(rng, COUNTRY).format(x=row[0])} {choose(rng, ENDINGS)}"
        return Sample("json", [user(text)], dump(country(row)), think)
    if roll < 0.60:
        _, fact, text = facts.pick(rng, short_only=True)
        text = f"{text} {choose(rng, ENDINGS)}"
        return Sample("json", [user(text)], dump({"answer": fact.short}), fact.full)
    name = person(rng)
    if rng.random() < 0.6:
        age = rng.randrange(1, 100)
        sentence = choose(rng, PEOPLE).format(n=name, a=age)
        keys, answer = "name and age", dump({"name": name, "age": age})
    else:
        city = choose(rng, tables.COUNTRIES)[1] if rng.random() < 0.6 else coin_name(rng)
        sentence = choose(rng, CITY).format(n=name, c=city)
        keys, answer = "name and city", dump({"name": name, "city": city})
    text = choose(rng, EXTRACT).format(k=keys, t=sentence)
    return Sample("json", [user(text)], answer, think)
