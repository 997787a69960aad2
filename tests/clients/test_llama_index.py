"""LlamaIndex's Ollama package against a real server with the embedded model."""

from __future__ import annotations

import pytest
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.tools import FunctionTool
from llama_index.llms.ollama import Ollama
from pydantic import BaseModel

SKY = "Why is the sky blue?"
CHAT = [ChatMessage(role=MessageRole.USER, content=SKY)]


class Verdict(BaseModel):
    """Whether something is certain."""

    certain: bool


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"It is sunny in {city}."


@pytest.fixture
def llm(url: str, model: str) -> Ollama:
    return Ollama(
        model=model,
        base_url=url,
        request_timeout=120,
        temperature=0,
        context_window=1024,
        additional_kwargs={"num_predict": 200},
    )


def test_complete(llm: Ollama) -> None:
    assert "scatter" in llm.complete(SKY).text


def test_streamed_complete(llm: Ollama) -> None:
    assert "scatter" in "".join(part.delta or "" for part in llm.stream_complete(SKY))


def test_chat(llm: Ollama) -> None:
    assert "scatter" in (llm.chat(CHAT).message.content or "")


def test_streamed_chat(llm: Ollama) -> None:
    assert "scatter" in "".join(part.delta or "" for part in llm.stream_chat(CHAT))


async def test_async(llm: Ollama) -> None:
    assert "scatter" in (await llm.acomplete(SKY)).text
    assert "scatter" in ((await llm.achat(CHAT)).message.content or "")
    parts = [part async for part in await llm.astream_chat(CHAT)]
    assert "scatter" in "".join(part.delta or "" for part in parts)


def test_tools(llm: Ollama) -> None:
    answer = llm.chat_with_tools(
        [FunctionTool.from_defaults(get_weather)], user_msg="What is the weather in Paris?"
    )
    calls = llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
    assert [call.tool_name for call in calls] == ["get_weather"]


def test_structured_output(llm: Ollama) -> None:
    answer = llm.as_structured_llm(Verdict).chat(CHAT)
    assert isinstance(answer.raw, Verdict)
