"""Both test sets: drawings, phrasings and combinations that training never sees."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass

from models.sight import words
from models.sight.drawings import Scene, draw, make_scene
from models.sight.phrasings.base import Phrasings
from models.sight.phrasings.blind import BLIND
from models.sight.phrasings.held_out import HELD_OUT
from models.sight.questions import Asker, Question

# Training seeds are small numbers.
SEED = 20_000_000
BLIND_SEED = 40_000_000
CASES = 30
FORMATS = ("PNG", "PNG", "JPEG", "WEBP", "BMP")
# Training draws on canvases of 80 to 320 pixels.
SMALLEST, LARGEST = 64, 640


@dataclass(frozen=True)
class Case:
    """An image file (or none), a question about it, and the only right answer."""

    category: str
    image: bytes | None
    question: Question
    scene: Scene | None = None


def picture(rng: random.Random, scene: Scene) -> bytes:
    """A drawing of a scene, as a file in one of the usual formats."""
    buffer = io.BytesIO()
    image = draw(rng, scene, smallest=SMALLEST, largest=LARGEST).image
    kind = rng.choice(FORMATS)
    image.save(buffer, kind, **({"quality": 85} if kind in ("JPEG", "WEBP") else {}))
    return buffer.getvalue()


def _scene(rng: random.Random, *, held_out: bool) -> Scene:
    while True:
        scene = make_scene(rng)
        if scene.held_out == held_out:
            return scene


def cases(seed: int = SEED, size: int = CASES, *, phrasings: Phrasings = HELD_OUT) -> list[Case]:
    """`size` cases of every category; those of one seed are always the same.

    The last category before the questions without a drawing has combinations of colour, shape and
    count that training never shows; all others have combinations that it may show.
    """
    rng = random.Random(seed)
    asker = Asker(rng, phrasings)
    found = []
    for category in asker.categories:
        for _ in range(size):
            scene = _scene(rng, held_out=False)
            found.append(Case(category, picture(rng, scene), asker.ask(scene, category), scene))
    for _ in range(size):
        scene = _scene(rng, held_out=True)
        question = asker.ask(scene, rng.choice(("describe", "count", "describe zh")))
        found.append(Case("new combinations", picture(rng, scene), question, scene))
    texts = [(text, words.NO_DRAWING) for text in phrasings.describe]
    texts += [(text, words.NO_DRAWING_ZH) for text in phrasings.describe_zh]
    for text, answer in texts:
        question = Question("no drawing", text.format(image="picture"), answer)
        found.append(Case("no drawing", None, question))
    return found


def blind_cases() -> list[Case]:
    """The cases of the blind test set, about drawings of its own."""
    return cases(BLIND_SEED, phrasings=BLIND)
