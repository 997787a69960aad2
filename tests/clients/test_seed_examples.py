"""The examples that articles on the Ollama API teach: curl, requests, the library, fetch, Go."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ollama
import pytest
import requests

Json = dict[str, Any]
SKY = "Why is the sky blue?"


@pytest.fixture
def curl(url: str) -> Callable[..., str]:
    """curl as the articles call it: ``-d`` alone, so the content type is that of a form."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")

    def run(path: str, body: Json | None = None, *options: str) -> str:
        data = [] if body is None else ["-d", json.dumps(body)]
        command = ["curl", "--silent", "--max-time", "120", *options, f"{url}{path}", *data]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run


# --- curl -----------------------------------------------------------------------------------------


def test_curl_streams_an_answer_line_by_line(curl: Callable[..., str], model: str) -> None:
    frames = [json.loads(line) for line in curl("/api/generate", _ask(model)).splitlines()]
    assert "scatter" in "".join(frame["response"] for frame in frames)
    assert [frame["done"] for frame in frames] == [False] * (len(frames) - 1) + [True]


def test_curl_gets_a_whole_answer(curl: Callable[..., str], model: str) -> None:
    answer = json.loads(curl("/api/generate", {**_ask(model), "stream": False}))
    assert "scatter" in answer["response"]
    assert answer["eval_count"] / answer["eval_duration"] * 1e9 > 0


def test_curl_chats(curl: Callable[..., str], model: str) -> None:
    body = {
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": SKY},
        ],
        "stream": False,
        "options": {"num_predict": 100},
    }
    answer = json.loads(curl("/api/chat", body))
    assert answer["message"]["role"] == "assistant"
    assert answer["message"]["content"]


def test_options_may_say_max_tokens(curl: Callable[..., str], model: str) -> None:
    options = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 5}
    answer = json.loads(curl("/api/generate", {**_ask(model), "stream": False, "options": options}))
    assert answer["eval_count"] == 5
    assert answer["done_reason"] == "length"


def test_curl_asks_for_json(curl: Callable[..., str], model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"color": {"enum": ["blue", "red"]}},
        "required": ["color"],
    }
    body = {**_ask(model), "stream": False, "format": schema, "think": False}
    assert json.loads(json.loads(curl("/api/generate", body))["response"])["color"]


def test_curl_manages_models(curl: Callable[..., str], model: str) -> None:
    names = [item["name"] for item in json.loads(curl("/api/tags"))["models"]]
    assert f"{model}:latest" in names
    assert json.loads(curl("/api/show", {"name": model}))["details"]["format"] == "gguf"
    assert curl("/api/copy", {"source": model, "destination": "backup"}) == ""
    assert curl("/api/delete", {"name": "backup"}, "-X", "DELETE") == ""
    assert "version" in json.loads(curl("/api/version"))
    assert curl("/") == "Ollama is running"


def test_curl_speaks_to_the_openai_route(curl: Callable[..., str], model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": SKY}], "max_tokens": 100}
    answer = json.loads(curl("/v1/chat/completions", body, "-H", "Content-Type: application/json"))
    assert answer["choices"][0]["message"]["role"] == "assistant"


def test_curl_embeds_a_prompt(curl: Callable[..., str], embedder: str) -> None:
    body = {"model": embedder, "prompt": "The sky is blue because of Rayleigh scattering"}
    assert len(json.loads(curl("/api/embeddings", body))["embedding"]) > 8


# --- Python with requests -------------------------------------------------------------------------


class ChatBot:
    """The article's class: it keeps the conversation and sends all of it each time."""

    def __init__(self, url: str, model: str) -> None:
        self.url = url
        self.model = model
        self.history: list[Json] = []

    def ask(self, text: str) -> str:
        self.history.append({"role": "user", "content": text})
        body = {
            "model": self.model,
            "messages": self.history,
            "stream": False,
            "options": {"num_predict": 60},
        }
        response = requests.post(f"{self.url}/api/chat", json=body, timeout=120)
        response.raise_for_status()
        message: Json = response.json()["message"]
        self.history.append(message)
        return str(message["content"])


def test_requests_without_streaming(url: str, model: str) -> None:
    body = {**_ask(model), "stream": False}
    response = requests.post(f"{url}/api/generate", json=body, timeout=120)
    assert response.status_code == 200
    assert "scatter" in response.json()["response"]


def test_requests_with_streaming(url: str, model: str) -> None:
    text = ""
    with requests.post(
        f"{url}/api/generate", json=_ask(model), stream=True, timeout=120
    ) as response:
        for line in response.iter_lines():
            if line:
                frame = json.loads(line)
                text += frame.get("response", "")
                if frame.get("done"):
                    break
    assert "scatter" in text


def test_a_conversation_is_kept_by_the_client(url: str, model: str) -> None:
    bot = ChatBot(url, model)
    bot.ask("My name is Alice.")
    assert bot.ask("What is my name?")
    assert [turn["role"] for turn in bot.history] == ["user", "assistant"] * 2


def test_events_of_the_openai_route_with_requests(url: str, model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": SKY}], "stream": True}
    with requests.post(
        f"{url}/v1/chat/completions",
        json={**body, "max_tokens": 8},
        headers={"Authorization": "Bearer ollama"},
        stream=True,
        timeout=120,
    ) as response:
        lines = [line for line in response.iter_lines(decode_unicode=True) if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"


def test_an_unknown_model_is_an_error_with_a_reason(url: str) -> None:
    response = requests.post(f"{url}/api/generate", json=_ask("nothing"), timeout=60)
    assert response.status_code == 404
    assert response.json() == {"error": "model 'nothing' not found"}


def test_documents_are_ranked_by_the_similarity_of_their_vectors(url: str, embedder: str) -> None:
    def embedding(text: str) -> Any:
        body = {"model": embedder, "prompt": text}
        response = requests.post(f"{url}/api/embeddings", json=body, timeout=60)
        return np.array(response.json()["embedding"])

    def similarity(a: Any, b: Any) -> float:
        return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))

    documents = ["Docker runs containers.", "The sky is blue.", "Cats sleep a lot."]
    vectors = [embedding(text) for text in documents]
    query = embedding("The sky is blue.")
    scores = [similarity(query, vector) for vector in vectors]
    assert documents[int(np.argmax(scores))] == "The sky is blue."
    assert max(scores) == pytest.approx(1, abs=1e-4)


# --- the Python library ---------------------------------------------------------------------------


@pytest.fixture
def client(url: str) -> ollama.Client:
    return ollama.Client(host=url)


def test_the_library_chats(client: ollama.Client, model: str) -> None:
    response = client.chat(model=model, messages=[{"role": "user", "content": SKY}])
    assert "scatter" in response["message"]["content"]
    assert response.message.content == response["message"]["content"]


def test_the_library_streams(client: ollama.Client, model: str) -> None:
    stream = client.chat(model=model, messages=[{"role": "user", "content": SKY}], stream=True)
    assert "scatter" in "".join(chunk["message"]["content"] for chunk in stream)


def test_the_library_runs_the_functions_that_the_model_asks_for(
    client: ollama.Client, model: str
) -> None:
    def get_weather(city: str) -> str:
        """Get the current weather in a city.

        Args:
          city: The name of the city
        """
        return f"22 degrees in {city}"

    functions = {"get_weather": get_weather}
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    response = client.chat(
        model, messages=messages, tools=[get_weather], options={"num_predict": 200}
    )
    messages.append(response.message)
    for call in response.message.tool_calls or []:
        output = functions[call.function.name](**call.function.arguments)
        messages.append({"role": "tool", "content": output, "tool_name": call.function.name})
    assert messages[-1]["content"].startswith("22 degrees in ")
    final = client.chat(model, messages=messages, options={"num_predict": 100})
    assert final.done


def test_the_library_makes_a_model_with_a_persona(client: ollama.Client, model: str) -> None:
    client.create(model="mario", from_=model, system="You are Mario from Super Mario Bros.")
    assert client.show("mario").modelfile
    client.delete("mario")


# --- JavaScript -----------------------------------------------------------------------------------


@pytest.mark.node
def test_fetch_reads_the_stream(url: str, model: str) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    script = Path(__file__).parent / "node" / "fetch.mjs"
    done = subprocess.run(
        ["node", str(script), url, model], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


# --- Go -------------------------------------------------------------------------------------------


def test_go_posts_and_reads_the_stream(url: str, model: str) -> None:
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    program = Path(__file__).parent / "go" / "post.go"
    done = subprocess.run(
        ["go", "run", str(program), url, model], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _ask(model: str) -> Json:
    return {"model": model, "prompt": SKY, "options": {"num_predict": 100}}
