"""The shape of the model and the files that it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.tiny.config import ModelConfig

HERE = Path(__file__).parent
GGUF_PATH = HERE / "sight.gguf"
PROJECTOR_PATH = HERE / "sight-mmproj.gguf"
TOKENIZER_PATH = HERE / "tokenizer.json"
TEMPLATE_PATH = HERE / "chat_template.jinja"

SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

DECODER = ModelConfig(
    vocabulary=1024,
    layers=3,
    width=128,
    heads=4,
    kv_heads=2,
    head_size=32,
    feed_forward=384,
    context_length=2048,
)


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of the vision transformer and of the projector behind it."""

    image: int = 96
    patch: int = 12
    layers: int = 5
    width: int = 128
    heads: int = 4
    feed_forward: int = 512
    projector: int = 256
    output: int = DECODER.width
    norm_epsilon: float = 1e-6
    # What llama.cpp fills the rest of the square with when it fits an image in.
    padding: tuple[int, int, int] = (122, 116, 104)

    @property
    def side(self) -> int:
        """Patches in a row."""
        return self.image // self.patch

    @property
    def tokens(self) -> int:
        """Patches of an image, each of which becomes one token."""
        return self.side * self.side


ENCODER = EncoderConfig()
