"""POST /api/generate and /api/chat: what comes back, streamed and whole."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import Any

import pytest

from tests.process import ServerProcess

HELLO = {"role": "user", "content": "What is Docker?"}
SHORT = {"temperature": 0, "num_predict": 12}


def lines(server: ServerProcess, path: str, **body: Any) -> list[dict[str, Any]]:
    """The objects of a stream."""
    body = {"model": "tiny", "options": SHORT, **body}
    with server.client.stream("POST", path, json=body) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in response.iter_lines()]


def test_generate_streams_by_default_and_ends_with_counters(server: ServerProcess) -> None:
    *news, last = lines(server, "/api/generate", prompt="What is Docker?")
    assert news
    assert all(frame["done"] is False and frame["model"] == "tiny" for frame in news)
    assert all(
        set(frame) <= {"model", "created_at", "response", "thinking", "done"} for frame in news
    )
    assert last["done"] is True
    assert last["done_reason"] in ("stop", "length")
    for name in ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"):
        assert last[name] > 0
    assert 0 < last["eval_count"] <= 12
    assert last["prompt_eval_count"] > 5


def test_chat_streams_messages(server: ServerProcess) -> None:
    *news, last = lines(server, "/api/chat", messages=[HELLO])
    assert all(frame["message"]["role"] == "assistant" for frame in [*news, last])
    assert "response" not in last
    assert last["done"] is True
    assert last["context"]


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
def test_a_whole_answer_is_the_streams_put_together(server: ServerProcess, path: str) -> None:
    question = {"prompt": "What is Docker?", "messages": [HELLO]}
    frames = lines(server, path, **question)
    whole = server.post(path, model="tiny", options=SHORT, stream=False, **question).json()
    if path == "/api/chat":
        texts = [frame["message"] for frame in frames]
        assert whole["message"]["content"] == "".join(m["content"] for m in texts)
        assert whole["message"].get("thinking", "") == "".join(m.get("thinking", "") for m in texts)
    else:
        assert whole["response"] == "".join(frame["response"] for frame in frames)
        assert whole.get("thinking", "") == "".join(f.get("thinking", "") for f in frames)
    assert whole["eval_count"] == frames[-1]["eval_count"]


def test_whole_answers_are_json_with_a_charset(server: ServerProcess) -> None:
    response = server.post("/api/generate", model="tiny", prompt="Hi", stream=False, options=SHORT)
    assert response.headers["content-type"] == "application/json; charset=utf-8"


def test_the_last_frame_has_metrics_too(server: ServerProcess) -> None:
    answer = server.chat("Hi")
    assert answer["metrics"] == {
        "total_duration": answer["total_duration"],
        "load_duration": answer["load_duration"],
        "sample_count": answer["eval_count"],
    }


def test_the_prompt_counts_in_full_when_it_is_found_in_the_cache(server: ServerProcess) -> None:
    prompt = "Say it once, say it twice, and it is there already. " * 20
    first = server.generate(prompt)
    again = server.generate(prompt)
    assert again["prompt_eval_count"] == first["prompt_eval_count"]
    assert again["load_duration"] > 0


def test_created_at_is_utc_with_up_to_nine_digits(server: ServerProcess) -> None:
    answer = server.generate("Hi")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", answer["created_at"])


def test_the_model_comes_back_as_it_was_written(server: ServerProcess) -> None:
    assert server.generate("Hi", model="TINY:Latest")["model"] == "TINY:Latest"


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json", ""]
)
def test_the_content_type_does_not_matter(server: ServerProcess, content_type: str) -> None:
    body = json.dumps({"model": "tiny", "prompt": "Hi", "stream": False, "options": SHORT})
    headers = {"Content-Type": content_type} if content_type else {}
    response = server.client.post("/api/generate", content=body, headers=headers)
    assert response.json()["done"] is True


def test_greedy_answers_repeat(server: ServerProcess) -> None:
    assert (
        server.generate("Tell me a story")["response"]
        == (server.generate("Tell me a story")["response"])
    )


def test_a_seed_gives_the_same_text_again(server: ServerProcess) -> None:
    options = {"temperature": 5.0, "top_k": 0, "top_p": 1.0, "seed": 42, "num_predict": 24}
    first = server.generate("Once", raw=True, options=options)["response"]
    assert first == server.generate("Once", raw=True, options=options)["response"]
    other = server.generate("Once", raw=True, options={**options, "seed": 43})["response"]
    assert other != first


@pytest.mark.parametrize("name", ["num_predict", "max_tokens"])
def test_a_token_limit_ends_with_length(server: ServerProcess, name: str) -> None:
    options = {"temperature": 0, name: 3} | ({"num_predict": None} if name == "max_tokens" else {})
    answer = server.generate("Tell me a story", options=options)
    assert answer["done_reason"] == "length"
    assert answer["eval_count"] == 3


def test_a_stop_string_ends_the_answer_and_is_no_part_of_it(server: ServerProcess) -> None:
    def ask(**options: Any) -> dict[str, Any]:
        return server.generate(
            "What is Docker?", think=False, options={"num_predict": 24} | options
        )

    text = ask()["response"]
    word = text.split()[2]
    for stop in (word, [word]):
        answer = ask(stop=stop)
        assert answer["response"] == text[: text.index(word)]
        assert answer["done_reason"] == "stop"


def test_an_answer_ends_where_its_family_marks_the_end_of_a_turn(server: ServerProcess) -> None:
    template = "{{/* <arg_key> */}}<role>HUMAN</role>{{ .Prompt }}<role>ASSISTANT</role>"
    how = {"format": {"enum": ["So.<|role_end|>"]}, "think": False}
    answer = server.generate("Hi", template=template, **how)
    assert (answer["response"], answer["done_reason"]) == ('"So.', "stop")
    assert server.generate("Hi", **how)["response"].startswith('"So.<|role_end')


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
def test_a_text_that_repeats_itself_is_not_cut_off(server: ServerProcess, path: str) -> None:
    # Ollama ends such a stream without a last frame after thirty equal pieces.
    schema = {"type": "string", "pattern": "^( a){60}$"}
    question = {"prompt": "Sing", "messages": [{"role": "user", "content": "Sing"}]}
    options = {"temperature": 0, "num_predict": 200}
    *news, last = lines(
        server, path, **question, format=schema, think=False, logprobs=True, options=options
    )
    tokens = [entry["token"] for frame in news for entry in frame.get("logprobs", [])]
    assert max(len(list(same)) for _, same in groupby(tokens)) > 30
    assert (last["done"], last["done_reason"]) == (True, "stop")
    texts = [frame.get("response") or frame.get("message", {}).get("content", "") for frame in news]
    assert json.loads("".join(texts)) == " a" * 60


def test_system_and_template_shape_the_prompt(server: ServerProcess) -> None:
    body = {"model": "tiny", "prompt": "Hi", "_debug_render_only": True}
    plain = server.post("/api/generate", **body, system="Be brief.").json()
    assert "Be brief." in plain["_debug_info"]["rendered_template"]
    own = server.post("/api/generate", **body, system="S", template="{{ .System }}|{{ .Prompt }}")
    assert own.json()["_debug_info"]["rendered_template"] == "S|Hi"
    assert plain["done"] is False


def test_a_template_that_does_not_parse_is_a_500(server: ServerProcess) -> None:
    response = server.post("/api/generate", model="tiny", prompt="Hi", template="{{ .Prompt")
    assert response.status_code == 500
    assert response.json()["error"].startswith("template:")


def test_raw_prompts_go_through_untouched_and_give_no_context(server: ServerProcess) -> None:
    answer = server.generate("2 + 2 =", raw=True)
    assert "context" not in answer
    body = {"model": "tiny", "prompt": "2 + 2 =", "raw": True, "_debug_render_only": True}
    rendered = server.post("/api/generate", **body).json()
    assert rendered["_debug_info"] == {"rendered_template": "2 + 2 ="}


def test_debug_replies_are_one_object_even_when_streaming(server: ServerProcess) -> None:
    response = server.post(
        "/api/chat", model="tiny", messages=[HELLO], stream=True, _debug_render_only=True
    )
    answer = response.json()
    assert response.headers["content-type"].startswith("application/json")
    assert answer["message"] == {"role": "", "content": ""}
    assert "What is Docker?" in answer["_debug_info"]["rendered_template"]
    assert answer["done"] is False


def test_debug_replies_number_the_images(server: ServerProcess) -> None:
    body = {"model": "tiny", "prompt": "Look", "images": ["AA==", "AA=="]}
    answer = server.post("/api/generate", **body, _debug_render_only=True).json()
    assert answer["_debug_info"]["image_count"] == 2
    assert "Look[img-0][img-1]" in answer["_debug_info"]["rendered_template"]


def test_context_continues_a_conversation(server: ServerProcess) -> None:
    first = server.generate("My name is Ada.")
    again = server.generate("What is my name?", context=first["context"])
    assert again["prompt_eval_count"] > len(first["context"])
    assert again["context"][: len(first["context"])] == first["context"]


def test_an_empty_context_keeps_the_answer_free_of_history(server: ServerProcess) -> None:
    assert server.generate("Hi", context=[])["context"]


def test_suffix_fills_in_the_middle(server: ServerProcess) -> None:
    prompt = "def add(a, b):\n    return "
    answer = server.generate(prompt, suffix="\n", options={"num_predict": 16})
    assert answer["done"] is True
    body = {"model": "tiny", "prompt": prompt, "suffix": "\n", "_debug_render_only": True}
    rendered = server.post("/api/generate", **body).json()["_debug_info"]["rendered_template"]
    assert rendered == f"<|fim_prefix|>{prompt}<|fim_suffix|>\n<|fim_middle|>"


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
def test_logprobs_belong_to_the_tokens_of_their_frames(server: ServerProcess, path: str) -> None:
    question = {"prompt": "What is Docker?", "messages": [HELLO], "think": False}
    frames = lines(server, path, **question, logprobs=True, top_logprobs=3)
    entries = [entry for frame in frames for entry in frame.get("logprobs", [])]
    assert len(entries) in (frames[-1]["eval_count"], frames[-1]["eval_count"] - 1)
    for entry in entries:
        assert entry["logprob"] <= 0
        assert bytes(entry.get("bytes", [])).decode("utf-8", "replace") == entry["token"]
        assert len(entry["top_logprobs"]) == 3
        assert entry["token"] == entry["top_logprobs"][0]["token"]


def test_top_logprobs_alone_gives_none(server: ServerProcess) -> None:
    assert "logprobs" not in server.generate("Hi", top_logprobs=5)


def test_thinking_is_on_by_default_and_comes_apart(server: ServerProcess) -> None:
    question = "What is 3 plus 4?"
    answer = server.chat(question, options={"num_predict": 128})
    assert "<think>" not in answer["message"]["content"]
    silent = server.chat(question, think=False, options={"num_predict": 64})
    assert "thinking" not in silent["message"]


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
def test_a_schema_shapes_the_answer(server: ServerProcess, path: str) -> None:
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "n": {"enum": [1, 2]}},
        "required": ["ok", "n"],
        "additionalProperties": False,
    }
    answer = server.post(
        path,
        model="tiny",
        prompt="Hi",
        messages=[{"role": "user", "content": "Hi"}],
        format=schema,
        think=False,
        stream=False,
        options={"temperature": 0, "num_predict": 64},
    ).json()
    text = answer["message"]["content"] if path == "/api/chat" else answer["response"]
    value = json.loads(text)
    assert set(value) == {"ok", "n"}
    assert value["n"] in (1, 2)


def test_json_mode_gives_an_object(server: ServerProcess) -> None:
    answer = server.chat("Hi", format="json", think=False, options={"num_predict": 200})
    if answer["done_reason"] == "stop":
        assert isinstance(json.loads(answer["message"]["content"]), dict)
    assert answer["message"]["content"].lstrip().startswith("{")


def test_unknown_roles_are_passed_on(server: ServerProcess) -> None:
    messages = [{"role": "critic", "content": "No."}, HELLO]
    response = server.post(
        "/api/chat", model="tiny", messages=messages, stream=False, options=SHORT
    )
    assert response.status_code == 200


def test_a_request_system_message_replaces_the_models(server: ServerProcess) -> None:
    server.create("spoken", **{"from": "tiny"}, system="Speak like a pirate.")
    body = {"model": "spoken", "_debug_render_only": True}
    own = server.post("/api/chat", **body, messages=[HELLO]).json()
    assert "pirate" in own["_debug_info"]["rendered_template"]
    messages = [{"role": "system", "content": "Be calm."}, HELLO]
    other = server.post("/api/chat", **body, messages=messages).json()
    assert "pirate" not in other["_debug_info"]["rendered_template"]
    assert "Be calm." in other["_debug_info"]["rendered_template"]


def test_stored_messages_come_before_the_requests(server: ServerProcess) -> None:
    stored = [{"role": "user", "content": "Ping?"}, {"role": "assistant", "content": "Pong!"}]
    server.create("historic", **{"from": "tiny"}, messages=stored)
    body = {"model": "historic", "_debug_render_only": True}
    chat = server.post("/api/chat", **body, messages=[HELLO]).json()
    text = chat["_debug_info"]["rendered_template"]
    assert text.index("Ping?") < text.index("Pong!") < text.index("What is Docker?")
    fresh = server.post("/api/generate", **body, prompt="Hi", context=[]).json()
    assert "Ping?" not in fresh["_debug_info"]["rendered_template"]


def test_users_cannot_end_their_turn_with_a_control_token(server: ServerProcess) -> None:
    def tokens(content: str) -> int:
        message = {"role": "user", "content": content}
        reply = server.post(
            "/api/chat", model="tiny", messages=[message], options=SHORT, stream=False
        )
        return int(reply.json()["prompt_eval_count"])

    # As plain text the token's spelling takes several tokens; as a control token only one.
    assert tokens("a<|im_end|>b") > tokens("a b") + 1
