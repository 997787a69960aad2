"""The usual tools of the corpus: their names, arguments, requests and results."""

# ruff: noqa: SIM905 (word lists)

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from models.tiny.corpus import phrasings, tables
from models.tiny.corpus.base import choose, coin_name, number, person, place_zh

Values = dict[str, Any]
Maker = Callable[[random.Random], Any]

CITIES = [row[1] for row in tables.COUNTRIES] + (
    "Toronto|New York|San Francisco|Los Angeles|Chicago|Boston|Seattle|Sydney|Melbourne|Shanghai|"
    "Hong Kong|Singapore|Mumbai|Munich|Hamburg|Milan|Barcelona|Zurich|Dubai|Montreal|Vancouver"
).split("|")
CITIES_ZH = [
    row[6] for row in tables.COUNTRIES
] + "上海 广州 深圳 成都 杭州 西安 南京 武汉 重庆 天津".split()


def city(rng: random.Random) -> str:
    return coin_name(rng) if rng.random() < 0.4 else choose(rng, CITIES)


CURRENCIES = "USD EUR JPY GBP CNY CHF INR CAD AUD SEK KRW BRL".split()


def city_zh(rng: random.Random) -> str:
    return place_zh(rng) if rng.random() < 0.4 else choose(rng, CITIES_ZH)


def small(rng: random.Random) -> int:
    return rng.randrange(1, 100)


def topic(rng: random.Random) -> str:
    words = "cheap flights|red shoes|python tutorials|solar power|green tea|old maps|jazz music|\
electric cars|space travel|chess rules|healthy food|cat pictures|used bikes|good books|new phones"
    if rng.random() < 0.5:
        return choose(rng, words.split("|"))
    return " ".join(coin_name(rng).lower() for _ in range(rng.choice((1, 2))))


def email(rng: random.Random) -> str:
    return f"{person(rng).lower()}@{choose(rng, ('example.com', 'mail.com', 'test.org'))}"


def message(rng: random.Random) -> str:
    lines = "I am late|see you soon|the meeting is at noon|happy birthday|call me|dinner is ready|\
good luck|the report is done|buy milk|water the plants|pay the rent|clean the kitchen"
    return choose(rng, lines.split("|")) if rng.random() < 0.6 else topic(rng)


def symbol(rng: random.Random) -> str:
    return "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(rng.choice((3, 4))))


def date(rng: random.Random) -> str:
    return f"20{rng.randrange(20, 40)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"


def clock(rng: random.Random) -> str:
    return f"{rng.randrange(24)}:{rng.choice(('00', '15', '30', '45'))}"


@dataclass(frozen=True)
class Kind:
    """A tool with the requests that call for it and the results that it gives.

    `names` and `keys` hold alternatives: which one a sample uses must be read from the prompt.
    `results` pairs a result text with the answer to it; both may use the argument slots and `r`.
    """

    names: tuple[str, ...]
    description: str
    keys: dict[str, tuple[str, ...]]
    makers: dict[str, Maker]
    asks: tuple[str, ...]
    asks_zh: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    held_zh: tuple[str, ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    types: dict[str, str] = field(default_factory=dict)
    result_maker: Maker = small
    weight: float = 1.0


_KINDS: tuple[Kind, ...] = (
    Kind(
        ("get_weather", "get_current_weather", "weather", "get_conditions", "get_forecast"),
        "Get the current weather for a city",
        {"c": ("city", "location", "city", "location", "place", "town")},
        {"c": city},
        (
            "What is the weather in {c}?",
            "What is the weather today in {c}?",
            "Weather in {c}?",
            "How is the weather in {c}?",
            "What's the weather like in {c}?",
            "Is it raining in {c}?",
            "Tell me the weather in {c}.",
            "Will it rain in {c}?",
            "Is it sunny in {c}?",
            "What is the weather like today in {c}?",
            "Get the weather for {c}.",
            "Check the weather in {c}.",
            "{c}: what is the weather?",
            "How is the weather today in {c}?",
            "Do I need an umbrella in {c}?",
            "what's the weather in {c} right now?",
        ),
        (
            "{c}天气怎么样？",
            "{c}今天天气怎么样？",
            "{c}的天气如何？",
            "今天{c}天气如何？",
            "查一下{c}的天气。",
            "{c}下雨吗？",
            "告诉我{c}的天气。",
            "{c}天气",
        ),
        (
            "Could you look up the weather of {c}?",
            "What weather do they have in {c} at the moment?",
            "I travel to {c}, how will the weather be?",
        ),
        ("帮我看看{c}那边天气好不好。",),
        (
            ('{{"temperature": {r}, "condition": "sunny"}}', "It is {r} degrees and sunny in {c}."),
            (
                '{{"temperature": {r}, "condition": "cloudy"}}',
                "It is {r} degrees and cloudy in {c}.",
            ),
            ('{{"temperature": {r}, "condition": "rainy"}}', "It is {r} degrees and rainy in {c}."),
            (
                '{{"city": "{c}", "temperature": {r}, "condition": "sunny"}}',
                "It is {r} degrees and sunny in {c}.",
            ),
            ("{r} degrees", "It is {r} degrees in {c}."),
            ("{r} degrees celsius", "It is {r} degrees in {c}."),
            ("{r} degrees and sunny", "It is {r} degrees and sunny in {c}."),
            ("Sunny, {r}°C", "It is {r} degrees and sunny in {c}."),
            ("{r}°C", "It is {r} degrees in {c}."),
            ("{r}", "It is {r} degrees in {c}."),
            ("{r}C, sunny", "It is {r} degrees and sunny in {c}."),
            ("cloudy, {r} degrees", "It is {r} degrees and cloudy in {c}."),
            ('{{"temp": {r}}}', "It is {r} degrees in {c}."),
        ),
        weight=3.0,
    ),
    Kind(
        ("get_temperature", "temperature", "get_current_temperature", "read_temperature"),
        "Get the current temperature for a city",
        {"c": ("city", "location", "place")},
        {"c": city},
        (
            "What is the temperature in {c}?",
            "How warm is it in {c}?",
            "How cold is it in {c}?",
            "Temperature in {c}?",
            "What's the temperature in {c}?",
            "How hot is it in {c}?",
            "Tell me the temperature in {c}.",
            "How many degrees is it in {c}?",
            "Get the temperature for {c}.",
            "What is the current temperature in {c}?",
        ),
        (
            "{c}多少度？",
            "{c}的温度是多少？",
            "{c}现在几度？",
            "{c}气温多少？",
            "{c}热不热？",
            "{c}冷吗？",
        ),
        ("Could you check how warm it is in {c}?",),
        ("帮我看看{c}现在的温度。",),
        (
            ("{r} degrees", "It is {r} degrees in {c}."),
            ("{r}°C", "It is {r} degrees in {c}."),
            ("{r}", "It is {r} degrees in {c}."),
            ('{{"temperature": {r}}}', "It is {r} degrees in {c}."),
        ),
        weight=1.5,
    ),
    Kind(
        ("get_time", "get_current_time", "current_time", "clock"),
        "Get the current time in a city",
        {"c": ("city", "location", "timezone", "place")},
        {"c": city},
        (
            "What time is it in {c}?",
            "What is the time in {c}?",
            "Time in {c}?",
            "How late is it in {c}?",
            "What's the current time in {c}?",
            "Tell me the time in {c}.",
            "Which time is it in {c}?",
            "Get the time in {c}.",
            "Give me the current time in {c}.",
            "what time is it now in {c}?",
        ),
        (
            "{c}现在几点？",
            "{c}几点了？",
            "{c}的时间是几点？",
            "告诉我{c}的时间。",
            "现在{c}几点钟？",
            "查一下{c}的时间。",
        ),
        (
            "Could you check what time they have in {c}?",
            "I call someone in {c}, what time is it there?",
        ),
        ("帮我看看{c}是几点钟。",),
        (
            ("{r}", "It is {r} in {c}."),
            ('{{"time": "{r}"}}', "It is {r} in {c}."),
            ("The time is {r}", "It is {r} in {c}."),
        ),
        result_maker=clock,
        weight=1.5,
    ),
    Kind(
        ("calculator", "calculate", "evaluate", "compute"),
        "Evaluate a math expression",
        {"e": ("expression", "formula", "input")},
        {"e": lambda r: f"{number(r)} {choose(r, '+-*/')} {number(r)}"},
        (
            "What is {e}?",
            "Calculate {e}.",
            "Compute {e}.",
            "How much is {e}?",
            "{e}",
            "{e} = ?",
            "Use the calculator: {e}",
            "Work out {e}.",
            "Please calculate {e}.",
            "What's {e}?",
            "Solve {e}.",
        ),
        ("计算{e}。", "{e}等于多少？", "请算一下{e}。", "{e}是多少？", "算{e}。", "{e}等于几？"),
        ("Could you evaluate {e} for me?",),
        ("帮我把{e}算出来。",),
        (("{r}", "The result is {r}."), ('{{"result": {r}}}', "The result is {r}.")),
        result_maker=number,
        weight=1.2,
    ),
    Kind(
        ("add", "add_two_numbers", "sum", "add_numbers"),
        "Add two numbers",
        {"a": ("a", "x", "first"), "b": ("b", "y", "second")},
        {"a": small, "b": small},
        (
            "What is {a} + {b}?",
            "What is {a} plus {b}?",
            "Add {a} and {b}.",
            "{a} + {b}",
            "Sum of {a} and {b}?",
            "How much is {a} plus {b}?",
            "Calculate {a} + {b}.",
            "Please add {a} and {b}.",
            "Use the tool to add {a} and {b}.",
            "Compute {a} + {b}.",
        ),
        (
            "{a}加{b}等于多少？",
            "{a}+{b}是多少？",
            "计算{a}加{b}。",
            "请把{a}和{b}相加。",
            "{a}加{b}",
            "算{a}+{b}。",
        ),
        ("Could you add up {a} and {b}?",),
        ("帮我把{a}和{b}加起来。",),
        (("{r}", "The result is {r}."), ('{{"result": {r}}}', "The result is {r}.")),
        {"a": "integer", "b": "integer"},
        weight=1.2,
    ),
    Kind(
        ("subtract", "subtract_two_numbers", "minus"),
        "Subtract two numbers",
        {"a": ("a", "x", "first"), "b": ("b", "y", "second")},
        {"a": small, "b": small},
        (
            "What is {a} - {b}?",
            "What is {a} minus {b}?",
            "Subtract {b} from {a}.",
            "{a} - {b}",
            "How much is {a} minus {b}?",
            "Calculate {a} - {b}.",
            "Compute {a} - {b}.",
            "{a} minus {b}?",
        ),
        (
            "{a}减{b}等于多少？",
            "{a}-{b}是多少？",
            "计算{a}减{b}。",
            "{a}减去{b}是多少？",
            "算{a}-{b}。",
            "{a}减{b}",
        ),
        ("Could you take {b} away from {a}?",),
        (),
        (("{r}", "The result is {r}."), ('{{"result": {r}}}', "The result is {r}.")),
        {"a": "integer", "b": "integer"},
        weight=0.6,
    ),
    Kind(
        ("search", "web_search", "search_web", "find"),
        "Search the web",
        {"q": ("query", "q", "keywords", "text")},
        {"q": topic},
        (
            "Search for {q}.",
            "Search the web for {q}.",
            "Find {q}.",
            "Look up {q}.",
            "Google {q}.",
            "Search {q}",
            "Find information about {q}.",
            "Please search for {q}.",
            "Look for {q}.",
            "Find something about {q}.",
            "I need information about {q}.",
            "Do a search for {q}.",
        ),
        ("搜索{q}。", "查找{q}。", "帮我搜{q}。", "在网上搜{q}。", "找一下{q}。", "搜一下{q}。"),
        ("Could you do a web search on {q}?",),
        ("请上网找找{q}。",),
        (
            ('{{"title": "{r}"}}', "I found this: {r}."),
            ("{r}", "I found this: {r}."),
            ('{{"results": ["{r}"]}}', "I found this: {r}."),
        ),
        result_maker=topic,
        weight=1.2,
    ),
    Kind(
        ("send_email", "send_mail", "email"),
        "Send an email",
        {"t": ("to", "recipient", "address"), "s": ("subject", "text", "body", "message")},
        {"t": email, "s": message},
        (
            "Send an email to {t} saying {s}.",
            "Email {t}: {s}",
            "Write an email to {t}: {s}",
            "Send {t} an email: {s}",
            "Mail to {t}: {s}",
            "Send a mail to {t} with the text {s}.",
            "Please email {t} that {s}.",
            "Send an email to {t}. Text: {s}",
        ),
        (
            "给{t}发邮件：{s}",
            "发邮件给{t}，内容是{s}。",
            "请给{t}写邮件：{s}",
            "发一封邮件给{t}：{s}",
        ),
        ("Could you write a mail to {t}: {s}",),
        (),
        (
            ("ok", "The email has been sent."),
            ('{{"status": "sent"}}', "The email has been sent."),
            ("Email sent", "The email has been sent."),
        ),
    ),
    Kind(
        ("send_message", "send_sms", "text_message"),
        "Send a message to a person",
        {"t": ("to", "name", "recipient"), "s": ("message", "text", "content")},
        {"t": person, "s": message},
        (
            "Send a message to {t}: {s}",
            "Tell {t} that {s}.",
            "Text {t}: {s}",
            "Message {t}: {s}",
            "Send {t} a message saying {s}.",
            "Write {t}: {s}",
            "Let {t} know: {s}",
            "SMS to {t}: {s}",
        ),
        ("给{t}发消息：{s}", "告诉{t}：{s}", "发短信给{t}：{s}", "给{t}发短信：{s}"),
        ("Could you send {t} these words: {s}",),
        (),
        (
            ("ok", "The message has been sent."),
            ('{{"status": "sent"}}', "The message has been sent."),
            ("sent", "The message has been sent."),
        ),
    ),
    Kind(
        ("set_timer", "start_timer", "timer"),
        "Set a timer",
        {"m": ("minutes", "duration", "length")},
        {"m": small},
        (
            "Set a timer for {m} minutes.",
            "Timer for {m} minutes.",
            "Start a timer of {m} minutes.",
            "Wake me in {m} minutes.",
            "{m} minute timer",
            "Start a {m} minute timer.",
            "Please set a timer for {m} minutes.",
            "Count down {m} minutes.",
        ),
        ("设置{m}分钟的计时器。", "计时{m}分钟。", "{m}分钟后叫我。", "定时{m}分钟。"),
        ("Could you start a countdown of {m} minutes?",),
        (),
        (
            ("ok", "The timer is set for {m} minutes."),
            ('{{"status": "ok"}}', "The timer is set for {m} minutes."),
        ),
        {"m": "integer"},
    ),
    Kind(
        ("get_stock_price", "stock_price", "get_quote"),
        "Get the price of a stock",
        {"s": ("symbol", "ticker", "stock")},
        {"s": symbol},
        (
            "What is the stock price of {s}?",
            "Price of {s}?",
            "How much is a share of {s}?",
            "What is the price of {s}?",
            "Stock price of {s}?",
            "Get the stock price for {s}.",
            "Tell me the price of {s}.",
            "How is the stock {s}?",
            "Quote for {s}, please.",
        ),
        ("{s}的股价是多少？", "{s}股票多少钱？", "查一下{s}的股价。", "{s}的价格？"),
        ("Could you check what a share of {s} costs?",),
        (),
        (("{r}", "The price of {s} is {r}."), ('{{"price": {r}}}', "The price of {s} is {r}.")),
        result_maker=number,
    ),
    Kind(
        ("play_music", "play_song", "play"),
        "Play a song",
        {"s": ("song", "title", "name")},
        {"s": lambda r: " ".join(coin_name(r) for _ in range(r.choice((1, 2))))},
        (
            "Play {s}.",
            "Play the song {s}.",
            "I want to hear {s}.",
            "Put on {s}.",
            "Play some {s}.",
            "Start the song {s}.",
            "Please play {s}.",
            "Music: {s}",
        ),
        ("播放{s}。", "放一首{s}。", "我想听{s}。", "播放歌曲{s}。"),
        ("Could you play {s} for me?",),
        (),
        (("ok", "I am playing {s}."), ('{{"status": "playing"}}', "I am playing {s}.")),
    ),
    Kind(
        ("create_note", "add_note", "save_note", "add_todo"),
        "Save a note",
        {"s": ("text", "note", "content", "task")},
        {"s": message},
        (
            "Make a note: {s}",
            "Note: {s}",
            "Write down: {s}",
            "Save a note that says {s}.",
            "Add a note: {s}",
            "Create a note with the text {s}.",
            "Remind me: {s}",
            "Add to my list: {s}",
        ),
        ("记一下：{s}", "写个笔记：{s}", "添加笔记：{s}", "提醒我：{s}"),
        ("Could you note this down: {s}",),
        (),
        (("ok", "The note has been saved."), ('{{"id": {r}}}', "The note has been saved.")),
    ),
    Kind(
        ("translate", "translate_text"),
        "Translate a text into a language",
        {"s": ("text", "content", "phrase"), "l": ("language", "target", "to")},
        {
            "s": message,
            "l": lambda r: choose(r, "French German Spanish Italian Chinese Japanese".split()),
        },
        (
            'Translate "{s}" to {l}.',
            "Translate {s} into {l}.",
            "How do you say {s} in {l}?",
            'Say "{s}" in {l}.',
            "What is {s} in {l}?",
            "{l} translation of {s}?",
            "Translate into {l}: {s}",
            "Please translate to {l}: {s}",
        ),
        (),
        ('Could you turn "{s}" into {l}?',),
        (),
        (("{r}", "The translation is: {r}"), ('{{"text": "{r}"}}', "The translation is: {r}")),
        result_maker=topic,
    ),
    Kind(
        ("turn_on_light", "switch_light", "light_on"),
        "Turn on the light in a room",
        {"r": ("room", "location", "name")},
        {
            "r": lambda r: choose(
                r, "kitchen|bedroom|living room|bathroom|garage|office|hall".split("|")
            )
        },
        (
            "Turn on the light in the {r}.",
            "Light on in the {r}.",
            "Switch on the {r} light.",
            "Lights on in the {r}!",
            "It is dark in the {r}.",
            "Please turn on the {r} light.",
            "Make light in the {r}.",
            "Turn the {r} light on.",
        ),
        (),
        ("Could you switch on the lamp in the {r}?",),
        (),
        (("ok", "The light is on."), ('{{"status": "on"}}', "The light is on.")),
    ),
    Kind(
        ("get_user", "find_user", "lookup_user"),
        "Look up a user by id",
        {"i": ("id", "user_id", "number")},
        {"i": number},
        (
            "Who is user {i}?",
            "Find user {i}.",
            "Look up user {i}.",
            "Show user {i}.",
            "Get the user with id {i}.",
            "What is the name of user {i}?",
            "User {i}?",
            "Give me user {i}.",
        ),
        ("用户{i}是谁？", "查找用户{i}。", "用户{i}叫什么？", "显示用户{i}。"),
        ("Could you fetch the user number {i}?",),
        (),
        (('{{"name": "{r}"}}', "User {i} is {r}."), ("{r}", "User {i} is {r}.")),
        {"i": "integer"},
        result_maker=person,
    ),
    Kind(
        ("read_file", "open_file", "cat_file"),
        "Read a file",
        {"p": ("path", "file", "filename")},
        {"p": lambda r: coin_name(r).lower() + choose(r, (".txt", ".py", ".md", ".json"))},
        (
            "Read the file {p}.",
            "Open {p}.",
            "What is in {p}?",
            "Show me {p}.",
            "Read {p}",
            "Show the contents of {p}.",
            "What does {p} contain?",
            "Print the file {p}.",
        ),
        ("读取文件{p}。", "打开{p}。", "{p}里有什么？", "显示{p}的内容。"),
        ("Could you tell me what stands in {p}?",),
        (),
        (("{r}", "The file contains: {r}"),),
        result_maker=message,
    ),
    Kind(
        ("convert_currency", "exchange", "currency_converter"),
        "Convert money to another currency",
        {"n": ("amount", "value"), "f": ("from", "source"), "t": ("to", "target")},
        {
            "n": number,
            "f": lambda r: choose(r, CURRENCIES),
            "t": lambda r: choose(r, CURRENCIES),
        },
        (
            "Convert {n} {f} to {t}.",
            "How much is {n} {f} in {t}?",
            "What is {n} {f} in {t}?",
            "{n} {f} to {t}",
            "Change {n} {f} into {t}.",
            "Exchange {n} {f} to {t}.",
            "I have {n} {f}. How much is it in {t}?",
            "{n} {f} in {t}?",
        ),
        (),
        ("Could you tell how many {t} I get for {n} {f}?",),
        (),
        (("{r}", "It is {r} {t}."), ('{{"result": {r}}}', "It is {r} {t}.")),
        {"n": "integer"},
        result_maker=number,
    ),
    Kind(
        ("get_date", "current_date", "get_today", "today"),
        "Get the date of today",
        {},
        {},
        (
            "What is the date today?",
            "What day is it?",
            "What date is it?",
            "Tell me the date.",
            "Which day is today?",
            "What is today's date?",
            "Date of today?",
            "What day is it today?",
            "Give me the date.",
        ),
        ("今天是几号？", "今天几号？", "今天的日期是什么？", "告诉我日期。"),
        ("Could you check which date we have?",),
        (),
        (("{r}", "Today is {r}."), ('{{"date": "{r}"}}', "Today is {r}.")),
        result_maker=date,
    ),
    Kind(
        ("get_current_time", "get_time", "time_now", "clock"),
        "Get the current time",
        {},
        {},
        (
            "What time is it?",
            "What is the time?",
            "Tell me the time.",
            "What time is it now?",
            "What's the current time?",
            "How late is it?",
            "Give me the time.",
            "Current time?",
        ),
        ("现在几点？", "几点了？", "现在是什么时间？", "告诉我时间。"),
        ("Could you check the clock for me?",),
        (),
        (("{r}", "It is {r}."), ('{{"time": "{r}"}}', "It is {r}.")),
        result_maker=clock,
    ),
    Kind(
        ("roll_dice", "random_number", "get_random_number"),
        "Get a random number",
        {},
        {},
        (
            "Roll a dice.",
            "Give me a random number.",
            "Pick a random number.",
            "Roll the dice!",
            "Random number, please.",
            "I need a random number.",
            "Choose a number at random.",
            "Draw a random number.",
        ),
        ("给我一个随机数。", "掷骰子。", "随机选一个数。", "我要一个随机数。"),
        ("Could you think up some random number?",),
        (),
        (("{r}", "The number is {r}."), ('{{"number": {r}}}', "The number is {r}.")),
    ),
)

KINDS = tuple(
    replace(
        kind,
        asks=kind.asks + phrasings.REQUESTS.get(kind.names[0], ()),
        asks_zh=kind.asks_zh + phrasings.REQUESTS_ZH.get(kind.names[0], ()),
    )
    for kind in _KINDS
)
