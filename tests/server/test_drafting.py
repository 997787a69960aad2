"""A model created with a draft model: the same answers, told of in the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import ServerProcess, wait_until

TINY = Path(__file__).parents[2] / "models" / "tiny" / "tiny.gguf"


@pytest.fixture(scope="module")
def drafting(server: ServerProcess) -> Iterator[str]:
    """The embedded model, with itself to guess for it."""
    digest = server.upload(TINY.read_bytes())
    server.create("drafting", **{"from": "tiny"}, draft_files={"draft.gguf": digest})
    yield "drafting"
    server.client.request("DELETE", "/api/delete", json={"model": "drafting"})


def accepted(server: ServerProcess, model: str) -> float:
    return server.metric("ollama_draft_tokens", model=f"{model}:latest", state="accepted")


def test_a_draft_model_guesses_and_the_answer_is_the_same(
    server: ServerProcess, drafting: str
) -> None:
    question = "Why is the sky blue?"
    options = {"num_predict": 40}
    expected = server.chat(question, options=options)
    answer = server.chat(question, model=drafting, options=options)
    assert answer["message"] == expected["message"]
    assert answer["eval_count"] == expected["eval_count"]
    wait_until(lambda: accepted(server, drafting) > 0)


def test_draft_num_predict_zero_turns_it_off(server: ServerProcess, drafting: str) -> None:
    server.generate("Hello", model=drafting, options={"draft_num_predict": 0})
    assert accepted(server, drafting) == 0


def test_a_model_without_draft_model_ignores_draft_num_predict(server: ServerProcess) -> None:
    server.generate("Hello")
    before = server.runners()
    server.generate("Hello", options={"draft_num_predict": 7})
    assert set(server.runners()) <= set(before)  # others may have gone meanwhile
