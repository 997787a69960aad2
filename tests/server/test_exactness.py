"""Greedy answers are llama.cpp's own, whatever the server does to be fast.

The reference computes one request at a time, every token of it, with ``llama_cpp.Llama``.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llama_cpp
import numpy as np
import pytest

from tests.process import TINY, ServerProcess

LENGTH = 40
CONTEXT = 2048
# Logits of this model differ by up to this much between batches of different composition: weights
# and activations have eight bits, flash attention on a CPU adds up in sixteen. llama.cpp alone gave
# logits up to 0.17 apart for the long prompts below in chunks of 512, of 64 and of 1.
ROUNDING = 0.2
# In their answers the likeliest token is always ahead by more than that.
QUESTIONS = [
    "What day is it?",
    "How do I make tea?",
    "Count from one to ten.",
    "Tell me a story.",
    "What is 17 plus 25?",
    "Why is the grass green?",
    "Name three fruits.",
    "法国的首都是哪里？",
    "What is 8 times 7?",
    "What is Docker?",
    "How do I boil an egg?",
    "Give me three words that rhyme with cat.",
    "What is Python?",
    "What is a harbour?",
    "What is Ollama?",
    "Describe a rainy day in one sentence.",
]
RULES = "".join(
    f"Rule {i}: speak plainly, keep to the point, and never give more than {i} examples. "
    for i in range(1, 25)
)


class Reference:
    """llama.cpp, asked the slow way."""

    def __init__(self) -> None:
        self._llama = llama_cpp.Llama(
            str(TINY), n_ctx=CONTEXT, n_threads=1, n_threads_batch=1, verbose=False, flash_attn=True
        )

    def tokens(self, text: str) -> list[int]:
        """Token ids of a prompt."""
        return self._llama.tokenize(text.encode(), add_bos=False, special=True)

    def answer(self, prompt: str) -> str:
        """The greedy continuation, up to LENGTH tokens or the end."""
        answer: list[int] = []
        self._start(self.tokens(prompt))
        while len(answer) < LENGTH:
            token = int(self._logits().argmax())
            if self._ends(token):
                break
            answer.append(token)
            self._llama.eval([token])
        return self._llama.detokenize(answer, special=True).decode("utf-8", "replace")

    def doubts(self, tokens: list[int], prompt: str) -> list[str]:
        """Where ``tokens``, the prompt and its continuation, leave the greedy path.

        A token may be another than the likeliest when the two are as good as equal: sums in another
        order, as another batch makes them, tell such tokens apart differently.
        """
        start = self.tokens(prompt)
        assert tokens[: len(start)] == start
        self._start(start)
        found = []
        for position, token in enumerate(tokens[len(start) :]):
            logits = self._logits()
            behind = float(logits.max() - logits[token])
            if behind > ROUNDING:
                found.append(f"token {position} is {behind:.3f} behind the likeliest")
            self._llama.eval([token])
        if len(tokens) - len(start) < LENGTH:
            logits = self._logits()
            behind = float(logits.max() - logits[self._end_tokens()].max())
            if behind > ROUNDING:
                found.append(f"it ends too early, {behind:.3f} behind the likeliest")
        return found

    def _end_tokens(self) -> list[int]:
        return [token for token in range(self._llama.n_vocab()) if self._ends(token)]

    def _start(self, tokens: list[int]) -> None:
        self._llama.reset()
        self._llama.eval(tokens)

    def _logits(self) -> np.ndarray:
        pointer = llama_cpp.llama_get_logits(self._llama.ctx)
        return np.ctypeslib.as_array(pointer, shape=(self._llama.n_vocab(),))

    def _ends(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self._llama._model.vocab, token))


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with room for sixteen generations at once."""
    process = ServerProcess(
        tmp_path_factory.mktemp("wide"), NUM_PARALLEL="16", CONTEXT_LENGTH=str(CONTEXT)
    )
    yield process
    process.close()


def question(text: str, system: str = "") -> str:
    """The prompt of one turn, in the embedded model's own markup."""
    rules = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    return f"{rules}<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


def generate(server: ServerProcess, prompt: str) -> dict[str, Any]:
    # A template that is nothing but the prompt: unlike a raw request's, its answer has tokens.
    options = {"num_predict": LENGTH, "num_ctx": CONTEXT, "stop": []}
    return server.generate(prompt, template="{{ .Prompt }}", think=False, options=options)


def generate_together(server: ServerProcess, prompts: list[str]) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(len(prompts)) as pool:
        return list(pool.map(lambda prompt: generate(server, prompt), prompts))


def test_sixteen_different_prompts_at_once(wide: ServerProcess, reference: Reference) -> None:
    prompts = [question(text) for text in QUESTIONS]
    answers = generate_together(wide, prompts)
    assert [answer["response"] for answer in answers] == [
        reference.answer(prompt) for prompt in prompts
    ]


def test_sixteen_prompts_that_share_a_beginning(wide: ServerProcess, reference: Reference) -> None:
    prompts = [question(text, RULES) for text in QUESTIONS]
    answers = generate_together(wide, prompts)
    for answer, prompt in zip(answers, prompts, strict=True):
        assert reference.doubts(answer["context"], prompt) == []


def test_a_prompt_that_is_found_in_the_cache(wide: ServerProcess, reference: Reference) -> None:
    prompt = question("What is a harbour?", "Be brief. " + RULES)
    for _ in range(2):
        assert reference.doubts(generate(wide, prompt)["context"], prompt) == []


def test_long_prompts_that_arrive_while_others_are_answered(
    wide: ServerProcess, reference: Reference
) -> None:
    # Each begins differently, so that none is spared; together they are many chunks of prefill.
    long = [question(text, f"Letter {i}. {RULES}") for i, text in enumerate(QUESTIONS[:4])]
    prompts = [*(question(f"{text} Please.") for text in QUESTIONS[4:]), *long]
    answers = generate_together(wide, prompts)
    for answer, prompt in zip(answers, prompts, strict=True):
        assert reference.doubts(answer["context"], prompt) == []


def test_every_turn_of_a_conversation(wide: ServerProcess, reference: Reference) -> None:
    messages: list[dict[str, str]] = [{"role": "system", "content": RULES}]
    options = {"temperature": 0, "num_predict": LENGTH, "num_ctx": CONTEXT, "stop": []}
    for text in QUESTIONS[:6]:
        messages.append({"role": "user", "content": text})
        body = {"model": "tiny", "messages": messages, "options": options, "think": False}
        rendered = wide.post("/api/chat", **body, _debug_render_only=True).json()
        answer = wide.post("/api/chat", **body, stream=False).json()
        prompt = rendered["_debug_info"]["rendered_template"]
        assert reference.doubts(answer["context"], prompt) == []
        messages.append({"role": "assistant", "content": answer["message"]["content"]})
