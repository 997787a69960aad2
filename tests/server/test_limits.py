"""Prompts that do not fit, and what the answer says about it."""

from __future__ import annotations

from tests.process import ServerProcess

SMALL = {"num_ctx": 256, "num_predict": 4}


def rendered(server: ServerProcess, **body: object) -> str:
    answer = server.post("/api/chat", model="tiny", _debug_render_only=True, **body).json()
    text: str = answer["_debug_info"]["rendered_template"]
    return text


def history(turns: int) -> list[dict[str, str]]:
    messages = []
    for i in range(turns):
        messages.append({"role": "user", "content": f"Question number {i}: " + "word " * 20})
        messages.append({"role": "assistant", "content": f"Answer number {i}."})
    return [*messages, {"role": "user", "content": "The last question"}]


def test_old_messages_go_first_and_system_messages_stay(server: ServerProcess) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *history(20)]
    text = rendered(server, messages=messages, options=SMALL)
    assert "Be brief." in text
    assert "The last question" in text
    assert "Question number 0:" not in text
    assert "Answer number 19." in text


def test_everything_stays_when_it_fits(server: ServerProcess) -> None:
    text = rendered(server, messages=history(20), options={"num_ctx": 4096})
    assert "Question number 0:" in text


def test_an_answer_to_a_cut_history_says_so(server: ServerProcess) -> None:
    body = {"model": "tiny", "messages": history(20), "stream": False, "options": SMALL}
    answer = server.post("/api/chat", **body).json()
    assert answer["truncated"] is True
    assert answer["prompt_tokens_dropped"] > 100
    assert answer["prompt_eval_count"] <= 256


def test_an_answer_to_a_whole_history_does_not(server: ServerProcess) -> None:
    answer = server.chat("Hi", options=SMALL)
    assert "truncated" not in answer
    assert "prompt_tokens_dropped" not in answer


def test_a_single_long_prompt_is_cut_in_the_middle_and_says_so(server: ServerProcess) -> None:
    answer = server.generate("word " * 1000, options=SMALL)
    assert answer["truncated"] is True
    assert answer["prompt_eval_count"] < 256
    dropped = answer["prompt_tokens_dropped"] + answer["prompt_eval_count"]
    tokens = server.post("/api/tokenize", model="tiny", text="word " * 1000, options=SMALL).json()
    assert dropped >= len(tokens["tokens"])


def test_truncate_false_refuses_a_long_prompt(server: ServerProcess) -> None:
    response = server.post(
        "/api/generate", model="tiny", prompt="word " * 1000, truncate=False, options=SMALL
    )
    assert response.status_code == 400
    assert "context size" in response.json()["error"]


def test_shift_false_refuses_a_long_prompt(server: ServerProcess) -> None:
    response = server.post(
        "/api/generate", model="tiny", prompt="word " * 1000, shift=False, options=SMALL
    )
    assert response.status_code == 400
    assert response.json()["error"].startswith("the prompt is longer than the context length")


def test_without_shift_a_full_context_ends_with_length(server: ServerProcess) -> None:
    options = {"num_ctx": 64, "num_predict": 200, "temperature": 1.5, "seed": 1, "stop": []}
    answer = server.generate("Once", raw=True, shift=False, options=options)
    assert answer["prompt_eval_count"] + answer["eval_count"] <= 65
