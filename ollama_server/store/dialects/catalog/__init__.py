"""The dialects, in the order in which their conditions are tried."""

from __future__ import annotations

from ollama_server.store.dialects.catalog import gemma, glm, nemotron, ocr, pixtral, qwen, small
from ollama_server.store.dialects.steps import Dialect

DIALECTS: tuple[Dialect, ...] = (
    gemma.EMBEDDING,
    gemma.GEMMA3,
    small.SNOWFLAKE,
    gemma.GEMMA3N,
    gemma.GEMMA4,
    qwen.QWEN35MOE,
    qwen.QWEN35,
    qwen.QWEN3NEXT,
    small.LAGUNA,
    small.GPT_OSS,
    small.LFM2,
    small.OLMO3,
    pixtral.MISTRAL3,
    qwen.QWEN25VL,
    qwen.QWEN3VL,
    glm.GLM4_MOE_LITE,
    ocr.DEEPSEEK_OCR,
    nemotron.OMNI,
    nemotron.MOE,
    small.LLAMA3,
    pixtral.LLAMA4,
    glm.GLM_OCR,
)
"""At most one of them fits a file: the first."""

ADAPTER_ARCHITECTURES = {
    "gptoss": "gpt-oss",
    "qwen25vl": "qwen2vl",
    "olmo3": "olmo2",
    "glm4moelite": "deepseek2",
    "deepseekocr": "deepseek2-ocr",
    "glmocr": "glm4",
}
"""What llama.cpp calls the private architectures that a LoRA adapter may name."""
