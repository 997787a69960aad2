"""llama.cpp's attention on CPUs takes 64 tokens of a run together, a tile; shorter runs are slow.

Measured with 25 million weights in eight bits (the embedding aside) on two cores, milliseconds of
a run behind some other tokens:

    run         32    45    63    64    65    96   128
    behind 256  23    28    39    32    43    57    77
    behind 768  45    56    59    39    49    56    71
    behind 1920 58    79   110    54    77    90    97
"""

from __future__ import annotations

from dataclasses import dataclass

TILE = 64
# Attention's floating-point operations take this many times as long as those with the weights.
LOOSE_COST = 6.0
TILED_COST = 2.2


@dataclass(frozen=True, slots=True)
class Work:
    """Operations of one prompt token: with the weights, and with each token before it."""

    weights: float
    attention: float

    def loose(self, count: int, behind: int) -> float:
        """Relative cost of a run that is shorter than a tile."""
        return count * (self.weights + LOOSE_COST * self.attention * behind)

    def tiled(self, behind: int) -> float:
        """Relative cost of one whole tile."""
        return TILE * (self.weights + TILED_COST * self.attention * behind)

    def worth_a_tile(self, count: int, behind: int) -> bool:
        """Whether ``count`` tokens cost more than a tile that ends where they end."""
        start = behind - (TILE - count)
        return count < TILE and start >= 0 and self.tiled(start) < self.loose(count, behind)
