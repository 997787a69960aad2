"""How many layers to put onto the GPU when they may not all fit."""

from __future__ import annotations


def layers_to_try(wanted: int, layers: int) -> list[int]:
    """Numbers of offloaded layers, each to be tried when memory ran out with the one before.

    ``wanted`` is what was asked for, negative for all; ``layers`` is how many the model has with
    its output layer, 0 where that is not known. Less and less down to none, which needs no memory
    of the GPU's.
    """
    most = layers if wanted < 0 else min(wanted, layers or wanted)
    return list(dict.fromkeys([wanted, most * 3 // 4, most // 2, most // 4, 0]))
