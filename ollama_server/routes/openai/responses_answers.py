"""Generations as Responses: one machine builds the output items, streamed or not."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from ollama_server.chat.types import ToolCall
from ollama_server.errors import ServerError
from ollama_server.generation.events import Chunk, Done, Event
from ollama_server.routes import websearch
from ollama_server.routes.answers import Usage, new_id, usage_of
from ollama_server.routes.envelopes import openai_error
from ollama_server.routes.openai.responses_echo import echo
from ollama_server.wire import sse
from ollama_server.wire.openai_responses import ResponsesRequest

Item = dict[str, Any]


class ResponseBuilder:
    """The items of a response, and the events that tell of them.

    ``feed`` returns the events' bytes; who does not stream throws them away and takes ``whole``.
    At most one item is open at a time: reasoning or a message. A call closes what is open.
    """

    def __init__(self, request: ResponsesRequest) -> None:
        self._echo = echo(request)
        self._searches = any(websearch.is_search(tool.type) for tool in request.tools)
        self._id = new_id("resp_")
        self._created = int(time.time())
        self._sequence = 0
        self._output: list[Item] = []
        self._open: Item | None = None
        self._text: list[str] = []
        self._frames: list[bytes] = []
        self._end: Done | None = None
        self._begun = False
        self.failure: ServerError | None = None

    def feed(self, event: Event) -> bytes:
        """The events for one piece of a generation."""
        if isinstance(event, Chunk):
            self._begin()
            self._chunk(event)
        elif isinstance(event, Done):
            self._begin()
            self._end = event
        return self._take()

    def end(self) -> bytes:
        """Close what is open and say that the response is complete, or that it failed."""
        self._begin()
        self._close()
        if self.failure is not None:
            self._fail(self.failure)
        else:
            # The same event for an answer cut short: its status says so; SDKs wait for this event.
            self._emit("response.completed", response=self._response(self._status()))
        return self._take()

    def error(self, error: ServerError) -> bytes:
        """An error event, which SDKs raise, and the response as failed."""
        self._begin()
        detail = openai_error(error)["error"]
        self._emit("error", code=_code(error), message=error.message, param=None, error=detail)
        self._fail(error)
        return self._take()

    def whole(self) -> bytes:
        """The finished response as JSON; raises the error of a response that failed."""
        self._close()
        if self.failure is not None:
            raise self.failure
        if not self._output:
            self._output.append(_message(new_id("msg_"), "completed", ""))
        return sse.json_body(self._response(self._status()))

    # --- pieces -----------------------------------------------------------------------------------

    def _chunk(self, chunk: Chunk) -> None:
        if self.failure is not None:
            return
        if chunk.thinking:
            self._think(chunk.thinking)
        if chunk.content:
            self._say(chunk.content)
        for call in chunk.tool_calls:
            self._close()
            if self._searches and call.name == websearch.NAME:
                self._search(call)
                return
            self._call(call)

    def _think(self, text: str) -> None:
        item = self._opened("reasoning")
        self._text.append(text)
        self._emit(
            "response.reasoning_summary_text.delta",
            item_id=item["id"],
            output_index=len(self._output),
            summary_index=0,
            delta=text,
        )

    def _say(self, text: str) -> None:
        item = self._opened("message")
        self._text.append(text)
        self._emit(
            "response.output_text.delta",
            item_id=item["id"],
            output_index=len(self._output),
            content_index=0,
            delta=text,
            logprobs=[],
        )

    def _call(self, call: ToolCall) -> None:
        arguments = msgspec.json.encode(call.arguments).decode()
        item = {
            "id": new_id("fc_"),
            "type": "function_call",
            "status": "in_progress",
            "call_id": call.id,
            "name": call.name,
            "arguments": "",
        }
        index = len(self._output)
        self._emit("response.output_item.added", output_index=index, item=item)
        self._emit(
            "response.function_call_arguments.delta",
            item_id=item["id"],
            output_index=index,
            delta=arguments,
        )
        self._emit(
            "response.function_call_arguments.done",
            item_id=item["id"],
            output_index=index,
            name=call.name,
            arguments=arguments,
        )
        self._finish({**item, "status": "completed", "arguments": arguments})

    def _search(self, call: ToolCall) -> None:
        """A hosted search begins, and fails."""
        query = call.arguments.get("query")
        item = {
            "id": new_id("ws_"),
            "type": "web_search_call",
            "status": "in_progress",
            "action": {"type": "search", "query": query if isinstance(query, str) else ""},
        }
        place = {"item_id": item["id"], "output_index": len(self._output)}
        self._emit("response.output_item.added", output_index=len(self._output), item=item)
        self._emit("response.web_search_call.in_progress", **place)
        self._emit("response.web_search_call.searching", **place)
        self._finish({**item, "status": "failed"})
        self.failure = ServerError(websearch.UNAVAILABLE, status=502)

    # --- items ------------------------------------------------------------------------------------

    def _opened(self, kind: str) -> Item:
        """The open item of this kind, after closing any other."""
        if self._open is not None and self._open["type"] == kind:
            return self._open
        self._close()
        index = len(self._output)
        if kind == "reasoning":
            self._open = {"id": new_id("rs_"), "type": "reasoning", "summary": []}
            self._emit("response.output_item.added", output_index=index, item=self._open)
            return self._open
        self._open = {
            "id": new_id("msg_"),
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        self._emit("response.output_item.added", output_index=index, item=self._open)
        self._emit(
            "response.content_part.added",
            item_id=self._open["id"],
            output_index=index,
            content_index=0,
            part=_part(""),
        )
        return self._open

    def _close(self) -> None:
        if self._open is None:
            return
        item, self._open = self._open, None
        text = "".join(self._text)
        self._text = []
        place = {"item_id": item["id"], "output_index": len(self._output)}
        if item["type"] == "reasoning":
            name = "response.reasoning_summary_text.done"
            self._emit(name, **place, summary_index=0, text=text)
            # Plain text: clients send it back, and it becomes the next turn's thinking.
            summary = [{"type": "summary_text", "text": text}]
            self._finish({**item, "summary": summary, "encrypted_content": text})
            return
        self._emit("response.output_text.done", **place, content_index=0, text=text, logprobs=[])
        self._emit("response.content_part.done", **place, content_index=0, part=_part(text))
        cut = self._end is not None and self._end.reason == "length"
        self._finish(_message(item["id"], "incomplete" if cut else "completed", text))

    def _finish(self, item: Item) -> None:
        self._emit("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)

    # --- the response -----------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._emit("response.created", response=self._response("in_progress"))
            self._emit("response.in_progress", response=self._response("in_progress"))

    def _status(self) -> str:
        cut = self._end is not None and self._end.reason == "length"
        return "incomplete" if cut else "completed"

    def _fail(self, error: ServerError) -> None:
        failed = self._response("failed")
        failed["error"] = {"code": _code(error), "message": error.message}
        self._emit("response.failed", response=failed)

    def _response(self, status: str) -> dict[str, Any]:
        running = status == "in_progress"
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "completed_at": int(time.time()) if status in ("completed", "incomplete") else None,
            "status": status,
            "incomplete_details": (
                {"reason": "max_output_tokens"} if status == "incomplete" else None
            ),
            "output": [] if running else list(self._output),
            "error": None,
            **self._echo,
            "usage": None if running else _usage(usage_of([self._end])),
        }

    def _emit(self, event: str, /, **payload: Any) -> None:
        body = {"type": event, "sequence_number": self._sequence, **payload}
        self._sequence += 1
        self._frames.append(sse.event(event, body))

    def _take(self) -> bytes:
        frames = b"".join(self._frames)
        self._frames.clear()
        return frames


def _code(error: ServerError) -> str:
    return "invalid_request" if error.status == 400 else "server_error"


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(item_id: str, status: str, text: str) -> Item:
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [_part(text)],
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt,
        "output_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "input_tokens_details": {"cached_tokens": usage.cached},
        # Thinking is told apart in text, not in tokens: there is no count of its tokens.
        "output_tokens_details": {"reasoning_tokens": 0},
    }
