"""LangChain's Ollama package against a real server with the embedded model."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from pydantic import BaseModel

SKY = "Why is the sky blue?"


@tool
def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"It is sunny in {city}."


class Verdict(BaseModel):
    """Whether something is certain."""

    certain: bool


@pytest.fixture
def chat(url: str, model: str) -> ChatOllama:
    return ChatOllama(model=model, base_url=url, temperature=0, num_predict=200)


def test_invoke(chat: ChatOllama) -> None:
    answer = chat.invoke([SystemMessage("You are helpful."), HumanMessage(SKY)])
    assert answer.content
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] > 0


def test_stream(chat: ChatOllama) -> None:
    parts = list(chat.stream(SKY))
    assert len(parts) > 2
    assert "scatter" in "".join(str(part.content) for part in parts)


async def test_async(chat: ChatOllama) -> None:
    parts = [part async for part in chat.astream(SKY)]
    assert "".join(str(part.content) for part in parts) == (await chat.ainvoke(SKY)).content


def test_batch(chat: ChatOllama) -> None:
    assert len(chat.batch([SKY, "Hello!"])) == 2


def test_tools(chat: ChatOllama) -> None:
    bound = chat.bind_tools([get_weather])
    question = HumanMessage("What is the weather in Paris?")
    asked = bound.invoke([question])
    assert isinstance(asked, AIMessage)
    call = asked.tool_calls[0]
    assert call["name"] == "get_weather"
    result = get_weather.invoke(call)
    assert isinstance(result, ToolMessage)
    assert isinstance(bound.invoke([question, asked, result]), AIMessage)


@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
def test_structured_output(chat: ChatOllama, method: Any) -> None:
    schema = chat.with_structured_output(Verdict, method=method, include_raw=True)
    answer: Any = schema.invoke(SKY)
    assert set(answer) == {"raw", "parsed", "parsing_error"}
    if method == "json_schema":
        assert isinstance(answer["parsed"], Verdict)


def test_reasoning(url: str, model: str) -> None:
    chat = ChatOllama(model=model, base_url=url, temperature=0, num_predict=200, reasoning=True)
    answer = chat.invoke("What is 17 plus 25?")
    assert answer.additional_kwargs["reasoning_content"]


def test_model_is_checked_at_the_start(url: str, model: str) -> None:
    ChatOllama(model=model, base_url=url, validate_model_on_init=True)
    with pytest.raises(ValueError, match="not found"):
        ChatOllama(model="nothing", base_url=url, validate_model_on_init=True)


def test_completion(url: str, model: str) -> None:
    llm = OllamaLLM(model=model, base_url=url, temperature=0, num_predict=200)
    assert "scatter" in llm.invoke(SKY)
    assert "".join(llm.stream(SKY)) == llm.invoke(SKY)


def test_embeddings(url: str, embedder: str) -> None:
    embeddings = OllamaEmbeddings(model=embedder, base_url=url)
    documents = embeddings.embed_documents(["a cat", "a dog"])
    assert len(documents) == 2
    assert len(embeddings.embed_query("a cat")) == len(documents[0])
