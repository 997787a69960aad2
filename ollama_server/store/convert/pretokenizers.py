"""Which of llama.cpp's pre-tokenizers a ``tokenizer.json`` describes.

Byte-level BPE vocabularies split text by regular expressions first. llama.cpp knows a fixed set of
them by name (``llama-vocab.cpp``); here each name stands beside the steps it means.
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)

DEFAULT = "default"

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_UPPER_LOWER = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
)
_PATH_SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n/]*"

# The regular expression inside tokenizers' own ByteLevel step.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = f"{_CONTRACTIONS}|{_WORDS}|\\p{{N}}{{1,3}}|{_SIGNS}|{_SPACES}"
_QWEN2 = f"{_CONTRACTIONS}|{_WORDS}|\\p{{N}}|{_SIGNS}|{_SPACES}"
_QWEN35 = (
    f"{_CONTRACTIONS}|[^\\r\\n\\p{{L}}\\p{{N}}]?[\\p{{L}}\\p{{M}}]+|\\p{{N}}|"
    f" ?[^\\s\\p{{L}}\\p{{M}}\\p{{N}}]+[\\r\\n]*|{_SPACES}"
)
_GPT4O = (
    f"{_UPPER_LOWER[0]}{_CONTRACTIONS}?|{_UPPER_LOWER[1]}{_CONTRACTIONS}?|"
    f"\\p{{N}}{{1,3}}|{_PATH_SIGNS}|{_SPACES}"
)
_TEKKEN = f"{_UPPER_LOWER[0]}|{_UPPER_LOWER[1]}|\\p{{N}}|{_PATH_SIGNS}|{_SPACES}"
_DEEPSEEK3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
    r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_DIGITS = r"\p{N}"

_KNOWN: dict[tuple[str, ...], str] = {
    (_GPT2,): "gpt-2",
    (_DIGITS, _GPT2): "refact",
    (_LLAMA3,): "smaug-bpe",
    (_QWEN2,): "qwen2",
    (_QWEN35,): "qwen35",
    (_GPT4O,): "gpt-4o",
    (_TEKKEN,): "tekken",
    (r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+", _DEEPSEEK3): "deepseek-v3",
    (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-퟿]+", _DIGITS): "deepseek-coder",
}
# Splits like (_LLAMA3,), and takes a whole word that is in the vocabulary without merging.
_WITHOUT_MERGES = {"smaug-bpe": "llama-bpe"}


def pre_tokenizer_name(tokenizer: dict[str, Any]) -> str:
    """llama.cpp's name for the pre-tokenizer, ``default`` when it knows none like it."""
    steps = tuple(_steps(tokenizer.get("pre_tokenizer") or {}))
    name = _KNOWN.get(steps)
    if name is None:
        log.warning("unknown pre-tokenizer %s: splitting text the default way", steps)
        return DEFAULT
    if (tokenizer.get("model") or {}).get("ignore_merges"):
        return _WITHOUT_MERGES.get(name, name)
    return name


def _steps(step: dict[str, Any]) -> list[str]:
    """The regular expressions that a pre-tokenizer applies one after the other."""
    match step.get("type"):
        case "Sequence":
            return [regex for part in step.get("pretokenizers", []) for regex in _steps(part)]
        case "Split":
            pattern = step.get("pattern") or {}
            return [str(pattern.get("Regex") or pattern.get("String") or "")]
        case "Digits":
            return [_DIGITS if step.get("individual_digits") else r"\p{N}+"]
        case "ByteLevel":
            return [_GPT2] if step.get("use_regex", True) else []
        case None:
            return []
        case other:
            return [str(other)]
