"""Published files, translated, in real runners: they answer as the stock files of their weights."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import pytest

from ollama_server.engine import protocol as p
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.prepare import translated
from ollama_server.store.dialects.recognize import projector_draft, text_draft
from tests.engine.runner import GREEDY, Runner
from tests.process import ServerProcess
from tests.unit.store.dialects.families import FAMILIES
from tests.unit.store.dialects.towers import Family

PROMPT = p.Tokens([70, 80, 90, 100, 110, 70, 80])


def _picture(side: int = 64) -> bytes:
    """A PNG file with a slope of greys."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(bytes([0, *((x * 4 + y) % 256 for x in range(side))]) for y in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


PICTURE = _picture()


def load(model: Path, projector: Path | None, embedding: bool) -> Runner:
    projectors = [str(projector)] if projector else []
    return Runner(
        p.Load(str(model), projectors, num_ctx=256, parallel=1, embedding=embedding, num_thread=1)
    )


def answers(runner: Runner, family: Family) -> object:
    """What a model says to a prompt: likely tokens with their probabilities, or a vector."""
    try:
        if family.embedding:
            runner.send(p.Embed(runner.id(), ["ab ba"]))
            found = runner.receive()
            assert isinstance(found, p.Embedded), found
            return found.vectors
        assert runner.info.vision == (family.projector is not None)
        said = [_generate(runner, [PROMPT])]
        if family.projector is not None:
            count, tokens = _generate(runner, [PROMPT, p.Media(PICTURE), PROMPT])
            # The picture, and at most the texts that stand around one.
            assert 0 <= count - 2 * len(PROMPT.ids) - family.image_tokens <= 4
            said.append((count, tokens))
        return said
    finally:
        runner.close()


def _generate(runner: Runner, prompt: list[p.PromptPart]) -> tuple[int, object]:
    request = p.Generate(
        runner.id(), prompt, GREEDY, max_tokens=4, logprobs=True, top_logprobs=5, add_special=False
    )
    answer = runner.generate_all([request])[0]
    tokens = [(x.id, x.logprob, x.top) for delta in answer.deltas for x in delta.logprobs]
    return answer.finished.prompt_tokens, tokens


@pytest.mark.parametrize("name", FAMILIES)
def test_a_translated_model_answers_as_the_stock_one(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]()
    cache = Cache(tmp_path / "store")
    source = family.source.write(tmp_path / "source.gguf")
    text = translated(source, "text", text_draft, cache)
    tower = translated(source, "mmproj", projector_draft, cache)
    assert text is not None
    stock = family.text.write(tmp_path / "stock.gguf")
    eyes = family.projector
    projector = eyes.write(tmp_path / "projector.gguf") if eyes is not None else None

    ours = answers(load(text, tower, family.embedding), family)

    assert ours == answers(load(stock, projector, family.embedding), family)


@pytest.mark.parametrize("name", FAMILIES)
def test_llama_cpp_refuses_the_file_as_published(name: str, tmp_path: Path) -> None:
    source = FAMILIES[name]().source.write(tmp_path / "source.gguf")
    runner = load(source, None, False)
    runner.close()
    assert isinstance(runner.answer, p.LoadFailed)


def test_a_server_serves_a_published_model_and_shows_it_as_published(
    server: ServerProcess, tmp_path: Path
) -> None:
    source = FAMILIES["gemma3"]().source.write(tmp_path / "source.gguf")
    digest = server.upload(source.read_bytes())
    server.create("published", files={"model.gguf": digest}, parameters={"temperature": 0})
    body = {
        "model": "published",
        "messages": [
            {"role": "user", "content": "ab", "images": [base64.b64encode(PICTURE).decode()]}
        ],
        "stream": False,
        "options": {"num_predict": 2, "num_ctx": 2048},
    }

    answer = server.post("/api/chat", **body)
    shown = server.post("/api/show", model="published").json()
    derived = server.home / "models" / "derived"

    assert answer.status_code == 200, answer.text
    assert answer.json()["prompt_eval_count"] > 4
    assert shown["model_info"]["gemma3.vision.block_count"] == 2
    assert "projector_info" not in shown
    assert "vision" in shown["capabilities"]
    assert len(list(derived.glob("*.gguf"))) == 2
    server.client.request("DELETE", "/api/delete", json={"model": "published"})
    assert list(derived.glob("*.gguf")) == []
