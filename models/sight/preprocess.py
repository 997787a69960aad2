"""How llama.cpp fits an image into the encoder's square."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.sight.config import ENCODER


def scaled_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of an image of this size within the square; rounded up, in 32-bit floats."""
    side = ENCODER.image
    scale = min(np.float32(side) / np.float32(length) for length in size)
    width, height = (min(side, math.ceil(np.float32(length) * scale)) for length in size)
    return width, height


def inset(size: tuple[int, int]) -> tuple[int, int]:
    """How far from the square's left and upper side an image of this size begins."""
    width, height = scaled_size(size)
    return (ENCODER.image - width) // 2, (ENCODER.image - height) // 2


def fit(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels of shape (side, side, 3): scaled by Pillow's bicubic filter, centred, padded."""
    side = ENCODER.image
    if image.size == (side, side):
        return np.array(image.convert("RGB"), dtype=np.uint8)
    square = Image.new("RGB", (side, side), ENCODER.padding)
    scaled = image.convert("RGB").resize(scaled_size(image.size), Image.Resampling.BICUBIC)
    square.paste(scaled, inset(image.size))
    return np.array(square, dtype=np.uint8)
