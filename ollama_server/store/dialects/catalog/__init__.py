"""The dialects, in the order in which their conditions are tried."""

from __future__ import annotations

from dataclasses import dataclass

from ollama_server.store.dialects.catalog import gemma, glm, nemotron, ocr, pixtral, qwen, small
from ollama_server.store.dialects.steps import Dialect, Step

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


@dataclass(frozen=True, slots=True)
class Public:
    """What llama.cpp calls an architecture, and the steps that give its tensors their names."""

    architecture: str
    names: tuple[Step, ...] = ()


ADAPTERS = {
    "gptoss": Public("gpt-oss", (small.GPT_OSS_NAMES,)),
    "qwen25vl": Public("qwen2vl"),
    "olmo3": Public("olmo2"),
    "glm4moelite": Public("deepseek2"),
    "deepseekocr": Public("deepseek2-ocr"),
    "glmocr": Public("glm4", (glm.GLM_OCR_NAMES,)),
}
"""The private architectures that a LoRA adapter may name."""
