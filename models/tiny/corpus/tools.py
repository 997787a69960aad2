"""Tool conversations: calling the right tool, using its result, and leaving tools alone."""

from __future__ import annotations

import json
import random
from typing import Any

from models.tiny.corpus import facts, seeds
from models.tiny.corpus.base import (
    TAILS,
    Message,
    Sample,
    choose,
    dress,
    is_chinese,
    lower_first,
    system,
    user,
)
from models.tiny.corpus.kinds import KINDS, Kind, Values, city, city_zh
from models.tiny.corpus.system import PLAIN
from models.tiny.corpus.toolbox import UNITS, Offer, coin_kind, offer

UNIT = "_unit"


def offers(rng: random.Random, first: Kind, count: int) -> list[Offer]:
    """Returns an offer of `first` and `count` others with other names, shuffled."""
    chosen = [offer(rng, first)]
    while len(chosen) <= count:
        kind = coin_kind(rng) if rng.random() < 0.4 else choose(rng, KINDS)
        candidate = offer(rng, kind)
        if any(kind.description == o.kind.description or candidate.name == o.name for o in chosen):
            continue
        if overlaps(kind, first):
            continue
        chosen.append(candidate)
    tail = chosen[1:]
    rng.shuffle(tail)
    place = rng.randrange(len(chosen))
    return [*tail[:place], chosen[0], *tail[place:]]


GROUPS = (
    {"get_time", "get_current_time"},
    {"get_date", "get_current_time"},
    {"get_weather", "get_temperature"},
    {"calculator", "add"},
    {"calculator", "subtract"},
    {"send_email", "send_message"},
)


def overlaps(a: Kind, b: Kind) -> bool:
    """Tells whether a request could mean both tools."""
    return any({a.names[0], b.names[0]} <= group for group in GROUPS)


def draw(rng: random.Random, kind: Kind) -> Values:
    return {slot: maker(rng) for slot, maker in kind.makers.items()}


def arguments(item: Offer, values: Values) -> dict[str, Any]:
    result = {item.keys[slot]: v for slot, v in values.items() if slot != UNIT}
    if item.unit and (item.unit_required or UNIT in values):
        result[item.unit] = values.get(UNIT, UNITS[0])
    return result


def call_text(name: str, args: dict[str, Any]) -> str:
    body = json.dumps({"name": name, "arguments": args}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>"


def ask(rng: random.Random, item: Offer, values: Values) -> str:
    """Returns a request for a tool; may add a unit to the values."""
    kind = item.kind
    texts = kind.asks
    if kind.asks_zh and rng.random() < 0.25:
        texts = kind.asks_zh
        if "c" in values and rng.random() < 0.8:
            values["c"] = city_zh(rng)
    text = choose(rng, texts).format(**values)
    if item.unit and texts is kind.asks and rng.random() < 0.4:
        values[UNIT] = choose(rng, UNITS)
        text = f"{text.rstrip('?.')} in {values[UNIT]}{text[-1]}"
    return dress_request(rng, text[:1].upper() + text[1:])


REQUESTS = (
    "Please ",
    "Can you ",
    "Hey, ",
    "Could you ",
    "Hi! ",
    "Now ",
    "Please help: ",
    "Would you ",
    "I need you to ",
    "I want you to ",
    "Could you please ",
)
# Verbs that say nothing about the tool: the rest of the request must decide.
LEADS = (
    "Could you check this: ", "Find this out for me: ", "Can you look this up: ", "Tell me: ",
    "Get this for me: ", "Do this for me: ", "Check this: ", "Could you tell me: ",
    "Show me this: ", "I want to know: ", "Open question: ", "Could you find out: ",
)  # fmt: skip


def dress_request(rng: random.Random, text: str) -> str:
    if is_chinese(text):
        return ("请问，" if rng.random() < 0.1 else "") + text
    if rng.random() < 0.2:
        text = choose(rng, REQUESTS) + lower_first(text)
    elif rng.random() < 0.12:
        text = choose(rng, LEADS) + lower_first(text)
    if rng.random() < 0.15 and text[-1] in ".?":
        text = text[:-1] + choose(rng, TAILS) + text[-1]
    if rng.random() < 0.1:
        text = text.rstrip(".?!")
    return text


def opening(rng: random.Random) -> list[Message]:
    """Returns a system prompt or an earlier question, sometimes."""
    messages: list[Message] = []
    if rng.random() < 0.25:
        messages.append(system(choose(rng, PLAIN)))
    if rng.random() < 0.12:
        _, fact, question = facts.pick(rng)
        messages += [user(dress(rng, question)), {"role": "assistant", "content": fact.full}]
    return messages


def kind_of(rng: random.Random) -> Kind:
    if rng.random() < 0.35:
        return coin_kind(rng)
    return rng.choices(KINDS, [k.weight for k in KINDS])[0]


def call_sample(rng: random.Random) -> Sample:
    kind = kind_of(rng)
    choice = offers(rng, kind, rng.choice((0, 0, 1, 1, 2, 2, 3)))
    item = next(o for o in choice if o.kind is kind)
    values = draw(rng, kind)
    schemas = [o.schema for o in choice]
    messages = opening(rng)
    if "c" in values and rng.random() < 0.12:
        other = city(rng)
        text = choose(rng, kind.asks).format(c=f"{values['c']} and {other}")
        answer = "\n".join(
            call_text(item.name, arguments(item, {**values, "c": c})) for c in (values["c"], other)
        )
        messages.append(user(text[:1].upper() + text[1:]))
        return Sample("tools", messages, answer, f"I call {item.name} twice.", schemas)
    messages.append(user(ask(rng, item, values)))
    answer = call_text(item.name, arguments(item, values))
    return Sample("tools", messages, answer, f"I need {item.name}.", schemas)


def result_sample(rng: random.Random) -> Sample:
    kind = kind_of(rng)
    choice = offers(rng, kind, rng.choice((0, 0, 0, 1, 1, 2)))
    item = next(o for o in choice if o.kind is kind)
    values = draw(rng, kind)
    text = ask(rng, item, values)
    result, answer = choose(rng, kind.results)
    slots = {"r": kind.result_maker(rng), **values}
    call: Message = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "type": "function",
                "function": {"name": item.name, "arguments": arguments(item, values)},
            }
        ],
    }
    if rng.random() < 0.4:
        call["reasoning_content"] = f"I need {item.name}."
    messages = [
        *opening(rng), user(text), call, {"role": "tool", "content": result.format(**slots)}
    ]  # fmt: skip
    answer = answer.format(**slots)
    answer = answer[:1].upper() + answer[1:]
    roll = rng.random()
    if "c" in values and roll < 0.15:
        return parallel_result(rng, choice, item, kind)
    if roll < 0.25:
        return follow_up(rng, choice, item, [*messages, {"role": "assistant", "content": answer}])
    schemas = [o.schema for o in choice] if rng.random() < 0.9 else []
    return Sample("tool_result", messages, answer, "I have the result of the tool.", schemas)


def distinct(choice: list[Offer]) -> list[Offer]:
    """Returns the offered tools that no other offered tool could stand for."""
    return [
        item
        for item in choice
        if not any(o is not item and overlaps(o.kind, item.kind) for o in choice)
    ]


def exchange(rng: random.Random, item: Offer) -> list[Message]:
    """Returns a request, its call, the result and the answer."""
    values = draw(rng, item.kind)
    text = ask(rng, item, values)
    result, answer = choose(rng, item.kind.results)
    slots = {"r": item.kind.result_maker(rng), **values}
    function = {"name": item.name, "arguments": arguments(item, values)}
    answer = answer.format(**slots)
    return [
        user(text),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": function}],
        },
        {"role": "tool", "content": result.format(**slots)},
        {"role": "assistant", "content": answer[:1].upper() + answer[1:]},
    ]


def chain_sample(rng: random.Random) -> Sample:
    """Returns several requests to the same offer: more calls are learned from one long prompt."""
    choice = offers(rng, kind_of(rng), rng.choice((1, 2, 2, 3)))
    items = distinct(choice)
    messages = opening(rng)
    for _ in range(rng.choice((1, 2, 2, 3))):
        messages += exchange(rng, choose(rng, items))
    item = choose(rng, items)
    values = draw(rng, item.kind)
    messages.append(user(ask(rng, item, values)))
    answer = call_text(item.name, arguments(item, values))
    return Sample("tools", messages, answer, f"I need {item.name}.", [o.schema for o in choice])


FOLLOW_UPS = (
    "And in {c}?",
    "What about {c}?",
    "And {c}?",
    "How about {c}?",
    "And for {c}?",
    "{c}?",
)


def follow_up(
    rng: random.Random, choice: list[Offer], item: Offer, messages: list[Message]
) -> Sample:
    """Returns a second request in a conversation whose first one is answered."""
    values = draw(rng, item.kind)
    short = "c" in values and rng.random() < 0.5
    text = choose(rng, FOLLOW_UPS).format(**values) if short else ask(rng, item, values)
    answer = call_text(item.name, arguments(item, values))
    return Sample(
        "tools", [*messages, user(text)], answer, f"I need {item.name}.", [o.schema for o in choice]
    )


def parallel_result(rng: random.Random, choice: list[Offer], item: Offer, kind: Kind) -> Sample:
    """Returns two calls with two results, answered one after the other."""
    cities = [city(rng), city(rng)]
    result, answer = choose(rng, kind.results)
    calls, results, answers = [], [], []
    for place in cities:
        slots = {"r": kind.result_maker(rng), "c": place}
        function = {"name": item.name, "arguments": arguments(item, {"c": place})}
        calls.append({"type": "function", "function": function})
        results.append({"role": "tool", "content": result.format(**slots)})
        answers.append(answer.format(**slots))
    text = choose(rng, kind.asks).format(c=f"{cities[0]} and {cities[1]}")
    messages: list[Message] = [
        user(text[:1].upper() + text[1:]),
        {"role": "assistant", "content": "", "tool_calls": calls},
        *results,
    ]
    return Sample(
        "tool_result",
        messages,
        " ".join(answers),
        "I have the results of the tool.",
        [o.schema for o in choice],
    )


def plain_sample(rng: random.Random) -> Sample:
    """Returns a question that needs none of the offered tools."""
    schemas = [o.schema for o in offers(rng, kind_of(rng), rng.choice((0, 0, 1, 2)))]
    messages = opening(rng)
    if rng.random() < 0.4:
        _, answer, phrasings, *_ = choose(rng, [i for i in seeds.INTENTS if i[0] != "weatherless"])
        messages.append(user(dress(rng, choose(rng, phrasings))))
        return Sample("no_tool", messages, answer, "No tool is needed.", schemas)
    while True:
        relation, fact, question = facts.pick(rng)
        if not relation.name.startswith(("translate", "record")):
            break
    messages.append(user(dress(rng, question)))
    return Sample("no_tool", messages, fact.full, "No tool is needed.", schemas)


def sample(rng: random.Random) -> Sample:
    roll = rng.random()
    if roll < 0.38:
        return chain_sample(rng)
    if roll < 0.72:
        return call_sample(rng)
    if roll < 0.88:
        return result_sample(rng)
    return plain_sample(rng)
