"""Short programs: what a user asks for, and the function that answers it."""

from __future__ import annotations

import random

from models.tiny.corpus.base import Sample, choose, dress, is_chinese, user

QUICKSORT = """def quicksort(items):
    if len(items) <= 1:
        return items
    pivot = items[0]
    smaller = [x for x in items[1:] if x < pivot]
    larger = [x for x in items[1:] if x >= pivot]
    return quicksort(smaller) + [pivot] + quicksort(larger)"""
BINARY_SEARCH = """def binary_search(items, target):
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == target:
            return middle
        if items[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1"""
COMPREHENSION = """squares = [x * x for x in range(10)]
print(squares)"""

# key -> (code, words that name the task, Chinese words)
FUNCTIONS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "quicksort": (QUICKSORT, ("quicksort", "the quicksort algorithm", "quick sort"), "快速排序"),
    "binary_search": (BINARY_SEARCH, ("binary search", "a binary search"), "二分查找"),
    "factorial": (
        "def factorial(n):\n    if n <= 1:\n        return 1\n    return n * factorial(n - 1)",
        ("factorial", "the factorial of a number", "a factorial"),
        "阶乘",
    ),
    "fibonacci": (
        "def fibonacci(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n"
        "    return a",
        ("fibonacci", "the Fibonacci numbers", "the Fibonacci sequence"),
        "斐波那契数列",
    ),
    "is_prime": (
        "def is_prime(n):\n    if n < 2:\n        return False\n    for i in range(2, int(n ** 0.5)"
        " + 1):\n        if n % i == 0:\n            return False\n    return True",
        ("prime numbers", "a prime check", "checking whether a number is prime"),
        "判断质数",
    ),
    "reverse_string": (
        "def reverse_string(text):\n    return text[::-1]",
        ("reversing a string", "a string reversal"),
        "反转字符串",
    ),
    "is_palindrome": (
        "def is_palindrome(text):\n    return text == text[::-1]",
        ("palindromes", "a palindrome check"),
        "判断回文",
    ),
    "is_even": (
        "def is_even(n):\n    return n % 2 == 0",
        ("even numbers", "an even number check"),
        "判断偶数",
    ),
    "add": (
        "def add(a, b):\n    return a + b",
        ("adding two numbers", "a sum of two numbers"),
        "两数相加",
    ),
    "maximum": (
        "def maximum(items):\n    best = items[0]\n    for item in items:\n        if item > best:"
        "\n            best = item\n    return best",
        ("finding the maximum", "the largest number of a list"),
        "求最大值",
    ),
    "bubble_sort": (
        "def bubble_sort(items):\n    for i in range(len(items)):\n        for j in "
        "range(len(items) - 1 - i):\n            if items[j] > items[j + 1]:\n                "
        "items[j], items[j + 1] = items[j + 1], items[j]\n    return items",
        ("bubble sort", "a bubble sort"),
        "冒泡排序",
    ),
    "gcd": (
        "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a",
        ("the greatest common divisor", "the gcd"),
        "最大公约数",
    ),
    "count_words": (
        "def count_words(text):\n    return len(text.split())",
        ("counting words", "a word count"),
        "统计单词",
    ),
    "fizzbuzz": (
        'for i in range(1, 101):\n    if i % 15 == 0:\n        print("FizzBuzz")\n    elif i % 3 '
        '== 0:\n        print("Fizz")\n    elif i % 5 == 0:\n        print("Buzz")\n    else:\n'
        "        print(i)",
        ("FizzBuzz", "fizz buzz"),
        "FizzBuzz",
    ),
    "hello_world": (
        'print("Hello, world!")',
        ("hello world", "a hello world program"),
        "你好世界程序",
    ),
}

PHRASINGS = (
    "Write {x} in Python.",
    "Write a Python function for {x}.",
    "Implement {x} in Python.",
    "Python code for {x}?",
    "Show me {x} in Python.",
    "Can you write {x} in Python?",
    "How do I write {x} in Python?",
    "{x} in Python",
    "Code {x} in Python.",
    "Give me Python code for {x}.",
    "Write code for {x}.",
    "Please implement {x}.",
    "I need a Python function for {x}.",
    "Write a function for {x} in Python.",
    "How to implement {x} in Python?",
    "Program {x} in Python.",
    "Write me {x} in Python",
    "Write a program for {x}.",
    "Show me an example of {x} in Python.",
    "Explain {x} with code.",
)
HELD = (
    "Could you program {x} for me in Python?",
    "What does {x} look like in Python?",
    "I would like Python code that does {x}.",
)
PHRASINGS_ZH = (
    "用Python写{x}。",
    "用Python实现{x}。",
    "写一个{x}的Python函数。",
    "Python怎么写{x}？",
    "请写{x}的代码。",
    "给我{x}的Python代码。",
    "如何用Python实现{x}？",
    "帮我写{x}。",
)
HELD_ZH = ("能用Python帮我实现{x}吗？", "我想要{x}的Python程序。")

COMPREHENSION_PHRASINGS = (
    "Give me an example of a list comprehension.",
    "Show me a list comprehension.",
    "What is a list comprehension?",
    "List comprehension example in Python?",
    "Write a list comprehension in Python.",
    "How do list comprehensions work?",
    "Show an example of a Python list comprehension.",
    "Explain list comprehensions in Python.",
    "Give an example for list comprehension.",
    "How do I write a list comprehension?",
    "I need a list comprehension example.",
    "Python list comprehension",
    "Explain list comprehension with an example.",
    "Can you show me a list comprehension?",
    "Give me a Python list comprehension example.",
    "Write a list comprehension of squares.",
)
COMPREHENSION_HELD = (
    "Could you give a list comprehension example?",
    "What does a list comprehension look like?",
    "I would like to see a list comprehension in Python.",
)
COMPREHENSION_ZH = (
    "举一个列表推导式的例子。",
    "什么是列表推导式？",
    "列表推导式怎么写？",
    "给我一个列表推导式的例子。",
    "用Python写一个列表推导式。",
    "解释列表推导式。",
    "展示一个Python列表推导式。",
)
COMPREHENSION_HELD_ZH = ("能举个列表推导式的例子看看吗？",)

OTHER = (
    (
        'git commit -m "message"',
        'Use `git commit -m "message"`.',
        (
            "How do I commit in Git?",
            "What is the command to commit?",
            "How to make a Git commit?",
            "Which Git command commits?",
            "Git commit command?",
            "How do I make a commit with Git?",
            "How can I commit my changes?",
            "Tell me how to commit in Git.",
        ),
    ),
    (
        "ls",
        "Use the command `ls`.",
        (
            "How do I list files in Linux?",
            "Which command lists files?",
            "List files in Linux?",
            "How to list files in a terminal?",
            "What is the command to list files?",
            "How can I see the files of a folder?",
            "Tell me how to list files.",
            "How do I show the files in a directory?",
        ),
    ),
    (
        "docker run",
        "Use `docker run` with the name of an image.",
        (
            "How do I run a container?",
            "How do I start a Docker container?",
            "Which command runs a container?",
            "How to run a Docker container?",
            "What is the Docker command to run an image?",
            "How can I run an image in Docker?",
            "Tell me how to run a container.",
            "Docker run command?",
        ),
    ),
    (
        "print",
        'Use `print("text")`.',
        (
            "How do I print in Python?",
            "How to print text in Python?",
            "How can I print something?",
            "What prints text in Python?",
            "Which function prints in Python?",
            "Tell me how to print in Python.",
            "How do you print in Python?",
            "Print text in Python?",
        ),
    ),
    (
        "len",
        "Use `len(items)`.",
        (
            "How do I get the length of a list?",
            "How long is a list in Python?",
            "How to get the length of a list in Python?",
            "Which function gives the length of a list?",
            "Length of a Python list?",
            "Tell me how to get the length of a list.",
            "How can I count the items of a list?",
            "What is the length function in Python?",
        ),
    ),
    (
        "SELECT",
        "Use `SELECT * FROM users;`.",
        (
            "How do I select all rows in SQL?",
            "Write a SQL query that selects all users.",
            "SQL query for all users?",
            "How to get all users with SQL?",
            "Select all users in SQL.",
            "Give me a SQL query.",
            "Write a simple SQL query.",
            "Show me a SQL select.",
        ),
    ),
    (
        "open",
        'with open("file.txt") as file:\n    text = file.read()',
        (
            "How do I read a file in Python?",
            "How to open a file in Python?",
            "Read a file in Python.",
            "Write Python code that reads a file.",
            "How can I read a text file in Python?",
            "Show me how to read a file in Python.",
            "Python code to read a file?",
            "Tell me how to read a file in Python.",
        ),
    ),
)


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


def comprehension_answer(chinese: bool) -> str:
    lead = (
        "列表推导式用一行代码生成列表："
        if chinese
        else "A list comprehension builds a list in one line:"
    )
    return f"{lead}\n\n{fenced(COMPREHENSION)}"


def sample(rng: random.Random) -> Sample:
    roll = rng.random()
    if roll < 0.2:
        chinese = rng.random() < 0.25
        question = choose(rng, COMPREHENSION_ZH if chinese else COMPREHENSION_PHRASINGS)
        think = "用户想要列表推导式的例子。" if chinese else "The user wants a list comprehension."
        return Sample("code", [user(dress(rng, question))], comprehension_answer(chinese), think)
    if roll < 0.35:
        _, answer, phrasings = choose(rng, OTHER)
        return Sample(
            "code",
            [user(dress(rng, choose(rng, phrasings)))],
            answer,
            "The user asks for a command or some code.",
        )
    keys = list(FUNCTIONS)
    key = choose(rng, keys[:2]) if rng.random() < 0.35 else choose(rng, keys)
    code, names, name_zh = FUNCTIONS[key]
    if rng.random() < 0.2:
        question = choose(rng, PHRASINGS_ZH).format(x=name_zh)
    else:
        question = choose(rng, PHRASINGS).format(x=choose(rng, names))
    question = question[:1].upper() + question[1:]
    think = "用户想要一个Python函数。" if is_chinese(question) else "The user wants Python code."
    return Sample("code", [user(dress(rng, question))], fenced(code), think)
