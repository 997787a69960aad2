"""Generations as (legacy) completions: one object, or chunks. Reasoning is never shown here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ollama_server.engine.protocol import Logprob
from ollama_server.errors import ServerError
from ollama_server.generation.events import Chunk, Done, Event, Rendered
from ollama_server.routes.answers import Answer, Answers, Usage, new_id, usage_of
from ollama_server.routes.envelopes import openai_error
from ollama_server.routes.openai.chat_answers import (
    FINGERPRINT,
    LEAST_LOGPROB,
    debug_object,
    usage_object,
)
from ollama_server.wire import sse


class CompletionStream:
    """The chunks of a completion of ``each`` answers to every prompt.

    ``echoes`` holds the text in front of the answers to each prompt.
    """

    def __init__(
        self,
        model: str,
        *,
        each: int = 1,
        echoes: Sequence[str] = (),
        include_usage: bool = False,
        logprobs: bool = False,
    ) -> None:
        self._id = new_id("cmpl-")
        self._model = model
        self._each = each
        self._echoes = {
            number * each + index: echo
            for number, echo in enumerate(echoes)
            for index in range(each)
        }
        self._include_usage = include_usage
        self._logprobs = logprobs
        self._offsets: dict[int, int] = {}
        self._ends: dict[int, list[Done]] = {}

    def feed(self, event: Event) -> bytes:
        """One frame for each chunk; the last one of an answer carries its finish reason."""
        if isinstance(event, Chunk):
            return self._text(event)
        if isinstance(event, Done):
            self._ends.setdefault(event.index // self._each, []).append(event)
            return self._frame(event.index, self._echoes.pop(event.index, ""), event.reason)
        if isinstance(event, Rendered):
            return self._frame(0, "", None, debug=event)
        return b""

    def end(self) -> bytes:
        """The usage where it was asked for, and the terminator."""
        if not self._ends:
            # No prompt: the model was only loaded.
            return self._frame(0, "", "load") + sse.DONE
        if not self._include_usage:
            return sse.DONE
        usage = sum((usage_of(ends) for ends in self._ends.values()), Usage())
        return sse.data(self._body([], usage)) + sse.DONE

    def error(self, error: ServerError) -> bytes:
        """The family's envelope in a frame, which its SDKs raise."""
        return sse.data(openai_error(error))

    def _text(self, chunk: Chunk) -> bytes:
        text = self._echoes.pop(chunk.index, "") + chunk.content
        logprobs = None
        if self._logprobs and chunk.logprobs:
            offset = self._offsets.get(chunk.index, 0)
            logprobs = logprobs_object(chunk.logprobs, offset)
        self._offsets[chunk.index] = self._offsets.get(chunk.index, 0) + len(text)
        return self._frame(chunk.index, text, None, logprobs=logprobs)

    def _frame(
        self,
        index: int,
        text: str,
        reason: str | None,
        *,
        logprobs: dict[str, Any] | None = None,
        debug: Rendered | None = None,
    ) -> bytes:
        choice: dict[str, Any] = {"text": text, "index": index, "finish_reason": reason}
        if logprobs is not None:
            choice["logprobs"] = logprobs
        # Ollama fills the usage of every frame with zeros; clients read that of the last one.
        body = self._body([choice], Usage() if self._include_usage else None)
        if debug is not None:
            body["_debug_info"] = debug_object(debug)
        return sse.data(body)

    def _body(self, choices: list[dict[str, Any]], usage: Usage | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self._id,
            "object": "text_completion",
            "created": int(time.time()),
            "choices": choices,
            "model": self._model,
            "system_fingerprint": FINGERPRINT,
        }
        if usage is not None:
            body["usage"] = usage_object(usage)
        return body


def completion(
    model: str,
    answers: Answers,
    *,
    each: int = 1,
    keep: int = 1,
    echoes: Sequence[str] = (),
    logprobs: bool = False,
) -> bytes:
    """A whole completion as JSON: the best ``keep`` of the ``each`` answers to every prompt.

    ``echoes`` holds the text in front of the answers to each prompt.
    """
    choices: list[dict[str, Any]] = []
    usage = Usage()
    for start in range(0, len(answers.items), each):
        group = answers.items[start : start + each]
        usage += usage_of(answer.done for answer in group)
        echo = echoes[start // each] if echoes else ""
        for answer in _best(group, keep):
            choices.append(_choice(len(choices), answer, echo, logprobs))
    body = {
        "id": new_id("cmpl-"),
        "object": "text_completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
        "usage": usage_object(usage),
    }
    if answers.rendered is not None:
        body["_debug_info"] = debug_object(answers.rendered)
    return sse.json_body(body)


def _best(answers: list[Answer], keep: int) -> list[Answer]:
    """All of them as they are, or the ``keep`` whose tokens were the likeliest on average."""
    if keep >= len(answers):
        return answers
    return sorted(answers, key=_mean_logprob, reverse=True)[:keep]


def _mean_logprob(answer: Answer) -> float:
    if not answer.logprobs:
        return LEAST_LOGPROB
    return sum(item.logprob for item in answer.logprobs) / len(answer.logprobs)


def _choice(index: int, answer: Answer, echo: str, logprobs: bool) -> dict[str, Any]:
    choice: dict[str, Any] = {
        "text": echo + answer.content,
        "index": index,
        # A request without a prompt only loads the model.
        "finish_reason": answer.done.reason if answer.done else "load",
    }
    if logprobs and answer.logprobs:
        choice["logprobs"] = logprobs_object(answer.logprobs, 0)
    return choice


def logprobs_object(items: list[Logprob], offset: int) -> dict[str, Any]:
    """Parallel lists, one entry a token; ``offset`` is where the first one starts in the text."""
    tokens = [item.token.decode("utf-8", "replace") for item in items]
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token)
    return {
        "tokens": tokens,
        "token_logprobs": [max(item.logprob, LEAST_LOGPROB) for item in items],
        "top_logprobs": [
            {
                top.token.decode("utf-8", "replace"): max(top.logprob, LEAST_LOGPROB)
                for top in item.top
            }
            for item in items
        ],
        "text_offset": offsets,
    }
