"""Fill-in-the-middle: the middle of short Python functions."""

# ruff: noqa: SIM905 (word lists)

from __future__ import annotations

import random

from models.tiny.corpus.base import Sample, choose
from models.tiny.corpus.code import FUNCTIONS

NOUNS = "price item point pair list thing cell row score entry part two it data input".split()
PARAMETERS = "a b x y n m left right first second value other count size width height".split()
OPERATORS = (("add", "+"), ("subtract", "-"), ("multiply", "*"), ("divide", "/"))
CHECKS = (
    ("is_even", "n % 2 == 0"),
    ("is_odd", "n % 2 == 1"),
    ("is_positive", "n > 0"),
    ("is_negative", "n < 0"),
    ("is_zero", "n == 0"),
)
UNARY = (
    ("square", "{a} * {a}"),
    ("double", "{a} * 2"),
    ("triple", "{a} * 3"),
    ("negate", "-{a}"),
    ("increment", "{a} + 1"),
    ("decrement", "{a} - 1"),
    ("half", "{a} / 2"),
    ("cube", "{a} * {a} * {a}"),
)
LISTS = (
    ("total", "sum(items)"),
    ("sum", "sum(items)"),
    ("add_up", "sum(items)"),
    ("add_every", "sum(items)"),
    ("mean", "sum(items) / len(items)"),
    ("max", "max(items)"),
    ("biggest", "max(items)"),
    ("min", "min(items)"),
    ("length", "len(items)"),
    ("size", "len(items)"),
    ("average", "sum(items) / len(items)"),
    ("largest", "max(items)"),
    ("smallest", "min(items)"),
    ("count", "len(items)"),
    ("first", "items[0]"),
    ("last", "items[-1]"),
    ("reverse", "items[::-1]"),
    ("sort", "sorted(items)"),
)


PLACES = ("left", "right", "front", "other", "all", "both", "each", "number", "numbers")
HEADS = ("my", "get", "find", "compute", "do", "the", "fast", "simple")
TAILS = ("of", "it", "all", "values", "numbers", "item", "items", "them", "up")


def function_name(rng: random.Random, core: str) -> str:
    """Puts words before and behind the word that says what a function does, sometimes."""
    roll = rng.random()
    if roll < 0.25:
        return core
    if roll < 0.5:
        return f"{core}_{choose(rng, NOUNS + PARAMETERS)}"
    if roll < 0.7:
        return f"{core}_{choose(rng, TAILS)}"
    if roll < 0.85:
        return f"{choose(rng, HEADS)}_{core}"
    return f"{choose(rng, HEADS)}_{core}_{choose(rng, NOUNS)}"


def check_name(rng: random.Random, core: str) -> str:
    """Returns a name like `is_even`, with a noun inside or behind."""
    verb, adjective = core.split("_")
    noun = choose(rng, NOUNS + PARAMETERS + list(PLACES))
    return choose(rng, (core, core, f"{verb}_{noun}_{adjective}", f"{core}_{noun}"))


def coin_function(rng: random.Random) -> tuple[str, str]:
    """Returns the head line and the expression that the body returns."""
    kind = rng.randrange(4)
    if kind == 0:
        name, operator = choose(rng, OPERATORS)
        name = function_name(rng, name)
        a, b = rng.sample(PARAMETERS, 2)
        return f"def {name}({a}, {b}):", f"{a} {operator} {b}"
    if kind == 1:
        name, check = choose(rng, CHECKS)
        name = check_name(rng, name)
        a = choose(rng, ("n", "n", "x", "value", "number"))
        return f"def {name}({a}):", check.replace("n", a, 1)
    if kind == 2:
        name, body = choose(rng, UNARY)
        name = function_name(rng, name)
        a = choose(rng, PARAMETERS)
        return f"def {name}({a}):", body.format(a=a)
    name, body = choose(rng, LISTS)
    name = function_name(rng, name)
    a = choose(rng, ("items", "items", "values", "numbers", "xs"))
    return f"def {name}({a}):", body.replace("items", a)


def split_code(rng: random.Random, code: str) -> tuple[str, str, str]:
    """Cuts a program into prefix, middle and suffix, at line ends or within a line."""
    lines = code.split("\n")
    if rng.random() < 0.6 and len(lines) > 2:
        start = rng.randrange(1, len(lines))
        end = min(len(lines), start + rng.choice((1, 1, 2)))
        prefix = "\n".join(lines[:start]) + "\n"
        middle = "\n".join(lines[start:end])
        suffix = "\n" + "\n".join(lines[end:]) if end < len(lines) else ""
        if rng.random() < 0.5:
            indent = len(middle) - len(middle.lstrip(" "))
            prefix, middle = prefix + middle[:indent], middle[indent:]
        return prefix, middle, suffix
    row = rng.randrange(len(lines))
    line = lines[row]
    body = line.lstrip(" ")
    words = body.split(" ")
    cut = rng.randrange(len(words))
    head = line[: len(line) - len(body)] + " ".join(words[:cut]) + (" " if cut else "")
    tail = " ".join(words[cut:])
    after = "\n" + "\n".join(lines[row + 1 :]) if row + 1 < len(lines) else ""
    return "\n".join([*lines[:row], head]) if row else head, tail, after


def prompt(prefix: str, suffix: str) -> str:
    return f"<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"


def sample(rng: random.Random) -> Sample:
    if rng.random() < 0.8:
        head, body = coin_function(rng)
        code = f"{head}\n    return {body}"
        roll = rng.random()
        if roll < 0.5:
            prefix, middle, suffix = f"{head}\n    return ", body, ""
        elif roll < 0.65:
            prefix, middle, suffix = f"{head}\n    ", f"return {body}", ""
        elif roll < 0.75:
            prefix, middle, suffix = f"{head}\n", f"    return {body}", ""
        elif roll < 0.9:
            prefix, middle, suffix = f"{head}\n    ", f"result = {body}", "\n    return result"
        else:
            prefix, middle, suffix = split_code(rng, code)
        suffix += rng.choice(("", "", "\n", "\n\n"))
    else:
        key = choose(rng, [k for k in FUNCTIONS if k not in ("fizzbuzz", "hello_world")])
        code = FUNCTIONS[key][0]
        if rng.random() < 0.5:
            name = code.removeprefix("def ").split("(")[0]
            code = code.replace(name, function_name(rng, name))
        prefix, middle, suffix = split_code(rng, code)
        suffix += rng.choice(("", "", "\n"))
    if rng.random() < 0.15:
        other = choose(rng, list(FUNCTIONS.values()))[0]
        prefix = f"{other}\n\n\n{prefix}"
    return Sample("fim", [], middle, raw=prompt(prefix, suffix))


# Functions of other names than the corpus has: (prefix, suffix, middle).
HELD = (
    ("def add_numbers(first, second):\n    return ", "", "first + second"),
    ("def subtract_numbers(x, y):\n    return ", "\n", "x - y"),
    ("def multiply_values(a, b):\n    return ", "", "a * b"),
    ("def add_all(items):\n    return ", "\n", "sum(items)"),
    ("def is_number_even(n):\n    return ", "", "n % 2 == 0"),
    ("def largest_of(numbers):\n    return ", "", "max(numbers)"),
    ("def last_item(values):\n    return ", "\n", "values[-1]"),
    ("def square_of(n):\n    ", "", "return n * n"),
    ("def add_values(a, b):\n    ", "\n    return result", "result = a + b"),
    (
        "def my_factorial(n):\n    if n <= 1:\n        return ",
        "\n    return n * my_factorial(n - 1)",
        "1",
    ),
)
