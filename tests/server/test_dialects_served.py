"""Published models on a server: created and pulled, shown as they are published, and answering."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ollama_server.store.gguf import read_gguf
from tests.process import ServerProcess
from tests.server.dialects import PICTURE
from tests.unit.store.dialects import seeing
from tests.unit.store.dialects.families import FAMILIES, tiny_family
from tests.unit.store.dialects.tiny import WIDTH, Tiny
from tests.unit.transfer.local_registry import LocalRegistry
from tests.unit.transfer.serving import serving

CONFIG = json.dumps({"model_format": "gguf", "model_family": "gemma3"}).encode()
Create = Callable[..., str]


@pytest.fixture
def create(server: ServerProcess) -> Iterator[Create]:
    """Installs files as a model, which goes when the test ends."""
    names = []

    def install(name: str, *files: Tiny, **more: Any) -> str:
        data = [file.encode() for file in files]
        uploaded = {f"{n}.gguf": server.upload(one) for n, one in enumerate(data)}
        server.create(name, files=uploaded, parameters={"temperature": 0}, **more)
        names.append(name)
        return name

    yield install
    for name in names:
        server.client.request("DELETE", "/api/delete", json={"model": name})


def see(server: ServerProcess, model: str) -> dict[str, Any]:
    """What a model says to a picture."""
    image = base64.b64encode(PICTURE).decode()
    answer = server.post(
        "/api/chat",
        model=model,
        messages=[{"role": "user", "content": "ab", "images": [image]}],
        stream=False,
        options={"num_predict": 2, "num_ctx": 2048, "temperature": 0},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def show(server: ServerProcess, model: str) -> dict[str, Any]:
    shown: dict[str, Any] = server.post("/api/show", model=model, verbose=True).json()
    return shown


def capabilities(server: ServerProcess, model: str) -> list[str]:
    """What a model says it can do, whatever template it was given."""
    shown = show(server, model)["capabilities"]
    return [one for one in shown if one not in ("tools", "thinking")]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_published_model_is_created_and_does_what_it_says_it_can(
    name: str, server: ServerProcess, create: Create
) -> None:
    family = tiny_family(name)
    model = create("published", family.source)
    senses = [("vision", family.projector), ("audio", family.audio_tokens)]
    able = ["completion", *(sense for sense, has in senses if has)]
    assert capabilities(server, model) == (["embedding"] if family.embedding else able)
    if family.embedding:
        answer = server.post("/api/embed", model=model, input="ab")
        assert len(answer.json()["embeddings"][0]) == WIDTH
    elif family.projector:
        assert see(server, model)["prompt_eval_count"] > family.image_tokens
    else:
        assert say(server, model)["eval_count"] > 0


def test_a_limited_cache_keeps_what_was_used_last(tmp_path: Path) -> None:
    first, second = (tiny_family(name).source for name in ("gptoss", "olmo3"))
    server = ServerProcess(tmp_path, CACHE_MAX=str(len(first.encode()) + 1000))
    try:
        for name, source in (("first", first), ("second", second), ("first", first)):
            files = {"model.gguf": server.upload(source.encode())}
            server.create(name, files=files)
            say(server, name)
            server.post("/api/generate", model=name, keep_alive=0).raise_for_status()
            (kept,) = (server.home / "models" / "derived").glob("*.gguf")
            assert read_gguf(kept).architecture == {"first": "gpt-oss", "second": "olmo2"}[name]
    finally:
        server.close()


def test_a_models_own_template_comes_before_the_one_of_its_translation(
    server: ServerProcess, create: Create
) -> None:
    source = tiny_family("gemma3").source
    model = create("published", source, template="{{ .System }}|{{ .Prompt }}")
    plain, with_system = (
        server.chat("ab", model=model, messages=[*system, {"role": "user", "content": "ab"}])
        for system in ([], [{"role": "system", "content": "aaaa"}])
    )
    # A token for each letter: the template of the translation would refuse the second.
    assert with_system["prompt_eval_count"] == plain["prompt_eval_count"] + 4


def test_a_published_model_answers_and_stays_what_it_was(
    server: ServerProcess, create: Create
) -> None:
    source = tiny_family("gemma3").source
    model = create("published", source)
    before = show(server, model)

    answer = see(server, model)

    derived = server.home / "models" / "derived"
    tag = next(
        tag
        for tag in server.client.get("/api/tags").json()["models"]
        if tag["name"] == "published:latest"
    )
    assert answer["prompt_eval_count"] > 4
    assert show(server, model) == before
    assert before["model_info"]["gemma3.vision.block_count"] == 2
    assert "projector_info" not in before
    assert before["capabilities"] == ["completion", "vision"]
    # The published file and texts of some bytes, not what was made of it.
    assert 0 < tag["size"] - len(source.encode()) < 2000
    assert len(list(derived.glob("*.gguf"))) == 2

    server.client.request("DELETE", "/api/delete", json={"model": model})
    assert list(derived.glob("*.gguf")) == []


def test_a_pulled_model_answers_as_a_created_one(server: ServerProcess, create: Create) -> None:
    source = tiny_family("gemma3").source
    created = see(server, create("published", source))
    registry = LocalRegistry()
    with serving(registry.app()) as port:
        registry.port = port
        registry.add_model("ns/m", "t", source.encode(), config=CONFIG)
        name = f"{registry.host}/ns/m:t"
        server.post("/api/pull", model=name, insecure=True, stream=False).raise_for_status()
    try:
        answer = see(server, name)
    finally:
        server.client.request("DELETE", "/api/delete", json={"model": name})
    assert answer["message"] == created["message"]
    assert answer["prompt_eval_count"] == created["prompt_eval_count"]


def test_a_model_made_from_a_published_one_has_the_published_file(
    server: ServerProcess, create: Create
) -> None:
    create("published", tiny_family("gptoss").source)
    server.post("/api/generate", model="published", prompt="ab", stream=False).raise_for_status()
    create("copied", **{"from": "published"})
    assert show(server, "copied")["model_info"]["general.architecture"] == "gptoss"
    assert show(server, "copied")["tensors"] == show(server, "published")["tensors"]


def test_an_old_projector_is_told_its_type_when_a_model_is_made_of_it(
    server: ServerProcess, create: Create
) -> None:
    family = seeing.llava()
    model = create("llava", family.text, family.source)
    assert show(server, model)["projector_info"]["clip.projector_type"] == "mlp"
    assert see(server, model)["prompt_eval_count"] > family.image_tokens


def test_listed_tokens_end_an_answer(server: ServerProcess, create: Create) -> None:
    source = tiny_family("olmo3").source
    endless = say(server, create("endless", source, template="{{ .Prompt }}"))
    end = endless["context"][-3]
    ended = Tiny(source.keys | {"tokenizer.ggml.eos_token_ids": [end]}, source.tensors)
    answer = say(server, create("ended", ended, template="{{ .Prompt }}"))
    assert endless["done_reason"] == "length"
    assert answer["done_reason"] == "stop"
    assert answer["eval_count"] < endless["eval_count"]


def say(server: ServerProcess, model: str) -> dict[str, Any]:
    options = {"num_predict": 8, "temperature": 0, "num_ctx": 256}
    return server.generate("ab ba", model=model, options=options)
