"""The committed model that sees: what its files hold, and what it says about drawings."""

from __future__ import annotations

import asyncio
import base64
import io
import random
import re
from collections import Counter
from pathlib import Path

import gguf
import pytest
from PIL import Image

from models.sight import evaluate
from models.sight.config import ENCODER, GGUF_PATH, HERE, PROJECTOR_PATH, TEMPLATE_PATH
from models.sight.drawings import (
    COLOURS,
    MOST,
    SHAPES,
    Group,
    Scene,
    draw,
    make_scene,
    training_scene,
)
from models.sight.heldout import Case, blind_cases, cases
from models.sight.phrasings import leaks
from models.sight.phrasings.base import Phrasings
from models.sight.phrasings.blind import BLIND
from models.sight.phrasings.held_out import HELD_OUT
from models.sight.preprocess import fit
from models.sight.questions import Asker, Question
from tests.llama_server import LlamaServer


def contents(path: Path, key: str) -> object:
    found = gguf.GGUFReader(path).get_field(key)
    assert found is not None, key
    return found.contents()


# --- the files ------------------------------------------------------------------------------------


def test_both_files_together_are_under_six_megabytes() -> None:
    assert GGUF_PATH.stat().st_size + PROJECTOR_PATH.stat().st_size < 6_000_000


def test_the_projector_is_that_of_llava() -> None:
    assert contents(PROJECTOR_PATH, "clip.projector_type") == "mlp"
    assert contents(PROJECTOR_PATH, "clip.vision.image_size") == ENCODER.image


def test_the_file_holds_the_chat_template() -> None:
    template = contents(GGUF_PATH, "tokenizer.chat_template")
    assert template == TEMPLATE_PATH.read_text(encoding="utf-8")


# --- drawings and questions -----------------------------------------------------------------------


def test_the_same_seed_makes_the_same_drawing() -> None:
    scene = Scene("grey", (Group("heart", "pink", 3), Group("star", "blue", 1)))
    left, right = (draw(random.Random(5), scene).image.tobytes() for _ in range(2))
    assert left == right


def test_shapes_never_overlap() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        spots = draw(rng, training_scene(rng)).spots
        for i, one in enumerate(spots):
            for other in spots[i + 1 :]:
                distance = ((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5
                assert distance > one.radius + other.radius


def test_an_image_is_centred_in_a_square_and_padded() -> None:
    pixels = fit(Image.new("RGB", (200, 100), (255, 0, 0)))
    side = ENCODER.image
    assert pixels.shape == (side, side, 3)
    assert tuple(pixels[0, 0]) == ENCODER.padding
    assert tuple(pixels[side // 2, 0]) == (255, 0, 0)


def test_a_tenth_of_the_combinations_is_held_out_of_training() -> None:
    groups = [Group(s, c, n) for s in SHAPES for c in COLOURS for n in range(1, MOST + 1)]
    held = sum(group.held_out for group in groups)
    assert 0.05 < held / len(groups) < 0.2
    rng = random.Random(1)
    assert not any(training_scene(rng).held_out for _ in range(1000))


def test_held_out_phrasings_are_not_trained() -> None:
    rng = random.Random(1)
    asker = Asker(rng)
    trained = "\n".join(asker.ask(make_scene(rng)).text.lower() for _ in range(10_000))
    trained = trained.replace("colour", "color")
    for case in (*cases(size=20), *blind_cases()):
        assert case.question.text.lower().replace("colour", "color").rstrip(".?？。") not in trained


@pytest.mark.parametrize("phrasings", [HELD_OUT, BLIND], ids=["held out", "blind"])
def test_held_out_phrasings_are_recognised_whatever_is_in_their_slots(phrasings: Phrasings) -> None:
    rng = random.Random(2)
    asker = Asker(rng, phrasings)
    for _ in range(1000):
        text = asker.ask(make_scene(rng)).text
        assert leaks.leaks(f"Hello! {text.rstrip('?.').lower()}, please"), text
    assert not leaks.leaks("How many stars are there?")


def test_answers_say_what_the_drawing_shows() -> None:
    scene = Scene("grey", (Group("circle", "orange", 2), Group("cross", "red", 1)))
    asker = Asker(random.Random(2))
    assert asker.ask(scene, "describe").answer == (
        "Two orange circles and one red cross on a grey background."
    )
    assert asker.ask(scene, "kinds").answer == "Two circles and one cross."
    assert asker.ask(scene, "describe zh").answer == (
        "灰色背景上有两个橙色的圆形和一个红色的十字形。"
    )


# --- the weights ----------------------------------------------------------------------------------


def card_tables() -> list[dict[str, tuple[int, int]]]:
    """Returns both tables of scores in the model card: passed and total by category."""
    card = (HERE / "README.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?m)^\| category \|.*\n(?:\|.*\n)+", card)
    rows = [re.findall(r"(?m)^\| (.+?) \| (\d+) \| (\d+) \|", table) for table in tables]
    return [{name: (int(good), int(total)) for name, good, total in table} for table in rows]


@pytest.fixture(scope="module")
def scores() -> list[dict[str, tuple[int, int]]]:
    return [evaluate.score(selection) for selection in (cases(), blind_cases())]


def passed(scores: dict[str, tuple[int, int]]) -> int:
    return sum(good for good, _ in scores.values())


def test_the_card_counts_the_cases_of_every_category() -> None:
    for table, selection in zip(card_tables(), (cases(), blind_cases()), strict=True):
        counted = Counter(case.category for case in selection)
        assert {name: total for name, (_, total) in table.items() if name != "all"} == dict(counted)
        assert table["all"][1] == counted.total()


def test_the_card_shows_the_scores_of_the_committed_weights(
    scores: list[dict[str, tuple[int, int]]],
) -> None:
    # Another processor may round otherwise and turn a close choice.
    for measured, table in zip(scores, card_tables(), strict=True):
        assert passed(measured) == pytest.approx(table["all"][0], abs=4)


def test_the_committed_weights_answer_nine_in_ten_of_the_held_out_questions(
    scores: list[dict[str, tuple[int, int]]],
) -> None:
    total = sum(count for _, count in scores[0].values())
    assert passed(scores[0]) >= 0.9 * total


def test_drawings_that_nobody_has_seen_are_answered_about_as_well() -> None:
    fresh = cases(seed=31_000_000, size=4)
    share = passed(evaluate.score(fresh)) / len(fresh)
    good, total = card_tables()[0]["all"]
    wanted = good / total
    assert share >= wanted - 0.15


def test_llama_server_says_the_same() -> None:
    scene = Scene("white", (Group("circle", "red", 3), Group("star", "blue", 1)))
    question = Question("describe", "What do you see?", "")
    selection = []
    for seed in range(3):
        file = io.BytesIO()
        draw(random.Random(seed), scene).image.save(file, "PNG")
        selection.append(Case("sight", file.getvalue(), question))
    ours = asyncio.run(evaluate.answers(selection, GGUF_PATH, PROJECTOR_PATH, 1))
    with LlamaServer(GGUF_PATH, "--mmproj", PROJECTOR_PATH, "-c", "2048") as server:
        theirs = [look(server, case) for case in selection]
    assert ours == theirs


def look(server: LlamaServer, case: Case) -> str:
    """What llama-server answers to a question about an image."""
    assert case.image is not None
    url = "data:image/png;base64," + base64.b64encode(case.image).decode()
    content = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": case.question.text},
    ]
    answer = server.post(
        "/v1/chat/completions",
        messages=[{"role": "user", "content": content}],
        temperature=0,
        max_tokens=evaluate.MAX_TOKENS,
    )
    return str(answer["choices"][0]["message"]["content"])
