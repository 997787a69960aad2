"""Published files, translated, in real runners: they answer as the stock files of their weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ollama_server.engine import protocol as p
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.prepare import Plan, translated
from ollama_server.store.dialects.recognize import (
    projector_draft,
    separate_projector_draft,
    text_draft,
)
from tests.engine.runner import Runner
from tests.server.dialects import PICTURE, SOUND, ask, at_once, load, media_tokens
from tests.unit.store.dialects import seeing
from tests.unit.store.dialects.families import FAMILIES
from tests.unit.store.dialects.tiny import Tiny
from tests.unit.store.dialects.towers import Family


def translation(source: Path, role: str, plan: Plan) -> Path | None:
    return translated(source, role, plan, Cache(source.parent / "store"))


def written(tiny: Tiny | None, path: Path) -> Path | None:
    return tiny.write(path) if tiny else None


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
    runner = load(source)
    runner.close()
    return runner.answer.error if isinstance(runner.answer, p.LoadFailed) else None


@pytest.mark.parametrize("name", FAMILIES)
def test_a_translated_model_answers_as_the_stock_one(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]()
    source = family.source.write(tmp_path / "source.gguf")
    text = translation(source, "text", text_draft)
    assert text is not None
    ours = (text, translation(source, "mmproj", projector_draft))
    stock = family.text.write(tmp_path / "stock.gguf")
    theirs = (stock, written(family.projector, tmp_path / "projector.gguf"))

    found, wanted, refusal = at_once(
        lambda: answers(load(*ours, embedding=family.embedding), family),
        lambda: answers(load(*theirs, embedding=family.embedding), family),
        lambda: complaint(source),
    )

    assert found == wanted
    if family.refusal is None:
        assert refusal is None
    else:
        assert family.refusal in str(refusal)


def test_an_old_llava_projector_sees_as_one_that_names_its_type(tmp_path: Path) -> None:
    family = seeing.llava()
    assert family.projector is not None
    text = family.text.write(tmp_path / "text.gguf")
    typed = family.projector.write(tmp_path / "typed.gguf")
    old = family.source.write(tmp_path / "old.gguf")

    found, wanted, refusal = at_once(
        lambda: answers(
            load(text, translation(old, "projector", separate_projector_draft)), family
        ),
        lambda: answers(load(text, typed), family),
        lambda: load(text, old),
    )

    assert found == wanted
    assert isinstance(refusal, Runner)
    assert isinstance(refusal.answer, p.LoadFailed)
    refusal.close()
