"""POST /api/embed and /api/embeddings, with the embedded model's weights as an embedding model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import numpy as np
import pytest

from tests.process import TINY, ServerProcess
from tests.weights import with_pooling

TEXTS = ["The sky is blue", "Grass is green", "A much longer sentence about nothing at all"]


@pytest.fixture(scope="module", autouse=True)
def embedder(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("weights") / "a.gguf"
    with_pooling(TINY, path, gguf.PoolingType.MEAN, name="mean")
    server.create("mean", files={"a.gguf": server.upload(path.read_bytes())})
    return "mean"


def vectors(server: ServerProcess, **body: object) -> np.ndarray:
    response = server.post("/api/embed", model="mean", **body)
    assert response.status_code == 200, response.text
    return np.array(response.json()["embeddings"])


def test_one_text_gives_one_vector_of_unit_length(server: ServerProcess) -> None:
    (vector,) = vectors(server, input=TEXTS[0])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_many_texts_give_the_vectors_they_give_alone(server: ServerProcess) -> None:
    together = vectors(server, input=TEXTS)
    alone = np.vstack([vectors(server, input=text) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-3)


def test_the_reply_counts_tokens_and_time(server: ServerProcess) -> None:
    reply = server.post("/api/embed", model="mean", input=TEXTS).json()
    assert set(reply) == {
        "model",
        "embeddings",
        "total_duration",
        "load_duration",
        "prompt_eval_count",
    }
    assert reply["prompt_eval_count"] >= 12


def test_a_token_that_the_model_does_not_have_fails_its_own_request_alone(
    server: ServerProcess,
) -> None:
    inputs: list[object] = ["The sky", [[99_999_999]], [[1, 2, 3]], [[-1]]] * 4
    with ThreadPoolExecutor(len(inputs)) as pool:
        answers = pool.map(
            lambda text: server.post("/v1/embeddings", model="mean", input=text), inputs
        )
        statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 400, 200, 400] * 4


@pytest.mark.parametrize("value", [None, "", []])
def test_no_input_only_loads(server: ServerProcess, value: object) -> None:
    reply = server.post("/api/embed", model="mean", input=value)
    assert reply.json() == {"model": "mean", "embeddings": []}
    assert "mean:latest" in [model["name"] for model in server.loaded()]


def test_dimensions_cut_and_normalize_again(server: ServerProcess) -> None:
    (whole,) = vectors(server, input=TEXTS[0])
    (short,) = vectors(server, input=TEXTS[0], dimensions=8)
    assert np.allclose(short, whole[:8] / np.linalg.norm(whole[:8]), atol=1e-5)
    assert len(vectors(server, input=TEXTS[0], dimensions=10**6)[0]) == len(whole)


def test_a_long_input_is_cut_unless_that_is_switched_off(server: ServerProcess) -> None:
    body = {"input": "word " * 2000, "options": {"num_ctx": 64}}
    assert len(vectors(server, **body)) == 1
    response = server.post("/api/embed", model="mean", truncate=False, **body)
    text = "the input length exceeds the context length"
    assert (response.status_code, response.json()) == (400, {"error": text})


def test_the_older_route_gives_one_vector_and_nothing_else(server: ServerProcess) -> None:
    reply = server.post("/api/embeddings", model="mean", prompt=TEXTS[0]).json()
    assert set(reply) == {"embedding"}
    (vector,) = vectors(server, input=TEXTS[0])
    assert np.allclose(reply["embedding"], vector, atol=1e-3)


def test_the_older_route_without_prompt_only_loads(server: ServerProcess) -> None:
    reply = server.post("/api/embeddings", model="mean", prompt="")
    assert reply.json() == {"embedding": []}


def test_the_older_route_never_cuts(server: ServerProcess) -> None:
    body = {"model": "mean", "prompt": "word " * 2000, "options": {"num_ctx": 64}}
    response = server.post("/api/embeddings", **body)
    text = "the input length exceeds the context length"
    assert (response.status_code, response.json()) == (500, {"error": text})


@pytest.mark.parametrize(("path", "word"), [("/api/chat", "chat"), ("/api/generate", "generate")])
def test_an_embedding_model_does_not_generate(server: ServerProcess, path: str, word: str) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    response = server.post(path, model="mean", prompt="Hi", messages=messages)
    assert response.status_code == 400
    assert response.json() == {"error": f'"mean" does not support {word}'}


def test_its_capability_is_embedding(server: ServerProcess) -> None:
    capabilities = server.post("/api/show", model="mean").json()["capabilities"]
    assert "embedding" in capabilities
    assert "completion" not in capabilities


def test_a_context_of_a_few_tokens_embeds_what_fits(server: ServerProcess) -> None:
    options = {"num_ctx": 4}
    texts = [TEXTS[2], "a", "b", "c", "d"]
    reply = server.post("/api/embed", model="mean", input=texts, options=options)
    assert reply.json()["prompt_eval_count"] == 4 + 4
    assert len(reply.json()["embeddings"]) == 5
    body = {"model": "mean", "input": texts, "options": options}
    refused = server.post("/api/embed", **body, truncate=False)
    text = "the input length exceeds the context length"
    assert (refused.status_code, refused.json()) == (400, {"error": text})


def test_a_text_without_tokens_is_refused(server: ServerProcess) -> None:
    response = server.post("/api/embed", model="mean", input=["", "a"])
    assert (response.status_code, response.json()) == (400, {"error": "an input has no tokens"})
