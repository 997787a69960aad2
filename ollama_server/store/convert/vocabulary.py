"""A model's vocabulary as GGUF metadata: tokens with scores or merges, special tokens, template."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ollama_server.errors import StoreError
from ollama_server.store import gguf_write as write
from ollama_server.store.convert import special_tokens
from ollama_server.store.convert.pretokenizers import DEFAULT, pre_tokenizer_name
from ollama_server.store.convert.sentencepiece import parse_piece_model
from ollama_server.store.convert.settings import Settings

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

# What a token that merges never make scores, so that nothing prefers it.
_NO_SCORE = -1000.0


@dataclass(slots=True)
class Vocabulary:
    """Tokens by id. ``model`` is llama.cpp's name of the algorithm."""

    model: str
    tokens: list[str]
    types: list[int]
    pre: str = DEFAULT
    scores: list[float] | None = None
    merges: list[str] | None = None
    extra: dict[str, write.Encoded] = field(default_factory=dict)

    def resize(self, size: int) -> None:
        """As many tokens as the embedding has rows: fill up with unused ones, or cut."""
        missing = range(len(self.tokens), size)
        self.tokens = [*self.tokens[:size], *(f"[PAD{number}]" for number in missing)]
        self.types = [*self.types[:size], *(UNUSED for _ in missing)]
        if self.scores is not None:
            self.scores = [*self.scores[:size], *(_NO_SCORE for _ in missing)]

    def metadata(self) -> dict[str, write.Encoded]:
        """The vocabulary's keys, without those of special tokens."""
        found = {
            "tokenizer.ggml.model": write.string(self.model),
            "tokenizer.ggml.pre": write.string(self.pre),
            "tokenizer.ggml.tokens": write.strings(self.tokens),
            "tokenizer.ggml.token_type": write.int32s(self.types),
            **self.extra,
        }
        if self.scores is not None:
            found["tokenizer.ggml.scores"] = write.float32s(self.scores)
        if self.merges is not None:
            found["tokenizer.ggml.merges"] = write.strings(self.merges)
        return found


def vocabulary_metadata(settings: Settings, size: int) -> dict[str, write.Encoded]:
    """All ``tokenizer.`` keys for a model whose embedding has ``size`` rows. Raises StoreError."""
    vocabulary = read_vocabulary(settings)
    vocabulary.resize(size)
    ids = {token: number for number, token in reversed(list(enumerate(vocabulary.tokens)))}
    if vocabulary.model == "bert":
        # A word's first piece carries a mark in GGUF; the special tokens have none.
        ids.update({token.removeprefix("▁"): number for token, number in list(ids.items())})
    return {
        **vocabulary.metadata(),
        **special_tokens.metadata(settings, ids, size, vocabulary.model),
    }


def read_vocabulary(settings: Settings) -> Vocabulary:
    """The vocabulary, from whichever file the model has. Raises StoreError."""
    if "tokenizer.model" in settings.files:
        return _from_piece_model(settings)
    tokenizer = settings.json("tokenizer.json")
    if isinstance(tokenizer, dict):
        model = tokenizer.get("model") or {}
        kind = model.get("type") or ("BPE" if "merges" in model else "")
        reader = _READERS.get(kind)
        if reader is not None:
            return reader(tokenizer, settings)
    if "vocab.txt" in settings.files:
        words = settings.files["vocab.txt"].read_text("utf-8").splitlines()
        special = {token: True for token in words if token[:1] == "[" and token[-1:] == "]"}
        return _word_pieces(words, special, {})
    raise StoreError("unknown tokenizer format")


def _from_piece_model(settings: Settings) -> Vocabulary:
    model = parse_piece_model(settings.files["tokenizer.model"].read_bytes())
    tokens = [text for text, _, _ in model.pieces]
    scores = [score for _, score, _ in model.pieces]
    types = [kind for _, _, kind in model.pieces]
    for number, (text, special) in sorted(_added_tokens(settings).items()):
        if number >= len(tokens):
            missing = number + 1 - len(tokens)
            tokens += [f"[PAD{n}]" for n in range(len(tokens), number + 1)]
            scores += [_NO_SCORE] * missing
            types += [UNUSED] * missing
        tokens[number], scores[number] = text, _NO_SCORE
        if types[number] != UNKNOWN:
            types[number] = CONTROL if special else USER_DEFINED
    extra = {"tokenizer.ggml.add_space_prefix": write.boolean(model.add_dummy_prefix)}
    return Vocabulary("llama", tokens, types, scores=scores, extra=extra)


def _added_tokens(settings: Settings) -> dict[int, tuple[str, bool]]:
    """Tokens beside the trained vocabulary: id to text and whether it is a control token."""
    found: dict[int, tuple[str, bool]] = {}
    for text, number in (settings.json("added_tokens.json") or {}).items():
        found[int(number)] = (str(text), False)
    tokenizer = settings.json("tokenizer.json") or {}
    for token in tokenizer.get("added_tokens") or []:
        found[int(token["id"])] = (str(token["content"]), bool(token.get("special")))
    config = settings.json("tokenizer_config.json") or {}
    for number, token in (config.get("added_tokens_decoder") or {}).items():
        found[int(number)] = (str(token["content"]), bool(token.get("special")))
    return found


def _bpe(tokenizer: dict[str, Any], settings: Settings) -> Vocabulary:
    if _is_byte_level(tokenizer):
        return _byte_level_bpe(tokenizer, settings)
    return _sentencepiece_bpe(tokenizer, settings)


def _is_byte_level(tokenizer: Mapping[str, Any]) -> bool:
    def mentions(step: Any) -> bool:
        if isinstance(step, dict):
            return step.get("type") == "ByteLevel" or any(map(mentions, step.values()))
        return isinstance(step, list) and any(map(mentions, step))

    return mentions(tokenizer.get("pre_tokenizer")) or mentions(tokenizer.get("decoder"))


def _byte_level_bpe(tokenizer: dict[str, Any], settings: Settings) -> Vocabulary:
    tokens, types = _tokens_by_id(tokenizer["model"]["vocab"], settings)
    return Vocabulary(
        "gpt2", tokens, types, pre=pre_tokenizer_name(tokenizer), merges=_merges(tokenizer)
    )


def _sentencepiece_bpe(tokenizer: dict[str, Any], settings: Settings) -> Vocabulary:
    """A SentencePiece BPE model that was rewritten as merges: the order of merges is the score."""
    tokens, types = _tokens_by_id(tokenizer["model"]["vocab"], settings)
    rank: dict[str, int] = {}
    for number, merge in enumerate(_merges(tokenizer)):
        left, _, right = merge.partition(" ")
        rank.setdefault(left + right, number)
    scores = [-float(rank.get(token, len(rank))) for token in tokens]
    unknown = tokenizer["model"].get("unk_token")
    for number, token in enumerate(tokens):
        if token == unknown:
            types[number] = UNKNOWN
        elif types[number] == NORMAL and _is_byte_token(token):
            types[number] = BYTE
        elif types[number] in (CONTROL, USER_DEFINED):
            scores[number] = _NO_SCORE
    extra = {"tokenizer.ggml.add_space_prefix": write.boolean(_adds_space(tokenizer))}
    return Vocabulary("llama", tokens, types, scores=scores, extra=extra)


def _is_byte_token(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x") and token.endswith(">")


def _adds_space(tokenizer: Mapping[str, Any]) -> bool:
    """Whether a space is put before the text: by the normalizer, or by a Metaspace step."""

    def adds(step: Any) -> bool:
        if isinstance(step, list):
            return any(map(adds, step))
        if not isinstance(step, dict):
            return False
        match step.get("type"):
            case "Prepend":
                return step.get("prepend") == "▁"
            case "Metaspace":
                scheme = step.get("prepend_scheme")
                return scheme in ("always", "first") or bool(
                    scheme is None and step.get("add_prefix_space", True)
                )
            case "Sequence":
                return any(
                    map(adds, (*step.get("normalizers", ()), *step.get("pretokenizers", ())))
                )
        return False

    return adds(tokenizer.get("normalizer")) or adds(tokenizer.get("pre_tokenizer"))


def _unigram(tokenizer: dict[str, Any], settings: Settings) -> Vocabulary:
    model = tokenizer["model"]
    pairs: Sequence[Sequence[Any]] = model["vocab"]
    by_id = {str(token): number for number, (token, _) in enumerate(pairs)}
    tokens, types = _tokens_by_id(by_id, settings)
    scores = [float(score) for _, score in pairs]
    scores += [0.0] * (len(tokens) - len(scores))
    # The same text may stand in the list twice; ids must not move.
    for number, (token, _) in enumerate(pairs):
        tokens[number] = str(token)
    unknown = model.get("unk_id")
    if unknown is not None:
        types[unknown] = UNKNOWN
    charsmap = _charsmap(tokenizer.get("normalizer"))
    extra = {
        "tokenizer.ggml.add_space_prefix": write.boolean(_adds_space(tokenizer)),
        "tokenizer.ggml.remove_extra_whitespaces": write.boolean(_merges_spaces(tokenizer)),
    }
    if charsmap:
        extra["tokenizer.ggml.precompiled_charsmap"] = write.uint8s(charsmap)
    return Vocabulary("t5", tokens, types, scores=scores, extra=extra)


def _merges_spaces(tokenizer: Mapping[str, Any]) -> bool:
    """Whether runs of blanks count as one: by SentencePiece's own rules, or by splitting words."""

    def merges(step: Any) -> bool:
        if isinstance(step, list):
            return any(map(merges, step))
        if not isinstance(step, dict):
            return False
        if step.get("type") in ("Precompiled", "WhitespaceSplit", "Whitespace"):
            return True
        if step.get("type") == "Replace":
            return (step.get("pattern") or {}).get("Regex") == " {2,}"
        return any(map(merges, step.values()))

    return merges(tokenizer.get("normalizer")) or merges(tokenizer.get("pre_tokenizer"))


def _charsmap(normalizer: Any) -> bytes:
    if isinstance(normalizer, list):
        return next((found for step in normalizer if (found := _charsmap(step))), b"")
    if not isinstance(normalizer, dict):
        return b""
    if normalizer.get("precompiled_charsmap"):
        return base64.b64decode(normalizer["precompiled_charsmap"])
    return _charsmap(normalizer.get("normalizers"))


def _word_piece(tokenizer: dict[str, Any], settings: Settings) -> Vocabulary:
    tokens, types = _tokens_by_id(tokenizer["model"]["vocab"], settings)
    special = {token: True for token, kind in zip(tokens, types, strict=True) if kind == CONTROL}
    return _word_pieces(tokens, special, tokenizer.get("normalizer") or {})


def _word_pieces(
    words: Sequence[str], special: Mapping[str, bool], normalizer: Mapping[str, Any]
) -> Vocabulary:
    """WordPiece: GGUF marks the beginning of a word where the original marks its continuation."""
    tokens = []
    for word in words:
        if word in special:
            tokens.append(word)
        else:
            tokens.append(word[2:] if word.startswith("##") else "▁" + word)
    types = [CONTROL if word in special else NORMAL for word in words]
    extra = {}
    if normalizer.get("lowercase") is False:
        extra["tokenizer.ggml.normalizer.lowercase"] = write.boolean(False)
        strips = bool(normalizer.get("strip_accents"))
        extra["tokenizer.ggml.normalizer.strip_accents"] = write.boolean(strips)
    return Vocabulary("bert", tokens, types, extra=extra)


def _tokens_by_id(vocab: Mapping[str, int], settings: Settings) -> tuple[list[str], list[int]]:
    """Tokens and their types in order of their ids; holes become unused tokens."""
    added = _added_tokens(settings)
    size = max((*vocab.values(), *added), default=-1) + 1
    tokens = [f"[PAD{number}]" for number in range(size)]
    types = [UNUSED] * size
    for token, number in vocab.items():
        tokens[number], types[number] = token, NORMAL
    for number, (token, special) in added.items():
        tokens[number], types[number] = token, CONTROL if special else USER_DEFINED
    return tokens, types


def _merges(tokenizer: Mapping[str, Any]) -> list[str]:
    merges = tokenizer["model"].get("merges") or []
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


_READERS: dict[str, Callable[[dict[str, Any], Settings], Vocabulary]] = {
    "BPE": _bpe,
    "Unigram": _unigram,
    "WordPiece": _word_piece,
}
