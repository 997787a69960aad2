"""Drawings and what is on them, deterministic from a seed: a few shapes on a plain background."""

from __future__ import annotations

import io
import math
import random
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]

SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
# The shades that go by a name; each is varied a little.
COLOURS: dict[str, tuple[Colour, ...]] = {
    "red": ((220, 35, 35), (255, 0, 0)),
    "orange": ((255, 140, 0), (255, 165, 0)),
    "yellow": ((250, 225, 30), (255, 255, 0)),
    "green": ((35, 160, 60), (0, 128, 0), (0, 200, 0)),
    "blue": ((40, 80, 225), (0, 0, 255)),
    "purple": ((135, 40, 180), (128, 0, 128)),
    "pink": ((255, 150, 195), (255, 192, 203)),
    "brown": ((130, 72, 30), (139, 69, 19)),
    "black": ((14, 14, 14), (0, 0, 0)),
    "white": ((250, 250, 250), (255, 255, 255)),
}
BACKGROUNDS: dict[str, tuple[Colour, ...]] = {
    name: COLOURS[name] for name in ("white", "black", "yellow", "green", "blue", "pink")
} | {"grey": ((140, 140, 140), (128, 128, 128), (175, 175, 175))}
MOST = 4
# How far a shape may be turned, in degrees, and still be called what it is.
TURNS = {"circle": 0, "square": 12, "triangle": 25, "star": 36, "cross": 12, "heart": 20}
JITTER = 14
TRIES = 60


@dataclass(frozen=True)
class Group:
    """Shapes of one kind and colour, ``count`` of them."""

    shape: str
    colour: str
    count: int

    @property
    def held_out(self) -> bool:
        """Whether training never sees this combination of colour, shape and count."""
        return zlib.crc32(f"{self.colour} {self.shape} {self.count}".encode()) % 10 == 0


@dataclass(frozen=True)
class Scene:
    """What a drawing shows. The larger group comes first, then as SHAPES and COLOURS have them."""

    background: str
    groups: tuple[Group, ...]

    @property
    def held_out(self) -> bool:
        return any(group.held_out for group in self.groups)

    @property
    def total(self) -> int:
        return sum(group.count for group in self.groups)


@dataclass(frozen=True)
class Spot:
    """Where one shape lies: its centre and radius as shares of the longer side."""

    group: int
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Drawing:
    """A scene laid out on a canvas of ``width`` × ``height`` pixels, and drawn."""

    scene: Scene
    spots: tuple[Spot, ...]
    image: Image.Image


def _order(group: Group) -> tuple[int, int, int]:
    return (-group.count, SHAPES.index(group.shape), list(COLOURS).index(group.colour))


def make_scene(rng: random.Random) -> Scene:
    """A scene of one or two groups and at most MOST shapes."""
    background = "white" if rng.random() < 0.4 else rng.choice(list(BACKGROUNDS))
    colours = [name for name in COLOURS if name != background]
    total = rng.randint(1, MOST)
    shapes, first = list(SHAPES), rng.randint(1, max(1, total - 1))
    if total == 1 or rng.random() < 0.45:
        return Scene(background, (Group(rng.choice(shapes), rng.choice(colours), total),))
    kinds = [rng.choice(shapes)] * 2 if rng.random() < 0.2 else rng.sample(shapes, 2)
    same = kinds[0] != kinds[1] and rng.random() < 0.2
    paints = [rng.choice(colours)] * 2 if same else rng.sample(colours, 2)
    groups = [Group(kinds[0], paints[0], first), Group(kinds[1], paints[1], total - first)]
    return Scene(background, tuple(sorted(groups, key=_order)))


def place(scene: Scene, width: float, height: float, rng: random.Random) -> tuple[Spot, ...]:
    """Lays the shapes out without overlaps; sides are shares of the longer one.

    Shapes become smaller with every failed attempt, but stay large enough to be told apart.
    """
    base = rng.uniform(0.12, 0.36 * math.sqrt(width * height / scene.total))
    for attempt in range(TRIES):
        spots: list[Spot] = []
        for index, group in enumerate(scene.groups):
            for _ in range(group.count):
                radius = max(0.105, base * rng.uniform(0.85, 1.15) * 0.97**attempt)
                where = _free(spots, radius, (width, height), rng)
                if where is not None:
                    spots.append(Spot(index, *where, radius))
        if len(spots) == scene.total:
            return tuple(spots)
    raise ValueError(f"{scene.total} shapes do not fit into {width:.2f} × {height:.2f}")


def _free(
    spots: list[Spot], radius: float, size: tuple[float, float], rng: random.Random
) -> Point | None:
    """The centre of a free place for one more shape, if a few attempts find one."""
    margin = radius * 1.05
    if min(size) < 2 * margin:
        return None
    for _ in range(TRIES):
        x, y = (rng.uniform(margin, length - margin) for length in size)
        if all(math.hypot(x - s.x, y - s.y) > 1.1 * (radius + s.radius) for s in spots):
            return x, y
    return None


def outline(shape: str, x: float, y: float, radius: float, turn: float) -> list[Point]:
    """The corners of a shape, turned by ``turn`` radians."""
    if shape == "circle":
        unit = [(math.cos(a * math.tau / 64), math.sin(a * math.tau / 64)) for a in range(64)]
    elif shape == "square":
        unit = [(-0.82, -0.82), (0.82, -0.82), (0.82, 0.82), (-0.82, 0.82)]
    elif shape == "triangle":
        unit = [(0.0, -1.0), (0.95, 0.75), (-0.95, 0.75)]
    elif shape == "star":
        unit = []
        for i in range(10):
            reach, angle = (1.0, 0.42)[i % 2], i * math.pi / 5
            unit.append((reach * math.sin(angle), -reach * math.cos(angle)))
    elif shape == "cross":
        a, b = 0.95, 0.32
        unit = [(-b, -a), (b, -a), (b, -b), (a, -b), (a, b), (b, b)]
        unit += [(b, a), (-b, a), (-b, b), (-a, b), (-a, -b), (-b, -b)]
    else:
        unit = []
        for i in range(48):
            t = i * math.tau / 48
            up = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
            unit.append((math.sin(t) ** 3 * 16 / 17, -(up + 2.5) / 15))
    c, s = math.cos(turn), math.sin(turn)
    return [(x + radius * (u * c - v * s), y + radius * (u * s + v * c)) for u, v in unit]


def _shade(colour: Colour, rng: random.Random) -> Colour:
    r, g, b = (min(255, max(0, value + rng.randint(-JITTER, JITTER))) for value in colour)
    return (r, g, b)


def _edge(colour: Colour, rng: random.Random) -> Colour:
    """The colour of an outline: black, or the fill's own, darker."""
    if sum(colour) < 120:
        return (110, 110, 110)
    if rng.random() < 0.5:
        return (10, 10, 10)
    r, g, b = (value * 6 // 10 for value in colour)
    return (r, g, b)


def paint(
    scene: Scene, spots: tuple[Spot, ...], size: tuple[int, int], rng: random.Random
) -> Image.Image:
    """Draws the scene on a canvas of ``size`` pixels."""
    longer = max(size)
    fine = 2 if longer < 400 and rng.random() < 0.8 else 1
    paper = _shade(rng.choice(BACKGROUNDS[scene.background]), rng)
    image = Image.new("RGB", (size[0] * fine, size[1] * fine), paper)
    pen = ImageDraw.Draw(image)
    outlined = rng.random() < 0.35
    thickness = rng.uniform(0.08, 0.16)
    inks = [rng.choice(COLOURS[group.colour]) for group in scene.groups]
    for spot in spots:
        group = scene.groups[spot.group]
        fill = _shade(inks[spot.group], rng)
        turn = math.radians(rng.uniform(-1, 1) * TURNS[group.shape])
        scale = longer * fine
        where = outline(group.shape, spot.x * scale, spot.y * scale, spot.radius * scale, turn)
        pen.polygon(where, fill=fill)
        if outlined:
            width = max(1, round(thickness * spot.radius * scale))
            pen.line([*where, where[0], where[1]], fill=_edge(fill, rng), width=width)
    return image.resize(size, Image.Resampling.BOX) if fine > 1 else image


def spoil(image: Image.Image, rng: random.Random) -> Image.Image:
    """Adds what real files have: blur, noise, and the traces of JPEG."""
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.008 * max(image.size))))
    if rng.random() < 0.3:
        noise = np.random.default_rng(rng.getrandbits(32)).normal(
            0, rng.uniform(2, 9), (image.height, image.width, 3)
        )
        pixels = np.clip(np.asarray(image, dtype=np.float32) + noise, 0, 255)
        image = Image.fromarray(pixels.astype(np.uint8))
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=rng.randint(35, 95))
        image = Image.open(buffer).convert("RGB")
    return image


def canvas(rng: random.Random, *, smallest: int, largest: int) -> tuple[int, int]:
    """A size in pixels: the longer side between the bounds, the other at least three fifths."""
    longer = round(math.exp(rng.uniform(math.log(smallest), math.log(largest))))
    other = longer if rng.random() < 0.3 else round(longer * rng.uniform(0.6, 1))
    return (longer, other) if rng.random() < 0.5 else (other, longer)


def draw(rng: random.Random, scene: Scene, *, smallest: int = 80, largest: int = 320) -> Drawing:
    """Draws a scene on a canvas of a random size."""
    while True:
        size = canvas(rng, smallest=smallest, largest=largest)
        try:
            spots = place(scene, size[0] / max(size), size[1] / max(size), rng)
        except ValueError:
            continue
        return Drawing(scene, spots, spoil(paint(scene, spots, size, rng), rng))


def training_scene(rng: random.Random) -> Scene:
    """A scene without any combination that is held out."""
    while True:
        scene = make_scene(rng)
        if not scene.held_out:
            return scene
