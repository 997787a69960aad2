"""Questions about a scene, with the answers that the model is to give."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.sight import words
from models.sight.drawings import COLOURS, SHAPES, Scene, make_scene
from models.sight.phrasings.base import Phrasings, expand
from models.sight.phrasings.leaks import leaks
from models.sight.phrasings.trained import TRAINED


@dataclass(frozen=True)
class Question:
    category: str
    text: str
    answer: str


@dataclass(frozen=True)
class Thing:
    """What a question is about: shapes of one kind, of one colour, of both, or any."""

    shape: str | None = None
    colour: str | None = None

    def count(self, scene: Scene) -> int:
        """How many of the scene's shapes it means."""
        return sum(
            group.count
            for group in scene.groups
            if self.shape in (None, group.shape) and self.colour in (None, group.colour)
        )

    def name(self, count: int, *, any_shape: str = "shapes") -> str:
        """English, singular for one: "red circles"."""
        noun = _plural(self.shape) if self.shape else any_shape
        if count == 1:
            noun = self.shape or any_shape.removesuffix("s")
        return f"{self.colour} {noun}" if self.colour else noun

    @property
    def chinese(self) -> str:
        shape = words.SHAPES_ZH[self.shape] if self.shape else words.ANY_SHAPE_ZH
        return f"{words.COLOURS_ZH[self.colour]}的{shape}" if self.colour else shape


def _plural(shape: str) -> str:
    return words.PLURALS.get(shape, f"{shape}s")


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _listed(parts: Sequence[str], joint: str = " and ") -> str:
    return joint.join(dict.fromkeys(parts))


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _there(thing: Thing, count: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"there {verb} {words.NUMBERS[count]} {thing.name(count)}"


def _there_zh(thing: Thing, count: int) -> str:
    if count == 0:
        return f"没有{thing.chinese}。"
    return f"有{words.NUMBERS_ZH[count]}个{thing.chinese}。"


class Asker:
    """Puts questions to scenes, in given phrasings; those of the training are varied."""

    def __init__(self, rng: random.Random, phrasings: Phrasings = TRAINED) -> None:
        self._rng = rng
        self._ways = phrasings
        self._plain: dict[str, Callable[[Scene], Question]] = {
            "describe": self.describe,
            "count": self.count,
            "colour": self.colour,
            "shape": self.shape,
            "background": self.background,
            "yes or no": self.yes_or_no,
            "kinds": self.kinds,
            "describe zh": self.describe_zh,
            "count zh": self.count_zh,
            "colour zh": self.colour_zh,
            "shape zh": self.shape_zh,
        }
        self._weights = (4, 5, 3, 4, 2, 7, 3.5, 2.5, 3, 2, 2.5)

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(self._plain)

    def ask(self, scene: Scene, category: str | None = None) -> Question:
        """A question of a category, or of any."""
        if category is None:
            category = self._rng.choices(self.categories, self._weights)[0]
        return self._plain[category](scene)

    def choose(self, options: Sequence[str]) -> str:
        return self._rng.choice(options)

    # --- phrasing ---------------------------------------------------------------------------------

    def _phrase(self, phrasings: Sequence[str], **slots: str) -> str:
        slots = {"image": self._rng.choice(words.IMAGES), **slots}
        if self._ways is not TRAINED:
            return self._rng.choice(phrasings).format(**slots)
        while leaks(text := self._varied(phrasings, slots)):
            pass
        return text

    def _varied(self, phrasings: Sequence[str], slots: dict[str, str]) -> str:
        """One of the many texts that the training's phrasings stand for."""
        rng = self._rng
        text = _first_upper(expand(rng.choice(phrasings), rng).format(**slots))
        if rng.random() < 0.1:
            openings = words.OPENINGS if text.isascii() else words.OPENINGS_ZH
            text = rng.choice(openings).format(text, image=slots["image"])
        if rng.random() < 0.08:
            text = text[:-1]
        if rng.random() < 0.08:
            text = text[0].lower() + text[1:]
        return text

    def _briefly(self, text: str, answer: str, short: str, digit: str = "") -> tuple[str, str]:
        """Sometimes asks for a word or a digit instead of a sentence."""
        kind = self._rng.random()
        if kind < 0.12:
            return f"{text} {self._rng.choice(words.ONE_WORD)}", _first_upper(short) + "."
        if digit and kind < 0.2:
            return f"{text} {self._rng.choice(words.ONE_DIGIT)}", digit
        return text, answer

    def _thing(self, scene: Scene) -> Thing:
        """Something to ask about, mostly there."""
        rng, group = self._rng, self._rng.choice(scene.groups)
        kind = rng.random()
        if kind < 0.5:
            return Thing(shape=group.shape)
        if kind < 0.65:
            return Thing(colour=group.colour)
        if kind < 0.8:
            return Thing(group.shape, group.colour)
        other = rng.choice(scene.groups)
        if kind < 0.87:
            return Thing(rng.choice(SHAPES))
        if kind < 0.94:
            return Thing(colour=rng.choice(list(COLOURS)))
        return Thing(group.shape, rng.choice([other.colour, rng.choice(list(COLOURS))]))

    # --- English ----------------------------------------------------------------------------------

    def describe(self, scene: Scene) -> Question:
        parts = [
            f"{words.NUMBERS[g.count]} {Thing(g.shape, g.colour).name(g.count)}"
            for g in scene.groups
        ]
        answer = f"{_first_upper(_listed(parts))} on a {scene.background} background."
        return Question("describe", self._phrase(self._ways.describe), answer)

    def count(self, scene: Scene) -> Question:
        rng = self._rng
        thing = Thing() if rng.random() < 0.25 else self._thing(scene)
        number = thing.count(scene)
        name = thing.name(2, any_shape=rng.choice(words.ANY_SHAPE))
        text = self._phrase(self._ways.count, things=name)
        answer = _first_upper(_there(thing, number)) + "."
        short = "none" if number == 0 else words.NUMBERS[number]
        return Question("count", *self._briefly(text, answer, short, str(number)))

    def colour(self, scene: Scene) -> Question:
        rng = self._rng
        thing = Thing(rng.choice(scene.groups).shape)
        if rng.random() < 0.08:
            thing = Thing(rng.choice(SHAPES))
        elif len(scene.groups) == 1 and rng.random() < 0.25:
            thing = Thing()
        number = thing.count(scene)
        asked = number or rng.randint(1, 2)
        verb, does = ("is", "does") if asked == 1 else ("are", "do")
        slots = {"things": thing.name(asked), "is": verb, "does": does}
        text = self._phrase(self._ways.colour, **slots)
        if number == 0:
            answer = _first_upper(_there(thing, 0)) + "."
            return Question("colour", text, answer)
        colours = self._colours(thing, scene)
        answer = f"The {thing.name(number)} {verb} {colours}."
        return Question("colour", *self._briefly(text, answer, colours))

    def _colours(self, thing: Thing, scene: Scene) -> str:
        return _listed([g.colour for g in scene.groups if thing.shape in (None, g.shape)])

    def shape(self, scene: Scene) -> Question:
        rng = self._rng
        colour = rng.choice(scene.groups).colour
        if rng.random() < 0.15:
            colour = rng.choice([c for c in COLOURS if c != scene.background])
        thing = Thing(colour=colour)
        number = thing.count(scene)
        many = (number or rng.randint(1, 2)) > 1
        slots = {
            "colour": colour,
            "is": "are" if many else "is",
            "one": "ones" if many else "one",
            "shape": "shapes" if many else "shape",
            "s": "s" if many else "",
            "does": "do" if many else "does",
        }
        text = self._phrase(self._ways.shape, **slots)
        if number == 0:
            return Question("shape", text, f"No shape is {colour}.")
        kinds = [g.shape for g in scene.groups if g.colour == colour]
        if many:
            answer = (
                f"The {colour} shapes are {_listed([_shapes(colour, k, scene) for k in kinds])}."
            )
        else:
            answer = f"The {colour} shape is {_article(kinds[0])}."
        return Question("shape", *self._briefly(text, answer, _listed(kinds)))

    def background(self, scene: Scene) -> Question:
        text = self._phrase(self._ways.background)
        answer = f"The background is {scene.background}."
        return Question("background", *self._briefly(text, answer, scene.background))

    def yes_or_no(self, scene: Scene) -> Question:
        return self._is_there(scene) if self._rng.random() < 0.6 else self._is_it(scene)

    def _is_there(self, scene: Scene) -> Question:
        rng = self._rng
        thing = self._thing(scene)
        if rng.random() < 0.4:
            thing = Thing(rng.choice(SHAPES), rng.choice([None, *COLOURS]))
        number = thing.count(scene)
        slots = {"a_thing": _article(thing.name(1)), "things": thing.name(2)}
        answer = ("Yes, " if number else "No, ") + _there(thing, number) + "."
        return Question("yes or no", self._phrase(self._ways.there, **slots), answer)

    def _is_it(self, scene: Scene) -> Question:
        rng = self._rng
        thing = Thing(rng.choice(scene.groups).shape)
        number, colours = thing.count(scene), self._colours(thing, scene)
        asked = colours.split(" and ")[0] if rng.random() < 0.5 else rng.choice(list(COLOURS))
        verb = "is" if number == 1 else "are"
        slots = {"things": thing.name(number), "colour": asked, "is": verb, "Is": verb.title()}
        truth = "Yes" if asked in colours.split(" and ") else "No"
        answer = f"{truth}, the {thing.name(number)} {verb} {colours}."
        return Question("yes or no", self._phrase(self._ways.is_it, **slots), answer)

    def kinds(self, scene: Scene) -> Question:
        shapes = dict.fromkeys(g.shape for g in scene.groups)
        parts = [
            f"{words.NUMBERS[number]} {Thing(shape).name(number)}"
            for shape in shapes
            if (number := Thing(shape).count(scene))
        ]
        return Question("kinds", self._phrase(self._ways.kinds), _first_upper(_listed(parts)) + ".")

    # --- Chinese ----------------------------------------------------------------------------------

    def describe_zh(self, scene: Scene) -> Question:
        parts = [
            f"{words.NUMBERS_ZH[g.count]}个{Thing(g.shape, g.colour).chinese}" for g in scene.groups
        ]
        paper = words.COLOURS_ZH[scene.background]
        answer = f"{paper}背景上有{_listed(parts, '和')}。"
        return Question("describe zh", self._phrase(self._ways.describe_zh), answer)

    def count_zh(self, scene: Scene) -> Question:
        thing = Thing() if self._rng.random() < 0.25 else self._thing(scene)
        text = self._phrase(self._ways.count_zh, things=thing.chinese)
        return Question("count zh", text, _there_zh(thing, thing.count(scene)))

    def colour_zh(self, scene: Scene) -> Question:
        if self._rng.random() < 0.25:
            paper = words.COLOURS_ZH[scene.background]
            text = self._phrase(self._ways.colour_zh, things="背景")
            return Question("colour zh", text, f"背景是{paper}的。")
        thing = Thing(self._rng.choice(scene.groups).shape)
        colours = [words.COLOURS_ZH[c] for c in self._colours(thing, scene).split(" and ")]
        text = self._phrase(self._ways.colour_zh, things=thing.chinese)
        return Question("colour zh", text, f"{thing.chinese}是{'和'.join(colours)}的。")

    def shape_zh(self, scene: Scene) -> Question:
        colour = self._rng.choice(scene.groups).colour
        name = words.COLOURS_ZH[colour]
        shapes = [words.SHAPES_ZH[g.shape] for g in scene.groups if g.colour == colour]
        text = self._phrase(self._ways.shape_zh, colour=name)
        return Question("shape zh", text, f"{name}的图形是{'和'.join(dict.fromkeys(shapes))}。")


def _shapes(colour: str, shape: str, scene: Scene) -> str:
    """A kind of shape of a colour: "circles", or "a circle" where there is but one."""
    count = Thing(shape, colour).count(scene)
    return _article(shape) if count == 1 else _plural(shape)


def no_drawing(rng: random.Random) -> Question:
    """A question without a drawing."""
    kind = rng.random()
    if kind < 0.3:
        return Question("no drawing", rng.choice(words.GREETINGS), words.NO_DRAWING)
    category = "describe zh" if kind < 0.5 else None
    text = Asker(rng).ask(make_scene(rng), category).text
    return Question("no drawing", text, words.NO_DRAWING if text.isascii() else words.NO_DRAWING_ZH)
