"""Converting safetensors checkpoints to GGUF, without PyTorch and one tensor at a time."""

from ollama_server.store.convert.adapter import convert_adapter
from ollama_server.store.convert.model import EIGHT_BIT, SOURCE_KEY, convert_model

__all__ = ["EIGHT_BIT", "SOURCE_KEY", "convert_adapter", "convert_model"]
