"""Special tokens and the chat template, from the four files in which they may stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ollama_server.store import gguf_write as write
from ollama_server.store.convert.settings import Settings

# How the files call a token, and its GGUF key (the misspelling is GGUF's own).
_KEYS = {
    "bos": "tokenizer.ggml.bos_token_id",
    "eos": "tokenizer.ggml.eos_token_id",
    "unk": "tokenizer.ggml.unknown_token_id",
    "sep": "tokenizer.ggml.seperator_token_id",
    "pad": "tokenizer.ggml.padding_token_id",
    "cls": "tokenizer.ggml.cls_token_id",
    "mask": "tokenizer.ggml.mask_token_id",
}
# Fill-in-the-middle tokens have no place in the settings; these texts mean nothing else.
_MIDDLE = {
    "tokenizer.ggml.fim_pre_token_id": ("<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "▁<PRE>"),
    "tokenizer.ggml.fim_suf_token_id": ("<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "▁<SUF>"),
    "tokenizer.ggml.fim_mid_token_id": ("<|fim_middle|>", "<fim_middle>", "<fim-middle>", "▁<MID>"),
    "tokenizer.ggml.fim_pad_token_id": ("<|fim_pad|>", "<fim_pad>"),
    "tokenizer.ggml.fim_rep_token_id": ("<|repo_name|>", "<reponame>"),
    "tokenizer.ggml.fim_sep_token_id": ("<|file_sep|>",),
}


def metadata(
    settings: Settings, ids: Mapping[str, int], size: int, model: str
) -> dict[str, write.Encoded]:
    """The keys of special tokens and the chat template; ``ids`` maps texts to token ids."""
    config = settings.json("tokenizer_config.json") or {}
    found: dict[str, int] = {}
    for name in _KEYS:
        number = _token_id(name, config, settings, ids, size)
        if number is not None:
            found[name] = number
    if model == "bert":
        # WordPiece models frame a text with [CLS] and [SEP]; llama.cpp looks for bos and eos.
        found.setdefault("bos", found.get("cls", 0))
        found.setdefault("eos", found.get("sep", 0))
    keys = {_KEYS[name]: write.uint32(number) for name, number in found.items()}
    ends = _end_ids(settings, size)
    if len(ends) > 1:
        keys["tokenizer.ggml.eos_token_ids"] = write.int32s(ends)
        others = [number for number in ends if number != found.get("eos")]
        keys["tokenizer.ggml.eot_token_id"] = write.uint32(others[0])
    for key, texts in _MIDDLE.items():
        number = next((ids[text] for text in texts if text in ids), None)
        if number is not None:
            keys[key] = write.uint32(number)
    for name, stated in _added_ends(config, settings, found, ids).items():
        keys[f"tokenizer.ggml.add_{name}_token"] = write.boolean(stated)
    template = chat_template(settings)
    if template:
        keys["tokenizer.chat_template"] = write.string(template)
    return keys


def chat_template(settings: Settings) -> str:
    """The model's Jinja chat template, empty when it has none."""
    config = settings.json("tokenizer_config.json") or {}
    stated = config.get("chat_template")
    if stated is None and "chat_template.jinja" in settings.files:
        return settings.files["chat_template.jinja"].read_text("utf-8")
    if stated is None:
        stated = (settings.json("chat_template.json") or {}).get("chat_template")
    if isinstance(stated, list):
        named = {
            item.get("name"): item.get("template") for item in stated if isinstance(item, dict)
        }
        stated = named.get("default")
    return stated if isinstance(stated, str) else ""


def _token_id(
    name: str, config: Mapping[str, Any], settings: Settings, ids: Mapping[str, int], size: int
) -> int | None:
    special = settings.json("special_tokens_map.json") or {}
    for source in (config, special):
        token = source.get(f"{name}_token")
        text = token.get("content") if isinstance(token, dict) else token
        if isinstance(text, str) and text in ids:
            return ids[text]
    for source in (settings.config, settings.json("generation_config.json") or {}):
        number = source.get(f"{name}_token_id")
        number = number[0] if isinstance(number, list) and number else number
        if isinstance(number, int) and 0 <= number < size:
            return number
    return None


def _end_ids(settings: Settings, size: int) -> list[int]:
    """All tokens that end a generation, where the model states a list."""
    for source in (settings.json("generation_config.json") or {}, settings.config):
        numbers = source.get("eos_token_id")
        if isinstance(numbers, list):
            return [n for n in dict.fromkeys(numbers) if isinstance(n, int) and 0 <= n < size]
    return []


def _added_ends(
    config: Mapping[str, Any],
    settings: Settings,
    found: Mapping[str, int],
    ids: Mapping[str, int],
) -> dict[str, bool]:
    """Whether bos and eos are put around a text: as stated, else as the post-processor does."""
    processor = (settings.json("tokenizer.json") or {}).get("post_processor")
    first, last = _frame(processor)
    stated = {}
    for name, text in (("bos", first), ("eos", last)):
        if isinstance(config.get(f"add_{name}_token"), bool):
            stated[name] = config[f"add_{name}_token"]
        elif processor is not None and name in found:
            stated[name] = text is not None and ids.get(text) == found[name]
    return stated


def _frame(processor: Any) -> tuple[str | None, str | None]:
    """The special tokens before and behind a single text."""
    if not isinstance(processor, dict):
        return None, None
    match processor.get("type"):
        case "Sequence":
            frames = [_frame(part) for part in processor.get("processors", [])]
            return next((f for f in frames if f != (None, None)), (None, None))
        case "TemplateProcessing":
            single = processor.get("single") or []
            names = [(item.get("SpecialToken") or {}).get("id") for item in single]
            return (names[0], names[-1]) if len(names) > 1 else (None, None)
        case "RobertaProcessing" | "BertProcessing":
            return processor["cls"][0], processor["sep"][0]
    return None, None
