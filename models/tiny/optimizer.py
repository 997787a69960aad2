"""Muon for the matrices inside the layers, AdamW for the embedding and the norms."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn

from models.tiny.network import FAST


def orthogonalize(stack: Tensor) -> Tensor:
    """Pushes the singular values of each (rows, columns) matrix of a stack toward one.

    Five Newton-Schulz steps with the coefficients of Keller Jordan's Muon.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = stack.to(FAST)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class Optimizer:
    """Both optimizers behind one `step`; `scale` multiplies the learning rates.

    Matrices whose names end as one of `embeddings` go with the vectors.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        matrix_rate: float,
        vector_rate: float,
        embeddings: tuple[str, ...] = ("token_embd",),
    ) -> None:
        self.matrix_rate = matrix_rate
        groups: dict[torch.Size, list[Tensor]] = defaultdict(list)
        rest = []
        for name, parameter in network.named_parameters():
            if parameter.ndim == 2 and not name.endswith(embeddings):
                groups[parameter.shape].append(parameter)
            else:
                rest.append(parameter)
        self.groups = list(groups.values())
        self.momenta = [torch.zeros(len(g), *g[0].shape) for g in self.groups]
        self.vector_rate = vector_rate
        self.adam = torch.optim.AdamW(rest, lr=vector_rate, betas=(0.9, 0.98), weight_decay=0.0)

    @torch.no_grad()
    def step(self, scale: float, *, momentum: float = 0.95, decay: float = 0.05) -> None:
        rate = self.matrix_rate * scale
        for group, memory in zip(self.groups, self.momenta, strict=True):
            gradient = torch.stack([p.grad for p in group])
            memory.lerp_(gradient, 1 - momentum)
            update = orthogonalize(gradient.lerp(memory, momentum)).float()
            rows, columns = group[0].shape
            update *= max(1.0, rows / columns) ** 0.5
            for parameter, change in zip(group, update, strict=True):
                parameter.mul_(1 - rate * decay).add_(change, alpha=-rate)
                parameter.grad = None
        for options in self.adam.param_groups:
            options["lr"] = self.vector_rate * scale
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
