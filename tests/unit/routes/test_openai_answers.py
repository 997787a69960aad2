"""Generations as chat completions and completions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from ollama_server.engine.protocol import Logprob, TokenLogprob
from ollama_server.errors import NotFound, RunnerError
from ollama_server.generation.events import Chunk, Event, Rendered, Started
from ollama_server.routes.answers import collect, merged
from ollama_server.routes.openai.chat_answers import ChatStream, chat_completion
from ollama_server.routes.openai.completion_answers import CompletionStream, completion

from .events import CALL, LOGPROB, data_frames, done, encode, say, stream

USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 3,
    "total_tokens": 13,
    "prompt_tokens_details": {"cached_tokens": 4},
}


def chat_frames(events: list[Event], **options: Any) -> list[Any]:
    return data_frames(encode(ChatStream("m", **options), events))


def deltas(frames: list[Any]) -> list[Any]:
    return [frame["choices"][0]["delta"] for frame in frames if frame != "[DONE]"]


async def whole_chat(events: list[Event], n: int = 1) -> Any:
    return json.loads(chat_completion("m", await collect(stream(events), n)))


async def whole_completion(events: list[Event], n: int = 1, **options: Any) -> Any:
    return json.loads(completion("m", await collect(stream(events), n), **options))


# --- a streamed chat ------------------------------------------------------------------------------


def test_the_role_comes_once_and_content_in_every_chunk() -> None:
    frames = chat_frames([Started(1), *say("Hel", "lo"), done()])
    assert deltas(frames) == [{"role": "assistant", "content": "Hel"}, {"content": "lo"}, {}]


def test_the_finish_reason_has_a_frame_of_its_own_before_the_terminator() -> None:
    frames = chat_frames([*say("x"), done()])
    reasons = [frame["choices"][0]["finish_reason"] for frame in frames[:-1]]
    assert reasons == [None, "stop"]
    assert frames[-1] == "[DONE]"


def test_all_chunks_share_id_and_time() -> None:
    frames = chat_frames([*say("a", "b"), done()])[:-1]
    assert len({(frame["id"], frame["created"]) for frame in frames}) == 1
    assert {frame["object"] for frame in frames} == {"chat.completion.chunk"}


def test_reasoning_alone_travels_with_empty_content() -> None:
    frames = chat_frames([Chunk(thinking="hm"), done()])
    assert deltas(frames)[0] == {"role": "assistant", "content": "", "reasoning": "hm"}


def test_reasoning_and_content_of_one_chunk_become_two_frames() -> None:
    chunk = Chunk(content="so", thinking="hm", logprobs=[LOGPROB])
    frames = chat_frames([chunk, done()])
    assert deltas(frames)[:2] == [{"role": "assistant", "reasoning": "hm"}, {"content": "so"}]
    assert ["logprobs" in frame["choices"][0] for frame in frames[:2]] == [True, False]


def test_a_call_arrives_whole_and_changes_the_finish_reason() -> None:
    frames = chat_frames([Chunk(tool_calls=[CALL]), done()])
    function = {"name": "tide", "arguments": '{"port":"Brest"}'}
    call = {"id": "call_1", "index": 0, "type": "function", "function": function}
    assert deltas(frames)[0] == {"role": "assistant", "content": "", "tool_calls": [call]}
    assert frames[1]["choices"][0]["finish_reason"] == "tool_calls"


def test_an_answer_cut_short_stays_cut_with_a_call_in_it() -> None:
    frames = chat_frames([Chunk(tool_calls=[CALL]), done(reason="length")])
    assert frames[1]["choices"][0]["finish_reason"] == "length"


def test_an_answer_without_text_still_has_a_first_frame() -> None:
    frames = chat_frames([done()])
    assert deltas(frames) == [{"role": "assistant", "content": ""}, {}]


def test_usage_comes_in_a_last_frame_without_choices() -> None:
    frames = chat_frames([*say("x"), done()], include_usage=True)
    assert frames[-2]["choices"] == []
    assert frames[-2]["usage"] == USAGE
    assert all("usage" not in frame for frame in frames[:-2])


def test_several_answers_keep_their_roles_apart() -> None:
    chunks = [Chunk(0, "a"), Chunk(1, "b"), Chunk(0, "c")]
    frames = chat_frames([*chunks, done(0), done(1)])[:-1]
    assert [(f["choices"][0]["index"], f["choices"][0]["delta"]) for f in frames] == [
        (0, {"role": "assistant", "content": "a"}),
        (1, {"role": "assistant", "content": "b"}),
        (0, {"content": "c"}),
        (0, {}),
        (1, {}),
    ]


def test_a_failure_in_mid_stream_is_the_familys_envelope() -> None:
    frames = data_frames(ChatStream("m").error(RunnerError("out of paper")))
    error = {"message": "out of paper", "type": "api_error", "param": None, "code": None}
    assert frames == [{"error": error}]


# --- a whole chat ---------------------------------------------------------------------------------


async def test_a_whole_chat() -> None:
    body = await whole_chat([Started(1), *say("Hel", "lo"), done()])
    assert body["object"] == "chat.completion"
    message = {"role": "assistant", "content": "Hello"}
    assert body["choices"] == [{"index": 0, "message": message, "finish_reason": "stop"}]
    assert body["usage"] == USAGE


async def test_content_beside_calls_is_an_empty_string() -> None:
    body = await whole_chat([Chunk(thinking="hm", tool_calls=[CALL]), done()])
    choice = body["choices"][0]
    assert choice["message"]["content"] == ""
    assert choice["message"]["reasoning"] == "hm"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"port":"Brest"}'
    assert choice["finish_reason"] == "tool_calls"


async def test_the_prompt_of_several_answers_is_counted_once() -> None:
    ends = [done(0), done(1, cached_tokens=9)]
    body = await whole_chat([Chunk(0, "a"), Chunk(1, "b"), *ends], n=2)
    assert [choice["message"]["content"] for choice in body["choices"]] == ["a", "b"]
    assert body["usage"] == {**USAGE, "completion_tokens": 6, "total_tokens": 16}


async def test_logprobs_have_bytes_and_alternatives() -> None:
    top = [TokenLogprob(id=2, token=b"\xff", logprob=float("-inf"))]
    item = Logprob(id=1, token=b"Hi", logprob=-0.5, top=top)
    body = await whole_chat([Chunk(content="Hi", logprobs=[item]), done()])
    assert body["choices"][0]["logprobs"]["content"] == [
        {
            "token": "Hi",
            "logprob": -0.5,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "\ufffd", "logprob": -9999.0, "bytes": [255]}],
        }
    ]


async def test_a_prompt_that_was_only_rendered() -> None:
    body = await whole_chat([Started(1), Rendered("<hi>", 2)])
    assert body["_debug_info"] == {"rendered_template": "<hi>", "image_count": 2}
    assert body["choices"][0]["finish_reason"] is None


# --- completions ----------------------------------------------------------------------------------


async def test_a_whole_completion_hides_the_reasoning() -> None:
    body = await whole_completion([Chunk(thinking="hm"), *say("so"), done(reason="length")])
    assert body["object"] == "text_completion"
    assert body["choices"] == [{"text": "so", "index": 0, "finish_reason": "length"}]
    assert body["usage"] == USAGE


async def test_an_empty_prompt_only_loads() -> None:
    body = await whole_completion([Started(1)])
    assert body["choices"] == [{"text": "", "index": 0, "finish_reason": "load"}]


async def test_the_best_answers_are_those_with_the_likeliest_tokens() -> None:
    def answer(index: int, text: str, logprob: float) -> Chunk:
        return Chunk(index, text, logprobs=[Logprob(id=0, token=b"x", logprob=logprob)])

    chunks = [answer(0, "bad", -5), answer(1, "good", -1), answer(2, "fair", -2)]
    events = [*chunks, done(0), done(1), done(2)]
    body = await whole_completion(events, 3, each=3, keep=2)
    assert [(c["index"], c["text"]) for c in body["choices"]] == [(0, "good"), (1, "fair")]
    assert "logprobs" not in body["choices"][0]


async def test_prompts_are_answered_in_their_order_and_counted_each() -> None:
    first = stream([Chunk(0, "a"), done(0)])
    second = stream([Chunk(0, "b"), done(0)])
    answers = await collect(merged([first, second], 1), 2)
    body = json.loads(completion("m", answers, each=1, echoes=["1:", "2:"]))
    assert [choice["text"] for choice in body["choices"]] == ["1:a", "2:b"]
    assert body["usage"]["prompt_tokens"] == 20


async def test_one_failing_prompt_fails_the_request() -> None:
    failing = stream([NotFound("gone")])
    with pytest.raises(NotFound):
        await collect(merged([stream([*say("a"), done()]), failing], 1), 2)


async def test_leaving_ends_the_generations_of_all_prompts() -> None:
    ended: list[int] = []

    async def endless(number: int) -> AsyncGenerator[Event, None]:
        try:
            while True:
                yield Chunk(content="a")
                await asyncio.sleep(0)
        finally:
            ended.append(number)

    events = merged([endless(1), endless(2)], 1)
    await anext(events)
    await events.aclose()
    assert sorted(ended) == [1, 2]


async def test_legacy_logprobs_are_parallel_lists() -> None:
    items = [Logprob(1, b"Hi", -0.5, [TokenLogprob(1, b"Hi", -0.5)]), Logprob(2, b"!", -1.0)]
    body = await whole_completion([Chunk(content="Hi!", logprobs=items), done()], logprobs=True)
    assert body["choices"][0]["logprobs"] == {
        "tokens": ["Hi", "!"],
        "token_logprobs": [-0.5, -1.0],
        "top_logprobs": [{"Hi": -0.5}, {}],
        "text_offset": [0, 2],
    }


def test_a_streamed_completion_ends_its_text_with_the_reason() -> None:
    frames = data_frames(encode(CompletionStream("m"), [*say("a", "b"), done()]))
    choices = [frame["choices"][0] for frame in frames[:-1]]
    assert [(choice["text"], choice["finish_reason"]) for choice in choices] == [
        ("a", None),
        ("b", None),
        ("", "stop"),
    ]
    assert frames[-1] == "[DONE]"


def test_usage_of_a_streamed_completion_is_zero_until_its_last_frame() -> None:
    stream = CompletionStream("m", include_usage=True)
    frames = data_frames(encode(stream, [*say("a"), done()]))[:-1]
    assert [frame["usage"]["total_tokens"] for frame in frames] == [0, 0, 13]
    assert frames[-1]["choices"] == []


def test_the_echo_of_a_prompt_opens_each_answer() -> None:
    stream = CompletionStream("m", each=2, echoes=["Q: "])
    frames = data_frames(encode(stream, [Chunk(0, "a"), Chunk(1, "b"), done(0), done(1)]))
    assert [frame["choices"][0]["text"] for frame in frames[:2]] == ["Q: a", "Q: b"]


def test_a_streamed_completion_without_a_prompt_says_that_it_loaded() -> None:
    frames = data_frames(encode(CompletionStream("m"), [Started(1)]))
    assert frames[0]["choices"] == [{"text": "", "index": 0, "finish_reason": "load"}]
