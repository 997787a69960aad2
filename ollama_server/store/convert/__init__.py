"""Converting safetensors checkpoints to GGUF, without PyTorch and one tensor at a time."""

from ollama_server.store.convert.adapter import convert_adapter
from ollama_server.store.convert.model import convert_model

__all__ = ["convert_adapter", "convert_model"]
