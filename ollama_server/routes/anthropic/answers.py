"""Generations as Anthropic messages: one object, or events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ollama_server.chat.types import ToolCall
from ollama_server.errors import ServerError
from ollama_server.generation.events import Chunk, Done, Event
from ollama_server.routes import websearch
from ollama_server.routes.answers import Usage, new_id, usage_of
from ollama_server.routes.envelopes import anthropic_error
from ollama_server.wire import sse

Block = dict[str, Any]

_DELTAS = {"thinking": ("thinking_delta", "thinking"), "text": ("text_delta", "text")}
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}


class MessageBuilder:
    """The blocks of a message, and the events that tell of them.

    ``feed`` returns the events' bytes; who does not stream throws them away and takes ``whole``.
    Blocks never overlap: a new kind of content closes the block before it. ``estimate`` is the
    input's size that the first event names; the last one has the true count.
    """

    def __init__(
        self,
        model: str,
        *,
        estimate: int = 1,
        stop_sequences: Sequence[str] = (),
        cache_counts: bool = False,
        searches: bool = False,
    ) -> None:
        self._model = model
        self._estimate = estimate
        self._stops = stop_sequences
        self._cache_counts = cache_counts
        self._searches = searches
        self._id = new_id("msg_")
        self._blocks: list[Block] = []
        self._open: Block | None = None
        self._text: list[str] = []
        self._calls: set[str] = set()
        self._searched = False
        self._end: Done | None = None
        self._frames: list[bytes] = []
        self._begun = False

    def feed(self, event: Event) -> bytes:
        """The events for one piece of a generation."""
        if isinstance(event, Chunk):
            self._begin(self._estimate)
            self._chunk(event)
        elif isinstance(event, Done):
            self._begin(event.prompt_tokens)
            self._end = event
        return self._take()

    def end(self) -> bytes:
        """Close the last block and say why the message ended."""
        self._begin(self._estimate)
        self._close()
        reason, sequence = self._stop()
        delta = {"stop_reason": reason, "stop_sequence": sequence}
        self._emit("message_delta", delta=delta, usage=self._usage())
        self._emit("message_stop")
        return self._take()

    def error(self, error: ServerError) -> bytes:
        """An error event, which SDKs raise."""
        body = anthropic_error(error)
        return self._take() + sse.event("error", body)

    def whole(self) -> bytes:
        """The finished message as JSON."""
        self._close()
        reason, sequence = self._stop()
        return sse.json_body(self._message(self._blocks, reason, sequence, self._usage()))

    # --- pieces -----------------------------------------------------------------------------------

    def _chunk(self, chunk: Chunk) -> None:
        if self._searched:
            return
        if chunk.thinking:
            self._add("thinking", chunk.thinking)
        if chunk.content:
            self._add("text", chunk.content)
        for call in chunk.tool_calls:
            if call.id and call.id in self._calls:
                continue
            self._calls.add(call.id)
            self._close()
            if self._searches and call.name == websearch.NAME:
                self._search(call)
                return
            self._call(call)

    def _add(self, kind: str, text: str) -> None:
        if self._open is None or self._open["type"] != kind:
            self._close()
            self._start({"type": kind, kind: "", **_signature(kind)})
        self._text.append(text)
        name, key = _DELTAS[kind]
        delta = {"type": name, key: text}
        self._emit("content_block_delta", index=len(self._blocks), delta=delta)

    def _call(self, call: ToolCall) -> None:
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        self._start(block)
        arguments = msgspec.json.encode(call.arguments).decode()
        delta = {"type": "input_json_delta", "partial_json": arguments}
        self._emit("content_block_delta", index=len(self._blocks), delta=delta)
        self._open = {**block, "input": call.arguments}
        self._close()

    def _search(self, call: ToolCall) -> None:
        """A hosted search and its failure; what the model says after it would be made up."""
        self._searched = True
        query = call.arguments.get("query")
        query = query if isinstance(query, str) else ""
        use_id = new_id("srvtoolu_")
        use = {"type": "server_tool_use", "id": use_id, "name": websearch.NAME}
        failure = {
            "type": "web_search_tool_result_error",
            "error_code": "unavailable" if query else "invalid_request",
        }
        result = {"type": "web_search_tool_result", "tool_use_id": use_id, "content": failure}
        for block in ({**use, "input": {"query": query}}, result):
            self._start(block)
            self._close()

    # --- blocks -----------------------------------------------------------------------------------

    def _start(self, block: Block) -> None:
        self._open = block
        self._emit("content_block_start", index=len(self._blocks), content_block=block)

    def _close(self) -> None:
        if self._open is None:
            return
        block, self._open = self._open, None
        kind = block["type"]
        if kind in _DELTAS:
            block = {**block, kind: "".join(self._text)}
            self._text = []
        self._emit("content_block_stop", index=len(self._blocks))
        self._blocks.append(block)

    # --- the message ------------------------------------------------------------------------------

    def _begin(self, input_tokens: int) -> None:
        if not self._begun:
            self._begun = True
            usage = {"input_tokens": input_tokens, "output_tokens": 0}
            self._emit("message_start", message=self._message([], None, None, usage))

    def _message(
        self,
        content: list[Block],
        reason: str | None,
        sequence: str | None,
        usage: dict[str, int],
    ) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": sequence,
            "usage": usage,
        }

    def _stop(self) -> tuple[str, str | None]:
        if self._searched:
            return "end_turn", None
        if self._calls:
            return "tool_use", None
        if self._end is None:
            # The model was only loaded: Ollama's word for every reason it has no other word for.
            return "stop_sequence", None
        if self._end.stop and self._end.stop in self._stops:
            return "stop_sequence", self._end.stop
        return _STOP_REASONS.get(self._end.reason, "stop_sequence"), None

    def _usage(self) -> dict[str, int]:
        usage = usage_of([self._end])
        return usage_object(usage, cache_counts=self._cache_counts)

    def _emit(self, name: str, **payload: Any) -> None:
        self._frames.append(sse.event(name, {"type": name, **payload}))

    def _take(self) -> bytes:
        frames = b"".join(self._frames)
        self._frames.clear()
        return frames


def usage_object(usage: Usage, *, cache_counts: bool) -> dict[str, int]:
    """Token counts.

    ``input_tokens`` is the whole prompt, unless the client marked parts of it for the cache: then
    it expects the tokens read from there apart, as Anthropic's own API reports them.
    """
    if not cache_counts:
        return {"input_tokens": usage.prompt, "output_tokens": usage.completion}
    return {
        "input_tokens": usage.prompt - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    }


def _signature(kind: str) -> dict[str, str]:
    # Nothing is signed here, but SDKs declare the field of a thinking block as required.
    return {"signature": ""} if kind == "thinking" else {}
