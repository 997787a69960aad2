"""Reads the published files back into a network, so that training can go on from them."""

from __future__ import annotations

from pathlib import Path

import gguf
import torch
from torch import Tensor

from models.sight.config import GGUF_PATH, PROJECTOR_PATH
from models.sight.export import title
from models.sight.network import Sight


def _tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, as 32-bit floats."""
    return {
        tensor.name: torch.tensor(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
        for tensor in gguf.GGUFReader(path).tensors
    }


def restore(network: Sight, path: Path = GGUF_PATH, projector: Path = PROJECTOR_PATH) -> None:
    """Gives a network the published weights. The teacher, who is not published, stays as it is."""
    files = {"decoder": _tensors(path), "encoder": _tensors(projector)}
    files["projector"] = files["encoder"]
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            part, rest = name.split(".", 1)
            if part in files:
                tensor = files[part][title(rest if part == "decoder" else name)]
                parameter.copy_(tensor.view_as(parameter))
