"""Published files, translated, in real runners: they answer as the stock files of their weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ollama_server.engine import protocol as p
from ollama_server.store.dialects.assemble import split, write_draft
from ollama_server.store.dialects.cache import Cache, Made
from ollama_server.store.dialects.draft import Array
from ollama_server.store.dialects.prepare import Files, translated
from ollama_server.store.dialects.recognize import (
    ADAPTER,
    OWN_PROJECTOR,
    SEPARATE_PROJECTOR,
    TEXT,
    text_draft,
)
from ollama_server.store.gguf import read_gguf
from tests.engine.runner import Runner
from tests.server.dialects import PICTURE, SOUND, ask, at_once, load, media_tokens
from tests.unit.store.dialects import seeing
from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.families import FAMILIES, SCALAR, tiny_family
from tests.unit.store.dialects.tiny import Tiny, Weights
from tests.unit.store.dialects.towers import Family
from tests.unit.store.dialects.variants import VARIANTS


def translation(source: Path) -> Files:
    """What a runner loads for a published file."""
    cache = Cache(source.parent / "store")
    text, eyes = (translated(source, role, cache) for role in (TEXT, OWN_PROJECTOR))
    assert not text.is_none
    projectors = (eyes.path,) if eyes.path else ()
    return Files(text.path or source, projectors, overrides=text.overrides)


def stock(family: Family, folder: Path) -> Files:
    """The same weights as stock llama.cpp has them."""
    text = family.text.write(folder / "stock.gguf")
    if family.projector is None:
        return Files(text)
    return Files(text, (family.projector.write(folder / "projector.gguf"),))


def answers(runner: Runner, family: Family) -> object:
    """What a model says to text, to a picture, to a sound; or a text's vector."""
    try:
        if family.embedding:
            return embedding(runner)
        assert runner.info.vision == (family.projector is not None)
        said = [ask(runner)]
        for data, expected in ((PICTURE, family.image_tokens), (SOUND, family.audio_tokens)):
            if expected:
                said.append(ask(runner, p.Media(data)))
                # The medium, and at most the texts that stand around one.
                assert 0 <= media_tokens(said[-1][0]) - expected <= 4
        return said
    finally:
        runner.close()


def embedding(runner: Runner) -> bytes:
    runner.send(p.Embed(runner.id(), ["ab ba"]))
    found = runner.receive()
    assert isinstance(found, p.Embedded), found
    assert np.isfinite(np.frombuffer(found.vectors, np.float32)).all()
    return found.vectors


def complaint(source: Path) -> str | None:
    """What llama.cpp says to a file; None when it loads."""
    runner = load(Files(source))
    runner.close()
    return runner.answer.error if isinstance(runner.answer, p.LoadFailed) else None


@pytest.mark.parametrize("name", FAMILIES | SCALAR | VARIANTS)
def test_a_translated_model_answers_as_the_stock_one(name: str, tmp_path: Path) -> None:
    family = tiny_family(name)
    source = family.source.write(tmp_path / "source.gguf")
    ours, theirs = translation(source), stock(family, tmp_path)

    found, wanted, refusal = at_once(
        lambda: answers(load(ours, embedding=family.embedding), family),
        lambda: answers(load(theirs, embedding=family.embedding), family),
        lambda: complaint(source),
    )

    assert found == wanted
    if family.refusal is None:
        assert refusal is None
    else:
        assert family.refusal in str(refusal)


def encoded(files: Files, data: bytes, folder: Path) -> Array:
    """What a projector makes of a picture or a sound."""
    folder.mkdir()
    medium, result = folder / "medium", folder / "result.npy"
    medium.write_bytes(data)
    program = [sys.executable, "-m", "tests.server.encode"]
    subprocess.run([*program, files.model, *files.projectors, medium, result], check=True)
    found: Array = np.load(result)
    return found


SEEING = [name for name in FAMILIES | VARIANTS if tiny_family(name).projector]
HEARING = [name for name in SEEING if tiny_family(name).audio_tokens]


@pytest.mark.parametrize(
    ("name", "medium"), [*((n, PICTURE) for n in SEEING), *((n, SOUND) for n in HEARING)]
)
def test_a_tower_makes_the_embeddings_of_the_stock_projector(
    name: str, medium: bytes, tmp_path: Path
) -> None:
    family = tiny_family(name)
    ours = translation(family.source.write(tmp_path / "source.gguf"))
    theirs = stock(family, tmp_path)

    found, wanted = at_once(
        lambda: encoded(ours, medium, tmp_path / "ours"),
        lambda: encoded(theirs, medium, tmp_path / "theirs"),
    )

    assert len(found) == (family.image_tokens if medium == PICTURE else family.audio_tokens)
    assert np.isfinite(found).all()
    assert found.std() > 0
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    ("name", "change", "error"),
    [
        ("qwen3vl", lambda name: "deepstack" in name, "mismatch between text model"),
        ("lfm2", lambda _: False, "wrong number of tensors"),
    ],
)
def test_towers_that_llama_cpp_has_no_use_for_are_refused(
    name: str, change: Callable[[str], bool], error: str, tmp_path: Path
) -> None:
    tiny = tiny_family(name).source
    tensors = {n: array for n, array in tiny.tensors.items() if not change(n)}
    tensors |= {} if name == "qwen3vl" else {"v.position_embd.weight": Weights().matrix(16, 4)}
    files = translation(Tiny(tiny.keys, tensors).write(tmp_path / "source.gguf"))

    runner = load(files)
    runner.close()

    assert isinstance(runner.answer, p.LoadFailed)
    assert error in runner.answer.error


def test_a_translation_in_pieces_answers_as_one_in_a_file(tmp_path: Path) -> None:
    family = tiny_family("gemma3")
    text = dict(family.text.tensors)
    tower = {name: a for name, a in family.source.tensors.items() if name not in text}
    last = {name: text.pop(name) for name in ("output_norm.weight", "output.weight")}
    source = Tiny(family.source.keys, text | tower | last).write(tmp_path / "source.gguf")
    draft = text_draft(read_gguf(source))
    assert draft is not None

    def make(target: Path) -> Made:
        sizes = []
        for number, piece in enumerate(split(draft, smallest=1), 1):
            path = target if number == 1 else Path(f"{target}.{number}")
            path.touch()
            sizes.append(write_draft(piece, path))
        return Made(sum(sizes), len(sizes))

    cache = Cache(tmp_path / "store")
    entry = cache.get(source, "text", make)
    assert cache.get(source, "text", make).path == cache.entries()[0].path == entry.path
    assert [path.name[40:] for path in sorted(cache.folder.glob("*.gguf"))] == [
        "-00001-of-00002.gguf",
        "-00002-of-00002.gguf",
    ]
    eyes = translated(source, OWN_PROJECTOR, cache).path
    assert eyes is not None

    found, wanted = at_once(
        lambda: answers(load(Files(entry.path, (eyes,))), family),
        lambda: answers(load(stock(family, tmp_path)), family),
    )

    assert found == wanted
    source.unlink()
    cache.evict()
    assert list(cache.folder.glob("*.gguf")) == []


def test_an_old_llava_projector_sees_as_one_that_names_its_type(tmp_path: Path) -> None:
    family = seeing.llava()
    typed = stock(family, tmp_path)
    old = family.source.write(tmp_path / "old.gguf")
    eyes = translated(old, SEPARATE_PROJECTOR, Cache(tmp_path / "store")).path
    assert eyes is not None

    found, wanted, refused = at_once(
        lambda: answers(load(Files(typed.model, (eyes,))), family),
        lambda: answers(load(typed), family),
        lambda: load(Files(typed.model, (old,))),
    )

    assert found == wanted
    assert isinstance(refused, Runner)
    assert isinstance(refused.answer, p.LoadFailed)
    refused.close()


def test_an_adapter_in_the_published_names_does_what_one_in_the_stock_names_does(
    tmp_path: Path,
) -> None:
    family = tiny_family("gptoss")
    source = family.source.write(tmp_path / "source.gguf")
    w = Weights(5)
    keys = {"general.type": "adapter", "adapter.type": "lora", "adapter.lora.alpha": 4.0}
    name = "blk.0.attn_output.weight.lora_"
    tensors = {f"{name}a": w.matrix(t.WIDTH, 4), f"{name}b": w.matrix(4, t.WIDTH)}
    published = Tiny(
        keys | {"general.architecture": "gptoss"},
        t.renamed(tensors, [("attn_output", "attn_out")]),
    ).write(tmp_path / "published.gguf")
    plain = Tiny(keys | {"general.architecture": "gpt-oss"}, tensors).write(tmp_path / "plain.gguf")
    adapter = translated(published, ADAPTER, Cache(tmp_path / "store")).path
    assert adapter is not None
    bare = stock(family, tmp_path)

    found, wanted, without = at_once(
        lambda: answers(load(replace(translation(source), adapters=(adapter,))), family),
        lambda: answers(load(replace(bare, adapters=(plain,))), family),
        lambda: answers(load(bare), family),
    )

    assert found == wanted
    assert found != without
