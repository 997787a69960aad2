"""Drawings as pixels, with what the encoder's teacher asks of every patch."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.sight.config import ENCODER
from models.sight.drawings import COLOURS, SHAPES, Scene, draw, training_scene
from models.sight.preprocess import fit, inset

COLOUR_INDEX = {name: index for index, name in enumerate(COLOURS)}
NOTHING = len(SHAPES)
# PyTorch's cross-entropy leaves these targets out.
IGNORED = -100


@dataclass(frozen=True)
class Pictures:
    """A batch of drawings: pixels (batch, side, side, 3), and targets of shape (batch, tokens).

    ``shape`` says of every patch which shape has its centre there, NOTHING where none has; the
    colour is IGNORED where there is no centre. ``count`` is the size of the group (minus one) for
    all patches on one of its shapes, and ``total`` that of the whole drawing for every patch.
    """

    scenes: list[Scene]
    pixels: Tensor
    shape: Tensor
    colour: Tensor
    count: Tensor
    total: Tensor


def pictures(rng: random.Random, size: int) -> Pictures:
    """Draws new drawings without held-out combinations, half of `size`; the rest mirrors them."""
    drawings = [draw(rng, training_scene(rng)) for _ in range(size // 2)]
    pixels = np.stack([fit(drawing.image) for drawing in drawings])
    shape = torch.full((len(drawings), ENCODER.side, ENCODER.side), NOTHING)
    colour = torch.full_like(shape, IGNORED)
    count = torch.full_like(shape, IGNORED)
    total = torch.full_like(shape, IGNORED)
    middles = (torch.arange(ENCODER.side) + 0.5) * ENCODER.patch
    for row, drawing in enumerate(drawings):
        left, top = inset(drawing.image.size)
        total[row] = drawing.scene.total - 1
        for spot in drawing.spots:
            group = drawing.scene.groups[spot.group]
            x, y = left + spot.x * ENCODER.image, top + spot.y * ENCODER.image
            across, down = int(x) // ENCODER.patch, int(y) // ENCODER.patch
            shape[row, down, across] = SHAPES.index(group.shape)
            colour[row, down, across] = COLOUR_INDEX[group.colour]
            count[row, down, across] = group.count - 1
            away = torch.hypot(middles[None] - x, middles[:, None] - y)
            count[row][away < spot.radius * ENCODER.image] = group.count - 1
    scenes = [drawing.scene for drawing in drawings]
    targets = [torch.cat((t, t.flip(2))).flatten(1) for t in (shape, colour, count, total)]
    seen = torch.from_numpy(pixels)
    return Pictures(scenes * 2, torch.cat((seen, seen.flip(2))), *targets)
