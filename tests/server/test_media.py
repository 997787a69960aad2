"""Images and sound over HTTP: in every family, from every source, on models with random eyes."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.engine.projectors import write_projector
from tests.engine.test_media import noise, picture
from tests.pictures import encoded, halves, png_header
from tests.process import TINY, ServerProcess
from tests.webserver import WebServer

PNG = picture(1)
GREEDY = {"temperature": 0, "num_predict": 12}
ASK = {"type": "text", "text": "What is this?"}
Json = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{b64(data)}"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with ``eyes`` and ``ears``, which fetches from localhost."""
    folder = tmp_path_factory.mktemp("media")
    server = ServerProcess(folder, IMAGE_URL_HOSTS="localhost")
    model = server.upload(TINY.read_bytes())
    for name, kind in (("eyes", "mlp"), ("ears", "qwen2a")):
        projector = write_projector(folder / f"{name}.gguf", kind, text_width=256)
        files = {"tiny.gguf": model, "mmproj.gguf": server.upload(projector.read_bytes())}
        server.create(name, files=files, parameters={"num_ctx": 2048})
    yield server
    server.close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


def chat(server: ServerProcess, message: Json, model: str = "eyes", **body: Any) -> str:
    """The answer to one message, greedy and short."""
    response = server.post(
        "/api/chat", model=model, messages=[message], stream=False, options=GREEDY, **body
    )
    assert response.status_code == 200, response.text
    message = response.json()["message"]
    text: str = message.get("thinking", "") + message["content"]
    return text


def shown(server: ServerProcess, content: Any, **message: Any) -> str:
    """The prompt that a chat message becomes."""
    messages = [{"role": "user", "content": content, **message}]
    response = server.post("/api/chat", model="eyes", messages=messages, _debug_render_only=True)
    text: str = response.json()["_debug_info"]["rendered_template"]
    return text


# --- projectors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "sense"), [("eyes", "vision"), ("ears", "audio")])
def test_a_model_of_two_files_has_the_senses_of_its_projector(
    media: ServerProcess, model: str, sense: str
) -> None:
    shown = media.post("/api/show", model=model).json()
    listed = media.client.get("/api/tags").json()["models"]
    [entry] = [item for item in listed if item["name"] == f"{model}:latest"]
    assert {"vision", "audio"} & set(shown["capabilities"]) == {sense}
    assert {"vision", "audio"} & set(entry["capabilities"]) == {sense}
    assert shown["projector_info"][f"clip.has_{sense}_encoder"] is True


def test_an_installed_model_gets_eyes_from_a_projector(
    media: ServerProcess, tmp_path: Path
) -> None:
    projector = write_projector(tmp_path / "p.gguf", "gemma3", text_width=256)
    media.create("more", **{"from": "tiny"}, files={"p": media.upload(projector.read_bytes())})
    assert "vision" in media.post("/api/show", model="more").json()["capabilities"]
    assert chat(media, {"role": "user", "content": "x", "images": [b64(PNG)]}, "more")


def test_a_copy_keeps_the_projector(media: ServerProcess) -> None:
    media.create("short", **{"from": "eyes"}, system="Be brief.")
    assert "vision" in media.post("/api/show", model="short").json()["capabilities"]


# --- the same image in every dress ----------------------------------------------------------------


@pytest.fixture(scope="module")
def said(media: ServerProcess) -> str:
    """What the model says to the picture, behind the question."""
    return chat(media, {"role": "user", "content": "What is this?", "images": [b64(PNG)]})


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "url": data_url(PNG)},
        {"type": "image", "url": b64(PNG)},
        {"type": "image", "image": b64(PNG)},
        {"type": "image_url", "image_url": {"url": data_url(PNG)}},
        {"type": "image_url", "image_url": data_url(PNG)},
    ],
)
def test_a_part_of_a_message_is_an_image(media: ServerProcess, said: str, part: Json) -> None:
    assert chat(media, {"role": "user", "content": [ASK, part]}) == said


def test_an_image_may_be_a_data_url(media: ServerProcess, said: str) -> None:
    message = {"role": "user", "content": "What is this?", "images": [data_url(PNG)]}
    assert chat(media, message) == said


def test_another_image_is_another_answer(media: ServerProcess) -> None:
    answers = {
        chat(media, {"role": "user", "content": "?", "images": [b64(picture(seed))]})
        for seed in range(6)
    }
    assert len(answers) > 1


def test_chat_completions_see_the_same(media: ServerProcess, said: str) -> None:
    content = [ASK, {"type": "image_url", "image_url": {"url": data_url(PNG)}}]
    response = media.post(
        "/v1/chat/completions",
        model="eyes",
        messages=[{"role": "user", "content": content}],
        temperature=0,
        max_tokens=12,
    )
    message = response.json()["choices"][0]["message"]
    assert message.get("reasoning", "") + message["content"] == said


def test_responses_see_the_same(media: ServerProcess, said: str) -> None:
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": data_url(PNG)},
    ]
    response = media.post(
        "/v1/responses",
        model="eyes",
        input=[{"role": "user", "content": content}],
        temperature=0,
        max_output_tokens=12,
    )
    parts = [
        part["text"]
        for item in response.json()["output"]
        for part in item.get("content") or item["summary"]
    ]
    assert "".join(parts) == said


@pytest.mark.parametrize("kind", ["base64", "url"])
def test_messages_see_the_same(media: ServerProcess, said: str, kind: str, web: WebServer) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": b64(PNG)}
    if kind == "url":
        web.pictures["/mine.png"] = PNG
        source = {"type": "url", "url": web.url("/mine.png")}
    response = media.post(
        "/v1/messages",
        model="eyes",
        max_tokens=12,
        temperature=0,
        thinking={"type": "enabled", "budget_tokens": 1024},
        messages=[{"role": "user", "content": [ASK, {"type": "image", "source": source}]}],
    )
    blocks = response.json()["content"]
    assert "".join(block.get("thinking", "") + block.get("text", "") for block in blocks) == said


def test_generate_sees(media: ServerProcess) -> None:
    answer = media.generate("What is this?", model="eyes", images=[b64(PNG)], options=GREEDY)
    assert answer["prompt_eval_count"] > 16


@pytest.mark.parametrize("format", ["WEBP", "GIF", "BMP"])
def test_other_formats_look_the_same(media: ServerProcess, said: str, format: str) -> None:
    image = Image.open(io.BytesIO(PNG))
    if format == "GIF":
        image = halves()  # which has few enough colours
        said = chat(
            media,
            {"role": "user", "content": "What is this?", "images": [b64(encoded(image, "PNG"))]},
        )
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    data = encoded(image, format, **options)
    assert chat(media, {"role": "user", "content": "What is this?", "images": [b64(data)]}) == said


def test_a_repeated_image_is_not_computed_again(media: ServerProcess) -> None:
    long = "Say what you see, and whether it is what you saw before. " * 12
    message = {"role": "user", "content": long, "images": [b64(picture(77))]}
    body = {"model": "eyes", "stream": False, "messages": [message], "options": GREEDY}
    before = media.metric("ollama_prompt_tokens_cached_total", model="eyes:latest")
    for _ in range(2):
        assert media.post("/api/chat", **body).status_code == 200
    after = media.metric("ollama_prompt_tokens_cached_total", model="eyes:latest")
    assert after - before > 100


# --- places ---------------------------------------------------------------------------------------


def test_parts_keep_their_places(media: ServerProcess) -> None:
    image = {"type": "image", "url": b64(PNG)}
    text = shown(media, [image, {"type": "text", "text": "and"}, image, ASK])
    assert "[img-0]and[img-1]What is this?" in text


def test_images_without_a_place_stand_as_the_template_has_them(media: ServerProcess) -> None:
    assert "What is this?[img-0]" in shown(media, "What is this?", images=[b64(PNG)])


# --- URLs -----------------------------------------------------------------------------------------


def test_an_image_is_fetched(media: ServerProcess, said: str, web: WebServer) -> None:
    web.pictures["/mine.png"] = PNG
    part = {"type": "image", "url": web.url("/mine.png")}
    assert chat(media, {"role": "user", "content": [ASK, part]}) == said


@pytest.mark.parametrize(
    ("path", "host", "text"),
    [
        ("/ok.png", "127.0.0.1", "the image's host has no public address"),
        ("/none", "localhost", "the image's host answered with status 404"),
        ("/page.png", "localhost", "the URL does not lead to an image"),
        ("/endless", "localhost", "larger than the 20000000 bytes"),
    ],
)
def test_a_url_that_leads_nowhere_is_named(
    media: ServerProcess, web: WebServer, path: str, host: str, text: str
) -> None:
    content = [ASK, {"type": "image_url", "image_url": {"url": web.url(path, host)}}]
    response = media.post(
        "/v1/chat/completions", model="eyes", messages=[{"role": "user", "content": content}]
    )
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith("messages[0].content[1]: ")
    assert text in error["message"]


# --- what is no image -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"not an image", "not an image of a known type (PNG, JPEG, WebP, GIF or BMP)"),
        (PNG[:60], "the image is broken"),
        (png_header(20000, 20000), "more than the 50000000 that OLLAMA_IMAGE_MAX_PIXELS allows"),
        (noise(1, 0.1), "does not support audio"),
    ],
)
def test_a_bad_image_is_named(media: ServerProcess, data: bytes, text: str) -> None:
    message = {"role": "user", "content": "x", "images": [b64(PNG), b64(data)]}
    response = media.post("/api/chat", model="eyes", messages=[message])
    assert response.status_code == 400
    assert text in response.json()["error"]
    assert response.json()["error"].startswith(("messages[0].images[1]: ", '"eyes" does not'))


def test_generate_names_its_images_too(media: ServerProcess) -> None:
    response = media.post("/api/generate", model="eyes", prompt="x", images=["AAAA"])
    assert response.status_code == 400
    assert response.json()["error"].startswith("images[0]: not an image of a known type")


def test_the_wrong_model_is_told_before_it_is_loaded(media: ServerProcess) -> None:
    image = {"type": "image", "source": {"type": "base64", "data": b64(PNG)}}
    messages = [{"role": "user", "content": [image]}]
    response = media.post("/v1/messages", model="tiny", max_tokens=1, messages=messages)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == '"tiny" does not support images'
    assert "tiny:latest" not in [model["name"] for model in media.loaded()]


# --- sound ----------------------------------------------------------------------------------------


def test_a_sound_is_heard_in_every_family(media: ServerProcess) -> None:
    sound = noise(1)
    native = chat(media, {"role": "user", "content": "What?", "images": [b64(sound)]}, "ears")
    part = {"type": "input_audio", "input_audio": {"data": b64(sound), "format": "wav"}}
    content = [{"type": "text", "text": "What?"}, part]
    assert chat(media, {"role": "user", "content": content}, "ears") == native
    response = media.post(
        "/v1/chat/completions",
        model="ears",
        messages=[{"role": "user", "content": content}],
        temperature=0,
        max_tokens=12,
    )
    message = response.json()["choices"][0]["message"]
    assert message.get("reasoning", "") + message["content"] == native


def test_a_broken_sound_is_named(media: ServerProcess) -> None:
    part = {"type": "input_audio", "input_audio": {"data": b64(noise(1)[:40]), "format": "wav"}}
    response = media.post(
        "/v1/chat/completions", model="ears", messages=[{"role": "user", "content": [part]}]
    )
    assert response.status_code == 400
    text = response.json()["error"]["message"]
    assert text == "messages[0].content[0]: the sound is broken: no samples were found"


# --- transcriptions -------------------------------------------------------------------------------


def transcribe(server: ServerProcess, data: bytes | None = None, **fields: str) -> Any:
    """The response to a recording of noise, or of ``data``."""
    files = {"file": ("speech.wav", noise(1, 0.5) if data is None else data)}
    return server.client.post("/v1/audio/transcriptions", data=fields, files=files)


@pytest.fixture(scope="module")
def transcription(media: ServerProcess) -> Json:
    body: Json = transcribe(media, model="ears").json()
    return body


@pytest.fixture(scope="module")
def transcript(transcription: Json) -> str:
    text: str = transcription["text"]
    return text


def test_a_transcription_is_text_with_its_usage(transcription: Json) -> None:
    text, usage = transcription["text"], transcription["usage"]
    assert text == text.strip() != ""
    assert usage["type"] == "tokens"
    assert usage["input_tokens"] > 375  # of the half minute that the model hears at once
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_transcription_is_plain_text_where_asked(media: ServerProcess, transcript: str) -> None:
    response = transcribe(media, model="ears", response_format="text")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == transcript


def test_a_verbose_transcription_tells_the_duration(media: ServerProcess) -> None:
    body = transcribe(media, model="ears", response_format="verbose_json", language="en").json()
    assert body == {
        "task": "transcribe",
        "language": "en",
        "duration": 0.5,
        "text": body["text"],
        "usage": {"type": "duration", "seconds": 0.5},
    }


def test_a_transcription_streams(media: ServerProcess, transcript: str) -> None:
    response = transcribe(media, model="ears", stream="true")
    lines = [line for line in response.text.split("\n\n") if line]
    assert lines.pop() == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert "".join(event["delta"] for event in events[:-1]) == transcript
    assert {event["type"] for event in events[:-1]} == {"transcript.text.delta"}
    assert events[-1]["type"] == "transcript.text.done"
    assert events[-1]["text"] == transcript


@pytest.mark.parametrize(
    ("data", "fields", "text"),
    [
        (None, {}, "model is required"),
        (b"", {"model": "ears"}, "audio file is empty"),
        (None, {"model": "ears", "response_format": "srt"}, "response_format 'srt' is not"),
        (None, {"model": "ears", "temperature": "warm"}, "could not convert string to float"),
        (None, {"model": "eyes"}, '"eyes" does not support audio'),
        (b"not a sound", {"model": "ears"}, "file: not a sound of a known type (WAV or MP3)"),
    ],
)
def test_what_cannot_be_transcribed(
    media: ServerProcess, data: bytes | None, fields: dict[str, str], text: str
) -> None:
    response = transcribe(media, data, **fields)
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith(text)


def test_a_transcription_needs_a_form_with_a_file(media: ServerProcess) -> None:
    path = "/v1/audio/transcriptions"
    as_json = media.post(path, model="ears").json()["error"]["message"]
    assert as_json.startswith("failed to parse multipart form: ")
    broken = media.client.post(
        path, content=b"--x\r\n", headers={"content-type": "multipart/form-data"}
    )
    assert broken.json()["error"]["message"].startswith("failed to parse multipart form: ")
    without = media.client.post(path, data={"model": "ears"}, files={"other": b"x"})
    assert without.json()["error"]["message"] == "file is required: http: no such file"


def test_an_unknown_model_transcribes_nothing(media: ServerProcess) -> None:
    assert transcribe(media, model="nobody").status_code == 404
