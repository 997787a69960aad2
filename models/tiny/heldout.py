"""The test set: prompts in phrasings that the corpus does not contain, with automatic checks."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from models.tiny.corpus import (
    arithmetic,
    code,
    echo,
    facts,
    fim,
    kinds,
    memory,
    seeds,
    structured,
    system,
    tables,
    toolbox,
    tools,
    unknown,
)
from models.tiny.corpus.base import Message, Tool, assistant, choose, user
from models.tiny.corpus.base import system as system_turn

SEED = 2026
NAMES = ("Alice", "Priya", "Oleg", "Torvin", "Marabel", "Quentin", "Zanda", "Felicity", "Bram")
NAMES_ZH = ("李晓", "王小雨", "陈思", "周文")
Check = Callable[[str], bool]


@dataclass(frozen=True)
class Case:
    """A prompt, the held-out wording in it (a template with `{slots}`), and a check."""

    category: str
    phrasing: str
    messages: list[Message]
    check: Check
    wanted: str
    thinking: bool = True
    tools: list[Tool] = field(default_factory=list)
    raw: str | None = None


def contains(*words: str) -> Check:
    def check(text: str) -> bool:
        return all(word.casefold() in text.casefold() for word in words)

    return check


def exactly(wanted: str) -> Check:
    return lambda text: " ".join(text.split()) == " ".join(wanted.split())


def in_json(wanted: Any) -> Check:
    def check(text: str) -> bool:
        try:
            return bool(json.loads(text) == wanted)
        except ValueError:
            return False

    return check


def calls(text: str) -> list[Any]:
    """Returns the tool calls of an answer; one that is not JSON becomes None."""
    found: list[Any] = []
    for body in re.findall(r"<tool_call>\n(.*?)\n</tool_call>", text, re.DOTALL):
        try:
            found.append(json.loads(body))
        except ValueError:
            found.append(None)
    return found


def calls_are(*wanted: dict[str, Any]) -> Check:
    return lambda text: calls(text) == list(wanted)


def last_number_is(wanted: str) -> Check:
    return lambda text: re.findall(r"\d+", text)[-1:] == [wanted]


def says_without_call(word: str) -> Check:
    return lambda text: word.casefold() in text.casefold() and not calls(text)


def seed_cases(rng: random.Random) -> Iterator[Case]:
    for category, intents in (("questions", seeds.INTENTS), ("questions zh", seeds.INTENTS_ZH)):
        for _, _, _, held, word in intents:
            for text in held:
                yield Case(category, text, [user(text)], contains(word), word, rng.random() < 0.5)


def fact_cases(rng: random.Random) -> Iterator[Case]:
    for relation in facts.relations():
        chinese = relation.name.endswith(("_zh", "to_english"))
        rounds = {"definition": 6, "definition_zh": 4, "capital": 2, "record": 3, "who": 2}
        for phrasing in relation.held:
            for fact in rng.sample(relation.facts, rounds.get(relation.name, 1)):
                text = facts.upper_first(phrasing.format(**fact.slots))
                wanted = fact.full if relation.name.startswith("definition") else fact.short
                category = "facts zh" if chinese else "facts"
                yield Case(
                    category, phrasing, [user(text)], contains(wanted), wanted, rng.random() < 0.5
                )


def code_cases(rng: random.Random) -> Iterator[Case]:
    for held, column in ((code.HELD, 1), (code.HELD_ZH, 2)):
        for phrasing in held:
            keys = ["quicksort", "binary_search", *rng.sample(list(code.FUNCTIONS)[2:10], 1)]
            for key in keys:
                row = code.FUNCTIONS[key]
                name = row[1][0] if column == 1 else row[2]
                yield Case(
                    "code",
                    phrasing,
                    [user(phrasing.format(x=name))],
                    contains(row[0]),
                    row[0],
                    rng.random() < 0.5,
                )
    for text in (*code.COMPREHENSION_HELD, *code.COMPREHENSION_HELD_ZH):
        yield Case("code", text, [user(text)], contains(code.COMPREHENSION), "squares")


def system_cases(rng: random.Random) -> Iterator[Case]:
    def case(head: str, text: str, check: Check, wanted: str, phrasing: str = "") -> Case:
        messages = [system_turn(head), user(text)]
        return Case("system prompt", phrasing or head, messages, check, wanted, rng.random() < 0.5)

    for head in system.SHORT_HELD:
        for _ in range(2):
            text, short, _, _ = system.short_question(rng)
            yield case(head, text, exactly(short), short)
    for head in system.PIRATE_HELD:
        for _ in range(2):
            text, short, _, _ = system.short_question(rng)
            yield case(head, text, contains("arrr", short), short)
    for head in system.JSON_HELD:
        for _ in range(3):
            text, short, _, _ = system.short_question(rng)
            yield case(head, text, in_json({"answer": short}), short)
    for head in system.CHINESE_HELD:
        for country in ("France", "Japan", "Egypt"):
            wanted = next(row[6] for row in tables.COUNTRIES if row[0] == country)
            yield case(head, f"What is the capital of {country}?", contains(wanted), wanted)
    for head in system.PERSONA_HELD:
        for name in rng.sample(NAMES, 2):
            yield case(
                head.format(v=name), choose(rng, system.ASK_NAME), contains(name), name, head
            )
    for head in system.SUPPORT_HELD:
        for text in seeds.INTENTS[2][2][:3]:
            yield case(head, text, contains("Forgot password"), "Forgot password")


def memory_value(rng: random.Random, kind: str) -> str:
    if kind == "name":
        return choose(rng, NAMES)
    if kind == "name_zh":
        return choose(rng, NAMES_ZH)
    return memory.value(rng, kind)


def memory_cases(rng: random.Random) -> Iterator[Case]:
    for kind, rows in memory.TELLS.items():
        chinese = kind.endswith("_zh")
        rounds = 3 if kind in ("name", "number") else 2 if chinese else 1
        pairs = [(tell, ask) for tell in rows["heldtell"] for ask in rows["held"]]
        pairs += [(choose(rng, rows["tell"]), ask) for ask in rows["held"]]
        pairs += [(tell, choose(rng, rows["ask"])) for tell in rows["heldtell"]]
        for tell, ask in pairs * (2 if rounds == 3 else 1):
            value = memory_value(rng, kind)
            messages = [user(tell.format(v=value)), assistant(rows["reply"][0].format(v=value))]
            for _ in range(rng.choice((0, 1, 2))):
                messages += memory.filler(rng, chinese=chinese)
            messages.append(user(ask))
            phrasing = ask if ask in rows["held"] else tell
            yield Case(
                "memory zh" if chinese else "memory",
                phrasing,
                messages,
                contains(value),
                value,
                rng.random() < 0.5,
            )


def arithmetic_cases(rng: random.Random) -> Iterator[Case]:
    def pair(limit: int) -> tuple[int, int]:
        a, b = rng.randrange(limit), rng.randrange(limit)
        return max(a, b), min(a, b)

    rows = (
        (arithmetic.HELD_PLUS, 1, 3), (arithmetic.HELD_MINUS, -1, 3),
        (arithmetic.HELD_PLUS_ZH, 1, 2), (arithmetic.HELD_MINUS_ZH, -1, 2),
        (arithmetic.HELD_STORY_PLUS, 1, 3),
    )  # fmt: skip
    for held, sign, rounds in rows:
        for phrasing in held:
            for i in range(rounds):
                a, b = pair(10 if i == 0 else 21)
                wanted = str(a + sign * b)
                text = phrasing.format(a=a, b=b, n=choose(rng, NAMES), t="apples")
                yield Case(
                    "sums",
                    phrasing,
                    [user(text)],
                    last_number_is(wanted),
                    wanted,
                )


def tool_cases(rng: random.Random) -> Iterator[Case]:
    for kind in (*kinds.KINDS, *(toolbox.coin_kind(rng) for _ in range(4))):
        for phrasing in (*kind.held, *kind.held_zh[:1]):
            values = tools.draw(rng, kind)
            if phrasing in kind.held_zh and "c" in values:
                values["c"] = choose(rng, kinds.CITIES_ZH)
            choice = tools.offers(rng, kind, rng.choice((0, 1, 2, 3)))
            item = next(o for o in choice if o.kind is kind)
            call = {"name": item.name, "arguments": tools.arguments(item, values)}
            yield Case(
                "tool call",
                phrasing,
                [user(phrasing.format(**values))],
                calls_are(call),
                json.dumps(call, ensure_ascii=False),
                rng.random() < 0.5,
                [o.schema for o in choice],
            )


def result_cases(rng: random.Random) -> Iterator[Case]:
    for kind in kinds.KINDS[:14]:
        phrasing = kind.held[0]
        values = tools.draw(rng, kind)
        item = toolbox.offer(rng, kind)
        result, answer = kind.results[0]
        made = kind.result_maker(rng)
        wanted = str(made) if "{r}" in answer else answer.format(**values)
        messages: list[Message] = [
            user(phrasing.format(**values)),
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "type": "function",
                        "function": {"name": item.name, "arguments": tools.arguments(item, values)},
                    }
                ],
            },
            {"role": "tool", "content": result.format(**{"r": made, **values})},
        ]
        yield Case(
            "tool result",
            phrasing,
            messages,
            says_without_call(wanted),
            wanted,
            rng.random() < 0.5,
            [item.schema],
        )


def no_tool_cases(rng: random.Random) -> Iterator[Case]:
    capital = next(r for r in facts.relations() if r.name == "capital")
    rows = [(text, text, intent[4]) for intent in seeds.INTENTS[:4] for text in intent[3][:1]]
    for phrasing in capital.held:
        fact = choose(rng, capital.facts)
        rows.append((phrasing, phrasing.format(**fact.slots), fact.short))
    for phrasing, text, word in rows:
        offers = tools.offers(rng, choose(rng, kinds.KINDS), 1)
        yield Case(
            "no tool needed",
            phrasing,
            [user(text)],
            says_without_call(word),
            word,
            rng.random() < 0.5,
            [o.schema for o in offers],
        )


def json_cases(rng: random.Random) -> Iterator[Case]:
    def case(phrasing: str, text: str, wanted: Any) -> Case:
        return Case(
            "json", phrasing, [user(text)], in_json(wanted), json.dumps(wanted), rng.random() < 0.5
        )

    for phrasing in structured.COUNTRY_HELD:
        for row in rng.sample(tables.COUNTRIES, 2):
            yield case(
                phrasing,
                f"{phrasing.format(x=row[0])} {choose(rng, structured.ENDINGS)}",
                structured.country(row),
            )
    for ending in structured.HELD_ENDINGS:
        for _ in range(2):
            _, fact, text = facts.pick(rng, short_only=True)
            yield case(ending, f"{text} {ending}", {"answer": fact.short})
    for phrasing in structured.PEOPLE_HELD:
        for name in rng.sample(NAMES, 2):
            age = rng.randrange(5, 90)
            text = f"{phrasing.format(n=name, a=age)} Answer in JSON with name and age."
            yield case(phrasing, text, {"name": name, "age": age})
    for phrasing in structured.EXTRACT_HELD:
        for name in rng.sample(NAMES, 2):
            age = rng.randrange(5, 90)
            text = phrasing.format(k="name and age", t=f"{name} is {age} years old.")
            yield case(phrasing, text, {"name": name, "age": age})


def fim_cases(_: random.Random) -> Iterator[Case]:
    for prefix, suffix, wanted in fim.HELD:
        yield Case(
            "fill in the middle",
            prefix,
            [],
            exactly(wanted),
            wanted,
            raw=fim.prompt(prefix, suffix),
        )


def other_cases(rng: random.Random) -> Iterator[Case]:
    for phrasing in echo.HELD:
        for name in rng.sample(NAMES, 2):
            yield Case("repeat", phrasing, [user(phrasing.format(v=name))], contains(name), name)
    for phrasing in unknown.HELD:
        text = phrasing.format(p=choose(rng, NAMES), w=choose(rng, ("Zorvania", "Plimt", "Karoo")))
        yield Case("unknown", phrasing, [user(text)], contains("do not know"), "do not know")


def cases() -> list[Case]:
    """Returns all cases; the same ones every time."""
    makers = (
        seed_cases, fact_cases, code_cases, system_cases, memory_cases, arithmetic_cases,
        tool_cases, result_cases, no_tool_cases, json_cases, fim_cases, other_cases,
    )  # fmt: skip
    return [case for maker in makers for case in maker(random.Random(SEED))]
