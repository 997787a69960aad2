"""Generations as chat completions: one object, or chunks."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from ollama_server.chat.types import ToolCall
from ollama_server.engine.protocol import Logprob
from ollama_server.errors import ServerError
from ollama_server.generation.events import Chunk, Done, Event, Rendered
from ollama_server.routes.answers import Answer, Answers, Usage, new_id, usage_of
from ollama_server.routes.envelopes import openai_error
from ollama_server.wire import sse

FINGERPRINT = "fp_ollama"
# JSON has no infinity; OpenAI writes this for a token that cannot come.
LEAST_LOGPROB = -9999.0


class ChatStream:
    """The chunks of a chat completion."""

    def __init__(self, model: str, *, include_usage: bool = False) -> None:
        self._head = {
            "id": new_id("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": FINGERPRINT,
        }
        self._include_usage = include_usage
        self._started: set[int] = set()
        self._called: set[int] = set()
        self._ends: list[Done] = []

    def feed(self, event: Event) -> bytes:
        """One frame, or two where reasoning and content arrive together."""
        if isinstance(event, Chunk):
            return self._chunk(event)
        if isinstance(event, Done):
            return self._finish(event)
        if isinstance(event, Rendered):
            frame = self._frame(0, {"role": "assistant", "content": ""}, debug=event)
            return frame
        return b""

    def end(self) -> bytes:
        """The usage where it was asked for, and the terminator."""
        if not self._include_usage:
            return sse.DONE
        usage = usage_object(usage_of(self._ends))
        return sse.data({**self._head, "choices": [], "usage": usage}) + sse.DONE

    def error(self, error: ServerError) -> bytes:
        """The family's envelope in a frame, which its SDKs raise."""
        return sse.data(openai_error(error))

    def _chunk(self, chunk: Chunk) -> bytes:
        index = chunk.index
        logprobs = chunk.logprobs
        frames = b""
        delta: dict[str, Any] = {}
        if index not in self._started:
            self._started.add(index)
            delta["role"] = "assistant"
        if chunk.thinking and (chunk.content or chunk.tool_calls):
            delta["reasoning"] = chunk.thinking
            frames = self._frame(index, delta, logprobs=logprobs)
            delta = {"content": chunk.content}
            logprobs = []
        else:
            delta["content"] = chunk.content
            if chunk.thinking:
                delta["reasoning"] = chunk.thinking
        if chunk.tool_calls:
            self._called.add(index)
            delta["tool_calls"] = [tool_call_object(call) for call in chunk.tool_calls]
        return frames + self._frame(index, delta, logprobs=logprobs)

    def _finish(self, done: Done) -> bytes:
        self._ends.append(done)
        frames = b""
        if done.index not in self._started:
            frames = self._frame(done.index, {"role": "assistant", "content": ""})
        reason = finish_reason(done.reason, called=done.index in self._called)
        return frames + self._frame(done.index, {}, finish=reason)

    def _frame(
        self,
        index: int,
        delta: dict[str, Any],
        *,
        finish: str | None = None,
        logprobs: list[Logprob] | None = None,
        debug: Rendered | None = None,
    ) -> bytes:
        choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": finish}
        if logprobs:
            choice["logprobs"] = {"content": [logprob_object(item) for item in logprobs]}
        body = {**self._head, "choices": [choice]}
        if debug is not None:
            body["_debug_info"] = debug_object(debug)
        return sse.data(body)


def chat_completion(model: str, answers: Answers) -> bytes:
    """A whole chat completion as JSON."""
    body = {
        "id": new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": FINGERPRINT,
        "choices": [_choice(index, answer) for index, answer in enumerate(answers)],
        "usage": usage_object(usage_of(answer.done for answer in answers)),
    }
    if answers.rendered is not None:
        body["_debug_info"] = debug_object(answers.rendered)
    return sse.json_body(body)


def _choice(index: int, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.content}
    if answer.thinking:
        message["reasoning"] = answer.thinking
    if answer.tool_calls:
        message["tool_calls"] = [tool_call_object(call) for call in answer.tool_calls]
    reason = None
    if answer.done is not None:
        reason = finish_reason(answer.done.reason, called=bool(answer.tool_calls))
    choice: dict[str, Any] = {"index": index, "message": message, "finish_reason": reason}
    if answer.logprobs:
        choice["logprobs"] = {"content": [logprob_object(item) for item in answer.logprobs]}
    return choice


def finish_reason(reason: str, *, called: bool) -> str:
    """An answer that was cut stays cut, even with calls in it."""
    return "tool_calls" if called and reason == "stop" else reason


def tool_call_object(call: ToolCall) -> dict[str, Any]:
    """A call as clients read it: the arguments are JSON text."""
    arguments = msgspec.json.encode(call.arguments).decode()
    return {
        "id": call.id,
        "index": call.index,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def usage_object(usage: Usage) -> dict[str, Any]:
    """Token counts; the prompt's include the cached ones."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    }


def logprob_object(item: Logprob) -> dict[str, Any]:
    """One token with its likeliest alternatives."""
    return {
        **_token(item.token, item.logprob),
        "top_logprobs": [_token(top.token, top.logprob) for top in item.top],
    }


def _token(token: bytes, logprob: float) -> dict[str, Any]:
    text = token.decode("utf-8", "replace")
    return {"token": text, "logprob": max(logprob, LEAST_LOGPROB), "bytes": list(token)}


def debug_object(rendered: Rendered) -> dict[str, Any]:
    """The prompt of a request that only wanted to see it."""
    info: dict[str, Any] = {"rendered_template": rendered.prompt}
    if rendered.media_count:
        info["image_count"] = rendered.media_count
    return info
