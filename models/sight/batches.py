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

    ``shape`` says of every patch which shape has its centre there, NOTHING where none has; colour
    and count (minus one) of its group are IGNORED where there is no centre.
    """

    scenes: list[Scene]
    pixels: Tensor
    shape: Tensor
    colour: Tensor
    count: Tensor


def pictures(rng: random.Random, size: int) -> Pictures:
    """Draws new drawings without held-out combinations, half of `size`; the rest mirrors them."""
    drawings = [draw(rng, training_scene(rng)) for _ in range(size // 2)]
    pixels = np.stack([fit(drawing.image) for drawing in drawings])
    shape = torch.full((len(drawings), ENCODER.side, ENCODER.side), NOTHING)
    colour = torch.full_like(shape, IGNORED)
    count = torch.full_like(shape, IGNORED)
    for row, drawing in enumerate(drawings):
        left, top = inset(drawing.image.size)
        for spot in drawing.spots:
            group = drawing.scene.groups[spot.group]
            across = int(left + spot.x * ENCODER.image) // ENCODER.patch
            down = int(top + spot.y * ENCODER.image) // ENCODER.patch
            shape[row, down, across] = SHAPES.index(group.shape)
            colour[row, down, across] = COLOUR_INDEX[group.colour]
            count[row, down, across] = group.count - 1
    scenes = [drawing.scene for drawing in drawings]
    both = (torch.cat((t, t.flip(2))) for t in (torch.from_numpy(pixels), shape, colour, count))
    pixels_, shape, colour, count = both
    return Pictures(scenes * 2, pixels_, shape.flatten(1), colour.flatten(1), count.flatten(1))
