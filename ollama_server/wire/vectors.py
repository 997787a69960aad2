"""float32 vectors as JSON numbers that are as short as they can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def shortest_floats(vectors: npt.NDArray[np.float32]) -> list[Any]:
    """Nested lists of floats whose shortest decimal text reads back as the same float32.

    A float32 widened to float64 prints up to 17 digits; six to nine are enough. The decimal with
    the fewest digits that still names the same float32 is found for all numbers at once.
    """
    exact = vectors.astype(np.float64)
    magnitude = np.abs(exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.where(magnitude > 0, np.floor(np.log10(magnitude)), 0.0)
    result = exact.copy()
    pending = np.isfinite(exact) & (magnitude > 0)
    for digits in range(1, 10):
        # 10**22 is the largest power of ten that a float64 holds exactly.
        power = np.clip(digits - 1 - exponent, -22, 22)
        scale = np.power(10.0, np.abs(power))
        rounded = np.where(
            power >= 0, np.rint(exact * scale) / scale, np.rint(exact / scale) * scale
        )
        fits = pending & (rounded.astype(np.float32) == vectors)
        result[fits] = rounded[fits]
        pending &= ~fits
        if not pending.any():
            break
    nested: list[Any] = result.tolist()
    return nested
