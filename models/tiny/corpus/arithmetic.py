"""Sums and differences of small numbers, and the small multiplication table."""

# ruff: noqa: SIM905 (word lists)

from __future__ import annotations

import random

from models.tiny.corpus.base import Sample, choose, dress, person, user

WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
).split()
PLUS = (
    "What is {a} + {b}?",
    "What is {a} plus {b}?",
    "{a} + {b}",
    "{a} + {b} = ?",
    "Add {a} and {b}.",
    "How much is {a} + {b}?",
    "Calculate {a} + {b}.",
    "What is the sum of {a} and {b}?",
    "{a} plus {b}?",
    "How much is {a} plus {b}?",
    "Compute {a}+{b}",
    "{a}+{b}=",
    "What's {a}+{b}?",
    "Sum of {a} and {b}?",
    "Solve {a} + {b}.",
    "What do you get if you add {a} and {b}?",
    "Tell me the result of {a} + {b}.",
    "If you add {a} and {b}, what do you get?",
    "When I put {a} and {b} together, how much is it?",
    "Add {b} to {a}.",
    "I want to know what {a} + {b} is.",
    "What is the total of {a} and {b}?",
    "If {b} is added to {a}, how much is that?",
    "{a} and {b} make what?",
    "Give me {a} + {b}.",
    "What number is {b} more than {a}?",
)
MINUS = (
    "What is {a} - {b}?",
    "What is {a} minus {b}?",
    "{a} - {b}",
    "{a} - {b} = ?",
    "Subtract {b} from {a}.",
    "How much is {a} - {b}?",
    "Calculate {a} - {b}.",
    "{a} minus {b}?",
    "What is the difference of {a} and {b}?",
    "How much is {a} minus {b}?",
    "Compute {a}-{b}",
    "{a}-{b}=",
    "What's {a}-{b}?",
    "Solve {a} - {b}.",
    "Take {b} away from {a}.",
    "Tell me the result of {a} - {b}.",
    "If you take {b} from {a}, what do you get?",
    "What remains of {a} minus {b}?",
    "Take {b} from {a}.",
    "I want to know what {a} - {b} is.",
    "Remove {b} from {a}. How much remains?",
    "If {b} is subtracted from {a}, how much is that?",
    "Give me {a} - {b}.",
    "What number is {b} less than {a}?",
)
TIMES = (
    "What is {a} * {b}?",
    "What is {a} times {b}?",
    "{a} * {b}",
    "{a} x {b} = ?",
    "Multiply {a} by {b}.",
    "How much is {a} times {b}?",
    "Calculate {a} * {b}.",
    "What is the product of {a} and {b}?",
    "{a} times {b}?",
    "Compute {a}*{b}",
)
PLUS_ZH = (
    "{a}加{b}等于多少？",
    "{a}+{b}等于几？",
    "{a}加{b}是多少？",
    "计算{a}+{b}。",
    "{a}+{b}=？",
    "请计算{a}加{b}。",
    "{a}与{b}的和是多少？",
    "{a}加上{b}等于多少？",
    "请问{a}加{b}得多少？",
    "你会算{a}加{b}吗？",
    "{a}加{b}是几？",
    "帮忙算{a}+{b}。",
    "把{a}和{b}加起来是多少？",
)
MINUS_ZH = (
    "{a}减{b}等于多少？",
    "{a}-{b}等于几？",
    "{a}减{b}是多少？",
    "计算{a}-{b}。",
    "{a}-{b}=？",
    "请计算{a}减{b}。",
    "{a}与{b}的差是多少？",
    "{a}减去{b}等于多少？",
    "请问{a}减{b}得多少？",
    "你会算{a}减{b}吗？",
    "{a}减{b}是几？",
    "帮忙算{a}-{b}。",
    "从{a}里减去{b}还有多少？",
)
HELD_PLUS = (
    "If I add {b} to {a}, what is the result?",
    "I wonder how much {a} + {b} gives.",
    "Can you give me the total of {a} and {b}?",
)
HELD_MINUS = (
    "If I take {b} off {a}, what is left?",
    "I wonder how much {a} - {b} gives.",
    "Can you give me the result of {a} minus {b}?",
)
HELD_PLUS_ZH = ("能帮我算一下{a}加{b}吗？",)
HELD_MINUS_ZH = ("能帮我算一下{a}减{b}吗？",)
THINGS = "apples books coins pens cookies marbles eggs cards stamps balls shells oranges".split()
STORY_PLUS = (
    "I have {a} {t} and buy {b} more. How many {t} do I have?",
    "{n} has {a} {t} and gets {b} more. How many {t} does {n} have?",
    "There are {a} {t} in a box and {b} in another. How many {t} are there?",
    "{n} has {a} {t}. I have {b} {t}. How many {t} do we have together?",
    "I had {a} {t}. {n} gave me {b} {t}. How many {t} do I have now?",
    "{n} buys {a} {t} and then {b} more {t}. How many is that?",
    "On the table are {a} {t}. {n} brings {b} more. How many {t} are on the table?",
    "{n} counts {a} {t} today and {b} tomorrow. How many {t} is it in all?",
    "Yesterday I got {a} {t}, today {b}. How many {t} do I have?",
    "{n} sees {a} {t}, then {b} other {t}. How many {t} are these?",
)
STORY_MINUS = (
    "I have {a} {t} and give away {b}. How many {t} are left?",
    "{n} has {a} {t} and loses {b}. How many {t} does {n} have?",
    "There are {a} {t}. {n} takes {b}. How many {t} are left?",
    "I had {a} {t} and sold {b}. How many {t} do I have now?",
    "{n} had {a} {t} and ate {b}. How many {t} are left?",
    "Of {a} {t}, {n} sells {b}. How many {t} remain?",
    "On the table are {a} {t}. {n} takes {b} away. How many {t} are on the table?",
    "{n} buys {a} {t} and then breaks {b}. How many {t} are whole?",
)
HELD_STORY_PLUS = ("{n} finds {a} {t}, and later {b} further {t}. How many {t} is that?",)


def steps(a: int, b: int, sign: str) -> str:
    """Returns the working of a sum or a difference, from the ones to the tens.

    Every step is a fact about digits, of which there are a few hundred: a small model can know all
    of them, while there are thousands of sums.
    """
    result = a + b if sign == "+" else a - b
    if (a < 10 and b < 10) or result < 0:
        return f"{a} {sign} {b} = {result}."
    (tens_a, ones_a), (tens_b, ones_b) = divmod(a, 10), divmod(b, 10)
    if sign == "+":
        ones = ones_a + ones_b
        carry = " + 1" if ones > 9 else ""
        tens = tens_a + tens_b + ones // 10
    else:
        carry = " - 1" if ones_a < ones_b else ""
        ones_a += 10 if carry else 0
        ones = ones_a - ones_b
        tens = tens_a - tens_b - (1 if carry else 0)
    ones_step = f"{ones_a} {sign} {ones_b} = {ones}"
    return f"{ones_step}, {tens_a} {sign} {tens_b}{carry} = {tens}. {a} {sign} {b} = {result}."


def operands(rng: random.Random) -> tuple[int, int]:
    roll = rng.random()
    if roll < 0.25:
        return rng.randrange(11), rng.randrange(11)
    if roll < 0.65:
        return rng.randrange(21), rng.randrange(21)
    if roll < 0.8:
        return rng.randrange(10, 100), rng.randrange(10)
    return rng.randrange(10, 100), rng.randrange(10, 100)


COUNTS = (
    "Count to {n}.",
    "Count from 1 to {n}.",
    "Can you count to {n}?",
    "List the numbers 1 to {n}.",
    "Please count to {n}.",
    "Count up to {n}",
    "Write all numbers from 1 to {n}.",
    "count to {n}",
)


def count_sample(rng: random.Random) -> Sample:
    top = rng.choice((3, 5, 8, 12, 15, 20, 20, 25, 30, 40, 50, 100))
    text = ", ".join(str(i) for i in range(1, top + 1))
    question = choose(rng, COUNTS).format(n=top)
    return Sample("count", [user(question)], text, f"I count to {top}.")


def sample(rng: random.Random) -> Sample:
    if rng.random() < 0.06:
        return count_sample(rng)
    a, b = operands(rng)
    # Without thinking only the sums of digits are learned, by heart.
    thinking = None if a < 11 and b < 11 and rng.random() < 0.5 else True
    roll = rng.random()
    if roll < 0.08:
        a, b = rng.randrange(11), rng.randrange(11)
        text = f"{a} * {b} = {a * b}."
        return Sample(
            "arithmetic",
            [user(dress(rng, choose(rng, TIMES).format(a=a, b=b)))],
            text,
            text,
            thinking=thinking,
        )
    plus = rng.random() < 0.5
    if not plus and a < b:
        a, b = b, a
    sign = "+" if plus else "-"
    result = a + b if plus else a - b
    working = steps(a, b, sign)
    if roll < 0.25:
        question = choose(rng, PLUS_ZH if plus else MINUS_ZH).format(a=a, b=b)
        return Sample(
            "arithmetic_zh",
            [user(question)],
            f"{a} {sign} {b} = {result}。",
            working,
            thinking=thinking,
        )
    if roll < 0.40:
        thing, name = choose(rng, THINGS), person(rng)
        question = choose(rng, STORY_PLUS if plus else STORY_MINUS).format(
            a=a, b=b, t=thing, n=name
        )
        return Sample(
            "arithmetic",
            [user(question)],
            f"{a} {sign} {b} = {result} {thing}.",
            working,
            thinking=thinking,
        )
    shown_a, shown_b = str(a), str(b)
    if a <= 20 and b <= 20 and rng.random() < 0.25:
        shown_a, shown_b = WORDS[a], WORDS[b]
    question = choose(rng, PLUS if plus else MINUS).format(a=shown_a, b=shown_b)
    question = question[:1].upper() + question[1:]
    return Sample(
        "arithmetic",
        [user(dress(rng, question))],
        f"{a} {sign} {b} = {result}.",
        working,
        thinking=thinking,
    )
