"""Made-up tools, and tools as a conversation offers them: with drawn names and a JSON schema."""

# ruff: noqa: SIM905 (word lists)

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from models.tiny.corpus.base import Tool, choose, coin_name, number
from models.tiny.corpus.kinds import Kind, Maker, topic

VERBS = (
    "get find check show fetch open book order start create delete update count list load".split()
)
NOUNS = (
    "stock ticket parcel invoice balance score route seat train flight hotel recipe book movie "
    "team player server job task event meeting contact photo product price rating account device "
    "door"
).split()
PARAMETERS = "id name code title key label item value user place ref tag".split()


def coin_list(noun: str) -> Kind:
    """Returns a made-up tool without parameters."""
    return Kind(
        (f"list_{noun}s",), f"List all {noun}s", {}, {},
        (f"List all {noun}s.", f"Show me the {noun}s.", f"Which {noun}s are there?",
         f"Give me the list of {noun}s.", f"What {noun}s do we have?", f"All {noun}s, please.",
         f"I want to see all {noun}s.", f"List the {noun}s"),
        (f"列出所有{noun}。", f"调用list_{noun}s。"),
        (f"Could you enumerate our {noun}s?",), (),
        (("{r}", "The result is: {r}"), ("{{\"result\": \"{r}\"}}", "The result is: {r}")),
        result_maker=topic,
    )  # fmt: skip


def coin_kind(rng: random.Random) -> Kind:
    """Returns a made-up tool with one parameter or none."""
    verb, noun = choose(rng, VERBS), choose(rng, NOUNS)
    if rng.random() < 0.1:
        return coin_list(noun)
    if rng.random() < 0.3:
        noun = coin_name(rng).lower()
    numeric = rng.random() < 0.35
    maker: Maker = number if numeric else (coin_name if rng.random() < 0.6 else topic)
    key = choose(rng, PARAMETERS)
    return Kind(
        (f"{verb}_{noun}",),
        f"{verb.capitalize()} a {noun}",
        {"v": (key,)},
        {"v": maker},
        (
            f"{verb.capitalize()} the {noun} {{v}}.",
            f"{verb.capitalize()} the {noun} of {{v}}.",
            f"{verb} {noun} {{v}}",
            f"Please {verb} the {noun} {{v}}.",
            f"I want to {verb} the {noun} {{v}}.",
            f"{verb.capitalize()} a {noun} with {key} {{v}}.",
            f"Use {verb}_{noun} with {{v}}.",
            f"{verb.capitalize()} {noun} for {{v}}.",
            f"Call {verb}_{noun} with {key} {{v}}.",
            f"{verb.capitalize()} me the {noun} {{v}}.",
            f"The {noun} {{v}}: {verb} it.",
            f"Would you {verb} the {noun} named {{v}}?",
            f"I need the tool to {verb} a {noun}, the {key} is {{v}}.",
            f"{{v}} is a {noun}, {verb} it please.",
        ),
        (f"用{verb}_{noun}处理{{v}}。", f"调用{verb}_{noun}，{key}是{{v}}。"),
        (
            f"Could you {verb} me the {noun} called {{v}}?",
            f"I need you to {verb} the {noun} {{v}} now.",
        ),
        (),
        (("{r}", "The result is: {r}"), ('{{"result": "{r}"}}', "The result is: {r}")),
        {"v": "integer"} if numeric else {},
        result_maker=topic,
    )


@dataclass(frozen=True)
class Offer:
    """A tool as one conversation sees it: the schema, and the argument name of every slot.

    `unit` names a further argument for the unit of temperature.
    """

    kind: Kind
    schema: Tool
    keys: dict[str, str]
    unit: str | None = None
    unit_required: bool = False

    @property
    def name(self) -> str:
        return str(self.schema["function"]["name"])


DESCRIPTIONS = (
    "The {k}", "The {k}", "The {k} to use", "The name of the {k}", "{k}", "The {k}, e.g. {e}",
    "The {k} for the request, e.g. {e}", "A {k} such as {e}",
)  # fmt: skip
UNIT_KEYS = ("unit", "format", "units")
UNITS = ("celsius", "fahrenheit")


def describe(rng: random.Random, kind: Kind, slot: str, key: str) -> str:
    example = kind.makers[slot](rng)
    return choose(rng, DESCRIPTIONS).format(k=key.replace("_", " "), e=example)


def describe_tool(rng: random.Random, kind: Kind) -> str:
    """Returns the description of a tool in a random wording."""
    text = kind.description
    roll = rng.random()
    if roll < 0.12:
        return text + "."
    if roll < 0.24:
        return f"This tool is used to {text[0].lower()}{text[1:]}"
    if roll < 0.3:
        return f"{text} (returns JSON)"
    return text


def offer(rng: random.Random, kind: Kind) -> Offer:
    """Draws names for a tool and writes its JSON schema in one of the usual key orders."""
    name = choose(rng, kind.names)
    keys = {slot: choose(rng, options) for slot, options in kind.keys.items()}
    described = rng.random() < 0.55
    properties: dict[str, Any] = {}
    for slot, key in keys.items():
        entry: dict[str, Any] = {"type": kind.types.get(slot, "string")}
        if described:
            entry["description"] = describe(rng, kind, slot, key)
        properties[key] = entry
    required = list(properties)
    unit = None
    if kind.names[0] in ("get_weather", "get_temperature") and rng.random() < 0.35:
        unit = choose(rng, UNIT_KEYS)
        properties[unit] = {"type": "string", "enum": list(UNITS)}
        if described:
            properties[unit]["description"] = "The temperature unit"
        if rng.random() < 0.5:
            required.append(unit)
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if (required and rng.random() < 0.8) or unit:
        parameters["required"] = required
        if rng.random() < 0.5:
            parameters = {"type": "object", "required": required, "properties": properties}
    function: dict[str, Any] = {"name": name, "description": describe_tool(rng, kind)}
    if rng.random() < 0.12:
        del function["description"]
    function["parameters"] = parameters
    schema: Tool = {"type": "function", "function": function}
    if rng.random() < 0.12:
        schema = sort_keys(schema)
    return Offer(kind, schema, keys, unit, unit in required)


def sort_keys(value: Any) -> Any:
    """Returns the value with every object's keys sorted (as some template engines print it)."""
    if isinstance(value, dict):
        return {key: sort_keys(value[key]) for key in sorted(value)}
    return value
